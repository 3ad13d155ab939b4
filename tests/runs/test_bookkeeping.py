"""What a run costs besides its training: files read, settings resolved, digests taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hw.config import catalog, homework, question
from hw.results import files, folder, identity
from hw.results.fingerprint import made_by
from hw.results.outcome import Outcome
from hw.runs import executor
from hw.runs.planning import Request, plan
from hw.runs.runner import execute
from hw.runs.worker import Done, Task
from hw.training.loop import Watcher


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of these was done, from here on; nothing is known from earlier tests."""
    counted: Counter[str] = Counter()

    def count(module: Any, name: str, key: Any) -> None:
        original = getattr(module, name)

        def counting(*words: Any, **options: Any) -> Any:
            counted[key(*words)] += 1
            return original(*words, **options)

        monkeypatch.setattr(module, name, counting)

    catalog._catalog.cache_clear()
    for reads in (question, homework):
        count(reads, "read_located", lambda path, _: f"{path.parent.name}/{path.name}")
    count(question, "resolve", lambda *_: "resolved")
    count(folder, "read_json", lambda path: path.name)
    count(identity, "fingerprint", lambda *_: "fingerprints")
    return counted


def carry_out(results: Path, data: Path, question: str, **overrides: Any) -> int:
    request = Request(
        [question],
        overrides,
        data_mode="stand-in",
        data_directory=data,
        results_directory=results,
    )
    (run,) = plan(request)
    execute([run], request, lambda line: None, lambda *_: Watcher(), draw=True)
    assert run.status == "done"
    return len(run.variants)


def test_a_run_reads_what_it_needs_and_once(
    tmp_path: Path, few_landscapes: Path, counts: Counter[str]
) -> None:
    carry_out(tmp_path, few_landscapes, "q1.perceptron", epochs=1)
    assert {k: n for k, n in counts.items() if k.endswith(".yaml")} == {
        "ist2024/homework.yaml": 1,
        "ist2024/q1.perceptron.yaml": 1,
    }
    assert counts["run.json"] <= 2
    assert counts["resolved"] == 2  # as asked for, and as configured
    assert counts["fingerprints"] == 1


def test_what_is_written_grows_with_the_variants_and_no_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep of 48 runs, without its training."""
    question = catalog.find("ist2021.q4.feedforward_grid")
    written: Counter[int] = Counter()
    write = files.write_texts

    def perform(task: Task, watcher: Watcher) -> Done:
        history: dict[str, list[float]] = {"epoch": list(range(1, 21)), "train_loss": [1 / 3] * 20}
        maker = made_by(question.module, task.backend, has_data=True)
        return Done(task, Outcome({"test_accuracy": 0.5}, history), run.data, 1.0, 1.0, maker)

    def counting(texts: Mapping[Path, str]) -> None:
        written[count] += sum(map(len, texts.values()))
        write(texts)

    monkeypatch.setattr(executor, "perform", perform)
    monkeypatch.setattr(folder, "write_texts", counting)
    monkeypatch.setattr(files, "write_texts", counting)
    for count in (12, 48):
        request = Request(
            [question.id],
            variants=list(question.variants)[:count],
            data_mode="stand-in",
            data_directory=tmp_path,
            results_directory=tmp_path / str(count),
        )
        (run,) = plan(request)
        execute([run], request, lambda line: None, lambda *_: Watcher())
        assert run.status == "done"
        assert len(run.folder.read().outcomes) == count
        assert not (run.folder.path / folder.FINISHED).exists()
    assert written[48] < 4.2 * written[12]


def test_bookkeeping_grows_with_the_variants_and_no_faster(
    tmp_path: Path, few_landscapes: Path, counts: Counter[str]
) -> None:
    variants = carry_out(tmp_path, few_landscapes, "ist2024.q2.dropout", epochs=1)
    assert variants == 3
    assert counts["run.json"] <= 2
    assert counts["resolved"] == 2 * variants
    assert counts["fingerprints"] == variants
