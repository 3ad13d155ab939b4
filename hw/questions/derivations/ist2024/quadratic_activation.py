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

The algebra is written once, over NumPy and PyTorch, and its NumPy side also takes arrays of SymPy
expressions or fractions: the symbolic proofs run the very code that computes the numbers. Only the
gradient of the loss is there twice, by hand and by autograd. Deviations from the handout: none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.calculus import gap
from hw.questions.derivations.lab.lab import Figures, Lab, as_numpy
from hw.questions.derivations.lab.worlds import world
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


class Theta(NamedTuple):
    """Θ = (W (..., K, D), b (..., K), v (..., K), v₀ (...)); leading axes are separate networks."""

    W: Any
    b: Any
    v: Any
    v0: Any


def feature_count(D: int) -> int:
    """P, the number of features of D inputs."""
    return (D + 1) * (D + 2) // 2


def places(D: int) -> tuple[Any, Any]:
    """Rows and columns of the elements of a symmetric (D, D) in the order of φ, squares first."""
    i, j = np.triu_indices(D, 1)
    return np.append(np.arange(D), i), np.append(np.arange(D), j)


class Algebra:
    """The model in the arrays of ``xp``, NumPy or PyTorch; NumPy's may hold exact numbers too."""

    def __init__(self, backend: str) -> None:
        self.xp = world(backend)

    def array(self, values: Any) -> Any:
        """Numbers of float64 in this library."""
        return self.xp.array(values)

    def phi(self, X: Any) -> Any:
        """Features φ of the rows of X (N, D): (N, P)."""
        i, j = np.triu_indices(X.shape[-1], 1)
        ones = self.xp.ones_like(X[..., :1])
        return self.xp.concat([ones, X, X * X, 2 * X[..., i] * X[..., j]], -1)

    def pre_activations(self, theta: Theta, X: Any) -> Any:
        """z = Wx + b for each row x: (..., N, K)."""
        return X @ theta.W.mT + theta.b[..., None, :]

    def hidden(self, theta: Theta, X: Any) -> Any:
        """h = g(Wx + b) for each row x: (..., N, K)."""
        z = self.pre_activations(theta, X)
        return z * (1 - z)

    def predict(self, theta: Theta, X: Any) -> Any:
        """ŷ = vᵀh + v₀ for each row x: (..., N)."""
        return (self.hidden(theta, X) @ theta.v[..., None])[..., 0] + theta.v0[..., None]

    def a_matrix(self, theta: Theta) -> Any:
        """A_Θ (..., K, P): the coefficients of each hidden unit in φ."""
        W, b = theta.W, theta.b[..., None]
        i, j = places(W.shape[-1])
        return self.xp.concat([b - b * b, (1 - 2 * b) * W, -(W[..., i] * W[..., j])], -1)

    def coefficients(self, theta: Theta) -> Any:
        """c_Θ = A_Θᵀ v + v₀ e_1: (P,)."""
        c = self.a_matrix(theta).mT @ theta.v
        return self.xp.concat([c[:1] + theta.v0, c[1:]])

    def linear_coefficients(self, theta: Theta) -> Any:
        """c_1 = [b ⊙ (1-b)]ᵀv + v₀ and c_2 = Wᵀ[(1-2b) ⊙ v], joined: (1 + D,)."""
        W, b, v, v0 = theta
        return self.xp.concat([(b * (1 - b)) @ v + v0[None], W.mT @ ((1 - 2 * b) * v)])

    def half(self, M: Any) -> Any:
        """The diagonal of M (D, D), then its upper triangle: (D(D+1)/2,)."""
        return M[places(len(M))]

    def matrix(self, c: Any, D: int) -> Any:
        """The symmetric M (D, D) with half(M) = c_3."""
        M = self.xp.zeros((D, D), dtype=c.dtype)
        i, j = places(D)
        M[i, j] = M[j, i] = c[1 + D :]
        return M

    def eigen(self, c: Any, D: int) -> tuple[Any, Any]:
        """λ (D,) and Q (D, D) with M = Q Diag(λ) Qᵀ."""
        lam, Q = self.xp.linalg.eigh(self.matrix(c, D))
        return lam, Q

    def construct(self, c: Any, lam: Any, Q: Any, K: int, sign: int = -1) -> Theta:
        """Θ from c, the eigenvalues λ ≠ 0 and eigenvectors Q (D, r) of M, padded to K units.

        ``sign`` -1 is v = -λ; +1 is the published v = λ.
        """
        D, pad = len(Q), K - len(lam)
        v = sign * lam
        b = (1 - Q.mT @ c[1 : 1 + D] / v) / 2
        v0 = c[0] - (b * (1 - b)) @ v
        zeros, rows = (self.xp.zeros(shape, dtype=c.dtype) for shape in (pad, (pad, D)))
        W, b, v = (self.xp.concat(p) for p in ([Q.mT, rows], [b, zeros], [v, zeros]))
        return Theta(W, b, v, self.xp.asarray(v0))

    def construct_shifted(self, c: Any, D: int, K: int, epsilon: float) -> Theta:
        """Θ from c where M may be singular: eigenvalues within ε of zero become ε."""
        lam, Q = self.eigen(c, D)
        return self.construct(c, self.xp.where(abs(lam) > epsilon, lam, epsilon), Q, K)

    def construct_unshifted(self, c: Any, D: int, K: int, zero: float = 1e-12) -> Theta:
        """Θ from c where M may be singular, exactly: needs rank(M) + 2 ≤ K, so K > D suffices.

        Eigenvalues within ``zero`` of zero, rounding errors of a rank-deficient M, count as zero.
        """
        lam, Q = self.eigen(c, D)
        lam, Q = lam[abs(lam) > zero], Q[:, abs(lam) > zero]
        W, b, v, v0 = self.construct(c, lam, Q, K)
        W[-2:] = c[1 : 1 + D] - Q @ (Q.mT @ c[1 : 1 + D])
        v[-2], v[-1] = 1, -1
        b[-2], b[-1] = 0, 0.5
        return Theta(W, b, v, v0 + 0.25)  # the last unit's constant is -½(1 - ½)

    def least_squares(self, F: Any, y: Any) -> tuple[Any, Any]:
        """F⁺y and (FᵀF)⁻¹Fᵀy for F (N, P), y (N,)."""
        return self.xp.linalg.pinv(F) @ y, self.xp.linalg.solve(F.mT @ F, F.mT @ y)

    def activation(self, name: str, Z: Any) -> Any:
        """g (``quadratic``), ``relu``, ``tanh`` or ``sigmoid``, element by element."""
        functions: dict[str, Callable[[Any], Any]] = {
            "quadratic": lambda z: z * (1 - z),
            "relu": lambda z: self.xp.where(z > 0, z, 0),
            "tanh": self.xp.tanh,
            "sigmoid": lambda z: (1 + self.xp.tanh(z / 2)) / 2,
        }
        return functions[name](Z)

    def rank(self, M: Any) -> int:
        """Numerical rank: singular values above 1e-10 of the largest."""
        s = self.xp.linalg.svdvals(M)
        return int((s > 1e-10 * s[0]).sum())

    def loss_and_gradient(self, theta: Theta, X: Any, y: Any) -> tuple[Any, Theta]:
        """½ Σ (ŷ - y)² for each network (...) and its gradient."""
        raise NotImplementedError


