"""One network in PyTorch, check by check: its layers, its scores, dropout, steps, and evaluation.

Scores, steps and losses are held against `TorchNetwork` with the hand-in's own weights, in float64
wherever the hand-in's module can be turned to it. What an earlier check explained goes on as a
change of the reference, so that one mistake is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from hw.grading import wording
from hw.grading.assignment import Model
from hw.grading.hand_in import HandInFault
from hw.grading.matching import Match, first_fit
from hw.grading.material import Material
from hw.grading.mistakes import Changes, Mistake, mutant
from hw.grading.notes import Notes
from hw.grading.pytorch.chain import Array, Chain
from hw.grading.pytorch.side import Made, OnlySingle, Side
from hw.grading.references.torch_network import TorchNetwork, drawn, likely, torch
from hw.grading.session import NotDone

METHODS, SHAPES, ACTIVATIONS, START = "methods", "shapes", "activations", "start"
SCORES = "prediction"
DROPOUT, FIRST, UPDATES, LOSS, EVALUATION = (
    "dropout",
    "first update",
    "updates",
    "loss",
    "evaluation",
)
ORDER = (METHODS, SHAPES, ACTIVATIONS, START, SCORES, DROPOUT, FIRST, UPDATES, LOSS, EVALUATION)
N_EXAMPLES, N_BATCHES = 20, 12
P, SEED = 0.3, 7  # of dropout, and of its random numbers
TOLERANCE, SINGLE = 1e-9, 1e-4


def examine(side: Side, model: Model, materials: Sequence[Material], notes: Notes) -> None:
    """All checks, of the first of the materials that the hand-in takes: the small one, or else, for
    a program that has its sizes written into it, that of the assignment's own. Raises `NotDone`."""
    if side.missing:
        raise NotDone
    torch.set_num_threads(1)  # several only wait for each other on numbers as few as these
    try:
        _examine(side, model, materials, notes)
    except OnlySingle:
        side.double = False
        notes.forget()
        _examine(side, model, materials, notes)


def _examine(side: Side, model: Model, materials: Sequence[Material], notes: Notes) -> None:
    notes.passed(METHODS, f"The class and {side.train} are there.")
    for material in materials:
        examination = Examination(side, model, material, notes)
        if examination.find():
            return examination.run()
    examination.tell_why_not()


@dataclass(frozen=True)
class Case:
    """One network that was asked for. ``p``: the probability of its dropout."""

    layers: int
    activation: str
    p: float
    made: Made
    chain: Chain

    def reference(self, side: Side, changes: Changes) -> TorchNetwork:
        """The reference with the weights that this network starts with, in float64."""
        weights = [
            (W.astype(np.float64), b.astype(np.float64))
            for W, b in self.chain.read(self.made.start)
        ]
        network = mutant(TorchNetwork, changes)
        return network(weights, self.activation, self.p, side.eta, side.loss)

    def forward(
        self, side: Side, changes: Changes, X: Array, training: bool, seed: int = SEED
    ) -> Array:
        """The reference's scores, with dropout's random numbers seeded as the hand-in's are."""
        network = self.reference(side, changes)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            scores: Array = network.forward(_tensor(X), training).numpy()
        return scores


@dataclass(frozen=True)
class Look:
    """The scores of a network for some examples, in training or in evaluation."""

    case: Case
    training: bool
    scores: Array


@dataclass(frozen=True)
class Walked:
    """A training: weights and biases after each batch, and what each step returned."""

    case: Case
    batches: Sequence[tuple[Array, Array]]
    after: Sequence[Sequence[tuple[Array, Array]]]
    returned: Sequence[Any]


