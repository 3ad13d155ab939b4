"""How many parameters a network has, and how deep a narrow one must be to have as many.

Source: IFT-6390, Homework 3, practical report, 1.2.3 (equations 1 to 7) and 1.3 (equations 8, 9).

The counts are taken from networks that are built: arrays of the layers' shapes (backend numpy) or
a ``torch.nn.Sequential`` (backend torch). That is all in which the two differ: for counting, one
implementation would suffice, and the second is a check of the shapes. The deep network is inputs,
one layer of ``first`` units, then z layers of ``width`` units, then the classes. Its parameters
grow linearly with z,

    P(x) = D f + f + f w + w + x (w^2 + w) + w K + K,    x = z - 1,

x counting the layers that lead from one layer of width w to another: equation (8). Exact
arithmetic throughout: whole numbers and `fractions.Fraction`.

Conventions: D inputs, f = ``first``, w = ``width``, K classes; a layer from a to b units has a b
weights and b biases. What the report states is among the settings (``claimed_...``), so that
another report of the same assignment needs YAML only.

Deviations: none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

import numpy as np

from hw.config.settings import setting
from hw.errors import UsageError
from hw.questions.derivations.lab.lab import Figures, Lab
from hw.results.outcome import Outcome


@dataclass(frozen=True)
class Settings:
    inputs: int = setting(3072, "input features (32 x 32 x 3)", low=1, high=100_000)
    classes: int = setting(10, "classes", low=1, high=100_000)
    hidden: tuple[int, ...] = setting(
        (512, 256), "the first network's hidden layers", low=1, high=10_000
    )
    first: int = setting(512, "the deep network's first hidden layer", low=1, high=10_000)
    width: int = setting(120, "the deep network's further hidden layers", low=1, high=10_000)
    most: int = setting(12, "most layers of that width that are tried", low=2, high=100)
    claimed_layers: tuple[int, ...] = setting(
        (1_572_864, 512, 131_072, 256, 2_560, 10),
        "weights and biases by layer as the report counts them",
        low=0,
    )
    claimed_total: int = setting(1_707_264, "the report's total", low=0)
    claimed_inputs: int = setting(3075, "the inputs as the report's equation prints them", low=1)
    claimed_x: float = setting(4.91, "the report's solution of its equation", low=0)
    claimed_count: int = setting(4, "layers of that width the report says it takes", low=1)
    claimed_hidden: tuple[int, ...] = setting(
        (512, 120, 120, 120, 120, 120), "hidden layers the report lists and trains", low=1
    )


# Building and counting ----------------------------------------------------------------------------


def numpy_network(sizes: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """By layer: W (in, out) and b (out,). Their values are not set, they are counted only."""
    return [(np.empty((a, b), np.float32), np.empty(b, np.float32)) for a, b in pairwise(sizes)]


def torch_network(sizes: Sequence[int]) -> Any:
    """The same as a ``torch.nn.Sequential``, ReLU between the layers.

    On the meta device: real modules and shapes, without storage or a single random draw.
    """
    from torch import nn

    modules: list[Any] = []
    for a, b in pairwise(sizes):
        modules += [nn.Linear(a, b, device="meta"), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def layer_counts(sizes: Sequence[int], backend: str) -> list[int]:
    """Weights and biases of each layer in turn, 2 (len(sizes) - 1) numbers, of a built network."""
    if backend == "torch":
        return [parameter.numel() for parameter in torch_network(sizes).parameters()]
    return [array.size for layer in numpy_network(sizes) for array in layer]


def deep_sizes(settings: Settings, layers: int) -> tuple[int, ...]:
    """The deep network with ``layers`` layers of the given width."""
    return (settings.inputs, settings.first, *[settings.width] * layers, settings.classes)


def solution(settings: Settings, target: int, *, forget: int = 0, inputs: int = 0) -> Fraction:
    """x of ``target`` = P(x), exactly; ``forget`` parameters left out, or other ``inputs``."""
    d, f, w, k = inputs or settings.inputs, settings.first, settings.width, settings.classes
    fixed = d * f + f + f * w + w + w * k + k - forget
    return Fraction(target - fixed, w * w + w)


# The question -------------------------------------------------------------------------------------

Row = tuple[str, str, bool, str]  # name, statement, whether it holds, evidence


def compute(settings: Settings, data: Any, backend: str) -> Outcome:
    """The counts of both networks, and the depth that brings them closest. No ``data``."""
    lab = Lab(settings, backend)
    sizes = (settings.inputs, *settings.hidden, settings.classes)
    if len(settings.claimed_layers) != 2 * (len(sizes) - 1):
        raise UsageError(
            f"claimed_layers has {len(settings.claimed_layers)} numbers; weights and biases of "
            f"{len(sizes) - 1} layers are {2 * (len(sizes) - 1)}"
        )
    counts = layer_counts(sizes, backend)
    total = sum(counts)
    lab.metrics["parameters"] = total
    for row in chain(_count_rows(lab, sizes, counts), _depth_rows(lab, total)):
        lab.check(*row)
    return lab.outcome


def _count_rows(lab: Lab, sizes: Sequence[int], counts: Sequence[int]) -> Iterator[Row]:
    """1.2.3: layer by layer, then the total."""
    settings = lab.settings
    names = [f"{kind}{i + 1}" for i in range(len(sizes) - 1) for kind in ("w", "b")]
    for name, counted, claimed in zip(names, counts, settings.claimed_layers, strict=True):
        i = int(name[1:])
        formula = f"{sizes[i - 1]} x {sizes[i]}" if name[0] == "w" else str(sizes[i])
        lab.metrics[f"parameters_{name}"] = counted
        yield (
            f"count_{name}",
            f"{'weights' if name[0] == 'w' else 'biases'} of layer {i}: {claimed:,}",
            counted == claimed,
            f"{formula}: {counted:,} counted in the built network",
        )
    rule = [n for a, b in pairwise(sizes) for n in (a * b, b)]
    yield (
        "layer_rule",
        "a layer has inputs times outputs weights and as many biases as outputs",
        list(counts) == rule,
        f"{len(sizes) - 1} layers: {', '.join(f'{n:,}' for n in rule)} by the rule, "
        f"{', '.join(f'{n:,}' for n in counts)} counted",
    )
    total, claimed, added = sum(counts), settings.claimed_total, sum(settings.claimed_layers)
    lacks = f"; the difference, {counts[-1]}, is as many as the last layer's biases"
    yield (
        "total_as_printed",
        f"the network has {claimed:,} parameters in total",
        total == claimed,
        f"{' + '.join(f'{c:,}' for c in counts)} = {total:,}"
        + (lacks if total - claimed == counts[-1] else ""),
    )
    yield (
        "total_is_the_sum",
        f"the total is the sum of every layer's weights and biases, the last biases too: {added:,}",
        total == added,
        f"{total:,} counted in the built network",
    )


def _depth_rows(lab: Lab, target: int) -> Iterator[Row]:
    """1.3: the equation, its solution, and the closest whole number of layers."""
    settings, backend, w = lab.settings, lab.world.name, lab.settings.width
    layers = list(range(1, settings.most + 1))
    counts = [sum(layer_counts(deep_sizes(settings, z), backend)) for z in layers]
    listed = sum(n == w for n in settings.claimed_hidden)
    listed_sizes = (settings.inputs, *settings.claimed_hidden, settings.classes)
    listed_total = sum(layer_counts(listed_sizes, backend))
    lab.plots["depth"] = {
        "layers": layers,
        "parameters": counts,
        "target": target,
        "width": w,
        "first": settings.first,
        "claimed": listed,
    }
    x_of = [solution(settings, count) for count in counts]
    further = x_of == [z - 1 for z in layers]
    yield (
        "equation_counts_further_layers",
        f"equation (8) with {settings.inputs} inputs, its x the layers from {w} to {w} units: one "
        f"less than the layers of {w}",
        further,
        f"P(x) equals the built network with x + 1 layers of {w}, for each of x = 0 to "
        f"{settings.most - 1}"
        if further
        else "P(x) and a built network differ",
    )
    yield (
        "equation_counts_all_layers",
        f"equation (8)'s x is the number of hidden layers of {w} units",
        x_of == layers,
        f"{layers[1]} layers of {w} have {counts[1]:,} parameters, which P reaches at "
        f"x = {x_of[1]}: the first layer of {w} is P's term {settings.first} x {w} + {w}; with "
        f"x = {settings.claimed_count} the network listed has {listed} of them",
    )
    yield (
        "listed_depth_fits_the_equation",
        f"{settings.claimed_count} layers from {w} to {w} units are those of the network listed, "
        f"{listed} of {w} in all",
        listed == settings.claimed_count + 1,
        f"{settings.claimed_hidden} has {listed_total:,} parameters, which P reaches at "
        f"x = {solution(settings, listed_total)}",
    )
    yield (
        "equation_inputs",
        f"the network of equation (8) has {settings.claimed_inputs} inputs",
        settings.claimed_inputs == settings.inputs,
        f"it has {settings.inputs}; with {settings.claimed_inputs} the solution would be "
        f"{float(solution(settings, target, inputs=settings.claimed_inputs)):.2f}",
    )
    x, dropped = solution(settings, target), solution(settings, target, forget=w)
    lab.metrics["n_hidden"] = float(x)
    lab.metrics["n_hidden_without_a_bias_layer"] = float(dropped)
    digits = len(str(settings.claimed_x).partition(".")[2])
    yield (
        "n_hidden_as_printed",
        f"the solution is x = {settings.claimed_x}",
        round(float(x), digits) == settings.claimed_x,
        f"x = {x} = {float(x):.{digits + 2}f} for {target:,}, and "
        f"{float(solution(settings, settings.claimed_total)):.{digits + 2}f} for the report's "
        f"{settings.claimed_total:,}; leaving out one term {w} gives {float(dropped):.{digits}f}",
    )
    # The exact solution, put back, gives the target exactly.
    built = counts[0] + x * (counts[1] - counts[0])
    yield (
        "n_hidden_exact",
        f"the solution is x = {float(x):.2f} further layers from {w} to {w} units",
        built == target,
        f"P({x}) = {built} from the counts of built networks, the target {target:,}",
    )
    distance = [abs(count - target) for count in counts]
    best = int(np.argmin(distance))
    lab.metrics |= {
        "closest_layers": layers[best],
        "closest_parameters": counts[best],
        "closest_distance": distance[best],
        "listed_parameters": listed_total,
        "listed_distance": abs(listed_total - target),
    }
    yield (
        "listed_network_is_closest",
        f"the hidden layers {settings.claimed_hidden} come closest to the first network",
        listed_sizes == deep_sizes(settings, layers[best]),
        f"{listed_total:,} parameters, {abs(listed_total - target):,} off; with {layers[best]} "
        f"layers of {w} {counts[best]:,}, {distance[best]:,} off",
    )
    nearest = round(x) + 1
    yield (
        "closest_network",
        f"the closest has {nearest} layers of {w}, {nearest - 1} further ones after the first: x "
        "rounded, not cut",
        layers[best] == nearest,
        f"{(settings.first, *[w] * layers[best])}: {counts[best]:,} parameters, "
        f"{distance[best]:,} from {target:,}, the least of 1 to {settings.most} layers",
    )


# Figure -------------------------------------------------------------------------------------------


FIGURES = Figures()


@FIGURES.add("depth", width=6.2, height=4.0)
def draw_depth(plots: Any, ax: Any) -> None:
    """Parameters over the number of narrow layers, with the target and both choices."""
    from hw.figures.style import COLOURS

    known = plots["depth"]
    layers, millions = known["layers"], [count / 1e6 for count in known["parameters"]]
    target = known["target"] / 1e6
    ax.plot(layers, millions, "o-", ms=4, color=COLOURS[0], label="built networks")
    ax.axhline(target, ls="--", color=COLOURS[1], label=f"first network: {known['target']:,}")
    best = min(range(len(layers)), key=lambda i: abs(millions[i] - target))
    marked = [(best, "D", COLOURS[2], "closest")]
    if known["claimed"] in layers:
        marked.append((layers.index(known["claimed"]), "X", COLOURS[3], "the report's"))
    for i, marker, colour, text in marked:
        ax.plot(
            layers[i],
            millions[i],
            marker,
            ms=9,
            color=colour,
            ls="none",
            label=f"{text}: {layers[i]} layers, {known['parameters'][i]:,}",
        )
    ax.set_xlabel(f"hidden layers of {known['width']} units, after one of {known['first']}")
    ax.set_ylabel("parameters, in millions")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(loc="upper left")