class NumPyAlgebra(Algebra):
    """The gradient is derived by hand."""

    def __init__(self) -> None:
        super().__init__("numpy")

    def loss_and_gradient(self, theta: Theta, X: Any, y: Any) -> tuple[Any, Theta]:
        z = self.pre_activations(theta, X)
        h = z * (1 - z)
        error = (h @ theta.v[..., None])[..., 0] + theta.v0[..., None] - y
        dz = error[..., None] * theta.v[..., None, :] * (1 - 2 * z)  # (..., N, K)
        gradient = Theta(dz.mT @ X, dz.sum(-2), (h.mT @ error[..., None])[..., 0], error.sum(-1))
        return (error**2).sum(-1) / 2, gradient


class TorchAlgebra(Algebra):
    """The gradient is autograd's."""

    def __init__(self) -> None:
        super().__init__("torch")

    def loss_and_gradient(self, theta: Theta, X: Any, y: Any) -> tuple[Any, Theta]:
        leaves = Theta(*(part.detach().requires_grad_() for part in theta))
        loss = ((self.predict(leaves, X) - y) ** 2).sum(-1) / 2
        # The networks share no parameter, so that the sum's gradient is each one's own.
        return loss.detach(), Theta(*self.xp.autograd.grad(loss.sum(), tuple(leaves)))


