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
  b = ½(1 - v⁻¹ ⊙ Qᵀc_2).
- Part 4 takes N > P linearly independent inputs in ℝᴰ. There are none, for P > D; what the closed
  form needs is that the N rows φ(x_n) have rank P.

What the document leaves out, and is computed here too: where a shift of the eigenvalues is needed.
If K > D, never. Let n be the part of c_2 outside the range of M, and r < D the rank of M: r units
build M and the rest of c_2, and two more with the same weights n, v = (1, -1) and b = (0, ½) add n
to c_2 and nothing to M. The same works for K = D if r < D - 1. Only K = D and r = D - 1 with n ≠ 0
has no exact Θ: an invertible W leaves c_2 in the range of M, and a singular one has rank D - 1, so
that its row space is the range of M. Then the shift by ε costs b and v₀ of size 1/ε.

The NumPy functions also take arrays of SymPy expressions or fractions: the symbolic proofs run the
very code that computes the numbers. Deviations from the handout: none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.statements import sole, titled
from hw.results.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


class Theta(NamedTuple):
    """Θ = (W (..., K, D), b (..., K), v (..., K), v₀ (...)); leading axes are separate networks."""

    W: Any
    b: Any
    v: Any
    v0: Any


def feature_count(D: int) -> int:
    return (D + 1) * (D + 2) // 2


class NumPyAlgebra:
    """The model in NumPy, on floats, fractions or SymPy expressions alike."""

    name = "numpy"

    def array(self, values: Any) -> Any:
        return np.asarray(values)

    def numpy(self, values: Any) -> np.ndarray:
        return np.asarray(values)

    def phi(self, X: Any) -> Any:
        """Features φ of the rows of X (N, D): (N, P)."""
        i, j = np.triu_indices(X.shape[-1], 1)
        return np.concatenate(
            [np.ones_like(X[..., :1]), X, X * X, 2 * X[..., i] * X[..., j]], axis=-1
        )

    def hidden(self, theta: Theta, X: Any) -> Any:
        """h = g(Wx + b) for each row x: (..., N, K)."""
        z = X @ theta.W.swapaxes(-1, -2) + theta.b[..., None, :]
        return z * (1 - z)

    def predict(self, theta: Theta, X: Any) -> Any:
        """ŷ = vᵀh + v₀ for each row x: (..., N)."""
        return (self.hidden(theta, X) @ theta.v[..., None])[..., 0] + theta.v0[..., None]

    def a_matrix(self, theta: Theta) -> Any:
        """A_Θ (..., K, P): the coefficients of each hidden unit in φ."""
        W, b = theta.W, theta.b[..., None]
        i, j = np.triu_indices(W.shape[-1], 1)
        return np.concatenate(
            [b - b * b, (1 - 2 * b) * W, -(W * W), -(W[..., i] * W[..., j])], axis=-1
        )

    def coefficients(self, theta: Theta) -> Any:
        """c_Θ = A_Θᵀ v + v₀ e_1: (P,)."""
        c = self.a_matrix(theta).T @ theta.v
        return np.concatenate([c[:1] + theta.v0, c[1:]])

    def half(self, M: Any) -> Any:
        """The diagonal of M (D, D), then its upper triangle: (D(D+1)/2,)."""
        return np.concatenate([np.diagonal(M), M[np.triu_indices(len(M), 1)]])

    def matrix(self, c: Any, D: int) -> Any:
        """The symmetric M (D, D) with half(M) = c_3."""
        M = np.zeros((D, D), dtype=c.dtype)
        i, j = np.triu_indices(D, 1)
        M[range(D), range(D)] = c[1 + D : 1 + 2 * D]
        M[i, j] = M[j, i] = c[1 + 2 * D :]
        return M

    def eigen(self, c: Any, D: int) -> tuple[Any, Any]:
        """λ (D,) and Q (D, D) with M = Q Diag(λ) Qᵀ."""
        return np.linalg.eigh(self.matrix(c, D))

    def construct(self, c: Any, lam: Any, Q: Any, K: int, sign: int = -1) -> Theta:
        """Θ from c, the eigenvalues λ ≠ 0 and eigenvectors Q (D, r) of M, padded to K units.

        ``sign`` -1 is v = -λ; +1 is the published v = λ.
        """
        D, pad = len(Q), K - len(lam)
        v = sign * lam
        b = (1 - Q.T @ c[1 : 1 + D] / v) / 2
        zeros = np.zeros(pad, dtype=c.dtype)
        W = np.concatenate([Q.T, np.zeros((pad, D), dtype=c.dtype)])
        v0 = c[0] - (b * (1 - b)) @ v
        return Theta(W, np.concatenate([b, zeros]), np.concatenate([v, zeros]), np.asarray(v0))

    def construct_shifted(self, c: Any, D: int, K: int, epsilon: float) -> Theta:
        """Θ from c where M may be singular: eigenvalues within ε of zero become ε."""
        lam, Q = self.eigen(c, D)
        return self.construct(c, np.where(abs(lam) > epsilon, lam, epsilon), Q, K)

    def construct_unshifted(self, c: Any, D: int, K: int, zero: float = 1e-12) -> Theta:
        """Θ from c where M may be singular, exactly: needs rank(M) + 2 ≤ K, so K > D suffices.

        Eigenvalues within ``zero`` of zero, rounding errors of a rank-deficient M, count as zero.
        """
        lam, Q = self.eigen(c, D)
        lam, Q = lam[abs(lam) > zero], Q[:, abs(lam) > zero]
        outside = c[1 : 1 + D] - Q @ (Q.T @ c[1 : 1 + D])
        W, b, v, v0 = self.construct(c, lam, Q, K)
        W[-2:] = outside
        v[-2:] = [1, -1]
        b[-2:] = [0, 0.5]
        return Theta(W, b, v, v0 + 0.25)  # the last unit's constant is -½(1 - ½)

    def least_squares(self, F: Any, y: Any) -> tuple[Any, Any]:
        """F⁺y and (FᵀF)⁻¹Fᵀy for F (N, P), y (N,)."""
        return np.linalg.pinv(F) @ y, np.linalg.solve(F.T @ F, F.T @ y)

    def loss_and_gradient(self, theta: Theta, X: Any, y: Any) -> tuple[Any, Theta]:
        """½ Σ (ŷ - y)² for each network (...) and its gradient, derived by hand."""
        z = X @ theta.W.swapaxes(-1, -2) + theta.b[..., None, :]
        h = z * (1 - z)
        error = (h @ theta.v[..., None])[..., 0] + theta.v0[..., None] - y
        dz = error[..., None] * theta.v[..., None, :] * (1 - 2 * z)  # (..., N, K)
        gradient = Theta(
            dz.swapaxes(-1, -2) @ X,
            dz.sum(-2),
            (h.swapaxes(-1, -2) @ error[..., None])[..., 0],
            error.sum(-1),
        )
        return (error**2).sum(-1) / 2, gradient

    def activation(self, name: str, Z: Any) -> Any:
        """g (``quadratic``), ``relu``, ``tanh`` or ``sigmoid``, element by element."""
        functions = {
            "quadratic": lambda z: z * (1 - z),
            "relu": lambda z: np.maximum(z, 0),
            "tanh": np.tanh,
            "sigmoid": lambda z: (1 + np.tanh(z / 2)) / 2,
        }
        return functions[name](Z)

    def rank(self, M: Any) -> int:
        """Numerical rank: singular values above 1e-10 of the largest."""
        s = np.linalg.svd(M, compute_uv=False)
        return int((s > 1e-10 * s[0]).sum())


