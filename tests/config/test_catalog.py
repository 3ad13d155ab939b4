from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.config import catalog
from hw.config.catalog import find, read_question, select
from hw.config.checking import check
from hw.config.homework import Homework
from hw.config.located import WrongFile
from hw.config.question import QuestionKeys
from hw.config.schema import fields
from hw.config.settings import Layer
from hw.errors import HwError, UsageError

MINIMAL = {"title": "A title", "kind": "linear_classifier", "settings": {}}


def write(folder: Path, **keys: Any) -> Path:
    """A question's file: its first three lines are those of `MINIMAL`."""
    path = folder / "q9.some.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, **keys}, sort_keys=False))
    return path


def test_every_folder_of_the_package_is_installed() -> None:
    root = Path(catalog.__file__).parents[2]
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    setuptools = declared["tool"]["setuptools"]
    folders = {".".join(p.parent.relative_to(root).parts) for p in root.glob("hw/**/__init__.py")}
    assert {*setuptools["packages"]} == folders | {*setuptools["package-dir"]}
    given = {
        path
        for package, patterns in setuptools["package-data"].items()
        for pattern in patterns
        for path in root.joinpath(
            setuptools["package-dir"].get(package, package.replace(".", "/"))
        ).glob(pattern)
    }
    others = {
        path
        for folder in ("hw", "configs")
        for path in (root / folder).rglob("*.*")
        if path.suffix not in (".py", ".pyc")
    }
    assert given == others


def test_without_the_files_of_the_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "CONFIGS", tmp_path)
    with pytest.raises(HwError, match="has no homework: hw is not installed as a whole"):
        catalog.homeworks()


def test_a_question_is_what_its_file_says(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        backend="torch",
        data={"name": "mnist", "view": "e1394-torch"},
        settings={"epochs": 3},
        variants={"a": None, "b": {"epochs": 4}},
        measure={"epoch": ["train_accuracy"]},
        figures=[{"name": "curve", "metrics": ["train_accuracy"]}],
        claims=[{"metric": "test_accuracy", "variant": "a", "value": "0.50"}],
        seeds=[1, 2],
    )
    question = read_question(path, "hw9")
    assert question.id == "hw9.q9.some"
    assert (question.title, question.backend) == ("A title", "torch")
    assert question.seeds == (1, 2)
    assert question.measures("epoch") == ("train_accuracy",)
    assert question.measures("end") == ()
    assert question.resolve("a").settings.epochs == 3
    assert question.resolve("b").settings.epochs == 4
    resolved = question.resolve("b", Layer("command line", {"epochs": "5"}))
    assert resolved.settings.epochs == 5
    assert resolved.origins["epochs"] == "command line"


def test_without_variants_there_is_the_default_one(tmp_path: Path) -> None:
    question = read_question(write(tmp_path), "hw9")
    assert dict(question.variants) == {"default": {}}
    assert question.data is None
    assert question.in_all


def test_a_grid_is_every_combination_by_name(tmp_path: Path) -> None:
    grid = {"learning_rate": [0.1, 0.2], "epochs": [1, 2]}
    variants = read_question(write(tmp_path, grid=grid), "hw9").variants
    assert list(variants) == [f"lr-{rate}_epochs-{n}" for rate in (0.1, 0.2) for n in (1, 2)]
    assert variants["lr-0.2_epochs-1"] == {"learning_rate": 0.2, "epochs": 1}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"titel": "x"}, "4: unknown key 'titel'; did you mean 'title'"),
        ({"title": 3}, "1: title is 3; expected words; put it in quotes"),
        ({"kind": None}, "2: kind is None; expected words"),
        ({"kind": "linear_clasifier"}, "2: kind: unknown kind .* mean 'linear_classifier'"),
        ({"source": {"documnt": "x"}}, "5: source: unknown key 'documnt'; did you mean 'document'"),
        ({"settings": [1]}, r"3: settings is \[1\]; expected keys and values"),
        ({"variants": None}, "variants is None; expected keys and values"),
        ({"variants": {"a": 3}}, "5: variants, a is 3; expected keys and values"),
        ({"variants": {"../a": {}}}, "a variant's name is letters"),
        ({"grid": {"epochs": 3}}, "grid, epochs is 3; expected a list"),
        ({"grid": {str(k): list(range(100)) for k in range(9)}}, "grid has more than"),
        ({"measure": {"epoch": "train_loss"}}, "measure, epoch is 'train_loss'; expected a list"),
        ({"measure": {"epochs": ["train_loss"]}}, "unknown key 'epochs'; did you mean 'epoch'"),
        ({"measure": {"epoch": ["a", "a"]}}, "measure, epoch: name every metric once"),
        ({"figures": {}}, "figures is {}; expected a list"),
        ({"figures": [3]}, "figure 1: expected keys and values, not 3"),
        ({"figures": [{"metrics": ["x"]}]}, "figure 1: name is missing"),
        ({"figures": [{"name": "../x", "metrics": ["x"]}]}, "figure 1, name is '../x'; expected"),
        ({"figures": [{"name": "x"}]}, "figure 1: metrics is missing"),
        ({"figures": [{"name": "x", "metrics": "train_loss"}]}, "metrics is 'train_loss'; expect"),
        ({"figures": [{"name": "x", "metrics": ["m"], "variants": ["z"]}]}, "variant 'z'"),
        ({"figures": [{"name": "x", "metrics": ["m"], "with": 5}]}, "with is 5; expected a list"),
        ({"figures": [{"name": "x", "metrics": ["m"], "with": [1]}]}, "with 1 is 1; expected word"),
        ({"figures": [{"name": "x", "metrics": ["m"], "panels": "foo"}]}, "panels is 'foo'; expec"),
        ({"figures": [{"name": "x", "metrics": ["m"], "title": 5}]}, "title is 5; expected words"),
        ({"figures": [{"name": "x", "metrics": ["m", "m"]}]}, "name every metric once"),
        ({"figures": [{"name": "x", "draw": "grid", "log": True}]}, "figure 1: unknown key 'log'"),
        ({"figures": [{"name": "x", "metrics": ["m"]} for _ in "ab"]}, "another figure is called"),
        ({"backend": "jax"}, "4: backend is 'jax'; expected one of: numpy, torch"),
        ({"data": "mnist"}, "data: expected keys and values, not 'mnist'"),
        ({"data": {"name": "mnist"}}, "data: data must have a name and a view"),
        ({"data": {"name": "mnist", "view": 3}}, "data, view is 3; expected words"),
        ({"data": {"nam": "mnist"}}, "data must have a name and a view, or a file of your own"),
        ({"seeds": ["x"]}, "seed 1 is 'x'; expected a whole number"),
        ({"seeds": [-1]}, "seed 1 is -1; it must be at least 0"),
        ({"notes": [3]}, "note 1 is 3; expected words"),
        ({"in_all": "no"}, "in_all is 'no'; expected true or false"),
        ({"unjudged": [{"where": "1"}]}, "unjudged 1: says is missing"),
        ({"claims": [{"metric": "m", "value": "1", "variant": "z"}]}, "unknown variant 'z'"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    tmp_path: Path, keys: dict[str, Any], problem: str
) -> None:
    path = write(tmp_path, **keys)
    with pytest.raises(UsageError, match=problem) as error:
        read_question(path, "hw9")
    assert str(error.value).startswith(f"{path}:")