ALGEBRAS: dict[str, Callable[[], Algebra]] = {"numpy": NumPyAlgebra, "torch": TorchAlgebra}


class Bench(Lab):
    """A `Lab` with the backend's algebra, and with the exact one for proofs."""

    settings: Settings

    def __init__(self, settings: Settings, backend: str) -> None:
        super().__init__(settings, backend)
        self.algebra, self.exact = ALGEBRAS[backend](), NumPyAlgebra()
        self.small = range(1, settings.symbolic_dimension + 1)

    def cases(self) -> Iterator[tuple[Theta, Any]]:
        """Θ with K = D + extra units and inputs X (7, D), for every D and draw."""
        for D in self.settings.dimensions:
            for _ in range(self.settings.draws):
                theta = random_theta(self.algebra, self.rng, D + self.settings.extra_units, D)
                yield theta, self.algebra.array(self.rng.normal(size=(7, D)))


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
    lab = Bench(settings, backend)
    # Each part draws from one generator: their order is part of the results.
    for part in (
        *(phi_dimension, part_1_and_2, part_3_coefficients, part_3_construction),
        *(part_3_singular, part_3_exact, part_3_few_units),
        *(part_4_rank, part_4_closed_form, part_4_other_activations),
    ):
        part(lab)
    return lab.outcome


def random_theta(
    algebra: Algebra,
    rng: np.random.Generator,
    K: int,
    D: int,
    lead: tuple[int, ...] = (),
    scale: float = 1.0,
) -> Theta:
    """Normal parameters of standard deviation ``scale`` for networks of shape ``lead``."""
    shapes: tuple[tuple[int, ...], ...] = ((K, D), (K,), (K,), ())
    return Theta(*(algebra.array(scale * rng.normal(size=(*lead, *shape))) for shape in shapes))


def symbolic_theta(K: int, D: int) -> Theta:
    """Θ as arrays of SymPy symbols."""
    from sympy import Symbol

    def grid(name: str, *shape: int) -> Any:
        cells = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            cells[index] = Symbol(name + "_".join(str(i + 1) for i in index), real=True)
        return cells

    return Theta(grid("w", K, D), grid("b", K), grid("v", K), grid("v0"))


def symbolic_row(D: int) -> Any:
    """One input x (1, D) of SymPy symbols."""
    from sympy import symbols

    return np.array([symbols(f"x1:{D + 1}", real=True)], dtype=object)


def vanishes(expressions: Any) -> bool:
    """Whether every expression, a quotient of polynomials, is identically zero."""
    from sympy import cancel

    return all(cancel(e) == 0 for e in np.ravel(expressions))


def largest(values: Any) -> float:
    """The largest absolute value."""
    return gap(as_numpy(values), 0)


def norm(values: Any) -> float:
    """The Euclidean norm of all entries."""
    return float(np.sqrt(np.sum(np.square(as_numpy(values)))))


def relative(found: Any, expected: Any) -> float:
    """Largest difference over the largest expected value."""
    return largest(found - expected) / max(largest(expected), 1e-300)


def distance(algebra: Algebra, theta: Theta, c: Any) -> float:
    """‖c_Θ - c‖."""
    return norm(algebra.coefficients(theta) - c)


def span(numbers: Any) -> str:
    """The numbers in words."""
    return ", ".join(map(str, numbers))


# Identities in Θ and x -------------------------------------------------------------------------


def gram(theta: Theta) -> Any:
    """M = WᵀDiag(v)W (D, D)."""
    return theta.W.mT @ (theta.v[:, None] * theta.W)


