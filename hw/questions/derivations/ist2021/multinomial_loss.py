"""The multinomial logistic loss: gradient, Hessian, and convexity by Cauchy and Schwarz.

Source: IST Deep Learning 2021-22, Homework 1, question 1.4.

Conventions: n draws of K logits z, (n, K); gold label j; s = softmax(z), (n, K); the loss of one
example is L(z; y = j) = -log s_j, in nats. Gradient (n, K), Hessian H (n, K, K). δ_kl is 1 where
k = l, else 0. In the proof that H is positive semi-definite the logits are called x, as in the
report, and z is the vector of the quadratic form zᵀHz. The formulas under test are written once, in
arithmetic alone, and are given SymPy expressions, NumPy arrays and torch tensors.

Deviations: the proof is run as well as read: each step is an identity (SymPy, K = 3), and the final
inequality is evaluated in whole numbers and in floating point. The report defines S(x) by
exponentials of z, the very letter of the quadratic form; read so, the proof's last step is wrong,
and read with x, as meant, it is right. Both readings are computed. Autograd runs through log, exp
and sum, as the built-in log-softmax would differentiate itself by the formula under test.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hw.config.settings import setting
from hw.nn.losses import log_softmax, softmax
from hw.questions.derivations.lab.calculus import (
    ROUNDING,
    chord_defect,
    gap,
    hessian_by_differences,
    jacobian_by_differences,
    tolerances,
    torch_hessian,
    witness,
)
from hw.questions.derivations.lab.statements import sole, titled, vanishes
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def normalised_slack(s: Any, z: Any) -> Any:
    """zᵀ(diag(s) - s sᵀ)z as the proof expands it: Σ s z² - (Σ s z)², over the last axis."""
    return (s * z * z).sum() - (s * z).sum() ** 2


def weighted_slack(w: Any, z: Any) -> Any:
    """The proof's last line, left less right, with w = exp(x): (Σ w z²)(Σ w) - (Σ w z)²."""
    return (w * z * z).sum() * w.sum() - (w * z).sum() ** 2


# NumPy -----------------------------------------------------------------------------------------


def loss(z: np.ndarray, j: int) -> np.ndarray:
    """L(z; y = j), (n, K) -> (n,), in nats; finite for all finite logits."""
    return -log_softmax(z)[..., j]


def numpy_numbers(z: np.ndarray, chords: tuple[np.ndarray, ...], far: np.ndarray) -> dict[str, Any]:
    s, axes = softmax(z), np.eye(z.shape[1])
    hessian = hessian_entry(s[:, :, None], s[:, None, :], axes)
    gradients = [
        gap(gradient_entry(s, axes[j]), jacobian_by_differences(lambda t, j=j: loss(t, j), z, axes))
        for j in range(z.shape[1])
    ]
    hessians = [
        gap(hessian, hessian_by_differences(lambda t, j=j: loss(t, j), z))
        for j in range(z.shape[1])
    ]
    return {
        "gradient_error": max(gradients),
        "hessian_error": max(hessians),
        "eigenvalues": np.linalg.eigvalsh(hessian),
        "null_image": gap(hessian.sum(2), 0),
        "form_error": gap(
            np.einsum("nk,nkl,nl->n", chords[0], hessian, chords[0]),
            [normalised_slack(*pair) for pair in zip(s, chords[0], strict=True)],
        ),
        "worst_defect": max(
            float(chord_defect(lambda t, j=j: loss(t, j), *chords).max()) for j in range(z.shape[1])
        ),
        "schwarz": cauchy_schwarz(np.sqrt(np.exp(z)), chords[0]),
        "far": loss(far, 0),
    }


# PyTorch ---------------------------------------------------------------------------------------


def torch_numbers(z: np.ndarray, chords: tuple[np.ndarray, ...], far: np.ndarray) -> dict[str, Any]:
    import torch

    points, ends = torch.from_numpy(z), [torch.from_numpy(part) for part in chords]
    s, axes = torch.softmax(points, -1), torch.eye(z.shape[1], dtype=torch.float64)
    hessian = hessian_entry(s[:, :, None], s[:, None, :], axes)
    numbers: dict[str, Any] = {"gradient_error": 0.0, "hessian_error": 0.0, "worst_defect": -np.inf}
    for j in range(z.shape[1]):
        # Elementary steps: autograd's own rule for log_softmax is the formula under test.
        by_gradient, by_hessian = torch_hessian(lambda t, j=j: t.exp().sum(-1).log() - t[:, j], z)
        found = {
            "gradient_error": gap(gradient_entry(s, axes[j]), by_gradient),
            "hessian_error": gap(hessian, by_hessian),
            "worst_defect": float(
                chord_defect(lambda t, j=j: -torch.log_softmax(t, -1)[..., j], *ends).max()
            ),
        }
        numbers |= {name: max(numbers[name], value) for name, value in found.items()}
    return numbers | {
        "eigenvalues": torch.linalg.eigvalsh(hessian).numpy(),
        "null_image": gap(hessian.sum(2), 0),
        "form_error": gap(
            torch.einsum("nk,nkl,nl->n", ends[0], hessian, ends[0]),
            [normalised_slack(*pair) for pair in zip(s, ends[0], strict=True)],
        ),
        "schwarz": cauchy_schwarz(torch.sqrt(torch.exp(points)), ends[0]),
        "far": -torch.log_softmax(torch.from_numpy(far), -1)[..., 0].numpy(),
    }


