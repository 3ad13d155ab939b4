"""Linear regression, one example at a time, beside the closed form.

Source: IST Deep Learning 2021-22, Homework 1, question 2.2(a), Figures 5 and 6.

Conventions: N examples, D features; X (N, D+1) has a last column of ones; w (D+1,) starts at
zero; examples come in the order of NumPy's legacy generator. Update: w <- w - η (ŷ - y) x with
ŷ = w·x. Losses are root mean squared errors, as the document plots them. The closed form is that
of ridge regression, w* = (XᵀX + λI)⁻¹ Xᵀy, by a linear solve. X = U diag(σ) Vᵀ; the rows vᵢ of
Vᵀ are directions that XᵀX stretches by σᵢ²; those with σᵢ > 0 span the row space of X, and what
is at right angles to them all is its null space.

Why the distance ‖w - w*‖ stays above zero. Every update adds a multiple of an example, so w
never leaves the row space of X, and w* lies in it too, for Xᵀy does: the null space has no part
in the distance. In the direction vᵢ an epoch shrinks what is missing by about exp(-η σᵢ²), and
the small σᵢ are slow. Both statements are put to the test here.

Deviations from the handout: none in the updates. The handout inverts XᵀX + λI; a solve is as
exact as the matrix allows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from hw.config.settings import setting
from hw.datasets.features import Dataset, Features
from hw.errors import UsageError
from hw.nn import per_example
from hw.nn.evaluate import Evaluator
from hw.results.outcome import Check, Outcome
from hw.training.network_spec import mean_of_epoch
from hw.training.per_example import SequentialLearner
from hw.training.random_draws import NumPyDraws

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]

TASK = "regression"
MEASURE = {
    "epoch": ("train_loss", "test_loss", "distance", "distance_row_space", "distance_null_space"),
    "end": ("rank",),
}


@dataclass(frozen=True)
class Settings:
    """What the assignment's script takes on its command line, and what it fixes."""

    epochs: int = setting(150, "passes over the training set", low=1)
    learning_rate: float = setting(0.001, "step size η", above=0, high=1e6)
    ridge: float = setting(1e-4, "λ, added to the diagonal of XᵀX in the closed form", above=0)
    seed: int = setting(42, "of the order of the examples", low=0, high=2**32 - 1)


@dataclass(frozen=True)
class ClosedForm:
    """The closed form and the directions to look at it in.

    weights:    w*, (D+1,).
    ridge:      λ.
    sigma:      σ, largest first, (min(N, D+1),).
    directions: the vᵢ that span the row space of X, (rank, D+1), in the order of σ.
    """

    weights: Array
    ridge: float
    sigma: Array
    directions: Array

    @classmethod
    def of(cls, X: Array, weights: Array, ridge: float, sigma: Array, V: Array) -> Self:
        """From X, w*, λ, and the σ and Vᵀ of X."""
        # The usual bound on what rounding makes of a singular value that is zero.
        rounding = sigma[0] * max(X.shape) * np.finfo(np.float64).eps
        return cls(weights, ridge, sigma, V[: int((sigma > rounding).sum())])

    @property
    def rank(self) -> int:
        return len(self.directions)

    def parts(self, w: Array) -> tuple[float, float]:
        """The norms of what ``w`` has in the row space and in the null space of X."""
        along = self.directions @ w
        return norm(along), norm(w - along @ self.directions)

    def null_direction(self) -> Array:
        """A unit vector (D+1,) that X maps to zero; zeros where there is none."""
        rank, width = self.directions.shape
        if rank == width:
            return np.zeros(width)
        outside = np.eye(width) - self.directions.T @ self.directions
        longest = outside[np.argmax(np.linalg.norm(outside, axis=1))]
        return longest / np.linalg.norm(longest)

    @property
    def solve_error(self) -> float:
        """How far off w* may be: ε times the condition number of XᵀX + λI, with a margin of 10."""
        condition = (float(self.sigma[0]) ** 2 + self.ridge) / self.ridge
        return 10 * condition * float(np.finfo(np.float64).eps) * norm(self.weights)


class RegressionLearner(SequentialLearner):
    """What regressions share: no accuracies, and losses that are read after an epoch."""

    def train_epoch(self) -> dict[str, float]:
        # The running mean of ½(ŷ - y)² is not reported: the losses are root mean squared errors
        # of the whole split with the weights at the end of the epoch.
        super().train_epoch()
        return {}

    def _correct(self, split: Evaluator) -> int:
        raise UsageError("a regression has no accuracy")