def c_3(algebra: Algebra, theta: Theta) -> Any:
    """The quadratic part of c_Θ."""
    return algebra.coefficients(theta)[1 + theta.W.shape[-1] :]


# check: (statement, its two sides in any algebra for Θ and rows x, name of the relative error).
# The identities of one group are measured on the same draws.
Sides = Callable[[Algebra, Theta, Any], tuple[Any, Any]]
HIDDEN: dict[str, tuple[str, Sides, str]] = {
    "hidden_linear_in_phi": (
        "h = A_Θ φ(x), with a φ that does not depend on Θ",
        lambda A, theta, x: (A.hidden(theta, x), A.phi(x) @ A.a_matrix(theta).mT),
        "hidden_error",
    ),
}
OUTPUT: dict[str, tuple[str, Sides, str]] = {
    "output_linear_in_phi": (
        "ŷ = c_Θᵀ φ(x) with c_Θ = A_Θᵀ v + v₀ e_1",
        lambda A, theta, x: (A.predict(theta, x), A.phi(x) @ A.coefficients(theta)),
        "output_error",
    ),
}
COEFFICIENTS: dict[str, tuple[str, Sides, str]] = {
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
        lambda A, theta, x: (c_3(A, theta), A.half(gram(theta))),
        "c3_error_published",
    ),
    "c3_corrected": (
        "c_3 is minus the half-vectorisation of WᵀDiag(v)W",
        lambda A, theta, x: (c_3(A, theta), -A.half(gram(theta))),
        "c3_error_corrected",
    ),
    "vech_matches_phi": (
        "with φ's factor 2 on products, taking each element above the diagonal once gives xᵀMx",
        lambda A, theta, x: (
            ((x @ gram(theta)) * x).sum(-1),
            A.phi(x)[..., 1 + x.shape[-1] :] @ A.half(gram(theta)),
        ),
        "",
    ),
}


def identities(lab: Bench, table: dict[str, tuple[str, Sides, str]]) -> None:
    """left = right for every row of the table: in symbols with K = 2, and on the random cases."""
    cases = list(lab.cases())
    for name, (statement, sides, metric) in table.items():
        wrong = ""
        for D in lab.small:
            left, right = sides(lab.exact, symbolic_theta(2, D), symbolic_row(D))
            failing = [e for e in np.ravel(left - right) if not vanishes(e)]
            if failing and not wrong:
                wrong = f"is {failing[0].expand()} for D = {D}"
        measured = (sides(lab.algebra, *case) for case in cases)
        error = max(relative(right, left) for left, right in measured)
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
        x = symbolic_row(D)
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
        independent and all(counts[D] == feature_count(D) for D in counts),
        "features by D: " + ", ".join(f"{D}: {counts[D]}" for D in sorted(counts)),
    )


def part_1_and_2(lab: Bench) -> None:
    """Hidden layer and output are linear in φ; the coefficients are not linear in Θ."""
    from sympy import Poly

    identities(lab, HIDDEN)
    identities(lab, OUTPUT)
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
    theta = symbolic_theta(1, 2)
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
    identities(lab, COEFFICIENTS)
    # Column by column from the diagonal down, as vech goes through a symmetric matrix.
    vech = {D: [(j, i) for j in range(D) for i in range(j, D)] for D in lab.small}
    same = {D: order == list(zip(*places(D), strict=True)) for D, order in vech.items()}
    lab.check(
        "vech_order_differs",
        "column by column, the usual vech is in another order than φ from D = 2 on, so that it has"
        " to be read in φ's order: squares first",
        not any(same[D] for D in lab.small if D > 1),
        "φ wants M11, M22, M21 where vech has M11, M21, M22"
        if len(same) > 1
        else "not tested: symbolic_dimension is 1",
    )


def symbolic_eigen() -> tuple[Any, Any]:
    """λ (2,) and a rotation Q (2, 2), rational in t = tan(angle/2)."""
    from sympy import symbols

    t, *lam = symbols("t lambda1 lambda2", real=True)
    cosine, sine = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    return np.array(lam, dtype=object), np.array([[cosine, -sine], [sine, cosine]], dtype=object)