def cauchy_schwarz(root: Any, z: Any) -> np.ndarray:
    """Both sides (aᵀa)(bᵀb) and (aᵀb)² for a = ``root`` and b = z a, (n, K) -> (2, n)."""
    a, b = root, z * root
    left = (a * a).sum(-1) * (b * b).sum(-1)
    return np.stack([np.asarray(left), np.asarray((a * b).sum(-1) ** 2)])


# Exact -----------------------------------------------------------------------------------------


def exact() -> dict[str, bool]:
    """Each line of the derivation for K = 3 and every gold label, as SymPy decides it."""
    import sympy

    z = sympy.symbols("z1:4", real=True)
    w = np.array(sympy.symbols("w1:4", positive=True))  # w = exp(x), any positive numbers
    total = sum(sympy.exp(t) for t in z)
    s = [sympy.exp(t) / total for t in z]
    losses = [sympy.log(total) - t for t in z]
    labels, form = range(3), np.array(z)
    matrix = sympy.Matrix(3, 3, lambda k, m: hessian_entry(s[k], s[m], int(k == m)))
    share = w / w.sum()
    of_shares = sympy.Matrix(3, 3, lambda k, m: hessian_entry(share[k], share[m], int(k == m)))
    column = sympy.Matrix(z)
    a = np.array([sympy.sqrt(t) for t in w])
    b = form * a
    squares = sum(
        w[i] * w[k] * (form[i] - form[k]) ** 2 for i, k in itertools.combinations(range(3), 2)
    )
    log_slopes = [[sympy.diff(t - sympy.log(total), v) for v in z] for t in z]
    return {
        "log": vanishes(sympy.Matrix([sympy.exp(-losses[j]) - s[j] for j in labels])),
        "gradient": vanishes(
            sympy.Matrix(
                3, 3, lambda j, k: sympy.diff(losses[j], z[k]) - gradient_entry(s[k], int(j == k))
            )
        ),
        "sign": vanishes(
            sympy.Matrix(3, 3, lambda j, k: sympy.diff(losses[j], z[k]) + log_slopes[j][k])
        ),
        "hessian": all(vanishes(sympy.hessian(losses[j], z) - matrix) for j in labels),
        "form": vanishes((column.T * of_shares * column)[0] - normalised_slack(share, form)),
        "cleared": vanishes(normalised_slack(share, form) * w.sum() ** 2 - weighted_slack(w, form)),
        "vectors": vanishes(
            (a * a).sum() * (b * b).sum() - (a * b).sum() ** 2 - weighted_slack(w, form)
        ),
        "lagrange": vanishes(weighted_slack(w, form) - squares),
        "singular": vanishes(matrix * sympy.ones(3, 1)),
    }


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


def whole_number_slack(rng: np.random.Generator, draws: int, classes: int) -> np.ndarray:
    """The proof's last line, left less right, in whole numbers: exact, (draws,).

    exp(x_i) are whole numbers from 1 to 20 and z_i from -9 to 9; the last z has equal entries, so
    that equality is among the cases.
    """
    w = rng.integers(1, 21, (draws, classes))
    z = rng.integers(-9, 10, (draws, classes))
    z[-1] = 7
    return np.array([weighted_slack(*pair) for pair in zip(w, z, strict=True)])


