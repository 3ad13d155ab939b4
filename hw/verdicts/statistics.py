"""How far numbers scatter: the statistics behind every verdict. Standard library only.

Conventions: ``level`` is that of a two-sided interval (0.99: half a per cent is beyond either
end); ``values`` are a sample, their deviation is with n - 1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

NUMBERS = 0.99  # level at which a printed number is judged
CONCLUSIONS = 0.95  # level at which a conclusion is judged
SAME = 1e-6  # numbers no further apart, as parts of one, are the same measurement


def decimals(printed: str) -> int:
    """How many decimals were printed."""
    return max(0, -int(Decimal(printed).as_tuple().exponent))


def half_unit(printed: str) -> float:
    """Half a unit of the last printed digit: what rounding can hide."""
    return 0.5 * 10.0 ** -decimals(printed)


def rounds_to(value: float, printed: str) -> bool:
    """Whether ``value`` rounds to the printed digits.

    A value half-way between two of them rounds to either: documents round halves both ways. In
    whole numbers, but for half a unit in the last place, by which a quotient of counts is off.
    """
    slack = Fraction(math.ulp(value))
    return abs(Fraction(value) - Fraction(printed)) <= Fraction(1, 2 * 10 ** decimals(printed)) + (
        slack
    )


def normal_factor(level: float) -> float:
    """Standard deviations within which a normal variable lies with probability ``level``."""
    return statistics.NormalDist().inv_cdf((1 + level) / 2)


def student_factor(level: float, freedom: int) -> float:
    """The same for Student's t with so many degrees of freedom, by bisection of its integral."""
    if freedom > 1000:  # equal to three digits by then
        return normal_factor(level)
    low, high = 0.0, 1.0
    while _student_within(high, freedom) < level:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_within(middle, freedom) < level else (low, middle)
    return high


