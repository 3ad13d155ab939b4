"""A network with the activation g(z) = z(1 - z), tackled as a linear model.

Source: IST Deep Learning 2024-25, Homework 1, question 3, parts 1 to 4.

Conventions: D inputs, K hidden units, N examples, P = (D+1)(D+2)/2 features. The network is
ŷ = vᵀ g(Wx + b) + v₀ with Θ = (W (K, D), b (K,), v (K,), v₀ ()); inputs are rows, X is (N, D).

    φ(x)  = (1, x_1 … x_D, x_1² … x_D², 2x_1x_2, 2x_1x_3 … 2x_{D-1}x_D)                      (P,)
    A_Θ   has the rows (b - b², (1-2b) w, -w_1² … -w_D², -w_1w_2 … -w_{D-1}w_D)            (K, P)
    c_Θ   = A_Θᵀ v + v₀ e_1 = (c_1, c_2, c_3), of lengths 1, D and D(D+1)/2                  (P,)

half(M) collects a symmetric M in the order of φ: its diagonal, then its upper triangle row by row.
Thanks to φ's factor 2, half(M) · (φ_{D+2} … φ_P) = xᵀMx, each element above the diagonal once.

Two statements of the published solution are wrong, and are computed to be:

- Its equation (4) has c_3 = half(WᵀDiag(v)W). The minus in g makes it c_3 = -half(WᵀDiag(v)W), so
  that v = λ, read off the eigenvalues of M, misses c by 2‖half(M)‖. Here v = -λ and
  b = ½(1 - v⁻¹ ⊙ Qᵀc_2); but for that one sign, the published construction is right.
- Part 4 takes N > P linearly independent inputs in ℝᴰ. There are none, for P > D; what the closed
  form needs is that the N rows φ(x_n) have rank P.

What the document leaves out, and is computed here too: where a shift of the eigenvalues is needed.
If K > D, never. Let n be the part of c_2 outside the range of M, and r < D the rank of M: r units
build M and the rest of c_2, and two more with the same weights n, v = (1, -1) and b = (0, ½) add n
to c_2 and nothing to M. The same works for K = D if r < D - 1. Only K = D and r = D - 1 with n ≠ 0
has no exact Θ: an invertible W leaves c_2 in the range of M, and a singular one has rank D - 1, so
that its row space is the range of M. Then the shift by ε costs b and v₀ of size 1/ε.

The algebra (`_quadratic_network`) is written once and runs on numbers and on symbols: the proofs
run the very code that computes the numbers. Deviations from the handout: none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.ist2024 import _quadratic_network as network
from hw.questions.derivations.ist2024._quadratic_network import Algebra, Theta, vanishes
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.results.outcome import Outcome

EXACT = 1e-10  # what counts as exact in float64: the round trip Θ -> c -> Θ that the question asks


@dataclass(frozen=True)
class Settings:
    seed: int = setting(0, "seed of every random draw", low=0)
    symbolic_dimension: int = setting(3, "largest D of the symbolic proofs", low=1, high=4)
    dimensions: tuple[int, ...] = setting(
        (1, 2, 3, 5, 8, 12), "D of the random draws", low=1, high=40
    )
    extra_units: int = setting(2, "K - D in the random draws", low=1, high=100)
    draws: int = setting(20, "random draws for each D", low=1, high=1000)
    singular_dimension: int = setting(5, "D where the shift ε is varied", low=2, high=40)
    shift_decades: int = setting(15, "ε runs from 1 down to ten to minus this", low=2, high=15)
    fit_dimension: int = setting(3, "D of the fit", low=1, high=10)
    fit_units: int = setting(6, "K of the fit; at least its D", low=1, high=100)
    examples: int = setting(60, "N of the fit; more than (D+1)(D+2)/2", low=4, high=100_000)
    noise: float = setting(0.3, "standard deviation of the noise on the targets", low=0)
    starts: int = setting(5, "random starts of gradient descent", low=1, high=100)
    steps: int = setting(5000, "steps of gradient descent", low=1, high=1_000_000)
    learning_rate: float = setting(0.005, "step size on the mean loss", above=0)
    start_scale: float = setting(0.3, "standard deviation of the starting weights", above=0)


class Bench(Lab):
    """A `Lab` with the backend's algebra, and with the exact one for proofs."""

    settings: Settings

    def __init__(self, settings: Settings, backend: str) -> None:
        super().__init__(settings, backend)
        self.algebra, self.exact = network.ALGEBRAS[backend](), network.NumPyAlgebra()
        self.small = range(1, settings.symbolic_dimension + 1)

    def cases(self) -> Iterator[tuple[Theta, Any]]:
        """Θ with K = D + extra units and inputs X (7, D), for every D and draw."""
        for D in self.settings.dimensions:
            for _ in range(self.settings.draws):
                theta = network.random_theta(
                    self.algebra, self.rng, D + self.settings.extra_units, D
                )
                yield theta, self.algebra.array(self.rng.normal(size=(7, D)))


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Put the statements of parts 1 to 4 to the test; ``data`` is not used."""
    if settings.fit_units < settings.fit_dimension:
        raise UsageError(
            f"fit_units is {settings.fit_units}; with fewer than fit_dimension = "
            f"{settings.fit_dimension} units the closed form may be out of the network's reach"
        )
    if settings.examples <= (P := network.feature_count(settings.fit_dimension)):
        raise UsageError(
            f"examples is {settings.examples}; the closed form is asked for more than {P},"
            f" the number of features at fit_dimension = {settings.fit_dimension}"
        )
    lab = Bench(settings, backend)
    # Each part draws from one generator: their order is part of the results.
    for part in (
        *(phi_dimension, part_1_and_2, part_3_coefficients, part_3_construction),
        *(part_3_singular, part_3_exact, part_3_few_units),
        *(part_4_rank, part_4_closed_form, part_4_other_activations),
    ):
        part(lab)
    return lab.outcome


def span(numbers: Any) -> str:
    """The numbers in words."""
    return ", ".join(map(str, numbers))


# Identities in Θ and x -------------------------------------------------------------------------


# check: (statement, its two sides in any algebra for Θ and rows x, name of the relative error).
Sides = Callable[[Algebra, Theta, Any], tuple[Any, Any]]
IDENTITIES: dict[str, tuple[str, Sides, str]] = {
    "hidden_linear_in_phi": (
        "h = A_Θ φ(x), with a φ that does not depend on Θ",
        lambda A, theta, x: (A.hidden(theta, x), A.phi(x) @ A.a_matrix(theta).mT),
        "hidden_error",
    ),
    "output_linear_in_phi": (
        "ŷ = c_Θᵀ φ(x) with c_Θ = A_Θᵀ v + v₀ e_1",
        lambda A, theta, x: (A.predict(theta, x), A.phi(x) @ A.coefficients(theta)),
        "output_error",
    ),
    "c1_and_c2_published": (
        "c_1 = [b ⊙ (1-b)]ᵀv + v₀ and c_2 = Wᵀ[(1-2b) ⊙ v]",
        lambda A, theta, x: (
            A.coefficients(theta)[: 1 + x.shape[-1]],
            A.linear_coefficients(theta),
        ),
        "",
    ),
    "c3_published": (
        "c_3 is the half-vectorisation of WᵀDiag(v)W",
        lambda A, theta, x: (network.c_3(A, theta), A.half(network.gram(theta))),
        "c3_error_published",
    ),
    "c3_corrected": (
        "c_3 is minus the half-vectorisation of WᵀDiag(v)W",
        lambda A, theta, x: (network.c_3(A, theta), -A.half(network.gram(theta))),
        "c3_error_corrected",
    ),
    "vech_matches_phi": (
        "with φ's factor 2 on products, taking each element above the diagonal once gives xᵀMx",
        lambda A, theta, x: (
            ((x @ network.gram(theta)) * x).sum(-1),
            A.phi(x)[..., 1 + x.shape[-1] :] @ A.half(network.gram(theta)),
        ),
        "",
    ),
}


def identities(lab: Bench, *names: str) -> None:
    """left = right, by name: in symbols with K = 2, and all on the same random cases."""
    cases = list(lab.cases())
    for name in names:
        statement, sides, metric = IDENTITIES[name]
        wrong = ""
        for D in lab.small:
            left, right = sides(lab.exact, network.symbolic_theta(2, D), network.symbolic_row(D))
            failing = [e for e in np.ravel(left - right) if not vanishes(e)]
            if failing and not wrong:
                wrong = f"is {failing[0].expand()} for D = {D}"
        measured = (sides(lab.algebra, *case) for case in cases)
        error = max(network.relative(right, left) for left, right in measured)
        if metric:
            lab.metrics[metric] = error
        lab.check(
            name,
            statement,
            not wrong and error < EXACT,
            f"with K = 2, left minus right {wrong or f'expands to 0 for D = {span(lab.small)}'};"
            f" largest relative difference {error:.1e} over {lab.settings.draws} draws for each D"
            f" in {span(lab.settings.dimensions)}",
        )


# Parts 1 and 2: h = A_Θ φ(x) and ŷ = c_Θᵀ φ(x), linear in φ but not in Θ -----------------------


def phi_dimension(lab: Bench) -> None:
    """How many features there are, and that none is superfluous."""
    from sympy import Integer, Poly

    counts, independent = {}, True
    for D in lab.small:
        x = network.symbolic_row(D)
        features = lab.exact.phi(x)[0]
        counts[D] = len(features)
        # Linearly independent monomials: no fewer features would do for all quadratics.
        monomials = {Poly(Integer(1) * f, *x[0]).monoms()[0] for f in features}
        independent &= len(monomials) == len(features) and features[0] == 1
    for D in lab.settings.dimensions:
        counts[D] = lab.algebra.phi(lab.algebra.array(lab.rng.normal(size=(1, D)))).shape[-1]
    lab.check(
        "phi_dimension",
        "φ has (D+1)(D+2)/2 features, distinct monomials of degree at most two; the first is 1",
        independent and all(counts[D] == network.feature_count(D) for D in counts),
        "features by D: " + ", ".join(f"{D}: {counts[D]}" for D in sorted(counts)),
    )


def part_1_and_2(lab: Bench) -> None:
    """Hidden layer and output are linear in φ; the coefficients are not linear in Θ."""
    from sympy import Poly

    identities(lab, "hidden_linear_in_phi")
    identities(lab, "output_linear_in_phi")
    # A linear map would give c(2Θ) = 2c(Θ).
    theta = Theta(*(np.array(part, dtype=object) for part in ([[1]], [0], [1], 0)))
    once, doubled = (lab.exact.coefficients(Theta(*(k * part for part in theta))) for k in (1, 2))
    lab.check(
        "not_linear_in_theta",
        "c_Θ is not a linear function of Θ: the model is not linear in its own parameters",
        not (doubled == 2 * once).all(),
        f"D = K = 1, Θ = (w, b, v, v₀) = (1, 0, 1, 0): 2 c(Θ) = {tuple(int(k) for k in 2 * once)}"
        f" but c(2Θ) = {tuple(int(k) for k in doubled)}",
    )
    theta = network.symbolic_theta(1, 2)
    degrees = [int(Poly(e, *theta.W[0]).total_degree()) for e in lab.exact.a_matrix(theta)[0]]
    lab.check(
        "a_quadratic_in_weights",
        "some entries of A_Θ are quadratic in W",
        max(degrees) == 2,
        f"degree in W of the entries of a row of A_Θ for D = 2: {span(degrees)}",
    )


# Part 3: Θ from c ------------------------------------------------------------------------------


def part_3_coefficients(lab: Bench) -> None:
    """What c_Θ = (c_1, c_2, c_3) is made of: the published equation (4), term by term."""
    identities(lab, "c1_and_c2_published", "c3_published", "c3_corrected", "vech_matches_phi")
    # Column by column from the diagonal down, as vech goes through a symmetric matrix.
    vech = {D: [(j, i) for j in range(D) for i in range(j, D)] for D in lab.small}
    same = {D: order == list(zip(*network.places(D), strict=True)) for D, order in vech.items()}
    lab.check(
        "vech_order_differs",
        "column by column, the usual vech is in another order than φ from D = 2 on, so that it has"
        " to be read in φ's order: squares first",
        not any(same[D] for D in lab.small if D > 1),
        "φ wants M11, M22, M21 where vech has M11, M21, M22"
        if len(same) > 1
        else "not tested: symbolic_dimension is 1",
    )


def part_3_construction(lab: Bench) -> None:
    """The published construction and the corrected one, in symbols and on random c."""
    from sympy import symbols

    algebra, exact, settings = lab.algebra, lab.exact, lab.settings
    signs = {"published": 1, "corrected": -1}
    # Any c for D = 2, met with K = 3: c_1, c_2, λ and the angle of Q are symbols.
    lam, Q = network.symbolic_eigen()
    half = exact.half(Q @ np.diag(lam) @ Q.T)
    c = np.append(symbols("c1 c21 c22", real=True), half)
    residual = {
        name: exact.coefficients(exact.construct(c, lam, Q, 3, sign)) - c
        for name, sign in signs.items()
    }
    twice = vanishes(residual["published"] + np.append([0, 0, 0], 2 * half))
    errors: dict[str, list[float]] = {name: [] for name in signs}
    but_for_sign = []  # of the published construction, with c_3 as its equation (4) reads it
    dimensions = [D for D in settings.dimensions for _ in range(settings.draws)]
    for D in dimensions:
        c = algebra.array(lab.rng.normal(size=network.feature_count(D)))
        lam, Q = algebra.eigen(c, D)
        for name, sign in signs.items():
            theta = algebra.construct(c, lam, Q, D + settings.extra_units, sign)
            errors[name].append(network.distance(algebra, theta, c))
            if name == "published":
                flipped = algebra.xp.concat([c[: 1 + D], -c[1 + D :]])
                but_for_sign.append(network.distance(algebra, theta, flipped))
    published, corrected = errors["published"], errors["corrected"]
    lab.metrics |= {
        "published_error_min": min(published),
        "published_error_max": max(published),
        "corrected_error_max": max(corrected),
    }
    lab.plots["construction"] = {"dimension": dimensions, **errors}
    lab.check(
        "published_construction",
        "W = Qᵀ, v = λ and b = ½(1 - λ⁻¹ ⊙ Qᵀc_2), padded with zeros, give back c_1, c_2 and, but"
        " for the sign that equation (4) lost, c_3",
        twice and max(but_for_sign) < EXACT,
        f"with c_3 as equation (4) has it, at most {max(but_for_sign):.1e} away over random c; with"
        f" the c_3 that Θ has, ‖c_Θ - c‖ is from {min(published):.2g} to {max(published):.2g}: for"
        f" D = 2 in symbols c_Θ - c {'is' if twice else 'is not'} (0, 0, -2 half(M))",
    )
    zero = vanishes(residual["corrected"])
    lab.check(
        "corrected_construction",
        "W = Qᵀ, v = -λ and b = ½(1 - v⁻¹ ⊙ Qᵀc_2), padded with zeros, give back c",
        zero and max(corrected) < EXACT,
        f"c_Θ - c {'is' if zero else 'is not'} identically 0 for D = 2, K = 3; ‖c_Θ - c‖ is at most"
        f" {max(corrected):.1e} over {settings.draws} random c for each D in"
        f" {span(settings.dimensions)}",
    )


def part_3_singular(lab: Bench) -> None:
    """A singular M: the shift by ε, its error and its price."""
    from sympy import Rational, Symbol, sqrt

    algebra, exact = lab.algebra, lab.exact
    # Exactly, for D = 2: M = Q Diag(2, 0) Qᵀ and a c_2 outside its range, shifted to Diag(2, ε).
    epsilon = Symbol("epsilon", positive=True)
    Q = np.array([[3, -4], [4, 3]], dtype=object) * Rational(1, 5)
    c = np.append([1, 1, 2], exact.half(Q @ np.diag([2, 0]).astype(object) @ Q.T))
    theta = exact.construct(c, np.array([2, epsilon], dtype=object), Q, 2)
    shifted = exact.coefficients(theta) - c
    moved = epsilon * exact.half(np.outer(Q[:, 1], Q[:, 1]))  # M gains ε qqᵀ, q its null vector
    exact_holds = vanishes(shifted - np.append([0, 0, 0], moved))

    curve = shift_curve(lab)
    met = []
    for D in lab.settings.dimensions:
        for rank in (D - 1, D):
            c = network.random_target(algebra, lab.rng, D, rank)
            for target in (1e-2, 1e-4, 1e-6):
                # Moving eigenvalues by up to 2·shift moves half(M) by at most that times √D.
                theta = algebra.construct_shifted(c, D, D, target / (4 * D**0.5))
                met.append(network.distance(algebra, theta, c) / target)
    lab.check(
        "every_c_within_epsilon",
        "if K ≥ D, then for every c and every ε > 0 some Θ has ‖c_Θ - c‖ < ε: eigenvalues of M near"
        " zero are shifted away from it",
        exact_holds and max(met) < 1,
        "D = 2 with one eigenvalue 0: the error is exactly"
        f" {sqrt(sum(e**2 for e in shifted)).simplify()}; with K = D, M of rank D - 1 and D,"
        f" ‖c_Θ - c‖/ε is at most {max(met):.2g} for ε = 1e-2, 1e-4, 1e-6",
    )
    epsilons, error, size = (curve[key] for key in ("epsilon", "error", "largest_parameter"))
    best, slope = int(np.argmin(error)), curve["slope"]
    lab.metrics |= {"shift_error_min": error[best], "shift_epsilon_best": epsilons[best]}
    proportional = all(
        abs(found - slope * x) <= 1e-3 * slope * x
        for x, found in zip(epsilons, error, strict=True)
        if x > 1e-6
    )
    lab.check(
        "shift_error_proportional",
        "the error of the shift is proportional to ε until rounding, which grows as b and v₀ do"
        " (like 1/ε), overtakes it",
        proportional and error[-1] > error[best] and size[-1] > size[0],
        f"D = K = {curve['dimension']}: error {slope:.3g} ε down to ε = 1e-6; least"
        f" {error[best]:.1e} at ε = {epsilons[best]:.0e}; at ε = {epsilons[-1]:.0e} it is"
        f" {error[-1]:.1e}, with a largest parameter of {size[-1]:.0e}",
    )


def shift_curve(lab: Bench) -> dict[str, Any]:
    """Error and largest parameter against ε, for one random c with M of rank D - 1 and K = D."""
    algebra, D = lab.algebra, lab.settings.singular_dimension
    c = network.random_target(algebra, lab.rng, D, D - 1)
    lam, Q = algebra.eigen(c, D)
    null = Q[:, int(np.argmin(np.abs(as_numpy(lam))))]
    epsilons = [10.0 ** (-k / 2) for k in range(2 * lab.settings.shift_decades + 1)]
    thetas = [algebra.construct_shifted(c, D, D, epsilon) for epsilon in epsilons]
    unshifted = algebra.construct_unshifted(c, D, D + 1)
    lab.plots["shift"] = {
        "epsilon": epsilons,
        "error": [network.distance(algebra, theta, c) for theta in thetas],
        "largest_parameter": [max(map(network.largest, theta)) for theta in thetas],
        # One eigenvalue moves from 0 to ε, M by ε qqᵀ: the error in exact arithmetic.
        "slope": network.norm(algebra.half(null[:, None] * null[None, :])),
        "dimension": D,
        "unshifted_error": network.distance(algebra, unshifted, c),
        "unshifted_parameter": max(map(network.largest, unshifted)),
    }
    return lab.plots["shift"]


def part_3_exact(lab: Bench) -> None:
    """When the shift can be avoided."""
    from sympy import groebner, symbols

    errors = []
    for D in lab.settings.dimensions:
        for rank in range(D):
            c = network.random_target(lab.algebra, lab.rng, D, rank)
            theta = lab.algebra.construct_unshifted(c, D, D + 1)
            errors.append(network.distance(lab.algebra, theta, c))
    lab.metrics["unshifted_error_max"] = max(errors)
    lab.check(
        "no_shift_above_d_units",
        "with K = D + 1 units every c is met exactly, M singular or not, without a shift",
        max(errors) < EXACT,
        f"‖c_Θ - c‖ is at most {max(errors):.1e} over every rank below D, for each D in"
        f" {span(lab.settings.dimensions)}",
    )
    w, b, v = symbols("w b v", real=True)
    basis = list(groebner([w**2 * v, (1 - 2 * b) * v * w - 1], w, b, v).exprs)
    lab.check(
        "shift_needed_at_d_units",
        "with K = D units the shift is sometimes needed: not every c is met exactly",
        basis == [1],
        f"D = K = 1, c = (0, 1, 0): the equations -w²v = 0 and (1-2b)vw = 1 have the Gröbner basis"
        f" {basis}, so no solution",
    )


def part_3_few_units(lab: Bench) -> None:
    """K < D: the quadratic part of c_Θ has rank at most K."""
    from sympy import Matrix, groebner, symbols

    w1, w2, v = symbols("w1 w2 v", real=True)
    theta = Theta(*(np.array(p, dtype=object) for p in ([[w1, w2]], [0], [v], 0)))
    c_3 = lab.exact.coefficients(theta)[3:]
    target = [1, 1, 0]  # half of the identity
    basis = list(groebner([e - t for e, t in zip(c_3, target, strict=True)], w1, w2, v).exprs)
    determinant = Matrix(lab.exact.matrix(np.append([0, 0, 0], c_3), 2)).det().expand()
    excess, nearest = [], float("inf")
    for D in lab.settings.dimensions:
        identity = lab.algebra.array(np.append(np.zeros(1 + D), lab.exact.half(np.eye(D))))
        for _ in range(lab.settings.draws if D > 1 else 0):
            theta = network.random_theta(lab.algebra, lab.rng, D - 1, D)
            M = lab.algebra.matrix(lab.algebra.coefficients(theta), D)
            excess.append(lab.algebra.rank(M) - (D - 1))
            nearest = min(nearest, network.distance(lab.algebra, theta, identity))
    lab.check(
        "fewer_units_fail",
        "if K < D some c cannot be met, nor approached: the quadratic part of c_Θ has rank at most"
        " K, that of c may have rank D",
        basis == [1] and determinant == 0 and max(excess, default=0) <= 0 and nearest >= 0.5**0.5,
        f"D = 2, K = 1, M the identity: Gröbner basis {basis}, no solution; det M_Θ ="
        f" {determinant}, so (Eckart-Young) ‖c_Θ - c‖ ≥ √½ for all Θ"
        + (f"; nearest of the random Θ with K = D - 1: {nearest:.2f}" if excess else ""),
    )


# Part 4: the closed form ----------------------------------------------------------------------


def part_4_rank(lab: Bench) -> None:
    """What the closed form needs of the inputs: not their independence, but φ's full rank."""
    from sympy import Matrix, Poly, Symbol

    D = Symbol("D")
    # N ≥ P + 1 independent vectors in ℝᴰ need P + 1 ≤ D; the difference has no real root.
    missing = Poly((D + 1) * (D + 2) / 2 + 1 - D, D)
    never = missing.discriminant() < 0 and missing.LC() > 0
    reached = []
    for d in lab.settings.dimensions:
        N = network.feature_count(d) + 1
        reached.append((d, N, lab.algebra.rank(lab.algebra.array(lab.rng.normal(size=(N, d))))))
    d, N, rank = reached[-1]
    lab.check(
        "inputs_can_be_independent",
        "more than (D+1)(D+2)/2 input vectors in ℝᴰ can be linearly independent",
        any(r == n for _, n, r in reached) or not never,
        f"at most D can: P + 1 - D = {missing.as_expr()} is positive for every D; {N} random"
        f" vectors in ℝ^{d} have rank {rank}",
    )

    def ranks(rows: list[tuple[Any, ...]]) -> tuple[int, int]:
        X = np.array(rows, dtype=object)
        return int(Matrix(X).rank()), int(Matrix(lab.exact.phi(X)).rank())

    line = [(1,), (2,), (3,), (4,)]
    plane = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (1, 2)]
    circle = [(Fraction(1 - t * t, 1 + t * t), Fraction(2 * t, 1 + t * t)) for t in range(-3, 4)]
    (line_x, line_phi), (plane_x, plane_phi) = ranks(line), ranks(plane)
    circle_x, circle_phi = ranks(circle)
    lab.check(
        "full_column_rank_is_needed",
        "what the closed form needs is that the rows φ(x_n) have rank (D+1)(D+2)/2; the inputs"
        " themselves may be linearly dependent",
        line_phi == network.feature_count(1)
        and plane_phi == network.feature_count(2)
        and line_x < len(line),
        f"x = 1, 2, 3, 4 (D = 1): inputs of rank {line_x}, φ of rank {line_phi} of 3; seven whole"
        f" points of the plane: rank {plane_x}, φ of rank {plane_phi} of 6",
    )
    lab.check(
        "rank_of_inputs_is_not_enough",
        "even inputs of the full rank D do not suffice: φ may still lose rank",
        circle_x == 2 and circle_phi < network.feature_count(2),
        f"seven rational points of the unit circle: inputs of rank {circle_x}, φ of rank"
        f" {circle_phi} of 6, for x_1² + x_2² = 1",
    )