class Examination:
    """base: the changes with which the reference does what the hand-in does, as far as is known."""

    def __init__(self, side: Side, model: Model, material: Material, notes: Notes) -> None:
        self.side, self.model, self.material, self.notes = side, model, material, notes
        self.base: Changes = ()
        self.cases: list[Case] = []
        self._fault: HandInFault | None = None
        self._arrays = ""

    def find(self) -> bool:
        """Make the networks and find their layers; whether that worked."""
        several = [(n, a) for n in self.side.layers for a in self.side.activations]
        p = P if self.side.dropout else 0.0
        for layers, activation in several:
            try:
                made = self.side.make(self.material.sizes, layers, activation, p)
            except HandInFault as fault:
                if activation != self.side.activations[0]:
                    self._without(activation, fault, f"{self.model.cls}(...)")
                else:
                    self._fault = self._fault or fault
                continue
            if made.chain is not None:
                self.cases.append(Case(layers, activation, p, made, made.chain))
            else:
                shapes = (f"{path} {array.shape}" for path, array in made.start.items())
                self._arrays = self._arrays or ", ".join(shapes)
        return any(case.layers == self.side.layers[0] for case in self.cases)

    def tell_why_not(self) -> None:
        """Raises `NotDone` for a network without anything in it."""
        if self._fault is None and not self._arrays:
            raise NotDone
        if self._fault is not None:
            self.notes.fault(SHAPES, self._fault, f"{self.model.cls}(...)")
        else:
            sizes = self.material.sizes
            self.notes.unknown(
                SHAPES,
                f"Could not tell: no chain of weights leads from {sizes.features} features to "
                f"{sizes.classes} classes.",
                self._arrays[:300],
            )

    def run(self) -> None:
        if self._fault is not None:
            self.notes.fault(SHAPES, self._fault, f"{self.model.cls}(...)")
        self._start(self.cases[0])
        self._scores()
        self._shapes()
        if self.side.dropout:
            self._dropout()
        self._updates()
        self._evaluation()
        self.notes.findings.sort(key=lambda finding: ORDER.index(finding.check))

    # Its layers

    def _shapes(self) -> None:
        cls = self.model.cls
        asked, case = {self.material.sizes.hidden, self.material.sizes.second} - {0}, self.cases[0]
        widths = set(case.chain.sizes(case.made.start)[1:-1])
        if name := self._wrong_depth():
            found = ", ".join(f"{c.chain.depth} for layers={c.layers}" for c in self._depths())
            self._named(SHAPES, name, "as many as layers says", found, f"{cls}.__init__")
        elif widths - asked:
            expected, actual = (", ".join(map(str, sorted(w))) for w in (asked, widths))
            self._named(SHAPES, "hidden_size_ignored", expected, actual, f"{cls}.__init__")
        elif any(layer.bias is None for layer in case.chain.layers):
            self._named(SHAPES, "bias_missing", "a bias in every layer", "none", f"{cls}.__init__")
        elif self._fault is None:
            layers = ", ".join(layer.weight for layer in case.chain.layers)
            self.notes.passed(SHAPES, f"The layers were found, by their depth: {layers}.")

    def _depths(self) -> list[Case]:
        return sorted({c.layers: c for c in self.cases}.values(), key=lambda c: c.layers)

    def _wrong_depth(self) -> str:
        """The mistake in the number of hidden layers, or nothing."""
        found = {c.layers: c.chain.depth for c in self._depths()}
        off = {depth - layers for layers, depth in found.items()}
        if off == {0}:
            return ""
        if len(set(found.values())) == 1 and len(found) > 1:
            return "layers_ignored"
        # With one hidden layer, too few cannot always be told from right.
        off.discard(0)
        return "layers_plus_one" if min(off) > 0 else "layers_minus_one"

    def _start(self, case: Case) -> None:
        found = case.chain.read(case.made.start)
        expected = drawn(case.chain.sizes(case.made.start), self.side.seed)
        if any(layer.bias is None for layer in case.chain.layers):
            return self._skipped(
                (START,), "Without a bias, a layer draws less, and the next other."
            )
        if all(np.allclose(a, b, rtol=1e-6) for a, b in _pairs(expected, found)):
            self.notes.passed(START, "The initial weights are those of the assignment's draws.")
        elif all(likely(W, b) for W, b in found):
            # draws_differ: no mistake, and so it is not named.
            self.notes.passed(
                START,
                "The layers are made in another order, so that they draw other weights, which are "
                "as good; the digits in a report differ.",
            )
        else:
            own = not all(layer.weight.endswith(".weight") for layer in case.chain.layers)
            W, first = found[0][0], expected[0][0]
            self._named(
                START,
                "own_parameters" if own else "start_other",
                f"standard deviation {first.std():.3g} in the first layer",
                f"standard deviation {W.std():.3g}",
                f"{self.model.cls}.__init__, {case.chain.layers[0].weight}",
            )

    # What it computes

    def _scores(self) -> None:
        """In evaluation, for every number of layers and every activation. Where they differ, in
        training too: something may be done in evaluation alone."""
        doing = f"{self.model.cls}.{self.side.forward}"
        looks = []
        for case in self.cases:
            try:
                looks.append(self._look(case, training=False))
            except HandInFault as fault:
                if case.activation == self.side.activations[0]:
                    return self._lost(SCORES, fault, doing)
                self._without(case.activation, fault, doing)
        self.cases = [look.case for look in looks]
        try:
            self.cases = [self._used(look) for look in looks]
            looks = [replace(o, case=c) for o, c in zip(looks, self.cases, strict=True)]
            if not all(self._near(self._expected(look, ()), look.scores) for look in looks):
                looks.append(self._look(self._case(0.0), training=True))
        except HandInFault as fault:
            return self._lost(SCORES, fault, doing)
        self._judge(SCORES, looks, "The scores are as the reference computes them.")

    def _look(self, case: Case, training: bool) -> Look:
        X = self.material.held[0][:N_EXAMPLES]
        return Look(case, training, self.side.scores(case.made, X, training, SEED))

    def _expected(self, look: Look, changes: Changes) -> Array:
        X = self.material.held[0][:N_EXAMPLES]
        return look.case.forward(self.side, changes, X, look.training)

    def _used(self, look: Look) -> Case:
        """The network without square layers that are made and never used, if that is what fits."""
        layers = look.case.chain.layers
        start = look.case.made.start
        square = [k for k, a in enumerate(layers) if len(set(start[a.weight].shape)) == 1]
        for number in range(len(square) + 1):
            for dropped in combinations(square, number):
                kept = tuple(layer for k, layer in enumerate(layers) if k not in dropped)
                fewer = replace(look.case, chain=Chain(kept))
                if self._near(self._expected(replace(look, case=fewer), ()), look.scores):
                    return fewer
        return look.case

    def _dropout(self) -> None:
        """In training, with the same random numbers on both sides."""
        if self._skip((DROPOUT,)):
            return
        try:
            looks = [self._look(case, training=True) for case in self.cases]
        except HandInFault as fault:
            return self._lost(DROPOUT, fault, f"{self.model.cls}.{self.side.forward} in training")
        self._judge(DROPOUT, looks, "In training, units are dropped as in the reference.")

    def _judge(self, check: str, looks: Sequence[Look], text: str) -> None:
        def apart(changes: Changes) -> Iterator[tuple[Look, Array]]:
            for look in looks:
                expected = self._expected(look, changes)
                if not self._near(expected, look.scores):
                    yield look, expected

        first = next(apart(self.base), None)
        if first is None:
            return self.notes.passed(check, text)
        look, expected = first
        match = self._match((check,), lambda changes: next(apart(changes), None) is None)
        if match is not None and match.harmless:
            return self.notes.passed(check, wording.of_match(match), match)
        where = f"{self.model.cls}.{self.side.forward}"
        if len(looks) > 1 and self.model.hidden:
            where += f", layers={look.case.layers}, {look.case.activation}"
        self._failed(check, match, where, _entry(expected, look.scores))

    def _updates(self) -> None:
        if self._skip((FIRST, UPDATES, LOSS)):
            return
        try:
            walk = self._walk()
        except HandInFault as fault:
            self._lost(FIRST, fault, self.side.train)
            return self._skipped((UPDATES, LOSS), "The first update could not be made.")
        apart = self._parting(walk, self.base)
        if apart is None:
            self.notes.passed(FIRST, "The first update is the reference's.")
            self.notes.passed(UPDATES, f"{len(walk.batches)} updates are the reference's.")
        else:
            self._judge_updates(walk, *apart)
        self._loss(walk)

    def _walk(self) -> Walked:
        """Some updates, each of one batch. Raises `NotDone` where nothing is learnt."""
        case, each = self._case(0.0), self.side.batch
        step = self.side.training(case.made)
        X, y = self.material.X, self.material.y
        starts = range(0, min(N_BATCHES * each, len(y) - each + 1), each)
        batches = [(X[k : k + each], y[k : k + each]) for k in starts]
        returned, after = [], []
        for batch in batches:
            returned.append(step(*batch))
            after.append(self.side.current(case.made))
        before = case.chain.read(case.made.start)
        if all(np.allclose(V, W, rtol=1e-7) for W, V in _pairs(before, after[-1])):
            raise NotDone
        return Walked(case, batches, after, returned)

    def _judge_updates(
        self, walk: Walked, number: int, name: str, expected: Array, actual: Array
    ) -> None:
        match = self._match(("update",), lambda changes: self._parting(walk, changes) is None)
        if match is not None and match.harmless:
            self.notes.passed(FIRST, wording.of_match(match), match)
            return self.notes.passed(UPDATES, wording.of_match(match))
        if number == 1:
            self._skipped((UPDATES,), "The first update already differs.")
        else:
            self.notes.passed(FIRST, "The first update is the reference's.")
        where = f"{self.side.train}, update {number}, {name}"
        self._failed(FIRST if number == 1 else UPDATES, match, where, _entry(expected, actual))

    def _loss(self, walk: Walked) -> None:
        """What train_batch returns."""
        if self.side.train != "train_batch" or self._skip((LOSS,)):
            return
        found = walk.returned
        if not all(np.ndim(x) == 0 and isinstance(x, float | np.ndarray) for x in found):
            return self.notes.failed(
                LOSS,
                "train_batch returns the loss of its batch.",
                expected="a number",
                actual=type(found[0]).__name__,
                where="train_batch",
            )
        losses = np.array([float(x) for x in found])

        def reported(changes: Changes) -> Array:
            network = walk.case.reference(self.side, changes)
            return np.array([network.train_batch(_tensor(X), _tensor(y)) for X, y in walk.batches])

        expected = reported(self.base)
        if self._near(expected, losses):
            return self.notes.passed(LOSS, "The loss that train_batch returns is its batch's.")
        match = self._match(("loss",), lambda changes: self._near(reported(changes), losses))
        self._failed(LOSS, match, "train_batch", _entry(expected, losses))

    def _evaluation(self) -> None:
        if self._skip((EVALUATION,)):
            return
        X, y = self.material.held
        try:
            case = self._case(P if self.side.dropout else 0.0)
            found = self.side.evaluate(case.made, X, y)
        except HandInFault as fault:
            return self.notes.fault(EVALUATION, fault, "The evaluation")
        if found is None:
            return

        def accuracy(training: bool) -> float:
            scores = case.forward(self.side, self.base, X, training, seed=0)
            return float((scores.argmax(axis=1) == y).mean())

        expected = accuracy(training=False)
        # A share, or in per cent.
        if any(abs(found / scale - expected) < 1e-6 for scale in (1, 100)):
            return self.notes.passed(EVALUATION, "The accuracy is the share of right predictions.")
        where = "evaluate"
        if abs(found - accuracy(training=True)) < 1e-6:
            self._named(EVALUATION, "dropout_in_evaluation", f"{expected:g}", f"{found:g}", where)
        else:
            self.notes.failed(
                EVALUATION,
                "The accuracy is the share of examples that are predicted right, with dropout off.",
                f"{expected:g}",
                f"{found:g}",
                where,
            )

    # What they share

    def _near(self, expected: Array, actual: Array) -> bool:
        """Whether they differ by rounding only, as a share of the largest entry."""
        if expected.shape != actual.shape or not np.isfinite(actual).all():
            return False
        scale = np.abs(expected).max(initial=1e-3)
        tolerance = scale * (TOLERANCE if self.side.double else SINGLE)
        return bool(np.abs(expected - actual).max(initial=0) <= tolerance)

    def _parting(self, walk: Walked, changes: Changes) -> tuple[int, str, Array, Array] | None:
        """The first update after which the two differ: its number, the parameter, both values."""
        network = walk.case.reference(self.side, changes)
        for number, ((X, y), found) in enumerate(zip(walk.batches, walk.after, strict=True), 1):
            network.train_batch(_tensor(X), _tensor(y))
            layers = zip(walk.case.chain.layers, network.layers(), found, strict=True)
            for layer, expected, actual in layers:
                names = (layer.weight, layer.bias)
                for name, e, a in zip(names, expected, actual, strict=True):
                    if name is not None and not self._near(e, a):
                        return number, name, e, a
        return None

    def _case(self, p: float) -> Case:
        """A fresh network of the first case's kind. Raises `HandInFault`."""
        first = self.cases[0]
        made = self.side.make(self.material.sizes, first.layers, first.activation, p)
        made.chain = first.chain
        return Case(first.layers, first.activation, p, made, first.chain)

    def _match(self, checks: Sequence[str], fits: Callable[[Changes], bool]) -> Match | None:
        """The known mistakes that explain it, which the reference makes from here on."""

        def runs_and_fits(changes: Changes) -> bool:
            try:
                return fits(changes)
            except (RuntimeError, ValueError, IndexError, TypeError):  # it cannot run here
                return False

        mistakes = [m for m in self.model.mistakes if m.check in checks]
        match = first_fit(mistakes, runs_and_fits, self.base)
        if match is not None:
            self.base = match.changes
        return match

    def _failed(
        self, check: str, match: Match | None, where: str, entry: tuple[str, str, str]
    ) -> None:
        self._unexplained = self._unexplained or (match is None and check != LOSS)
        place, expected, actual = entry
        text = wording.of_match(match)
        if match is not None:
            text += f" {wording.behaves(match)}"
        explain = [f"handout: {m.handout}" for m in match.mistakes if m.handout] if match else []
        self.notes.failed(check, text, expected, actual, where + place, match, explain)

    _unexplained = False

    def _without(self, activation: str, fault: HandInFault, doing: str) -> None:
        """An activation that the class has not, and that the script does not use by itself."""
        self.notes.fault(ACTIVATIONS, fault, f"{doing} with {activation}")

    def _skip(self, checks: Sequence[str]) -> bool:
        """Whether an earlier difference that nothing explains leaves nothing to compare with."""
        if self._unexplained:
            self._skipped(checks, "An earlier difference is not understood.")
        return self._unexplained

    def _skipped(self, checks: Sequence[str], because: str) -> None:
        for check in checks:
            self.notes.skipped(check, because)

    def _lost(self, check: str, fault: HandInFault, doing: str) -> None:
        self._unexplained = True
        self.notes.fault(check, fault, doing)

    def _named(self, check: str, id: str, expected: str, actual: str, where: str) -> None:
        """A mistake that is told by other means than a mutant."""
        known = next((m for m in self.model.mistakes if m.id == id), Mistake(id, check, id))
        match = Match((known,), ())
        self.notes.failed(check, wording.of_match(match), expected, actual, where, match)


def _tensor(array: Array) -> Any:
    return torch.tensor(array.astype(np.float64) if array.dtype.kind == "f" else array)


def _pairs(
    first: Sequence[tuple[Array, Array]], last: Sequence[tuple[Array, Array]]
) -> Iterator[tuple[Array, Array]]:
    for one, other in zip(first, last, strict=True):
        yield from zip(one, other, strict=True)


def _entry(expected: Array, actual: Array) -> tuple[str, str, str]:
    """The index of the entry that differs most, and both numbers."""
    if expected.shape != actual.shape:
        return "", f"shape {expected.shape}", f"shape {actual.shape}"
    off = np.abs(expected - actual)
    index = np.unravel_index(int(np.where(np.isfinite(off), off, np.inf).argmax()), off.shape)
    place = f"[{', '.join(map(str, index))}]"
    return place, wording.number(float(expected[index])), wording.number(float(actual[index]))