class LinearLearner(RegressionLearner):
    """What both implementations share: what is measured and tested against the closed form."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        super().__init__(data, NumPyDraws(settings.seed).orders(len(data.train)))
        self.settings = settings
        self.closed_form = self._solve(with_ones(data.train.features), data.train.labels)
        self.distances = [norm(self.closed_form.weights)]  # from w = 0

    @abstractmethod
    def _solve(self, X: Array, y: Array) -> ClosedForm: ...

    @abstractmethod
    def weights(self) -> Array:
        """w (D+1,), the array that training changes."""

    def train_epoch(self) -> dict[str, float]:
        super().train_epoch()
        self.distances.append(norm(self.weights() - self.closed_form.weights))
        return {}

    def measure(self, metrics: Sequence[str]) -> dict[str, float]:
        missing = self.weights() - self.closed_form.weights
        row_space, null_space = self.closed_form.parts(missing)
        own = {
            "distance": norm(missing),
            "distance_row_space": row_space,
            "distance_null_space": null_space,
            "rank": self.closed_form.rank,
        }
        found = super().measure([name for name in metrics if name not in own])
        return found | {name: own[name] for name in metrics if name in own}

    def parameters(self) -> dict[str, Array]:
        w = self.weights()
        return {"0.weight": w[:-1], "0.bias": w[-1:]}

    def state(self) -> dict[str, Array]:
        return {**super().state(), "distances": np.array(self.distances)}

    def load_state(self, state: Mapping[str, Array]) -> None:
        super().load_state(state)
        self.distances = state["distances"].tolist()

    def decay(self) -> Array:
        """exp(-η σᵢ² epochs): what is left in each direction, if only its σ mattered, (rank,)."""
        sigma = self.closed_form.sigma[: self.closed_form.rank]
        return np.exp(-self.settings.learning_rate * sigma**2 * (len(self.distances) - 1))

    def checks(self) -> list[Check]:
        """The document's statements on the closed form, and ours, put to the test at the end."""
        form, w = self.closed_form, self.weights()
        rank, width, best = form.rank, len(w), form.weights
        epochs, distance = len(self.distances) - 1, self.distances[-1]
        X, y = with_ones(self.data.train.features), self.data.train.labels
        falls = sum(b < a for a, b in zip(self.distances, self.distances[1:], strict=False))
        row, null = form.parts(w - best)
        outside, best_outside = form.parts(w)[1], form.parts(best)[1]
        smallest = float(form.sigma[rank - 1])
        beyond = f", the next one {form.sigma[rank]:.1e}" if rank < len(form.sigma) else ""
        expected = norm(self.decay() * (form.directions @ best))
        ridge_error = norm(ridge_by_least_squares(X, y, form.ridge) - best)
        losses = losses_along(X, y, form.null_direction())
        slowest = 1 / (self.settings.learning_rate * smallest**2)
        return [
            Check(
                "normal_equations_singular",
                "XᵀX cannot be inverted",
                rank < width,
                f"rank {rank} of {width}: singular value {rank} of X is {smallest:.3g}{beyond}",
            ),
            Check(
                "closed_form_is_ridge",
                "w = (XᵀX + λI)⁻¹Xᵀy is ridge regression: ‖Xw - y‖² + λ‖w‖² is least there",
                ridge_error <= form.solve_error,
                f"off a least-squares solver, given √λ I as further examples with target 0, by "
                f"{ridge_error:.1e}; the solve is exact to {form.solve_error:.1e}",
            ),
            Check(
                "infinitely_many_minimisers",
                "infinitely many w have the same least squared error on the training data",
                rank < width and max(losses) <= min(losses) * (1 + 1e-9),
                f"X maps {width - rank} directions to zero: moved along one by 0, 1 and 1000, a "
                f"minimiser has losses of {', '.join(f'{loss:.10f}' for loss in losses)}",
            ),
            Check(
                "distance_falls",
                "the distance to the closed form falls with the epochs",
                falls == epochs,
                f"in {falls} of {epochs} epochs, from {self.distances[0]:.4f} to {distance:.4f}",
            ),
            Check(
                "distance_above_zero",
                "the distance to the closed form does not reach zero",
                distance > form.solve_error,
                f"{distance:.4f} after {epochs} epochs; the closed form is exact to "
                f"{form.solve_error:.1e}",
            ),
            Check(
                "null_space_explains_distance",
                "the distance remains because of the null space of X",
                null > row,
                f"null space {null:.1e}, row space {row:.4f}, of a distance of {distance:.4f}",
            ),
            Check(
                "sgd_stays_in_row_space",
                "from zero, SGD never leaves the row space of X",
                outside <= 1e-9 * norm(best),  # the rounding of many updates
                f"part of w in the null space: {outside:.1e}, of a norm of {norm(w):.4f}",
            ),
            Check(
                "closed_form_in_row_space",
                "the closed form lies in the row space of X",
                best_outside <= form.solve_error,
                f"part of w* in the null space: {best_outside:.1e}, of a norm of {norm(best):.4f}; "
                f"the solve is exact to {form.solve_error:.1e}",
            ),
            Check(
                "slow_directions_explain_distance",
                "the distance is what directions with small singular values have still to go",
                abs(expected - distance) <= 0.05 * distance,
                f"shrinking direction i by exp(-ησᵢ²) an epoch leaves {expected:.4f}, SGD leaves "
                f"{distance:.4f}; the slowest needs {slowest:.0f} epochs to shrink by a factor e",
            ),
        ]

    def plots(self, names: Collection[str]) -> dict[str, Any]:
        if "directions" not in names:
            return {}
        form = self.closed_form
        missing = self.weights() - form.weights
        rate = self.settings.learning_rate * form.sigma[: form.rank] ** 2
        return {
            "directions": {
                "epochs": len(self.distances) - 1,
                "time": (1 / rate).tolist(),
                "start": np.abs(form.directions @ form.weights).tolist(),
                "end": np.abs(form.directions @ missing).tolist(),
                "expected": np.abs(self.decay() * (form.directions @ form.weights)).tolist(),
                "null_space": form.parts(missing)[1],
                "null_directions": len(missing) - form.rank,
            }
        }


