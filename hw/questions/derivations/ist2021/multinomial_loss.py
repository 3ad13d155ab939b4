"""The multinomial logistic loss: gradient, Hessian, and convexity by Cauchy and Schwarz.

Source: IST Deep Learning 2021-22, Homework 1, question 1.4.

Conventions: n draws of K logits z, (n, K); gold label j; s = softmax(z), (n, K); the loss of one
example is L(z; y = j) = -log s_j, in nats. Gradient (n, K), Hessian H (n, K, K). δ_kl is 1 where
k = l, else 0. In the proof that H is positive semi-definite the logits are called x, as in the
report, and z is the vector of the quadratic form zᵀHz. The formulas under test are written once, in
arithmetic alone, and are given arrays of SymPy expressions, NumPy arrays and torch tensors.

Deviations: the proof is run as well as read: each step is an identity (SymPy, K = 3), and the final
inequality is evaluated in whole numbers and in floating point. The report defines S(x) by
exponentials of z, the very letter of the quadratic form; read so, the proof's last step is wrong,
and read with x, as meant, it is right. Both readings are computed. Autograd runs through log, exp
and sum, as the built-in log-softmax would differentiate itself by the formula under test.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.nn.losses import softmax
from hw.questions.derivations.lab.calculus import ROUNDING, chord_defect, gap
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy, reduces
from hw.questions.derivations.lab.statements import vanishes
from hw.questions.derivations.lab.worlds import World, world
from hw.results.outcome import Outcome

PLOTTED = 400  # draws behind the figure


@dataclass(frozen=True)
class Settings:
    seed: int = setting(42, "seed of the random draws", low=0)
    draws: int = setting(4000, "random logit vectors, chords and Cauchy-Schwarz pairs", low=1)
    classes: int = setting(5, "classes K of the random logits", low=2, high=50)
    scale: float = setting(2.0, "standard deviation of the random logits", above=0, high=10)


# The formulas under test -----------------------------------------------------------------------


def gradient_entry(s_k: Any, gold: Any) -> Any:
    """∂L/∂z_k, where ``gold`` is δ_jk: s_k - 1 for the gold label, else s_k."""
    return s_k - gold


def hessian_entry(s_k: Any, s_l: Any, same: Any) -> Any:
    """∂²L/∂z_k∂z_l, where ``same`` is δ_kl: s_k (1 - s_k) or -s_k s_l, whatever the gold label."""
    return s_k * (same - s_l)


def hessian(w: World, s: Any) -> Any:
    """H by the formula, (..., K) -> (..., K, K)."""
    return hessian_entry(s[..., :, None], s[..., None, :], w.eye(s.shape[-1]))


def normalised_slack(s: Any, z: Any) -> Any:
    """zᵀ(diag(s) - s sᵀ)z as the proof expands it: Σ s z² - (Σ s z)², over the last axis."""
    return (s * z * z).sum(-1) - (s * z).sum(-1) ** 2


def weighted_slack(w: Any, z: Any) -> Any:
    """The proof's last line, left less right, with w = exp(x): (Σ w z²)(Σ w) - (Σ w z)²."""
    return (w * z * z).sum(-1) * w.sum(-1) - (w * z).sum(-1) ** 2


def cauchy_schwarz(root: Any, z: Any) -> tuple[Any, Any]:
    """Both sides (aᵀa)(bᵀb) and (aᵀb)² for a = ``root`` and b = z a, over the last axis."""
    a, b = root, z * root
    return (a * a).sum(-1) * (b * b).sum(-1), (a * b).sum(-1) ** 2


def loss(w: World, z: Any, j: int) -> Any:
    """L(z; y = j), (..., K) -> (...), in nats; finite for all finite logits."""
    return -w.log_softmax(z)[..., j]


def losses(w: World, z: Any) -> Any:
    """The loss for each gold label, (..., K) -> (..., K)."""
    return w.stack([loss(w, z, j) for j in range(z.shape[-1])], -1)