def part_3_construction(lab: Bench) -> None:
    """The published construction and the corrected one, in symbols and on random c."""
    from sympy import symbols

    algebra, exact, settings = lab.algebra, lab.exact, lab.settings
    signs = {"published": 1, "corrected": -1}
    # Any c for D = 2, met with K = 3: c_1, c_2, λ and the angle of Q are symbols.
    lam, Q = symbolic_eigen()
    half = exact.half(Q @ np.diag(lam) @ Q.T)
    c = np.append(symbols("c1 c21 c22", real=True), half)
    residual = {
        name: exact.coefficients(exact.construct(c, lam, Q, 3, sign)) - c
        for name, sign in signs.items()
    }
    twice = vanishes(residual["published"] + np.append([0, 0, 0], 2 * half))
    errors: dict[str, list[float]] = {name: [] for name in signs}
    dimensions = [D for D in settings.dimensions for _ in range(settings.draws)]
    for D in dimensions:
        c = algebra.array(lab.rng.normal(size=feature_count(D)))
        lam, Q = algebra.eigen(c, D)
        for name, sign in signs.items():
            theta = algebra.construct(c, lam, Q, D + settings.extra_units, sign)
            errors[name].append(distance(algebra, theta, c))
    published, corrected = errors["published"], errors["corrected"]
    lab.metrics |= {
        "published_error_min": min(published),
        "published_error_max": max(published),
        "corrected_error_max": max(corrected),
    }
    lab.plots["construction"] = {"dimension": dimensions, **errors}
    lab.check(
        "published_construction",
        "W = Qᵀ, v = λ and b = ½(1 - λ⁻¹ ⊙ Qᵀc_2), padded with zeros, give back c",
        vanishes(residual["published"]) and max(published) < EXACT,
        f"‖c_Θ - c‖ is from {min(published):.2g} to {max(published):.2g} over random c; for D = 2"
        f" in symbols c_Θ - c {'is' if twice else 'is not'} (0, 0, -2 half(M))",
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


def random_target(algebra: Algebra, rng: np.random.Generator, D: int, rank: int) -> Any:
    """A random c (P,) whose M has the given rank, eigenvalues of size 1 to 2 and either sign."""
    Q = algebra.array(np.linalg.qr(rng.normal(size=(D, D)))[0])
    lam = rng.uniform(1, 2, size=D) * rng.choice([-1, 1], size=D) * (np.arange(D) < rank)
    M = Q @ (algebra.array(lam)[:, None] * Q.mT)
    c = algebra.array(rng.normal(size=feature_count(D)))
    c[1 + D :] = algebra.half(M)
    return c


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
            c = random_target(algebra, lab.rng, D, rank)
            for target in (1e-2, 1e-4, 1e-6):
                # Moving eigenvalues by up to 2·shift moves half(M) by at most that times √D.
                theta = algebra.construct_shifted(c, D, D, target / (4 * D**0.5))
                met.append(distance(algebra, theta, c) / target)
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
    c = random_target(algebra, lab.rng, D, D - 1)
    lam, Q = algebra.eigen(c, D)
    null = Q[:, int(np.argmin(np.abs(as_numpy(lam))))]
    epsilons = [10.0 ** (-k / 2) for k in range(2 * lab.settings.shift_decades + 1)]
    thetas = [algebra.construct_shifted(c, D, D, epsilon) for epsilon in epsilons]
    unshifted = algebra.construct_unshifted(c, D, D + 1)
    lab.plots["shift"] = {
        "epsilon": epsilons,
        "error": [distance(algebra, theta, c) for theta in thetas],
        "largest_parameter": [max(map(largest, theta)) for theta in thetas],
        # One eigenvalue moves from 0 to ε, M by ε qqᵀ: the error in exact arithmetic.
        "slope": norm(algebra.half(null[:, None] * null[None, :])),
        "dimension": D,
        "unshifted_error": distance(algebra, unshifted, c),
        "unshifted_parameter": max(map(largest, unshifted)),
    }
    return lab.plots["shift"]


def part_3_exact(lab: Bench) -> None:
    """When the shift can be avoided."""
    from sympy import groebner, symbols

    errors = []
    for D in lab.settings.dimensions:
        for rank in range(D):
            c = random_target(lab.algebra, lab.rng, D, rank)
            theta = lab.algebra.construct_unshifted(c, D, D + 1)
            errors.append(distance(lab.algebra, theta, c))
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
        identity = np.append(
            np.zeros(1 + D), as_numpy(lab.algebra.half(lab.algebra.array(np.eye(D))))
        )
        for _ in range(lab.settings.draws if D > 1 else 0):
            theta = random_theta(lab.algebra, lab.rng, D - 1, D)
            M = lab.algebra.matrix(lab.algebra.coefficients(theta), D)
            excess.append(lab.algebra.rank(M) - (D - 1))
            nearest = min(nearest, distance(lab.algebra, theta, lab.algebra.array(identity)))
    lab.check(
        "fewer_units_fail",
        "if K < D some c cannot be met, nor approached: the quadratic part of c_Θ has rank at most"
        " K, that of c may have rank D",
        basis == [1] and determinant == 0 and max(excess, default=0) <= 0 and nearest >= 0.5**0.5,
        f"D = 2, K = 1, M the identity: Gröbner basis {basis}, no solution; det M_Θ ="
        f" {determinant}, so (Eckart-Young) ‖c_Θ - c‖ ≥ √½ for all Θ"
        + (f"; nearest of the random Θ with K = D - 1: {nearest:.2f}" if excess else ""),
    )


# Part 4: the closed form


def part_4_rank(lab: Bench) -> None:
    """What the closed form needs of the inputs: not their independence, but φ's full rank."""
    from sympy import Matrix, Poly, Symbol

    D = Symbol("D")
    # N ≥ P + 1 independent vectors in ℝᴰ need P + 1 ≤ D; the difference has no real root.
    missing = Poly(feature_polynomial(D) + 1 - D, D)
    never = missing.discriminant() < 0 and missing.LC() > 0
    reached = []
    for d in lab.settings.dimensions:
        N = feature_count(d) + 1
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
    (line_x, line_phi), (plane_x, plane_phi), (circle_x, circle_phi) = map(
        ranks, (line, plane, circle)
    )
    lab.check(
        "full_column_rank_is_needed",
        "what the closed form needs is that the rows φ(x_n) have rank (D+1)(D+2)/2; the inputs"
        " themselves may be linearly dependent",
        line_phi == feature_count(1) and plane_phi == feature_count(2) and line_x < len(line),
        f"x = 1, 2, 3, 4 (D = 1): inputs of rank {line_x}, φ of rank {line_phi} of 3; seven whole"
        f" points of the plane: rank {plane_x}, φ of rank {plane_phi} of 6",
    )
    lab.check(
        "rank_of_inputs_is_not_enough",
        "even inputs of the full rank D do not suffice: φ may still lose rank",
        circle_x == 2 and circle_phi < feature_count(2),
        f"seven rational points of the unit circle: inputs of rank {circle_x}, φ of rank"
        f" {circle_phi} of 6, for x_1² + x_2² = 1",
    )


def feature_polynomial(D: Any) -> Any:
    return (D + 1) * (D + 2) / 2


def part_4_closed_form(lab: Bench) -> None:
    """ĉ = X⁺y against gradient descent on Θ."""
    D, K, N = lab.settings.fit_dimension, lab.settings.fit_units, lab.settings.examples
    X = lab.algebra.array(lab.rng.normal(size=(N, D)))
    F = lab.algebra.phi(X)
    truth = lab.algebra.array(lab.rng.normal(size=feature_count(D)))
    y = F @ truth + lab.algebra.array(lab.settings.noise * lab.rng.normal(size=N))
    c, by_normal_equations = lab.algebra.least_squares(F, y)
    fitted = F @ c
    loss = squared_loss(fitted, y)
    solutions = relative(as_numpy(by_normal_equations), as_numpy(c))
    lab.check(
        "pseudo_inverse_formula",
        "where the rows φ(x_n) have full column rank, X⁺y = (XᵀX)⁻¹Xᵀy",
        lab.algebra.rank(F) == feature_count(D) and solutions < EXACT,
        f"N = {N}, rank {lab.algebra.rank(F)} of {feature_count(D)}; relative difference"
        f" {solutions:.1e}",
    )

    # L(c) - L(ĉ) = ½‖X(c - ĉ)‖² ≥ 0 for every c: Pythagoras, since Xᵀ(Xĉ - y) = 0.
    others = [
        c + lab.algebra.array(lab.rng.normal(size=feature_count(D)))
        for _ in range(lab.settings.draws)
    ]
    gaps = [squared_loss(F @ other, y) - loss - squared_loss(F @ other, fitted) for other in others]
    theta = lab.algebra.construct(c, *lab.algebra.eigen(c, D), K)
    theta_loss, gradient = lab.algebra.loss_and_gradient(theta, X, y)
    theta_loss = float(theta_loss)
    slope = max(largest(as_numpy(part)) for part in gradient)
    scale = max(squared_loss(F @ other, y) for other in others)
    lab.check(
        "closed_form_is_global_minimum",
        "ĉ = X⁺y is a global minimum of the squared loss, and the network attains it",
        largest(gaps) < EXACT * scale
        and abs(theta_loss - loss) < EXACT * scale
        and slope < 1e-8 * scale,
        f"L(c) - L(ĉ) = ½‖X(c-ĉ)‖² to {largest(gaps):.1e}; L(ĉ) = {loss:.6g}, the loss of the Θ"
        f" built from ĉ differs by {abs(theta_loss - loss):.1e}, its gradient is {slope:.1e}",
    )

    descent = gradient_descent(lab.settings, lab.algebra, lab.rng, X, y)
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


def squared_loss(outputs: Any, y: Any) -> float:
    """½ Σ (ŷ - y)²."""
    return float(np.sum(as_numpy(outputs - y) ** 2) / 2)


def gradient_descent(
    settings: Settings, algebra: Algebra, rng: np.random.Generator, X: Any, y: Any
) -> dict[str, Any]:
    """Plain gradient descent on Θ from several random starts at once.

    Returns the steps that are kept (at most some 200, evenly on a logarithmic scale), the loss of
    each start at them, and whether the run was cut short because a loss left the finite range.
    """
    D, K, lead = settings.fit_dimension, settings.fit_units, (settings.starts,)
    theta = random_theta(algebra, rng, K, D, lead, settings.start_scale)
    rate = settings.learning_rate / len(X)  # the gradient is of the sum over examples
    kept = {0, settings.steps} | {round(x) for x in np.geomspace(1, settings.steps, 200)}
    steps, losses, diverged = [], [], False
    for step in range(settings.steps + 1):
        with np.errstate(all="ignore"):
            loss, gradient = algebra.loss_and_gradient(theta, X, y)
        now = as_numpy(loss)
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


def part_4_other_activations(lab: Bench) -> None:
    """What is special about g: its units span only P functions, however many there are."""
    from sympy import Matrix

    D, P = 2, feature_count(2)
    X = lab.algebra.array(lab.rng.normal(size=(8 * P, D)))
    theta = random_theta(lab.algebra, lab.rng, 6 * P, D)
    Z = X @ theta.W.T + theta.b
    ranks = {
        name: lab.algebra.rank(lab.algebra.activation(name, Z))
        for name in ("quadratic", "relu", "tanh", "sigmoid")
    }
    # Exactly: the units x - k on the points 1 … 6 make a triangular matrix under the ReLU.
    steps = np.arange(1, 7, dtype=object)[:, None] - np.arange(6, dtype=object)[None, :]
    staircase = {
        name: int(Matrix(lab.exact.activation(name, steps)).rank())
        for name in ("quadratic", "relu")
    }
    others = [ranks[name] for name in ("relu", "tanh", "sigmoid")]
    lab.check(
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