def part_4_closed_form(lab: Bench) -> None:
    """ĉ = X⁺y against gradient descent on Θ."""
    settings, algebra, rng = lab.settings, lab.algebra, lab.rng
    D, K, N = settings.fit_dimension, settings.fit_units, settings.examples
    X = algebra.array(rng.normal(size=(N, D)))
    F = algebra.phi(X)
    truth = algebra.array(rng.normal(size=network.feature_count(D)))
    y = F @ truth + algebra.array(settings.noise * rng.normal(size=N))
    c, by_normal_equations = algebra.least_squares(F, y)
    fitted = F @ c
    loss = network.squared_loss(fitted, y)
    solutions = network.relative(by_normal_equations, c)
    lab.check(
        "pseudo_inverse_formula",
        "where the rows φ(x_n) have full column rank, X⁺y = (XᵀX)⁻¹Xᵀy",
        algebra.rank(F) == network.feature_count(D) and solutions < EXACT,
        f"N = {N}, rank {algebra.rank(F)} of {network.feature_count(D)}; relative difference"
        f" {solutions:.1e}",
    )

    # L(c) - L(ĉ) = ½‖X(c - ĉ)‖² ≥ 0 for every c: Pythagoras, since Xᵀ(Xĉ - y) = 0.
    others = [
        c + algebra.array(rng.normal(size=network.feature_count(D))) for _ in range(settings.draws)
    ]
    gaps = [
        network.squared_loss(F @ other, y) - loss - network.squared_loss(F @ other, fitted)
        for other in others
    ]
    theta = algebra.construct(c, *algebra.eigen(c, D), K)
    theta_loss, gradient = algebra.loss_and_gradient(theta, X, y)
    off, slope = abs(float(theta_loss) - loss), max(map(network.largest, gradient))
    scale = max(network.squared_loss(F @ other, y) for other in others)
    lab.check(
        "closed_form_is_global_minimum",
        "ĉ = X⁺y is a global minimum of the squared loss, and the network attains it",
        network.largest(gaps) < EXACT * scale and off < EXACT * scale and slope < 1e-8 * scale,
        f"L(c) - L(ĉ) = ½‖X(c-ĉ)‖² to {network.largest(gaps):.1e}; L(ĉ) = {loss:.6g}, the loss of"
        f" the Θ built from ĉ differs by {off:.1e}, its gradient is {slope:.1e}",
    )

    descent = network.gradient_descent(settings, algebra, rng, X, y)
    final = [losses[-1] for losses in descent["losses"]]
    lowest = min(min(losses) for losses in descent["losses"])
    arrived = sum(end <= loss * 1.001 + EXACT for end in final)
    lab.metrics |= {
        "closed_form_loss": loss,
        "gradient_descent_loss_min": min(final),
        "gradient_descent_loss_max": max(final),
        "gradient_descent_starts_that_agree": arrived,
    }
    if descent.pop("diverged"):
        lab.metrics["diverged"] = 1
    lab.plots["fit"] = descent | {
        "closed_form_loss": loss,
        "target": as_numpy(y).tolist(),
        "fitted": as_numpy(fitted).tolist(),
    }
    lab.check(
        "gradient_descent_agrees",
        "gradient descent on Θ never gets below the closed form's loss, and its best start comes"
        " within a thousandth of it",
        lowest >= loss * (1 - EXACT) - EXACT and arrived > 0,
        f"closed form {loss:.6g}; after {descent['steps'][-1]} steps from {len(final)} starts"
        f" {min(final):.6g} to {max(final):.6g}, {arrived} of them within a thousandth",
    )