def _student_within(t: float, freedom: int) -> float:
    """P(\\|T\\| <= t), a finite sum (Abramowitz & Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def binomial_error(share: float, n: int) -> float:
    """Standard error of a share of ``n`` examples.

    With two successes and two failures added (Agresti & Coull, The American Statistician 52,
    1998), so that a share of 0 or 1 is not thought to be without error.
    """
    p = (min(1.0, max(0.0, share)) * n + 2) / (n + 4)
    return math.sqrt(p * (1 - p) / (n + 4))


def wilson(count: int, n: int, level: float) -> tuple[float, float]:
    """Interval for the probability behind ``count`` of ``n`` (Wilson, JASA 22, 1927)."""
    z = normal_factor(level)
    p, weight = count / n, z * z / n
    middle = (p + weight / 2) / (1 + weight)
    half = z * math.sqrt(p * (1 - p) / n + weight / (4 * n)) / (1 + weight)
    return middle - half, middle + half


def percentile(values: Sequence[float], low: float, high: float) -> float:
    """Where a number known to lie in ``low..high`` stands among ``values``, 0 to 100.

    The middle rank: what is inside counts half, for it may be below or above. Values that agree
    in six digits, as many as a calibration keeps, are one.
    """
    low, high = low - SAME * abs(low), high + SAME * abs(high)
    below = sum(v < low for v in values)
    inside = sum(low <= v <= high for v in values)
    return 100 * (below + inside / 2) / len(values)


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation; 0 of a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def robust_deviation(values: Sequence[float]) -> float:
    """The standard deviation of a normal sample that outliers do not move: 1.4826 times the median
    distance from the median (Hampel, JASA 69, 1974)."""
    middle = statistics.median(values)
    return 1.4826 * statistics.median(abs(v - middle) for v in values)


def variance_ratio(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """How many times as large the variance behind one sample is as that behind another, with its
    interval at the level of conclusions.

    By the logarithm of the ratio of sample variances, whose variance is 2/(n - 1) + 2/(m - 1) for
    normal samples (Bartlett & Kendall, Supplement to the JRSS 8, 1946). The second must scatter.
    """
    ratio = statistics.variance(a) / statistics.variance(b)
    error = math.sqrt(2 / (len(a) - 1) + 2 / (len(b) - 1))
    factor = math.exp(normal_factor(CONCLUSIONS) * error)
    return ratio, ratio / factor, ratio * factor


def roughness(values: Sequence[float]) -> float:
    """Standard deviation of a curve about its own course, which may be steep.

    From how far each value is from the middle of its neighbours, which has variance 3/2 of one
    value's (Gasser, Sroka & Jennen-Steinmetz, Biometrika 73, 1986). 0 for fewer than three.
    """
    apart = [b - (a + c) / 2 for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return math.sqrt(statistics.fmean(d * d for d in apart) * 2 / 3) if apart else 0.0


def mann_kendall(values: Sequence[float]) -> float:
    """Standard deviations by which a series rises (negative: falls), of whatever shape.

    Pairs that rise minus pairs that fall, against chance (Mann, Econometrica 13, 1945; variance
    with ties after Kendall, Rank Correlation Methods, 1975). 0 for fewer than three values.
    """
    n = len(values)
    total = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    ties = [values.count(v) for v in set(values)]
    variance = (_pairs_variance(n) - sum(_pairs_variance(t) for t in ties)) / 18
    if n < 3 or variance <= 0:
        return 0.0
    # One less towards 0: the sum moves in steps of two.
    return (total - math.copysign(1, total)) / math.sqrt(variance) if total else 0.0


def _pairs_variance(n: int) -> int:
    return n * (n - 1) * (2 * n + 5)


def turns(values: Sequence[float]) -> list[float]:
    """The values at which a series turns round."""
    return [
        b
        for a, b, c in zip(values, values[1:], values[2:], strict=False)
        if (b > a and b > c) or (b < a and b < c)
    ]


def turning_score(values: Sequence[float], share: float = 1.0) -> float:
    """Standard deviations by which a series turns more often than ``share`` of the turns of noise
    (negative: less often).

    Noise turns at two of three values, with variance (16 n - 29) / 90 (Bienaymé 1874; Kendall &
    Stuart, The Advanced Theory of Statistics 3, 45.18).
    """
    n = len(values)
    return (len(turns(values)) - share * 2 * (n - 2) / 3) / math.sqrt((16 * n - 29) / 90)


@dataclass(frozen=True)
class Band:
    """Where one more run may end up.

    centre: the middle, ``deviation`` the standard deviation of another run about it.
    factor: so many deviations make the band.
    basis:  ``calibration`` or ``shipped calibration`` (``…, on other data``), ``seeds``,
            ``binomial and swing`` or ``published``.
    text:   the same in words, with the numbers that went in.
    values: by seed, where the band is made of these.
    pair:   standard deviation of the difference of two runs.
    """

    centre: float
    deviation: float
    factor: float
    basis: str
    text: str
    pair: float
    values: tuple[float, ...] = ()

    @property
    def of_seeds(self) -> bool:
        """Whether its middle is that of seeds, and not one run or a published number."""
        return bool(self.values) or self.basis == "seeds"

    @property
    def half_width(self) -> float:
        return self.factor * self.deviation

    @property
    def ends(self) -> tuple[float, float]:
        return self.centre - self.half_width, self.centre + self.half_width

    def holds(self, value: float, slack: float = 0.0) -> bool:
        """Whether a number lies inside, give or take what its rounding hides."""
        return abs(value - self.centre) <= self.half_width + slack + 1e-12 * abs(value)

    def deviations(self, value: float) -> float:
        """How far out a number is; infinite where nothing scatters."""
        distance = value - self.centre
        if not distance:
            return 0.0
        return distance / self.deviation if self.deviation else math.copysign(math.inf, distance)

    def percentile(self, value: float, slack: float = 0.0) -> float | None:
        """Where among the seeds a number stands; None without seeds."""
        if not self.values:
            return None
        return percentile(self.values, value - slack, value + slack)


def seeds_band(
    mean: float, sd: float, n: int, basis: str, text: str, values: Sequence[float] = ()
) -> Band:
    """Where one more seed ends up: the prediction interval of a normal sample.

    Its deviation is s sqrt(1 + 1/n), for the mean is itself uncertain (Hahn & Meeker, Statistical
    Intervals, 1991, 4.7).
    """
    return Band(
        centre=mean,
        deviation=sd * math.sqrt(1 + 1 / n),
        factor=student_factor(NUMBERS, n - 1),
        basis=basis,
        text=text,
        pair=sd * math.sqrt(2),
        values=tuple(values),
    )


def pair_band(ours: float, sd: float, n: int, basis: str, text: str) -> Band:
    """Where a second run ends up if the first one ended up at ``ours`` and ``n`` others, which may
    have had another middle, scatter by ``sd``."""
    pair = sd * math.sqrt(2)
    return Band(ours, pair, student_factor(NUMBERS, n - 1), basis, text, pair)