def norm(v: Array) -> float:
    """The Euclidean norm."""
    return float(np.linalg.norm(v))


def ridge_by_least_squares(X: Array, y: Array, ridge: float) -> Array:
    """The minimiser of ‖Xw - y‖² + λ‖w‖², (D+1,), by least squares with √λ I below X."""
    width = X.shape[1]
    rows = np.vstack([X, np.sqrt(ridge) * np.eye(width)])
    return np.linalg.lstsq(rows, np.append(y, np.zeros(width)), rcond=None)[0]


def losses_along(X: Array, y: Array, direction: Array) -> list[float]:
    """Root mean squared errors at a minimiser of ‖Xw - y‖, and at 1 and at 1000 from it."""
    least = np.linalg.lstsq(X, y, rcond=None)[0]
    errors = (X @ (least + step * direction) - y for step in (0, 1, 1000))
    return [norm(error) / float(np.sqrt(len(y))) for error in errors]


def with_ones(features: Features) -> Array:
    """(N, D+1) float64, a column of ones after the features."""
    X = np.ones((len(features), features.width + 1))
    features.take(slice(None), out=X)
    return X


# NumPy


class NumPyLearner(LinearLearner):
    """w as one (D+1,) array."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        super().__init__(settings, data)
        self.w = np.zeros(data.n_features + 1)

    def _solve(self, X: Array, y: Array) -> ClosedForm:
        ridge = self.settings.ridge
        weights = np.linalg.solve(X.T @ X + ridge * np.eye(X.shape[1]), X.T @ y)
        _, sigma, V = np.linalg.svd(X, full_matrices=False)
        return ClosedForm.of(X, weights, ridge, sigma, V)

    def _train(self, rows: Array) -> float:
        train = self.data.train
        return per_example.linear_regression_epoch(
            self.w, train.features, train.labels, rows, self.settings.learning_rate
        )

    def _loss(self, split: Evaluator) -> float:
        return split.linear_rmse(self.w)

    def weights(self) -> Array:
        return self.w


# PyTorch


class TorchLearner(LinearLearner):
    """The same model as a float64 tensor, its gradients autograd's."""

    def __init__(self, settings: Settings, data: Dataset) -> None:
        import torch

        self.torch = torch
        super().__init__(settings, data)
        self.X = torch.from_numpy(with_ones(data.train.features))
        self.y = torch.from_numpy(data.train.labels)
        self.w = torch.zeros(self.X.shape[1], dtype=torch.float64, requires_grad=True)

    def _solve(self, X: Array, y: Array) -> ClosedForm:
        torch, ridge = self.torch, self.settings.ridge
        x, target = torch.from_numpy(X), torch.from_numpy(y)
        gram = x.T @ x + ridge * torch.eye(x.shape[1], dtype=torch.float64)
        weights = torch.linalg.solve(gram, x.T @ target)
        _, sigma, V = torch.linalg.svd(x, full_matrices=False)
        return ClosedForm.of(X, weights.numpy(), ridge, sigma.numpy(), V.numpy())

    def _train(self, rows: Array) -> float:
        losses = []
        for row in rows.tolist():
            loss = 0.5 * (self.X[row] @ self.w - self.y[row]).square()
            (gradient,) = self.torch.autograd.grad(loss, self.w)
            with self.torch.no_grad():
                self.w.sub_(gradient, alpha=self.settings.learning_rate)
            losses.append(loss.detach())
        seen = self.torch.stack(losses)
        return mean_of_epoch(seen.mean().item(), seen)

    def _loss(self, split: Evaluator) -> float:
        with self.torch.no_grad():
            outputs = self.torch.from_numpy(with_ones(split.features)) @ self.w
            return root_mean_square(outputs - self.torch.from_numpy(split.labels))

    def weights(self) -> Array:
        return self.w.detach().numpy()