def hessians(w: World, z: Any) -> Any:
    """The Hessian for each gold label without a formula, (..., K) -> (..., K, K, K)."""
    of_labels = (lambda w, t, j=j: loss(w, t, j) for j in range(z.shape[-1]))
    return w.stack([w.hessian(of_label, z) for of_label in of_labels], -3)


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Gradient, Hessian and the proof of convexity, put to the test."""
    import sympy

    lab, exact = Lab(settings, backend), world("sympy")
    shape = (settings.draws, settings.classes)
    drawn, u, v = lab.rng.normal(0, settings.scale, (3, *shape))
    chords = [lab.world.array(part) for part in (u, v, lab.rng.uniform(size=settings.draws))]
    z = np.array(sympy.symbols("z1:4", real=True))
    lab.identity(
        "gradient",
        "∇L(z; y = j) is s with 1 taken off its j-th entry",
        lambda w, z: (
            gradient_entry(w.softmax(z)[..., None, :], w.eye(z.shape[-1])),
            w.jacobian(losses, z),
        ),
        z,
        drawn,
        derivative=1,
        metric="gradient_error",
    )
    lab.identity(
        "hessian",
        "∇²L = diag(s) - s sᵀ, the same for every gold label",
        lambda w, z: (hessian(w, w.softmax(z))[..., None, :, :], hessians(w, z)),
        z,
        drawn,
        derivative=2,
        metric="hessian_error",
    )
    lab.proof(
        "loss_from_logits",
        "-log s_j = log Σ exp(z_i) - z_j",
        exact.exp(-losses(exact, z)) - exact.softmax(z),
    )
    lab.proof(
        "gradient_sign",
        "the gradient is -1 times the derivative of log s_j",
        exact.jacobian(losses, z) + exact.jacobian(lambda w, t: w.log(w.softmax(t)), z),
    )
    only_ones = _semidefinite_by_cauchy_schwarz(lab, z, drawn, u)
    _convex(lab, drawn, chords, vanishes(hessian(exact, exact.softmax(z)).sum(1)) and only_ones)
    _far_out(lab)
    return lab.outcome


def _semidefinite_by_cauchy_schwarz(lab: Lab, z: Any, drawn: np.ndarray, form: np.ndarray) -> bool:
    """The proof, step by step; returns whether equality needs all entries of z equal.

    z: three symbols; drawn and form: (n, K) logits x and vectors z of the quadratic form.
    """
    import sympy

    w = np.array(sympy.symbols("w1:4", positive=True))  # w = exp(x), any positive numbers
    lab.identity(
        "quadratic_form",
        "zᵀ(diag(s) - s sᵀ)z = Σ s_i z_i² - (Σ s_i z_i)²",
        lambda world, pair: (
            (pair[..., 1, :, None] * hessian(world, pair[..., 0, :]) * pair[..., 1, None, :]).sum(
                (-2, -1)
            ),
            normalised_slack(pair[..., 0, :], pair[..., 1, :]),
        ),
        np.array([w / w.sum(), z]),
        np.stack([softmax(drawn), form], 1),
        growth=100,  # both sides are sums of K² numbers of up to about 100
    )
    found = misprint()
    lab.check(
        "softmax_of_z",
        "with S(x) made of exp(z_i), as printed, Σ s_i z_i² - (Σ s_i z_i)² times (Σ exp x_i)² is"
        " (Σ exp(x_i) z_i²)(Σ exp x_i) - (Σ z_i exp x_i)²",
        found is None,
        "no counterexample"
        if found is None
        else f"x = {found[0]}, z = {found[1]}: {found[2]:.6f} on one side,"
        f" {found[3]:g} on the other",
    )
    lab.proof(
        "softmax_of_x",
        "with S(x) made of exp(x_i) that step is an identity",
        normalised_slack(w / w.sum(), z) * w.sum() ** 2 - weighted_slack(w, z),
    )
    left, right = cauchy_schwarz(np.array([sympy.sqrt(t) for t in w]), z)
    lab.proof(
        "cauchy_schwarz_vectors",
        "for a_i = √exp(x_i), b_i = z_i √exp(x_i) the last line is (aᵀa)(bᵀb) ≥ (aᵀb)²",
        left - right - weighted_slack(w, z),
    )
    x = lab.world.array(drawn)
    left, right = map(
        as_numpy, cauchy_schwarz(lab.world.sqrt(lab.world.exp(x)), lab.world.array(form))
    )
    slack = whole_number_slack(lab.rng, *drawn.shape)
    relative = float(((left - right) / left).min())
    lab.check(
        "cauchy_schwarz",
        "(Σ exp(x_i) z_i²)(Σ exp x_i) ≥ (Σ z_i exp x_i)²",
        bool(slack.min() >= 0) and relative >= -ROUNDING,
        f"in whole numbers the smallest of {len(slack)} differences is {slack.min()};"
        f" in floating point the smallest relative one is {relative:.1e}",
    )
    lab.metrics["smallest_cauchy_schwarz_slack"] = relative
    lab.plots["proof"] = {"left": left[:PLOTTED].tolist(), "right": right[:PLOTTED].tolist()}
    pairs = itertools.combinations(range(3), 2)
    squares = sum(w[i] * w[k] * (z[i] - z[k]) ** 2 for i, k in pairs)
    return lab.proof(
        "lagrange_identity",
        "left less right is Σ_{i<k} exp(x_i + x_k) (z_i - z_k)², so equal only if all z_i are",
        weighted_slack(w, z) - squares,
    )


def misprint() -> tuple[tuple[int, ...], tuple[int, ...], float, float] | None:
    """The first small (x, z) at which S(x), read as printed, breaks the proof's last step.

    As printed, S(x) has exp(z_i) where exp(x_i) is meant. Returns x, z and the two numbers that
    the step takes to be equal, or None if there is no such pair.
    """
    for x, z in itertools.product(itertools.product(range(2), repeat=2), repeat=2):
        w, form = np.exp(np.array(x, float)), np.array(z, float)
        printed = normalised_slack(softmax(form), form) * w.sum() ** 2
        if abs(printed - weighted_slack(w, form)) > 1e-6:
            return x, z, float(printed), float(weighted_slack(w, form))
    return None


def whole_number_slack(rng: np.random.Generator, draws: int, classes: int) -> Any:
    """The proof's last line, left less right, in whole numbers: exact, (draws,).

    exp(x_i) are whole numbers from 1 to 20 and z_i from -9 to 9; the last z has equal entries, so
    that equality is among the cases.
    """
    w = rng.integers(1, 21, (draws, classes))
    z = rng.integers(-9, 10, (draws, classes))
    z[-1] = 7
    return weighted_slack(w, z)


def _convex(lab: Lab, drawn: np.ndarray, chords: list[Any], singular: bool) -> None:
    """What follows from the proof: no negative eigenvalue, and no chord below the loss.

    singular: whether SymPy proves that H sends (1, ..., 1), and nothing else, to zero.
    """
    w, settings = lab.world, lab.settings
    matrices = hessian(w, w.softmax(w.array(drawn)))
    eigenvalues = as_numpy(w.linalg.eigvalsh(matrices))
    lowest, second_lowest = (float(eigenvalues[:, i].min()) for i in (0, 1))
    lab.check(
        "positive_semidefinite",
        "the Hessian is positive semi-definite",
        lowest >= -ROUNDING,
        f"smallest eigenvalue of {settings.draws} draws {lowest:.1e}, rounding alone",
    )
    worst = max(
        float(chord_defect(lambda t, j=j: loss(w, t, j), *chords).max())
        for j in range(settings.classes)
    )
    lab.check(
        "convex",
        "the loss is convex in z: it lies nowhere above a chord",
        worst <= ROUNDING and lowest >= -ROUNDING,
        f"largest excess over a chord among {settings.draws} chords for each of"
        f" {settings.classes} labels {worst:.1e}",
    )
    image = gap(matrices.sum(2), 0)
    lab.check(
        "singular_along_ones",
        "the Hessian is never definite: it sends (1, ..., 1) to zero, and nothing else",
        singular and image <= ROUNDING,
        f"{reduces(singular)}; largest |H 1| {image:.1e}, second eigenvalue at least"
        f" {second_lowest:.1e}",
    )
    lab.metrics |= {
        "smallest_eigenvalue": lowest,
        "smallest_second_eigenvalue": second_lowest,
        "largest_eigenvalue": float(eigenvalues[:, -1].max()),
        "worst_chord_defect": worst,
    }
    lab.plots["proof"]["eigenvalues"] = eigenvalues[:PLOTTED].T.tolist()


def _far_out(lab: Lab) -> None:
    far = np.zeros((2, lab.settings.classes))
    far[:, 0] = -1000.0, 1000.0
    found = as_numpy(loss(lab.world, lab.world.array(far), 0))
    lab.check(
        "finite_far_out",
        "computed from the logits the loss is finite at z_j = ±1000",
        gap(found, [1000 + np.log(lab.settings.classes - 1), 0.0]) <= ROUNDING * 1000,
        f"L = {found[0]:.6f} and {found[1] + 0.0:g}",
    )


FIGURES = Figures()


@FIGURES.add("proof", columns=2, width=4.6, height=3.8)
def draw_proof(plots: Any, spectrum: Any, sides: Any) -> None:
    """The Hessian's eigenvalues, and the two sides of the Cauchy-Schwarz inequality."""
    from hw.figures.style import COLOURS

    plot = plots["proof"]
    for index, values in enumerate(plot["eigenvalues"], start=1):
        # Spread out sideways in the order drawn: a fixed pattern, no noise.
        across = [index - 0.3 + 0.6 * i / len(values) for i in range(len(values))]
        spectrum.plot(across, values, ".", ms=3, alpha=0.6, color=COLOURS[0])
    spectrum.axhline(0, color="black", lw=0.8)
    spectrum.set(xlabel="eigenvalue, in order of size", ylabel="eigenvalue of diag(s) - s sᵀ")
    spectrum.set_xticks(range(1, len(plot["eigenvalues"]) + 1))
    spectrum.set_title("Hessian", fontsize=10)
    sides.loglog(plot["left"], plot["right"], ".", ms=4, alpha=0.6, color=COLOURS[1])
    low, high = min(plot["left"]), max(plot["left"])
    sides.plot([low, high], [low, high], color="black", lw=1, label="equality")
    sides.set_ylim(bottom=low * 1e-4)  # a right-hand side may be as near zero as one likes
    sides.set(xlabel="(aᵀa)(bᵀb)", ylabel="(aᵀb)²")
    sides.set_title("Cauchy-Schwarz inequality", fontsize=10)
    sides.legend(loc="upper left")