class TorchAlgebra:
    """The model in PyTorch, float64, shapes as in `NumPyAlgebra`; the gradient is autograd's."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def array(self, values: Any) -> Any:
        return self.torch.as_tensor(np.asarray(values, dtype=np.float64))

    def numpy(self, values: Any) -> np.ndarray:
        return values.detach().numpy()

    def phi(self, X: Any) -> Any:
        i, j = self.torch.triu_indices(X.shape[-1], X.shape[-1], 1)
        ones = self.torch.ones_like(X[..., :1])
        return self.torch.cat([ones, X, X * X, 2 * X[..., i] * X[..., j]], dim=-1)

    def hidden(self, theta: Theta, X: Any) -> Any:
        z = X @ theta.W.mT + theta.b[..., None, :]
        return z * (1 - z)

    def predict(self, theta: Theta, X: Any) -> Any:
        return (self.hidden(theta, X) @ theta.v[..., None])[..., 0] + theta.v0[..., None]

    def a_matrix(self, theta: Theta) -> Any:
        W, b = theta.W, theta.b[..., None]
        i, j = self.torch.triu_indices(W.shape[-1], W.shape[-1], 1)
        return self.torch.cat(
            [b - b * b, (1 - 2 * b) * W, -(W * W), -(W[..., i] * W[..., j])], dim=-1
        )

    def coefficients(self, theta: Theta) -> Any:
        c = self.a_matrix(theta).mT @ theta.v
        return self.torch.cat([c[:1] + theta.v0, c[1:]])

    def half(self, M: Any) -> Any:
        i, j = self.torch.triu_indices(len(M), len(M), 1)
        return self.torch.cat([self.torch.diagonal(M), M[i, j]])

    def matrix(self, c: Any, D: int) -> Any:
        M = self.torch.diag(c[1 + D : 1 + 2 * D])
        i, j = self.torch.triu_indices(D, D, 1)
        M[i, j] = M[j, i] = c[1 + 2 * D :]
        return M

    def eigen(self, c: Any, D: int) -> tuple[Any, Any]:
        return tuple(self.torch.linalg.eigh(self.matrix(c, D)))

    def construct(self, c: Any, lam: Any, Q: Any, K: int, sign: int = -1) -> Theta:
        D, pad = len(Q), K - len(lam)
        v = sign * lam
        b = (1 - Q.mT @ c[1 : 1 + D] / v) / 2
        zeros = c.new_zeros(pad)
        W = self.torch.cat([Q.mT, c.new_zeros(pad, D)])
        v0 = c[0] - (b * (1 - b)) @ v
        return Theta(W, self.torch.cat([b, zeros]), self.torch.cat([v, zeros]), v0)

    def construct_shifted(self, c: Any, D: int, K: int, epsilon: float) -> Theta:
        lam, Q = self.eigen(c, D)
        return self.construct(c, self.torch.where(abs(lam) > epsilon, lam, epsilon), Q, K)

    def construct_unshifted(self, c: Any, D: int, K: int, zero: float = 1e-12) -> Theta:
        lam, Q = self.eigen(c, D)
        lam, Q = lam[abs(lam) > zero], Q[:, abs(lam) > zero]
        outside = c[1 : 1 + D] - Q @ (Q.mT @ c[1 : 1 + D])
        W, b, v, v0 = self.construct(c, lam, Q, K)
        W[-2:] = outside
        v[-2:] = self.array([1, -1])
        b[-2:] = self.array([0, 0.5])
        return Theta(W, b, v, v0 + 0.25)

    def least_squares(self, F: Any, y: Any) -> tuple[Any, Any]:
        linalg = self.torch.linalg
        return linalg.pinv(F) @ y, linalg.solve(F.mT @ F, F.mT @ y)

    def loss_and_gradient(self, theta: Theta, X: Any, y: Any) -> tuple[Any, Theta]:
        leaves = Theta(*(part.detach().requires_grad_() for part in theta))
        loss = ((self.predict(leaves, X) - y) ** 2).sum(-1) / 2
        # The networks share no parameter, so that the sum's gradient is each one's own.
        return loss.detach(), Theta(*self.torch.autograd.grad(loss.sum(), tuple(leaves)))

    def activation(self, name: str, Z: Any) -> Any:
        functions = {"quadratic": lambda z: z * (1 - z)}
        functions |= {n: getattr(self.torch, n) for n in ("relu", "tanh", "sigmoid")}
        return functions[name](Z)

    def rank(self, M: Any) -> int:
        s = self.torch.linalg.svdvals(M)
        return int((s > 1e-10 * s[0]).sum())


ALGEBRAS = {"numpy": NumPyAlgebra, "torch": TorchAlgebra}


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """Put the statements of parts 1 to 4 to the test; ``data`` is not used."""
    if settings.fit_units < settings.fit_dimension:
        raise UsageError(
            f"fit_units is {settings.fit_units}; with fewer than fit_dimension = "
            f"{settings.fit_dimension} units the closed form may be out of the network's reach"
        )
    if settings.examples <= (P := feature_count(settings.fit_dimension)):
        raise UsageError(
            f"examples is {settings.examples}; the closed form is asked for more than {P},"
            f" the number of features at fit_dimension = {settings.fit_dimension}"
        )
    algebra = ALGEBRAS[backend]()
    rng = np.random.default_rng(settings.seed)
    outcome = Outcome()
    part_1(outcome, settings, algebra, rng)
    part_2(outcome, settings, algebra, rng)
    part_3_coefficients(outcome, settings, algebra, rng)
    part_3_construction(outcome, settings, algebra, rng)
    part_3_singular(outcome, settings, algebra, rng)
    part_3_few_units(outcome, settings, algebra, rng)
    part_4_rank(outcome, settings, algebra, rng)
    part_4_closed_form(outcome, settings, algebra, rng)
    part_4_other_activations(outcome, settings, algebra, rng)
    return outcome


def random_theta(algebra: Any, rng: np.random.Generator, K: int, D: int) -> Theta:
    shapes = ((K, D), (K,), (K,), ())
    return Theta(*(algebra.array(rng.normal(size=shape)) for shape in shapes))


def random_cases(settings: Settings, algebra: Any, rng: np.random.Generator) -> Any:
    """(D, Θ with K = D + extra units, X (7, D)) for every draw."""
    for D in settings.dimensions:
        for _ in range(settings.draws):
            theta = random_theta(algebra, rng, D + settings.extra_units, D)
            yield D, theta, algebra.array(rng.normal(size=(7, D)))


def symbolic_theta(K: int, D: int) -> Theta:
    """Θ as arrays of SymPy symbols."""
    from sympy import Symbol

    def grid(name: str, *shape: int) -> np.ndarray:
        cells = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            cells[index] = Symbol(name + "_".join(str(i + 1) for i in index), real=True)
        return cells

    return Theta(grid("w", K, D), grid("b", K), grid("v", K), grid("v0"))


def symbolic_row(D: int) -> np.ndarray:
    """One input x (1, D) of SymPy symbols."""
    from sympy import symbols

    return np.array([symbols(f"x1:{D + 1}", real=True)], dtype=object)


def vanishes(expressions: Any) -> bool:
    """Whether every expression is identically zero."""
    from sympy import cancel

    return all(cancel(e) == 0 for e in np.ravel(expressions))


def largest(values: Any) -> float:
    return float(np.max(np.abs(values)))


def norm(values: Any) -> float:
    return float(np.sqrt(np.sum(np.square(values))))


# Part 1: h = A_Θ φ(x)


def part_1(outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator) -> None:
    """The hidden layer is linear in (D+1)(D+2)/2 features."""
    from sympy import Integer, Poly

    exact = NumPyAlgebra()
    small = range(1, settings.symbolic_dimension + 1)
    counts, independent = {}, True
    for D in small:
        x = symbolic_row(D)
        features = exact.phi(x)[0]
        counts[D] = len(features)
        # Linearly independent monomials: no fewer features would do for all quadratics.
        monomials = {Poly(Integer(1) * f, *x[0]).monoms()[0] for f in features}
        independent &= len(monomials) == len(features) and features[0] == 1
    for D in settings.dimensions:
        counts[D] = int(algebra.phi(algebra.array(rng.normal(size=(1, D)))).shape[-1])
    outcome.check(
        "phi_dimension",
        "φ has (D+1)(D+2)/2 features, distinct monomials of degree at most two; the first is 1",
        independent and all(counts[D] == feature_count(D) for D in counts),
        "features by D: " + ", ".join(f"{D}: {counts[D]}" for D in sorted(counts)),
    )

    proven = []
    for D in small:
        theta, x = symbolic_theta(2, D), symbolic_row(D)
        residual = exact.hidden(theta, x)[0] - exact.a_matrix(theta) @ exact.phi(x)[0]
        proven.append(vanishes(residual))
    error = max(
        relative(
            algebra.numpy(algebra.phi(X) @ algebra.a_matrix(theta).T),
            algebra.numpy(algebra.hidden(theta, X)),
        )
        for _, theta, X in random_cases(settings, algebra, rng)
    )
    outcome.metrics["hidden_error"] = error
    outcome.check(
        "hidden_linear_in_phi",
        "h = A_Θ φ(x), with a φ that does not depend on Θ",
        all(proven) and error < EXACT,
        f"h - A_Θ φ(x) expands to 0 for D = {span(small)}; largest relative difference"
        f" {error:.1e} over {settings.draws} draws for each D in {span(settings.dimensions)}",
    )


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference over the largest expected value."""
    return largest(found - expected) / max(largest(expected), 1e-300)


