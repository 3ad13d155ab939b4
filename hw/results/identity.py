"""What a run is: how it differs from the question as configured, and all that follows from that.

The folder of a run, the command that makes it and the fingerprint that tells whether its results
are up to date are worked out here, and nowhere else.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.config.catalog import Question
from hw.config.settings import Layer
from hw.results.files import digest
from hw.results.fingerprint import code_digest, fingerprint
from hw.results.folder import Folder, Results
from hw.results.run_file import Config

# How PyTorch computes unless it is asked to do otherwise. NumPy has one way only.
PLAIN = {"device": Config.device, "precision": Config.precision}


@dataclass(frozen=True)
class Identity:
    """One question with one backend and one seed, or the sum of several seeds.

    variants: the settings of each variant, resolved, by name. Those of several seeds hold none.
    options:  the device and the precision of PyTorch, where they are not as in `PLAIN`.
    seeds:    one, several for a run that sums up others, none for a question that draws nothing.
    """

    question: Question
    variants: Mapping[str, Mapping[str, Any]]
    backend: str
    options: Mapping[str, str]
    seeds: tuple[int, ...] = ()

    @classmethod
    def as_configured(cls, question: Question) -> Identity:
        """The run that the question's own folder is for. Raises `UsageError`."""
        variants = {variant: question.configured(variant) for variant in question.variants}
        seeds = question.seeds
        if seeds:  # the folder is that of all of them
            variants = {v: {k: s[k] for k in s if k != "seed"} for v, s in variants.items()}
        return cls(question, variants, question.backend, {}, seeds)

    @classmethod
    def of_config(cls, question: Question, config: Config) -> Identity:
        """The run that a config.yaml describes."""
        options = {k: v for k in PLAIN if (v := getattr(config, k)) != PLAIN[k]}
        return cls(
            question,
            config.variants,
            config.backend or question.backend,
            options,
            config.seeds or config.seeds_of_variants,
        )

    @classmethod
    def as_it_would_be(
        cls,
        question: Question,
        variants: Iterable[str],
        changed: Mapping[str, Any],
        backend: str,
        seeds: Sequence[int],
    ) -> Identity:
        """The run of today's question with the settings and options ``changed``.

        Raises `UsageError` for a variant or a setting that there is no longer.
        """
        values = {key: value for key, value in changed.items() if key not in PLAIN}
        if len(seeds) == 1 and question.seeds and "seed" in question.module.Settings.__match_args__:
            values["seed"] = seeds[0]
        settings = {v: question.resolve(v, Layer("the figure", values)).as_dict() for v in variants}
        if len(seeds) > 1:
            for of_variant in settings.values():
                of_variant.pop("seed", None)
        options = {key: str(changed[key]) for key in PLAIN if key in changed}
        return cls(question, settings, backend, options, tuple(seeds))

    def changed(self, but: Collection[str] = ()) -> dict[str, Any]:
        """The settings that are not as configured, but for these.

        Not by variant: a run of some variants belongs to that of all with the same changes.
        """
        found: dict[str, Any] = {}
        for variant, settings in self.variants.items():
            if variant in self.question.variants:
                configured = self.question.configured(variant)
                found |= {
                    key: value
                    for key, value in settings.items()
                    if configured.get(key) != value and key not in but
                }
        return found

    def differs(self) -> dict[str, Any]:
        """How the run differs from the question as configured; empty if it does not."""
        several = len(self.seeds) > 1
        changed = self.changed({"seed"} if several else ())
        found: dict[str, Any] = {"settings": changed} if changed else {}
        if self.backend != self.question.backend:
            found["backend"] = self.backend
        found |= self.options
        if several and self.seeds != self.question.seeds:
            found["seeds"] = list(self.seeds)
        if not several and self.question.seeds and not found:
            # The question's own folder is that of all its seeds.
            found["seed"] = self.seeds[0]
        return found

    def folder(self, results: Path) -> Folder:
        """Where the results lie: in the question's own folder, or in one beside it.

        The name of the latter is short and stable; what differs stands in its config.yaml.
        """
        path, difference = self.question.folder(results), self.differs()
        if difference:
            path = path.with_name(f"{path.name}@{digest(difference)[:8]}")
        return Folder(path)

    def changed_since(self, there: Results) -> dict[str, list[str]]:
        """What has changed, variant by variant, since a folder was computed: ``settings``,
        ``code``. Only what can be told without loading data or running anything."""
        code = {"code": code_of(self.question)}
        found = {}
        for variant in self.variants:
            entry = there.run.variants.get(variant)
            changed = entry.changed(code) if entry and entry.fingerprint else []
            then = there.config.variants.get(variant)
            if then is not None and self.has_other_settings(variant, then):
                changed.append("settings")
            found[variant] = changed
        return found

    def has_other_settings(
        self, variant: str, then: Mapping[str, Any], but: Collection[str] = ()
    ) -> bool:
        """Whether a setting was another then, but for these. One that did not exist then and is
        left at its default changes nothing: that the code has changed is told anyway."""
        now, origins = self.variants[variant], self.question.resolve(variant).origins
        known = {key: value for key, value in then.items() if key not in but}
        new = [key for key in now if key not in then and key not in but]
        return any(now.get(key) != value for key, value in known.items()) or any(
            origins[key] != "default" for key in new
        )

    def fingerprint(self, variant: str, data: Mapping[str, Any] | None) -> dict[str, str]:
        """The digests of all that the results of a variant depend on, by name."""
        question = self.question
        depends_on = {
            "settings": self.variants[variant],
            "backend": self.backend,
            **PLAIN,
            **self.options,
            "data": data,
            "view": dict(question.data) if question.data else None,
            "measure": [question.measures("epoch"), question.measures("end")],
        }
        return fingerprint(question.module, depends_on, self.backend, question.data is not None)


def code_of(question: Question) -> str:
    """The digest of the code that a question's results depend on."""
    return code_digest(question.module.__name__, question.data is not None)


def command(question: Question, words: Iterable[str] = (), verb: str = "run") -> str:
    """``python -m hw run q1.mlp …``: a command line for a question, with these further words."""
    return f"python -m hw {verb} {shlex.join([question.short_id, *words])}"


def flags(changed: Mapping[str, Any]) -> list[str]:
    """The words of a command line that change these settings."""
    return [w for k, v in changed.items() for w in (f"--{k.replace('_', '-')}", shown(v))]


def shown(value: Any) -> str:
    """A value as a flag of the command line has it."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)
