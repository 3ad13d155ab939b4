"""One module per kind of question, its NumPy and its PyTorch implementation side by side.

A module here has the same anatomy as every other: a docstring (what, source, conventions,
deviations from the handout), then `Settings`, the NumPy implementation, the PyTorch one, and
what the runner calls. It is one of two sorts.

A kind that computes (executable mathematics, closed forms) has::

    Settings                                     a frozen dataclass of `setting` fields
    compute(settings, data, backend) -> Outcome  backend is "numpy" or "torch"; data may be None

A kind that trains has::

    Settings                                     with at least ``seed`` and ``epochs``
    MEASURE                                      {"epoch": metrics, "end": metrics} by default
    METRICS                                      names of what else its learner can measure, beside
                                                 accuracies, losses and norms; optional
    TASK                                         "regression" where it predicts numbers; optional
    learner(settings, data, backend, device) -> Learner   see `hw.training.loop`
    estimate(settings, data, backend) -> float   seconds, roughly; optional

Either may have::

    FIGURES = {"heat_map": draw_heat_map}        draw(outcomes, spec) -> matplotlib Figure, from
                                                 {variant: Outcome} alone: nothing is computed
    REQUIRES = ("keras",)                        packages that are no part of the core
    BACKENDS = ("torch",)                        where it has not both

torch, sympy and matplotlib are imported inside the functions that use them: ``hw list`` and
``hw show`` import every module here and must answer at once.
"""