def span(numbers: Any) -> str:
    return ", ".join(map(str, numbers))


# Part 2: ŷ = c_Θᵀ φ(x), linear in φ but not in Θ


def part_2(outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator) -> None:
    """The output is linear in φ; its coefficients are not linear in Θ."""
    from sympy import Poly

    exact = NumPyAlgebra()
    small = range(1, settings.symbolic_dimension + 1)
    proven = []
    for D in small:
        theta, x = symbolic_theta(2, D), symbolic_row(D)
        residual = exact.predict(theta, x)[0] - exact.coefficients(theta) @ exact.phi(x)[0]
        proven.append(vanishes(residual))
    error = max(
        relative(
            algebra.numpy(algebra.phi(X) @ algebra.coefficients(theta)),
            algebra.numpy(algebra.predict(theta, X)),
        )
        for _, theta, X in random_cases(settings, algebra, rng)
    )
    outcome.metrics["output_error"] = error
    outcome.check(
        "output_linear_in_phi",
        "ŷ = c_Θᵀ φ(x) with c_Θ = A_Θᵀ v + v₀ e_1",
        all(proven) and error < EXACT,
        f"ŷ - c_Θᵀ φ(x) expands to 0 for D = {span(small)}; largest relative difference"
        f" {error:.1e} over {settings.draws} draws for each D in {span(settings.dimensions)}",
    )

    # A linear map would give c(2Θ) = 2c(Θ).
    theta = Theta(*(np.array(part, dtype=object) for part in ([[1]], [0], [1], 0)))
    once, doubled = (exact.coefficients(Theta(*(k * part for part in theta))) for k in (1, 2))
    linear = bool((doubled == 2 * once).all())
    outcome.check(
        "not_linear_in_theta",
        "c_Θ is not a linear function of Θ: the model is not linear in its own parameters",
        not linear,
        f"D = K = 1, Θ = (w, b, v, v₀) = (1, 0, 1, 0): 2 c(Θ) = {tuple(int(k) for k in 2 * once)}"
        f" but c(2Θ) = {tuple(int(k) for k in doubled)}",
    )
    symbols = symbolic_theta(1, 2)
    entries = exact.a_matrix(symbols)[0]
    degrees = [int(Poly(entry, *symbols.W[0]).total_degree()) for entry in entries]
    outcome.check(
        "a_quadratic_in_weights",
        "some entries of A_Θ are quadratic in W",
        max(degrees) == 2,
        f"degree in W of the entries of a row of A_Θ for D = 2: {span(degrees)}",
    )