def root_mean_square(errors: Any) -> float:
    """Of a tensor."""
    return float(errors.square().mean().sqrt())


def learner(settings: Settings, data: Dataset, backend: str, device: str = "cpu") -> LinearLearner:
    """The model in training; see `hw.training.loop.Learner`."""
    if device != "cpu":
        raise UsageError("a regression, one example at a time, has no use for a GPU")
    return (TorchLearner if backend == "torch" else NumPyLearner)(settings, data)


# Figures


def draw_directions(outcomes: Mapping[str, Outcome], spec: Mapping[str, Any]) -> Figure:
    """How far SGD has come along each singular direction, against the epochs that it needs."""
    from hw.figures.style import COLOURS, new_figure

    shown = {v: o.plots["directions"] for v, o in outcomes.items() if "directions" in o.plots}
    figure, axes = new_figure(max(1, len(shown)), 2, width=5.2, height=3.8)
    for (left, right), found in zip(axes, shown.values(), strict=False):
        time, epochs = np.array(found["time"]), found["epochs"]
        start, end = np.array(found["start"]), np.array(found["end"])
        expected = np.maximum(found["expected"], 1e-300)  # for the logarithm
        after = f"after {epochs} epoch{'s' if epochs > 1 else ''}"
        left.loglog(time, start, ".", ms=4, color="#AAAAAA", label="at the start")
        left.loglog(time, end, ".", ms=6, color=COLOURS[0], label=after)
        left.loglog(
            time,
            expected,
            "o",
            ms=5,
            mfc="none",
            mew=0.7,
            color=COLOURS[1],
            label="expected: start × exp(-ησ² epochs)",
        )
        left.set_ylim(max(end.min() / 3, 1e-12), start.max() * 20)
        left.set_ylabel("distance to the closed form, by direction")
        left.text(
            0.98,
            0.03,
            f"all {found['null_directions']} directions\nof the null space:\n"
            f"{found['null_space']:.1e}",
            transform=left.transAxes,
            ha="right",
            va="bottom",
            fontsize=8,
        )
        order = np.argsort(time)
        for values, colour, text in ((start, "#AAAAAA", "at the start"), (end, COLOURS[0], after)):
            share = np.cumsum(values[order] ** 2) / np.sum(values**2)
            right.semilogx(time[order], share, drawstyle="steps-post", color=colour, label=text)
        right.set_ylabel("share of the squared distance\nin directions up to this one")
        for ax in (left, right):
            ax.axvline(epochs, lw=1, ls=":", color="black", label=f"{epochs} epochs")
            ax.set_xlabel("1/(ησ²): epochs to shrink by a factor e")
            ax.legend(fontsize=8, loc="upper left")
    if spec.get("title"):
        figure.suptitle(spec["title"])
    return figure


FIGURES = {"directions": draw_directions}