def part_4_other_activations(lab: Bench) -> None:
    """What is special about g: its units span only P functions, however many there are."""
    from sympy import Matrix

    D, P, algebra = 2, network.feature_count(2), lab.algebra
    X = algebra.array(lab.rng.normal(size=(8 * P, D)))
    theta = network.random_theta(algebra, lab.rng, 6 * P, D)
    Z = algebra.pre_activations(theta, X)
    names = ("quadratic", "relu", "tanh", "sigmoid")
    g, *others = (algebra.rank(algebra.activation(name, Z)) for name in names)
    # Exactly: the units x - k on the points 1 … 6 make a triangular matrix under the ReLU.
    steps = np.arange(1, 7, dtype=object)[:, None] - np.arange(6, dtype=object)[None, :]
    exact = [int(Matrix(lab.exact.activation(name, steps)).rank()) for name in names[:2]]
    lab.check(
        "only_quadratic_activation",
        "the approach rests on the quadratic activation: units with ReLU, tanh or sigmoid are not"
        " linear in any fixed set of (D+1)(D+2)/2 features",
        g == P < min(others) and exact == [network.feature_count(1), len(steps)],
        f"{6 * P} random units at {8 * P} points of ℝ²: rank {g} for g, "
        + ", ".join(f"{rank} for {name}" for rank, name in zip(others, names[1:], strict=True))
        + f"; six units on six points of the line, exactly: {exact[0]} for g, {exact[1]} for relu",
    )