# What the runner calls -------------------------------------------------------------------------


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Gradient, Hessian and the proof of convexity, put to the test."""
    rng = np.random.default_rng(settings.seed)
    shape = (settings.draws, settings.classes)
    z, u, v = rng.normal(0, settings.scale, (3, *shape))
    chords = (u, v, rng.uniform(size=settings.draws))
    far = np.zeros((2, settings.classes))
    far[:, 0] = -1000.0, 1000.0
    n = {"numpy": numpy_numbers, "torch": torch_numbers}[backend](z, chords, far)
    slack = whole_number_slack(rng, settings.draws, settings.classes)
    e = exact()
    first, second = tolerances(backend)
    outcome = Outcome()

    def said(*keys: str) -> str:
        holds = all(e[key] for key in keys)
        return f"SymPy, K = 3: the difference {'reduces' if holds else 'does not reduce'} to 0"

    def identity(name: str, statement: str, *keys: str) -> None:
        outcome.check(name, statement, all(e[key] for key in keys), said(*keys))

    identity("loss_from_logits", "-log s_j = log Σ exp(z_i) - z_j", "log")
    outcome.check(
        "gradient",
        "∇L(z; y = j) is s with 1 taken off its j-th entry",
        e["gradient"] and n["gradient_error"] <= first,
        f"{said('gradient')} for every j; K = {settings.classes}: largest |difference| from"
        f" {witness(backend)} {n['gradient_error']:.1e}",
    )
    identity("gradient_sign", "the gradient is -1 times the derivative of log s_j", "sign")
    outcome.check(
        "hessian",
        "∇²L = diag(s) - s sᵀ, the same for every gold label",
        e["hessian"] and n["hessian_error"] <= second,
        f"{said('hessian')} for every j; K = {settings.classes}: largest |difference| from"
        f" {witness(backend)} {n['hessian_error']:.1e}",
    )
    outcome.check(
        "quadratic_form",
        "zᵀ(diag(s) - s sᵀ)z = Σ s_i z_i² - (Σ s_i z_i)²",
        # Both sides are sums of K² numbers of up to about 100.
        e["form"] and n["form_error"] <= ROUNDING * 100,
        f"{said('form')}; largest |difference| over {settings.draws} draws {n['form_error']:.1e}",
    )
    found = misprint()
    outcome.check(
        "softmax_of_z",
        "with S(x) made of exp(z_i), as printed, Σ s_i z_i² - (Σ s_i z_i)² times (Σ exp x_i)² is"
        " (Σ exp(x_i) z_i²)(Σ exp x_i) - (Σ z_i exp x_i)²",
        found is None,
        "no counterexample"
        if found is None
        else f"x = {found[0]}, z = {found[1]}: {found[2]:.6f} on one side,"
        f" {found[3]:g} on the other",
    )
    identity("softmax_of_x", "with S(x) made of exp(x_i) that step is an identity", "cleared")
    identity(
        "cauchy_schwarz_vectors",
        "for a_i = √exp(x_i), b_i = z_i √exp(x_i) the last line is (aᵀa)(bᵀb) ≥ (aᵀb)²",
        "vectors",
    )
    left, right = n["schwarz"]
    relative = float(((left - right) / left).min())
    outcome.check(
        "cauchy_schwarz",
        "(Σ exp(x_i) z_i²)(Σ exp x_i) ≥ (Σ z_i exp x_i)²",
        bool(slack.min() >= 0) and relative >= -ROUNDING,
        f"in whole numbers the smallest of {len(slack)} differences is {slack.min()};"
        f" in floating point the smallest relative one is {relative:.1e}",
    )
    identity(
        "lagrange_identity",
        "left less right is Σ_{i<k} exp(x_i + x_k) (z_i - z_k)², so equal only if all z_i are",
        "lagrange",
    )
    lowest = float(n["eigenvalues"][:, 0].min())
    outcome.check(
        "positive_semidefinite",
        "the Hessian is positive semi-definite",
        lowest >= -ROUNDING,
        f"smallest eigenvalue of {settings.draws} draws {lowest:.1e}, rounding alone",
    )
    outcome.check(
        "convex",
        "the loss is convex in z: it lies nowhere above a chord",
        n["worst_defect"] <= ROUNDING and lowest >= -ROUNDING,
        f"largest excess over a chord among {settings.draws} chords for each of"
        f" {settings.classes} labels {n['worst_defect']:.1e}",
    )
    second_lowest = float(n["eigenvalues"][:, 1].min())
    outcome.check(
        "singular_along_ones",
        "the Hessian is never definite: it sends (1, ..., 1) to zero, and nothing else",
        e["singular"] and e["lagrange"] and n["null_image"] <= ROUNDING,
        f"{said('singular', 'lagrange')}; largest |H 1| {n['null_image']:.1e}, second eigenvalue"
        f" at least {second_lowest:.1e}",
    )
    expected = np.array([1000 + np.log(settings.classes - 1), 0.0])
    outcome.check(
        "finite_far_out",
        "computed from the logits the loss is finite at z_j = ±1000",
        gap(n["far"], expected) <= ROUNDING * 1000,
        f"L = {n['far'][0]:.6f} and {n['far'][1] + 0.0:g}",
    )
    outcome.metrics = {
        "gradient_error": n["gradient_error"],
        "hessian_error": n["hessian_error"],
        "smallest_eigenvalue": lowest,
        "smallest_second_eigenvalue": second_lowest,
        "largest_eigenvalue": float(n["eigenvalues"][:, -1].max()),
        "worst_chord_defect": n["worst_defect"],
        "smallest_cauchy_schwarz_slack": relative,
    }
    outcome.plots = {
        "proof": {
            "eigenvalues": n["eigenvalues"][:PLOTTED].T.tolist(),
            "left": left[:PLOTTED].tolist(),
            "right": right[:PLOTTED].tolist(),
        }
    }
    return outcome


# Figures ---------------------------------------------------------------------------------------


def draw_proof(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """The Hessian's eigenvalues, and the two sides of the Cauchy-Schwarz inequality."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["proof"]
    figure, ((spectrum, sides),) = new_figure(1, 2, width=4.6, height=3.8)
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
    return titled(figure, spec)


FIGURES = {"proof": draw_proof}
