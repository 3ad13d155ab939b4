"""One hidden layer with g(z) = z(1 - z) as a linear model in the features φ: its algebra.

Conventions: D inputs, K hidden units, N examples, P = (D+1)(D+2)/2 features; φ, A_Θ, c_Θ and half
are those of `hw.questions.derivations.ist2024.quadratic_activation`, which tests them. The formulas
are written once and run on NumPy arrays, which may hold SymPy expressions or fractions, and on
PyTorch tensors. The gradient of the loss is there twice, by hand and by autograd.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hw.questions.derivations.lab.calculus import gap
from hw.questions.derivations.lab.lab import as_numpy
from hw.questions.derivations.lab.worlds import world


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


class Algebra(ABC):
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

    @abstractmethod
    def loss_and_gradient(self, theta: Theta, X: Any, y: Any) -> tuple[Any, Theta]:
        """½ Σ (ŷ - y)² for each network (...) and its gradient."""


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


def random_target(algebra: Algebra, rng: np.random.Generator, D: int, rank: int) -> Any:
    """A random c (P,) whose M has the given rank, eigenvalues of size 1 to 2 and either sign."""
    Q = algebra.array(np.linalg.qr(rng.normal(size=(D, D)))[0])
    lam = rng.uniform(1, 2, size=D) * rng.choice([-1, 1], size=D) * (np.arange(D) < rank)
    M = Q @ (algebra.array(lam)[:, None] * Q.mT)
    c = algebra.array(rng.normal(size=feature_count(D)))
    c[1 + D :] = algebra.half(M)
    return c


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


def symbolic_eigen() -> tuple[Any, Any]:
    """λ (2,) and a rotation Q (2, 2), rational in t = tan(angle/2)."""
    from sympy import symbols

    t, *lam = symbols("t lambda1 lambda2", real=True)
    cosine, sine = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    return np.array(lam, dtype=object), np.array([[cosine, -sine], [sine, cosine]], dtype=object)


def gram(theta: Theta) -> Any:
    """M = WᵀDiag(v)W (D, D)."""
    return theta.W.mT @ (theta.v[:, None] * theta.W)


def c_3(algebra: Algebra, theta: Theta) -> Any:
    """The quadratic part of c_Θ."""
    return algebra.coefficients(theta)[1 + theta.W.shape[-1] :]


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


def vanishes(expressions: Any) -> bool:
    """Whether every expression, a quotient of polynomials, is identically zero."""
    from sympy import cancel

    return all(cancel(e) == 0 for e in np.ravel(expressions))


def squared_loss(outputs: Any, y: Any) -> float:
    """½ Σ (ŷ - y)²."""
    return float(np.sum(as_numpy(outputs - y) ** 2) / 2)


def gradient_descent(
    settings: Any, algebra: Algebra, rng: np.random.Generator, X: Any, y: Any
) -> dict[str, Any]:
    """Plain gradient descent on Θ from several random starts at once.

    settings: fit_dimension D, fit_units K, starts, start_scale (the standard deviation of the
              starting weights), steps and learning_rate (on the mean loss).

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