# Figures ---------------------------------------------------------------------------------------

FIGURES = Figures()


@FIGURES.add("construction", width=6.0)
def draw_construction(plots: Any, ax: Any) -> None:
    """‖c_Θ - c‖ of the published and of the corrected construction, by D."""
    plot = plots["construction"]
    columns = {D: k for k, D in enumerate(sorted(set(plot["dimension"])))}
    shown = (
        ("published", "published: v = λ", "C1", "s", -0.12),
        ("corrected", "corrected: v = -λ", "C0", "o", 0.12),
    )
    look = {"s": 18, "alpha": 0.6, "linewidths": 0}
    for name, text, colour, marker, aside in shown:
        x = [columns[D] + aside for D in plot["dimension"]]
        # A logarithmic axis has no zero: an exact round trip is drawn at the lower edge.
        y = [max(e, 1e-17) for e in plot[name]]
        ax.scatter(x, y, marker=marker, color=colour, label=text, **look)
    ax.axhline(EXACT, color="C6", lw=1, ls=":", label="counts as exact")
    ax.set(yscale="log", ylim=(3e-18, 1e3), xlabel="number of inputs D")
    ax.set_xticks(list(columns.values()), [str(D) for D in columns])
    ax.set_ylabel("‖c$_Θ$ - c‖, one point a random c")
    ax.legend(loc="center right")