# Part 3: Θ from c


def part_3_coefficients(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """What c_Θ = (c_1, c_2, c_3) is made of: the published equation (4), term by term."""
    exact = NumPyAlgebra()
    small = range(1, settings.symbolic_dimension + 1)
    first, published, corrected, form, orders = [], [], [], [], []
    for D in small:
        theta = symbolic_theta(2, D)
        W, b, v, v0 = theta
        c = exact.coefficients(theta)
        M = W.T @ np.diag(v) @ W
        first.append(
            vanishes(c[0] - (b * (1 - b)) @ v - v0)
            and vanishes(c[1 : 1 + D] - W.T @ ((1 - 2 * b) * v))
        )
        published.append(vanishes(c[1 + D :] - exact.half(M)))
        corrected.append(vanishes(c[1 + D :] + exact.half(M)))
        x = symbolic_row(D)
        form.append(vanishes(exact.half(M) @ exact.phi(x)[0, 1 + D :] - (x @ M @ x.T)[0, 0]))
        column_order = [(i, j) for j in range(D) for i in range(j, D)]
        phi_order = [(i, i) for i in range(D)] + [(j, i) for i in range(D) for j in range(i + 1, D)]
        orders.append(column_order == phi_order)
    errors = dict.fromkeys((-1, 1), 0.0)
    for D, theta, _ in random_cases(settings, algebra, rng):
        c_3 = algebra.numpy(algebra.coefficients(theta)[1 + D :])
        M = algebra.numpy(algebra.half(theta.W.T @ (theta.v[:, None] * theta.W)))
        for sign, worst in errors.items():
            errors[sign] = max(worst, relative(sign * M, c_3))
    outcome.metrics["c3_error_published"] = errors[1]
    outcome.metrics["c3_error_corrected"] = errors[-1]
    outcome.check(
        "c1_and_c2_published",
        "c_1 = [b ⊙ (1-b)]ᵀv + v₀ and c_2 = Wᵀ[(1-2b) ⊙ v]",
        all(first),
        f"both differences expand to 0 for D = {span(small)}, K = 2",
    )
    outcome.check(
        "c3_published",
        "c_3 is the half-vectorisation of WᵀDiag(v)W",
        all(published) and errors[1] < EXACT,
        f"for D = 1, K = 1: c_3 = {exact.coefficients(symbolic_theta(1, 1))[2]}; over random"
        f" draws the relative error is up to {errors[1]:.3g}",
    )
    outcome.check(
        "c3_corrected",
        "c_3 is minus the half-vectorisation of WᵀDiag(v)W",
        all(corrected) and errors[-1] < EXACT,
        f"the sum of the two expands to 0 for D = {span(small)}; relative error over random"
        f" draws {errors[-1]:.1e}",
    )
    outcome.check(
        "vech_matches_phi",
        "with φ's factor 2 on products, taking each element above the diagonal once gives xᵀMx",
        all(form),
        f"half(M)·(φ_(D+2) … φ_P) - xᵀMx expands to 0 for D = {span(small)}",
    )
    outcome.check(
        "vech_order_differs",
        "column by column, the usual vech is in another order than φ from D = 2 on, so that it has"
        " to be read in φ's order: squares first",
        not any(orders[1:]),
        "φ wants M11, M22, M21 where vech has M11, M21, M22"
        if len(orders) > 1
        else "not tested: symbolic_dimension is 1",
    )


def part_3_construction(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """The published construction and the corrected one, in symbols and on random c."""
    residual = {sign: symbolic_round_trip(sign) for sign in (1, -1)}
    c, M = symbolic_target()
    misses_by_twice = vanishes(residual[1][:3]) and vanishes(
        residual[1][3:] + 2 * NumPyAlgebra().half(M)
    )
    errors: dict[str, list[float]] = {"published": [], "corrected": []}
    dimensions = []
    for D in settings.dimensions:
        for _ in range(settings.draws):
            c = algebra.array(rng.normal(size=feature_count(D)))
            dimensions.append(D)
            lam, Q = algebra.eigen(c, D)
            for name, sign in (("published", 1), ("corrected", -1)):
                theta = algebra.construct(c, lam, Q, D + settings.extra_units, sign)
                errors[name].append(distance(algebra, theta, c))
    published, corrected = errors["published"], errors["corrected"]
    outcome.metrics |= {
        "published_error_min": min(published),
        "published_error_max": max(published),
        "corrected_error_max": max(corrected),
    }
    outcome.plots["construction"] = {"dimension": dimensions, **errors}
    outcome.check(
        "published_construction",
        "W = Qᵀ, v = λ and b = ½(1 - λ⁻¹ ⊙ Qᵀc_2), padded with zeros, give back c",
        vanishes(residual[1]) and max(published) < EXACT,
        f"‖c_Θ - c‖ is from {min(published):.2g} to {max(published):.2g} over random c; for D = 2"
        f" in symbols c_Θ - c {'is' if misses_by_twice else 'is not'} (0, 0, -2 half(M))",
    )
    outcome.check(
        "corrected_construction",
        "W = Qᵀ, v = -λ and b = ½(1 - v⁻¹ ⊙ Qᵀc_2), padded with zeros, give back c",
        vanishes(residual[-1]) and max(corrected) < EXACT,
        f"c_Θ - c is identically 0 for D = 2, K = 3; ‖c_Θ - c‖ is at most {max(corrected):.1e}"
        f" over {settings.draws} random c for each D in {span(settings.dimensions)}",
    )


def distance(algebra: Any, theta: Theta, c: Any) -> float:
    """‖c_Θ - c‖."""
    return norm(algebra.numpy(algebra.coefficients(theta) - c))


def symbolic_target() -> tuple[np.ndarray, np.ndarray]:
    """Any c for D = 2 with its M = Q Diag(λ) Qᵀ: λ, c_1, c_2 and the angle of Q are symbols."""
    from sympy import symbols

    c = np.array([*symbols("c1 c21 c22", real=True)], dtype=object)
    lam, Q = symbolic_eigen()
    M = Q @ np.diag(lam) @ Q.T
    return np.concatenate([c, NumPyAlgebra().half(M)]), M


def symbolic_eigen() -> tuple[np.ndarray, np.ndarray]:
    """λ (2,) and a rotation Q (2, 2), rational in t = tan(angle/2)."""
    from sympy import symbols

    t, *lam = symbols("t lambda1 lambda2", real=True)
    cosine, sine = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    return np.array(lam, dtype=object), np.array([[cosine, -sine], [sine, cosine]], dtype=object)


def symbolic_round_trip(sign: int) -> np.ndarray:
    """c_Θ - c (6,) in symbols, for D = 2 and K = 3."""
    exact = NumPyAlgebra()
    c, _ = symbolic_target()
    return exact.coefficients(exact.construct(c, *symbolic_eigen(), 3, sign)) - c


def part_3_singular(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """A singular M: the shift by ε, its error and its price, and when it can be avoided."""
    from sympy import Rational, Symbol, groebner, sqrt, symbols

    D, exact = settings.singular_dimension, NumPyAlgebra()
    # Exactly, for D = 2: M = Q Diag(2, 0) Qᵀ and a c_2 outside its range, shifted to Diag(2, ε).
    epsilon = Symbol("epsilon", positive=True)
    Q = np.array([[3, -4], [4, 3]], dtype=object) * Rational(1, 5)
    c = np.concatenate(
        [np.array([1, 1, 2], dtype=object), exact.half(Q @ np.diag([2, 0]).astype(object) @ Q.T)]
    )
    theta = exact.construct(c, np.array([2, epsilon], dtype=object), Q, 2)
    shifted = exact.coefficients(theta) - c
    exact_error = sqrt(sum(e**2 for e in shifted)).simplify()
    moved = epsilon * exact.half(np.outer(Q[:, 1], Q[:, 1]))  # M gains ε qqᵀ, q its null vector
    exact_holds = vanishes(shifted - np.append([0, 0, 0], moved))

    curve = shift_curve(settings, algebra, rng)
    outcome.plots["shift"] = curve
    best = int(np.argmin(curve["error"]))
    outcome.metrics["shift_error_min"] = curve["error"][best]
    outcome.metrics["shift_epsilon_best"] = curve["epsilon"][best]

    met = []
    for D_any in settings.dimensions:
        for rank in (D_any - 1, D_any):
            c = random_target(algebra, rng, D_any, rank)
            for target in (1e-2, 1e-4, 1e-6):
                # Moving eigenvalues by up to 2·shift moves half(M) by at most that times √D.
                shift = target / (4 * D_any**0.5)
                theta = algebra.construct_shifted(c, D_any, D_any, shift)
                met.append(distance(algebra, theta, c) / target)
    outcome.check(
        "every_c_within_epsilon",
        "if K ≥ D, then for every c and every ε > 0 some Θ has ‖c_Θ - c‖ < ε: eigenvalues of M near"
        " zero are shifted away from it",
        exact_holds and max(met) < 1,
        f"D = 2 with one eigenvalue 0: the error is exactly {exact_error}; with K = D, M of rank"
        f" D - 1 and D, ‖c_Θ - c‖/ε is at most {max(met):.2g} for ε = 1e-2, 1e-4, 1e-6",
    )
    slope, floor = curve["slope"], curve["error"][best]
    proportional = all(
        abs(error - slope * x) <= 1e-3 * slope * x
        for x, error in zip(curve["epsilon"], curve["error"], strict=True)
        if x > 1e-6
    )
    outcome.check(
        "shift_error_proportional",
        "the error of the shift is proportional to ε until rounding, which grows as b and v₀ do"
        " (like 1/ε), overtakes it",
        proportional
        and curve["error"][-1] > floor
        and curve["largest_parameter"][-1] > curve["largest_parameter"][0],
        f"D = K = {D}: error {slope:.3g} ε down to ε = 1e-6; least {floor:.1e} at ε ="
        f" {curve['epsilon'][best]:.0e}; at ε = {curve['epsilon'][-1]:.0e} it is"
        f" {curve['error'][-1]:.1e}, with a largest parameter of"
        f" {curve['largest_parameter'][-1]:.0e}",
    )

    errors = []
    for D_any in settings.dimensions:
        for rank in range(D_any):
            c = random_target(algebra, rng, D_any, rank)
            errors.append(distance(algebra, algebra.construct_unshifted(c, D_any, D_any + 1), c))
    outcome.metrics["unshifted_error_max"] = max(errors)
    outcome.check(
        "no_shift_above_d_units",
        "with K = D + 1 units every c is met exactly, M singular or not, without a shift",
        max(errors) < EXACT,
        f"‖c_Θ - c‖ is at most {max(errors):.1e} over every rank below D, for each D in"
        f" {span(settings.dimensions)}",
    )
    w, b, v = symbols("w b v", real=True)
    basis = list(groebner([w**2 * v, (1 - 2 * b) * v * w - 1], w, b, v).exprs)
    outcome.check(
        "shift_needed_at_d_units",
        "with K = D units the shift is sometimes needed: not every c is met exactly",
        basis == [1],
        f"D = K = 1, c = (0, 1, 0): the equations -w²v = 0 and (1-2b)vw = 1 have the Gröbner basis"
        f" {basis}, so no solution",
    )


def random_target(algebra: Any, rng: np.random.Generator, D: int, rank: int) -> Any:
    """A random c (P,) whose M has the given rank, eigenvalues of size 1 to 2 and either sign."""
    Q = algebra.array(np.linalg.qr(rng.normal(size=(D, D)))[0])
    lam = rng.uniform(1, 2, size=D) * rng.choice([-1, 1], size=D) * (np.arange(D) < rank)
    M = Q @ (algebra.array(lam)[:, None] * Q.T)
    c = rng.normal(size=feature_count(D))
    c[1 + D :] = algebra.numpy(algebra.half(M))
    return algebra.array(c)


def shift_curve(settings: Settings, algebra: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Error and largest parameter against ε, for one random c with M of rank D - 1 and K = D."""
    D = settings.singular_dimension
    c = random_target(algebra, rng, D, D - 1)
    lam, Q = algebra.eigen(c, D)
    null = Q[:, int(np.argmin(np.abs(algebra.numpy(lam))))]
    # One eigenvalue moves from 0 to ε, M by ε qqᵀ: the error in exact arithmetic.
    slope = norm(algebra.numpy(algebra.half(null[:, None] * null[None, :])))
    epsilons = [10.0 ** (-k / 2) for k in range(2 * settings.shift_decades + 1)]
    thetas = [algebra.construct_shifted(c, D, D, epsilon) for epsilon in epsilons]
    unshifted = algebra.construct_unshifted(c, D, D + 1)
    return {
        "epsilon": epsilons,
        "error": [distance(algebra, theta, c) for theta in thetas],
        "largest_parameter": [largest_parameter(algebra, theta) for theta in thetas],
        "slope": slope,
        "dimension": D,
        "unshifted_error": distance(algebra, unshifted, c),
        "unshifted_parameter": largest_parameter(algebra, unshifted),
    }


def largest_parameter(algebra: Any, theta: Theta) -> float:
    return max(largest(algebra.numpy(part)) for part in theta)


def part_3_few_units(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """K < D: the quadratic part of c_Θ has rank at most K."""
    from sympy import Matrix, groebner, symbols

    w1, w2, v = symbols("w1 w2 v", real=True)
    theta = Theta(*(np.array(p, dtype=object) for p in ([[w1, w2]], [0], [v], 0)))
    c_3 = NumPyAlgebra().coefficients(theta)[3:]
    target = [1, 1, 0]  # half of the identity
    basis = list(groebner([e - t for e, t in zip(c_3, target, strict=True)], w1, w2, v).exprs)
    determinant = Matrix(NumPyAlgebra().matrix(np.append([0, 0, 0], c_3), 2)).det().expand()
    excess, nearest = [], float("inf")
    for D in settings.dimensions:
        identity = np.append(np.zeros(1 + D), algebra.numpy(algebra.half(algebra.array(np.eye(D)))))
        for _ in range(settings.draws if D > 1 else 0):
            theta = random_theta(algebra, rng, D - 1, D)
            M = algebra.matrix(algebra.coefficients(theta), D)
            excess.append(algebra.rank(M) - (D - 1))
            nearest = min(nearest, distance(algebra, theta, algebra.array(identity)))
    outcome.check(
        "fewer_units_fail",
        "if K < D some c cannot be met, nor approached: the quadratic part of c_Θ has rank at most"
        " K, that of c may have rank D",
        basis == [1] and determinant == 0 and max(excess, default=0) <= 0 and nearest >= 0.5**0.5,
        f"D = 2, K = 1, M the identity: Gröbner basis {basis}, no solution; det M_Θ ="
        f" {determinant}, so (Eckart-Young) ‖c_Θ - c‖ ≥ √½ for all Θ"
        + (f"; nearest of the random Θ with K = D - 1: {nearest:.2f}" if excess else ""),
    )


# Part 4: the closed form


def part_4_rank(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """What the closed form needs of the inputs: not their independence, but φ's full rank."""
    from sympy import Matrix, Poly, Symbol

    exact = NumPyAlgebra()
    D = Symbol("D")
    # N ≥ P + 1 independent vectors in ℝᴰ need P + 1 ≤ D; the difference has no real root.
    missing = Poly(feature_polynomial(D) + 1 - D, D)
    never = missing.discriminant() < 0 and missing.LC() > 0
    reached = []
    for d in settings.dimensions:
        N = feature_count(d) + 1
        reached.append((d, N, algebra.rank(algebra.array(rng.normal(size=(N, d))))))
    d, N, rank = reached[-1]
    outcome.check(
        "inputs_can_be_independent",
        "more than (D+1)(D+2)/2 input vectors in ℝᴰ can be linearly independent",
        any(r == n for _, n, r in reached) or not never,
        f"at most D can: P + 1 - D = {missing.as_expr()} is positive for every D; {N} random"
        f" vectors in ℝ^{d} have rank {rank}",
    )

    def ranks(rows: list[tuple[Any, ...]]) -> tuple[int, int]:
        X = np.array(rows, dtype=object)
        return int(Matrix(X).rank()), int(Matrix(exact.phi(X)).rank())

    line = [(1,), (2,), (3,), (4,)]
    plane = [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (1, 2)]
    circle = [(Fraction(1 - t * t, 1 + t * t), Fraction(2 * t, 1 + t * t)) for t in range(-3, 4)]
    (line_x, line_phi), (plane_x, plane_phi), (circle_x, circle_phi) = map(
        ranks, (line, plane, circle)
    )
    outcome.check(
        "full_column_rank_is_needed",
        "what the closed form needs is that the rows φ(x_n) have rank (D+1)(D+2)/2; the inputs"
        " themselves may be linearly dependent",
        line_phi == feature_count(1) and plane_phi == feature_count(2) and line_x < len(line),
        f"x = 1, 2, 3, 4 (D = 1): inputs of rank {line_x}, φ of rank {line_phi} of 3; seven whole"
        f" points of the plane: rank {plane_x}, φ of rank {plane_phi} of 6",
    )
    outcome.check(
        "rank_of_inputs_is_not_enough",
        "even inputs of the full rank D do not suffice: φ may still lose rank",
        circle_x == 2 and circle_phi < feature_count(2),
        f"seven rational points of the unit circle: inputs of rank {circle_x}, φ of rank"
        f" {circle_phi} of 6, for x_1² + x_2² = 1",
    )


def feature_polynomial(D: Any) -> Any:
    return (D + 1) * (D + 2) / 2


def part_4_closed_form(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """ĉ = X⁺y against gradient descent on Θ."""
    D, K, N = settings.fit_dimension, settings.fit_units, settings.examples
    X = algebra.array(rng.normal(size=(N, D)))
    F = algebra.phi(X)
    truth = algebra.array(rng.normal(size=feature_count(D)))
    y = F @ truth + algebra.array(settings.noise * rng.normal(size=N))
    c, by_normal_equations = algebra.least_squares(F, y)
    fitted = F @ c
    loss = squared_loss(algebra, fitted, y)
    solutions = relative(algebra.numpy(by_normal_equations), algebra.numpy(c))
    outcome.check(
        "pseudo_inverse_formula",
        "where the rows φ(x_n) have full column rank, X⁺y = (XᵀX)⁻¹Xᵀy",
        algebra.rank(F) == feature_count(D) and solutions < EXACT,
        f"N = {N}, rank {algebra.rank(F)} of {feature_count(D)}; relative difference"
        f" {solutions:.1e}",
    )

    # L(c) - L(ĉ) = ½‖X(c - ĉ)‖² ≥ 0 for every c: Pythagoras, since Xᵀ(Xĉ - y) = 0.
    others = [c + algebra.array(rng.normal(size=feature_count(D))) for _ in range(settings.draws)]
    gaps = [
        squared_loss(algebra, F @ other, y) - loss - squared_loss(algebra, F @ other, fitted)
        for other in others
    ]
    theta = algebra.construct(c, *algebra.eigen(c, D), K)
    theta_loss, gradient = algebra.loss_and_gradient(theta, X, y)
    theta_loss = float(theta_loss)
    slope = max(largest(algebra.numpy(part)) for part in gradient)
    scale = max(squared_loss(algebra, F @ other, y) for other in others)
    outcome.check(
        "closed_form_is_global_minimum",
        "ĉ = X⁺y is a global minimum of the squared loss, and the network attains it",
        largest(gaps) < EXACT * scale
        and abs(theta_loss - loss) < EXACT * scale
        and slope < 1e-8 * scale,
        f"L(c) - L(ĉ) = ½‖X(c-ĉ)‖² to {largest(gaps):.1e}; L(ĉ) = {loss:.6g}, the loss of the Θ"
        f" built from ĉ differs by {abs(theta_loss - loss):.1e}, its gradient is {slope:.1e}",
    )

    descent = gradient_descent(settings, algebra, rng, X, y)
    final = [losses[-1] for losses in descent["losses"]]
    lowest = min(min(losses) for losses in descent["losses"])
    arrived = sum(end <= loss * 1.001 + EXACT for end in final)
    outcome.metrics |= {
        "closed_form_loss": loss,
        "gradient_descent_loss_min": min(final),
        "gradient_descent_loss_max": max(final),
        "gradient_descent_starts_that_agree": arrived,
    }
    if descent.pop("diverged"):
        outcome.metrics["diverged"] = 1
    outcome.plots["fit"] = descent | {
        "closed_form_loss": loss,
        "target": algebra.numpy(y).tolist(),
        "fitted": algebra.numpy(fitted).tolist(),
    }
    outcome.check(
        "gradient_descent_agrees",
        "gradient descent on Θ never gets below the closed form's loss, and its best start comes"
        " within a thousandth of it",
        lowest >= loss * (1 - EXACT) - EXACT and arrived > 0,
        f"closed form {loss:.6g}; after {descent['steps'][-1]} steps from {len(final)} starts"
        f" {min(final):.6g} to {max(final):.6g}, {arrived} of them within a thousandth",
    )


def squared_loss(algebra: Any, outputs: Any, y: Any) -> float:
    """½ Σ (ŷ - y)²."""
    return float(np.sum(algebra.numpy(outputs - y) ** 2) / 2)


def gradient_descent(
    settings: Settings, algebra: Any, rng: np.random.Generator, X: Any, y: Any
) -> dict[str, Any]:
    """Plain gradient descent on Θ from several random starts at once.

    Returns the steps that are kept (at most some 200, evenly on a logarithmic scale), the loss of
    each start at them, and whether the run was cut short because a loss left the finite range.
    """
    starts, D, K = settings.starts, settings.fit_dimension, settings.fit_units
    shapes = ((starts, K, D), (starts, K), (starts, K), (starts,))
    theta = Theta(*(algebra.array(settings.start_scale * rng.normal(size=s)) for s in shapes))
    rate = settings.learning_rate / len(X)  # the gradient is of the sum over examples
    kept = {0, settings.steps} | {round(x) for x in np.geomspace(1, settings.steps, 200)}
    steps, losses, diverged = [], [], False
    for step in range(settings.steps + 1):
        with np.errstate(all="ignore"):
            loss, gradient = algebra.loss_and_gradient(theta, X, y)
        now = algebra.numpy(loss)
        if not np.all(now < 1e12):  # also where it is not a number
            diverged = True
            break
        if step in kept:
            steps.append(step)
            losses.append(now.tolist())
        theta = Theta(*(p - rate * g for p, g in zip(theta, gradient, strict=True)))
    return {
        "steps": steps,
        "losses": [list(each) for each in zip(*losses, strict=True)],
        "diverged": diverged,
    }


def part_4_other_activations(
    outcome: Outcome, settings: Settings, algebra: Any, rng: np.random.Generator
) -> None:
    """What is special about g: its units span only P functions, however many there are."""
    from sympy import Matrix

    D, P = 2, feature_count(2)
    X = algebra.array(rng.normal(size=(8 * P, D)))
    theta = random_theta(algebra, rng, 6 * P, D)
    Z = X @ theta.W.T + theta.b
    ranks = {
        name: algebra.rank(algebra.activation(name, Z))
        for name in ("quadratic", "relu", "tanh", "sigmoid")
    }
    # Exactly: the units x - k on the points 1 … 6 make a triangular matrix under the ReLU.
    steps = np.arange(1, 7, dtype=object)[:, None] - np.arange(6, dtype=object)[None, :]
    exact = NumPyAlgebra()
    staircase = {
        name: int(Matrix(exact.activation(name, steps)).rank()) for name in ("quadratic", "relu")
    }
    others = [ranks[name] for name in ("relu", "tanh", "sigmoid")]
    outcome.check(
        "only_quadratic_activation",
        "the approach rests on the quadratic activation: units with ReLU, tanh or sigmoid are not"
        " linear in any fixed set of (D+1)(D+2)/2 features",
        ranks["quadratic"] == P
        and min(others) > P
        and staircase == {"quadratic": feature_count(1), "relu": len(steps)},
        f"{6 * P} random units at {8 * P} points of ℝ²: rank {ranks['quadratic']} for g, "
        + ", ".join(f"{ranks[name]} for {name}" for name in ("relu", "tanh", "sigmoid"))
        + f"; six units on six points of the line, exactly: {staircase['quadratic']} for g,"
        f" {staircase['relu']} for relu",
    )


# Figures


def draw_construction(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """‖c_Θ - c‖ of the published and of the corrected construction, by D."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["construction"]
    figure, axes = new_figure(width=6.0)
    ax = axes[0, 0]
    places = {D: k for k, D in enumerate(sorted(set(plot["dimension"])))}
    shown = (
        ("published", "published: v = λ", COLOURS[1], "s", -0.12),
        ("corrected", "corrected: v = -λ", COLOURS[0], "o", 0.12),
    )
    for name, text, colour, marker, aside in shown:
        ax.scatter(
            [places[D] + aside for D in plot["dimension"]],
            # A logarithmic axis has no zero: an exact round trip is drawn at the lower edge.
            [max(e, 1e-17) for e in plot[name]],
            s=18,
            marker=marker,
            color=colour,
            alpha=0.6,
            label=text,
            linewidths=0,
        )
    ax.axhline(EXACT, color=COLOURS[6], lw=1, ls=":", label="counts as exact")
    ax.set_yscale("log")
    ax.set_ylim(3e-18, 1e3)
    ax.set_xticks(list(places.values()), [str(D) for D in places])
    ax.set_xlabel("number of inputs D")
    ax.set_ylabel("‖c$_Θ$ - c‖, one point a random c")
    ax.legend(loc="center right")
    return titled(figure, spec)


def draw_shift(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Error and largest parameter against the shift ε of a singular M."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["shift"]
    epsilon, D = plot["epsilon"], plot["dimension"]
    figure, axes = new_figure(1, 2, width=4.8)
    left, right = axes[0]
    left.loglog(epsilon, plot["error"], "o-", ms=4, label=f"K = D = {D}, shifted by ε, float64")
    left.loglog(
        epsilon,
        [plot["slope"] * e for e in epsilon],
        "--",
        color=COLOURS[1],
        label="the same in exact arithmetic",
    )
    left.axhline(
        max(plot["unshifted_error"], 1e-17),
        ls=":",
        color=COLOURS[2],
        label=f"K = D + 1 = {D + 1}, no shift",
    )
    left.set_ylabel("‖c$_Θ$ - c‖")
    right.loglog(epsilon, plot["largest_parameter"], "o-", ms=4, label="shifted by ε")
    right.axhline(plot["unshifted_parameter"], ls=":", color=COLOURS[2], label="no shift")
    right.set_ylabel("largest parameter in Θ")
    for ax in (left, right):
        ax.set_xlabel("shift ε")
        ax.legend()
    low, high = left.get_ylim()
    left.set_ylim(low, high * 1e3)  # room for the legend
    return titled(figure, spec)


def draw_fit(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """Targets against the closed form's outputs; gradient descent's loss by step."""
    from hw.figures.style import COLOURS, new_figure

    plot = sole(outcomes).plots["fit"]
    figure, axes = new_figure(1, 2, width=4.8)
    left, right = axes[0]
    left.scatter(plot["target"], plot["fitted"], s=18, color=COLOURS[0], alpha=0.7, linewidths=0)
    ends = [min(plot["target"]), max(plot["target"])]
    left.plot(ends, ends, color=COLOURS[6], lw=1, ls=":", label="ŷ = y")
    left.set_xlabel("target y")
    left.set_ylabel("ŷ = ĉᵀφ(x), closed form")
    left.legend()
    for k, losses in enumerate(plot["losses"]):
        right.plot(
            plot["steps"],
            losses,
            color=COLOURS[5],
            lw=1.2,
            label=f"gradient descent on Θ, {len(plot['losses'])} starts" if k == 0 else None,
        )
    right.axhline(plot["closed_form_loss"], color=COLOURS[1], ls="--", label="closed form ĉ = X⁺y")
    right.set_xscale("symlog", linthresh=1)
    right.set_xlim(0, max(plot["steps"][-1], 1))
    right.set_yscale("log")
    low, high = right.get_ylim()
    right.set_ylim(low, high * 8)  # room for the legend
    right.set_xlabel("step")
    right.set_ylabel("½ Σ (ŷ - y)²")
    right.legend()
    return titled(figure, spec)


FIGURES = {"construction": draw_construction, "shift": draw_shift, "fit": draw_fit}