def test_all_that_is_wrong_is_found_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, titel="x", backend="jax", in_all=3)
    with pytest.raises(WrongFile, match="and 2 more problems") as error:
        read_question(path, "hw9")
    assert [problem.line for problem in error.value.problems] == [4, 5, 6]


def test_a_part_of_a_module_is_no_kind() -> None:
    assert {"backprop", "mlp"} <= catalog.kinds().keys()
    assert not [name for name in catalog.kinds() if name.startswith("_")]


def test_ids_with_and_without_the_homework() -> None:
    assert find("q1.perceptron").id == "ist2024.q1.perceptron"
    assert find("ist2024.q1.perceptron") is find("q1.perceptron")
    with pytest.raises(UsageError, match=r"did you mean 'q1\.perceptron'"):
        find("q1.perceptrn")


def test_select_by_id_glob_homework_and_all() -> None:
    by_id, exact = select(["q1.mlp", "ist2024.q1.mlp"])
    assert [q.id for q in by_id] == ["ist2024.q1.mlp"]
    assert exact == {"ist2024.q1.mlp"}
    by_glob, exact = select(["q1.*"])
    assert {q.id for q in by_glob} == {
        f"ist2024.q1.{name}" for name in ("perceptron", "logistic_regression", "l1_sparsity", "mlp")
    }
    assert not exact
    assert select(["ist2024"])[0] == select(["ist2024.*"])[0]
    everything = [q for q in catalog.load_all().values() if q.in_all]
    assert select(["all"])[0] == everything
    for empty in ("ist1999.*", "x*", "[z]"):
        with pytest.raises(UsageError, match="no question matches"):
            select([empty])


def test_questions_come_in_the_documents_order() -> None:
    ids = list(catalog.load_all())
    assert ids[:4] == [
        f"ist2024.q1.{name}" for name in ("perceptron", "logistic_regression", "l1_sparsity", "mlp")
    ]


HOMEWORK = Homework("hw9", Path(), "", ("q9.some",))
KEYS = st.sampled_from([*sorted(fields(QuestionKeys)), "x"])
scalars = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "a", "default", "0.5", "train_loss", "curves"]
)
FIGURE_KEYS = ("name", "view", "metrics", "draw", "variants", "file", "labels", "splits", "scale")
CLAIM_KEYS = ("metric", "value", "variant", "order", "higher", "lower", "trend", "direction")
OTHER_KEYS = ("epoch", "check", "form", "low", "factor", "says", "a", "default", 1, None)
inner_keys = st.sampled_from([*FIGURE_KEYS, *CLAIM_KEYS, *OTHER_KEYS])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(inner_keys, inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(KEYS, documents, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
def test_question_fuzz(tmp_path: Path, keys: dict[str, Any]) -> None:
    path = write(tmp_path, **keys)
    with suppress(HwError):
        question = read_question(path, "hw9")
        assert question.variants
        for claim in question.claims:
            assert isinstance(claim.text(), str)
            assert claim.sort in ("order", "check", "form") or claim.variant
        for variant in question.variants:
            question.resolve(variant)
        check(question, HOMEWORK)