@FIGURES.add("shift", 1, 2, width=4.8)
def draw_shift(plots: Any, left: Any, right: Any) -> None:
    """Error and largest parameter against the shift ε of a singular M."""
    plot = plots["shift"]
    epsilon, D = plot["epsilon"], plot["dimension"]
    exactly = [plot["slope"] * e for e in epsilon]
    floor, text = max(plot["unshifted_error"], 1e-17), f"K = D + 1 = {D + 1}, no shift"
    left.loglog(epsilon, plot["error"], "o-", ms=4, label=f"K = D = {D}, shifted by ε, float64")
    left.loglog(epsilon, exactly, "--", color="C1", label="the same in exact arithmetic")
    left.axhline(floor, ls=":", color="C2", label=text)
    right.loglog(epsilon, plot["largest_parameter"], "o-", ms=4, label="shifted by ε")
    right.axhline(plot["unshifted_parameter"], ls=":", color="C2", label="no shift")
    for ax, quantity in ((left, "‖c$_Θ$ - c‖"), (right, "largest parameter in Θ")):
        ax.set(xlabel="shift ε", ylabel=quantity)
        ax.legend()
    low, high = left.get_ylim()
    left.set_ylim(low, high * 1e3)  # room for the legend


@FIGURES.add("fit", 1, 2, width=4.8)
def draw_fit(plots: Any, left: Any, right: Any) -> None:
    """Targets against the closed form's outputs; gradient descent's loss by step."""
    plot = plots["fit"]
    left.scatter(plot["target"], plot["fitted"], s=18, color="C0", alpha=0.7, linewidths=0)
    ends = [min(plot["target"]), max(plot["target"])]
    left.plot(ends, ends, color="C6", lw=1, ls=":", label="ŷ = y")
    left.set(xlabel="target y", ylabel="ŷ = ĉᵀφ(x), closed form")
    left.legend()
    first = f"gradient descent on Θ, {len(plot['losses'])} starts"
    for k, losses in enumerate(plot["losses"]):
        right.plot(plot["steps"], losses, color="C5", lw=1.2, label=None if k else first)
    right.axhline(plot["closed_form_loss"], color="C1", ls="--", label="closed form ĉ = X⁺y")
    right.set_xscale("symlog", linthresh=1)
    right.set_xlim(0, max(plot["steps"][-1], 1))
    right.set_yscale("log")
    low, high = right.get_ylim()
    right.set_ylim(low, high * 8)  # room for the legend
    right.set(xlabel="step", ylabel="½ Σ (ŷ - y)²")
    right.legend()
