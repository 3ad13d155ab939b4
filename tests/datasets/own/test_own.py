"""Data sets that a homework declares: read, checked, divided and scaled, against plain NumPy."""

from __future__ import annotations

import csv
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import own_course
import pytest

from hw import datasets
from hw.config import catalog, folders
from hw.config import data as declarations
from hw.config.data import OWN_VIEW
from hw.config.located import Place, refuse
from hw.datasets.features import Dataset
from hw.datasets.own.source import MOST_CLASSES
from hw.errors import DataError, MissingPackage, UsageError
from hw.runs import worker

SPLITS = ("train", "validation", "test")


def declare(folder: Path, **keys: Any) -> str:
    """The name under which a data set with these keys is known."""
    place = Place(folder / "homework.yaml")
    found = declarations.read_shared(keys, place, "ours", (folder, folder.parent))
    refuse(place)
    (one,) = found.values()
    return str(one["name"])


def load(folder: Path, mode: str = "real", **keys: Any) -> Dataset:
    return datasets.load(declare(folder, **keys), OWN_VIEW, folder, mode)


def values(data: Dataset, split: str = "train") -> np.ndarray:
    return data.splits[split].features.take(slice(None))


FLOWERS = {"file": "flowers.npz", "features": "{split}_pix", "labels": "{split}_y"}


@pytest.fixture
def flowers(tmp_path: Path) -> dict[str, Any]:
    arrays = own_course.flowers()
    np.savez(tmp_path / "flowers.npz", **arrays)
    return arrays


# npz


def test_arrays_under_names_of_their_own(tmp_path: Path, flowers: dict[str, Any]) -> None:
    data = load(tmp_path, **FLOWERS, scale="1/256")
    assert tuple(data.splits) == SPLITS
    for split, name in zip(SPLITS, ("train", "val", "test"), strict=True):
        pixels, labels = flowers[f"{name}_pix"], flowers[f"{name}_y"]
        np.testing.assert_array_equal(values(data, split), pixels.reshape(len(pixels), -1) / 256)
        np.testing.assert_array_equal(data.splits[split].labels, labels.ravel())
        assert data.splits[split].labels.dtype == np.int64
    assert (data.n_classes, data.image_shape) == (3, own_course.SHAPE)
    assert data.class_names == ("0", "1", "2")
    assert (data.source, data.provenance) == ("real", "published file")


def test_arrays_by_split(tmp_path: Path, flowers: dict[str, Any]) -> None:
    names = {"train": "train_pix", "test": "val_pix"}
    labels = {"train": "train_y", "test": "val_y"}
    data = load(tmp_path, file="flowers.npz", features=names, labels=labels)
    assert tuple(data.splits) == ("train", "test")
    np.testing.assert_array_equal(values(data, "test"), flowers["val_pix"].reshape(30, -1))


def test_the_file_may_lie_in_the_folder_around(tmp_path: Path, flowers: dict[str, Any]) -> None:
    (tmp_path / "ours").mkdir()
    assert len(load(tmp_path / "ours", **FLOWERS).train) == 90


def test_a_file_for_each_split(tmp_path: Path, flowers: dict[str, Any]) -> None:
    for split in ("train", "test"):
        np.savez(tmp_path / f"f-{split}.npz", x=flowers[f"{split}_pix"], y=flowers[f"{split}_y"])
    data = load(tmp_path, file="f-{split}.npz", features="x", labels="y")
    assert tuple(data.splits) == ("train", "test")
    np.testing.assert_array_equal(values(data, "test"), flowers["test_pix"].reshape(40, -1))


def test_a_declared_hash_tells_the_published_file(tmp_path: Path, flowers: dict[str, Any]) -> None:
    mine = load(tmp_path, **FLOWERS)
    assert load(tmp_path, **FLOWERS, sha256=mine.sha256).provenance == "published file"
    assert load(tmp_path, **FLOWERS, sha256="0" * 64).provenance == "other bytes"


@pytest.mark.parametrize("first", [0, 1])
def test_classes_may_be_counted_from_one(tmp_path: Path, first: int) -> None:
    labels = np.array([0, 1, 2, 1]) + first
    np.savez(tmp_path / "a.npz", x=np.eye(4), y=labels)
    data = load(tmp_path, file="a.npz", features="x", labels="y", splits={"train": 1})
    assert sorted(data.train.labels) == [0, 1, 1, 2]
    assert data.class_names == tuple(str(k + first) for k in range(3))


def test_labels_in_words(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.eye(3), y=np.array(["pear", "apple", "pear"]))
    keys = {"file": "a.npz", "features": "x", "labels": "y", "splits": {"train": 1}}
    data = load(tmp_path, **keys)
    assert data.class_names == ("apple", "pear")
    assert sorted(data.train.labels) == [0, 1, 1]
    named = load(tmp_path, **keys, classes=["pear", "apple", "plum"])
    assert sorted(named.train.labels) == [0, 0, 1]
    with pytest.raises(DataError, match="a class is called 'pear'; did you mean 'peer'"):
        load(tmp_path, **keys, classes=["peer", "apple"])


@pytest.mark.parametrize("key", ["targets", "labels"])
def test_a_regression(tmp_path: Path, key: str) -> None:
    y = np.array([0.5, 2.25, -1.0])
    np.savez(tmp_path / "a.npz", x=np.eye(3, dtype=np.float32), y=y)
    data = load(tmp_path, file="a.npz", features="x", splits={"train": 1}, **{key: "y"})
    assert data.n_classes == 0
    assert data.train.labels.dtype == np.float64
    assert sorted(data.train.labels) == sorted(y)
    assert datasets.entry(data.name).task == "regression"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"features": "{split}_pixx"}, "there is no features 'train_pixx'; did you mean 'train_p"),
        ({"labels": ""}, "labels is missing; .* holds train_pix, train_y"),
        ({"shape": [4, 5]}, r"examples of shape \(5, 4\), declared as \(4, 5\)"),
        ({"classes": 2}, "a label is 2, outside the classes 0 to 1"),
        ({"counts": {"train": 91}}, "train has 90 examples, declared as 91"),
        ({"range": [0, 1]}, "train: features from .*, declared as"),
    ],
)
def test_a_file_is_what_was_declared(
    tmp_path: Path, flowers: dict[str, Any], keys: dict[str, Any], problem: str
) -> None:
    found = {k: v for k, v in {**FLOWERS, **keys}.items() if v}
    with pytest.raises(DataError, match=problem) as error:
        load(tmp_path, **found)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("x", "y", "problem"),
    [
        (np.array([[np.nan], [1.0]]), [0, 1], "features that are not finite"),
        (np.eye(2), [0, -1], "a label is -1, outside the classes"),
        (np.eye(2), [0, MOST_CLASSES], "hardly classes; name them targets"),
        (np.eye(3), [0, 1], "3 examples and 2 labels"),
        (np.array([["a"], ["b"]]), [0, 1], "has dtype"),
        (np.array([[None], [1]], dtype=object), [0, 1], "dtype"),
        (np.zeros((0, 2)), [0, 1], "holds no examples"),
        (np.array(3.0), [0, 1], "holds no examples"),
    ],
)
def test_what_no_model_could_learn_from(tmp_path: Path, x: Any, y: Any, problem: str) -> None:
    np.savez(tmp_path / "a.npz", x=x, y=np.array(y))
    with pytest.raises(DataError, match=problem):
        load(tmp_path, file="a.npz", features="x", labels="y", splits={"train": 1})


def test_bytes_that_are_no_npz_file(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match="not an npz file"):
        load(tmp_path, file="a.npz", features="x", labels="y", splits={"train": 1})


# Division and scaling


def pool(tmp_path: Path, n: int = 50) -> dict[str, Any]:
    labels = np.arange(n) % 5 // 4  # a fifth of them is of class 1
    np.savez(tmp_path / "a.npz", x=np.arange(n)[:, None] * 1.0, y=labels)
    return {"file": "a.npz", "features": "x", "labels": "y"}


def test_shares_are_pieces_of_one_permutation(tmp_path: Path) -> None:
    shares = {"train": 0.5, "validation": 0.3, "test": 0.2, "seed": 7}
    data = load(tmp_path, **pool(tmp_path), splits=shares)
    order = np.random.RandomState(7).permutation(50)
    expected = {"train": order[:25], "validation": order[25:40], "test": order[40:]}
    for split, rows in expected.items():
        np.testing.assert_array_equal(values(data, split)[:, 0], rows)
        np.testing.assert_array_equal(data.splits[split].labels, rows % 5 // 4)


def test_numbers_of_examples(tmp_path: Path) -> None:
    data = load(tmp_path, **pool(tmp_path), splits={"train": 30, "test": 15})
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 30, "test": 15}


def test_stratified_splits_have_the_classes_in_the_same_shares(tmp_path: Path) -> None:
    shares = {"train": 0.6, "test": 0.4, "stratified": True}
    data = load(tmp_path, **pool(tmp_path), splits=shares)
    assert [int(split.labels.sum()) for split in data.splits.values()] == [6, 4]
    rows = np.concatenate([values(data, split)[:, 0] for split in data.splits])
    assert sorted(rows) == list(range(50))
    order = list(np.random.RandomState(42).permutation(50))
    places = [order.index(row) for row in values(data)[:, 0]]
    assert places == sorted(places)


def test_one_split_of_the_file_may_be_divided(tmp_path: Path, flowers: dict[str, Any]) -> None:
    names = {k: {"train": f"train_{v}", "test": f"test_{v}"}
             for k, v in (("features", "pix"), ("labels", "y"))}  # fmt: skip
    shares = {"of": "train", "train": 0.9, "validation": 0.1}
    data = load(tmp_path, file="flowers.npz", **names, splits=shares)
    assert {n: len(s) for n, s in data.splits.items()} == {"train": 81, "validation": 9, "test": 40}
    entry = datasets.entry(declare(tmp_path, file="flowers.npz", **names, splits=shares))
    assert entry.view(OWN_VIEW).splits == SPLITS


def test_standardised_by_the_training_split_alone(tmp_path: Path, flowers: dict[str, Any]) -> None:
    flowers["train_pix"][:, 0, 0] = 9  # a pixel that never changes
    np.savez(tmp_path / "flowers.npz", **flowers)
    data = load(tmp_path, **FLOWERS, standardise=True)
    train = flowers["train_pix"].reshape(90, -1).astype(float)
    spread = np.where(train.std(axis=0) == 0, 1, train.std(axis=0))
    test = flowers["test_pix"].reshape(40, -1)
    np.testing.assert_allclose(values(data, "test"), (test - train.mean(axis=0)) / spread)
    np.testing.assert_allclose(values(data)[:, 0], 0)


@pytest.mark.parametrize("scale", [2, 0.5, "1/3", " 1 / 255 "])
def test_scales_of_bytes_and_of_floats(tmp_path: Path, scale: Any) -> None:
    x = np.array([[0, 255], [3, 7]], np.uint8)
    factor = {"1/3": 1 / 3, " 1 / 255 ": 1 / 255}.get(scale, scale)
    for dtype in (np.uint8, np.float64, np.int16):
        np.savez(tmp_path / "a.npz", x=x.astype(dtype), y=[0, 1])
        keys = {"file": "a.npz", "features": "x", "labels": "y", "splits": {"train": 1}}
        found = values(load(tmp_path, **keys, scale=scale))
        np.testing.assert_allclose(
            np.sort(found, axis=0), np.sort(x * float(factor), axis=0), rtol=1e-15
        )


# Tables


def write_csv(path: Path, rows: list[list[Any]], separator: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows(rows)


ROWS: list[list[Any]] = [["width", "height", "sort"], [1, 2.5, "b"], [3, -4, "a"], [5, 6, "b"]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_of_a_table(tmp_path: Path, separator: str) -> None:
    write_csv(tmp_path / "a.csv", ROWS, separator)
    data = load(tmp_path, file="a.csv", labels="sort", splits={"train": 1})
    order = np.random.RandomState(42).permutation(3)
    np.testing.assert_array_equal(values(data), np.array([[1, 2.5], [3, -4], [5, 6]])[order])
    np.testing.assert_array_equal(data.train.labels, np.array([1, 0, 1])[order])
    assert data.class_names == ("a", "b")


def test_chosen_columns_and_a_target(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [["x1", "x2", "name", "y"], [1, 2, "k", 3], [4, 5, "l", 6]])
    data = load(tmp_path, file="a.csv", features=["x*"], targets="y", splits={"train": 1})
    assert sorted(data.train.labels) == [3.0, 6.0]
    assert data.n_features == 2


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "its first row must be"),
        ([["a", "sort"]], "no rows below its first"),
        ([["a", "a"], [1, 2]], "its first row must be"),
        ([["a", "sort"], [1]], "line 2 has 1 cells, the first 2"),
        ([["a", "sort"], ["x", 1]], "column a, example 1 is 'x', not a number"),
        ([["a", "sort"], [1, 0], ["", 1]], "column a, example 2 is empty"),
        ([["a", "sort"], ["nan", 1]], "column a, example 1 is 'nan'"),
        ([["a", "sort"], [1, ""]], "column sort, example 1 is empty"),
        ([["a", "srt"], [1, 1]], "there is no labels 'sort'; did you mean 'srt'"),
    ],
)
def test_a_table_that_is_wrong(tmp_path: Path, rows: list[list[Any]], problem: str) -> None:
    write_csv(tmp_path / "a.csv", rows)
    with pytest.raises(DataError, match=problem):
        load(tmp_path, file="a.csv", labels="sort", splits={"train": 1})


def test_parquet_without_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackage, match=r"pip install 'hw\[tables\]'"):
        load(tmp_path, file="a.parquet", labels="sort", splits={"train": 1})


# Images


def write_images(folder: Path, mode: str = "L", size: tuple[int, int] = (4, 3)) -> dict[str, Any]:
    """Two pictures of each of two classes; by their paths."""
    from PIL import Image

    random, found = np.random.default_rng(0), {}
    for name in ("cat", "dog"):
        for i in range(2):
            shape = size if mode == "L" else (*size, 3)
            pixels = random.integers(0, 256, shape, dtype=np.uint8)
            path = folder / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            found[f"{name}/{i}"] = pixels
    return found


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_folder_of_images(tmp_path: Path, mode: str) -> None:
    pictures = write_images(tmp_path / "animals", mode)
    data = load(tmp_path, file="animals", splits={"train": 1}, scale="1/256")
    order = np.random.RandomState(42).permutation(4)
    expected = np.stack([p.ravel() / 256 for p in pictures.values()])[order]
    np.testing.assert_array_equal(values(data), expected)
    np.testing.assert_array_equal(data.train.labels, np.array([0, 0, 1, 1])[order])
    assert data.class_names == ("cat", "dog")
    assert data.image_shape == ((4, 3) if mode == "L" else (4, 3, 3))


def test_a_folder_for_each_split(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        write_images(tmp_path / "animals" / split)
    data = load(tmp_path, file="animals")
    assert tuple(data.splits) == SPLITS
    assert load(tmp_path, file="animals").sha256 == data.sha256


def test_images_that_are_wrong(tmp_path: Path) -> None:
    write_images(tmp_path / "animals")
    from PIL import Image

    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "animals" / "dog" / "z.png")
    with pytest.raises(DataError, match="has 9 x 9 pixels, not 4 x 3"):
        load(tmp_path, file="animals", splits={"train": 1})
    (tmp_path / "animals" / "dog" / "z.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"z\.png: "):
        load(tmp_path, file="animals", splits={"train": 1})
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match="bare"):
        load(tmp_path, file="bare", splits={"train": 1})


# Without the file


def test_a_stand_in_of_the_declared_shape(tmp_path: Path) -> None:
    keys = {**FLOWERS, "scale": "1/256", "shape": [8, 6], "classes": ["a", "b", "c"]}
    data = load(tmp_path, "auto", **keys)
    assert data.source == "stand-in"
    assert (data.n_features, data.n_classes, data.image_shape) == (48, 3, (8, 6))
    assert tuple(data.splits) == SPLITS
    assert 0 <= values(data).min() < values(data).max() < 1
    assert load(tmp_path, "auto", **keys).sha256 == data.sha256


@pytest.mark.parametrize("regression", [False, True])
def test_a_stand_in_of_a_table(tmp_path: Path, regression: bool) -> None:
    sort = {"targets": "y"} if regression else {"labels": "y", "classes": 4}
    keys = {"file": "a.csv", "shape": 7, "splits": {"train": 0.8, "test": 0.2}, **sort}
    data = load(tmp_path, "auto", **keys)
    assert (data.n_features, data.n_classes) == (7, 0 if regression else 4)
    assert {n: len(s) for n, s in data.splits.items()} == {"train": 1440, "test": 360}
    # A linear model finds something in it, and not all.
    X = np.column_stack([values(data), np.ones(1440)])
    y = data.train.labels if regression else np.eye(4)[data.train.labels]
    left = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert 0.05 < left.var() / y.var() < 0.95


def test_without_a_shape_there_is_no_stand_in(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"declare shape and classes .*homework\.yaml"):
        load(tmp_path, "auto", **FLOWERS)
    with pytest.raises(DataError, match=r"flowers\.npz: no such file; .*homework\.yaml declares"):
        load(tmp_path, "real", **FLOWERS)


# The declaration itself


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"fetures": "x"}, "unknown key 'fetures'; did you mean 'features'"),
        ({"scale": "1/0"}, "scale is '1/0'; expected a factor above 0, such as 1/256"),
        ({"scale": -1}, "scale is -1; expected a factor above 0"),
        ({"scale": 2, "standardise": True}, "scale and standardise: give one of them"),
        ({"targets": "y"}, "labels are of classes and targets of a regression"),
        ({"splits": {"train": 0.9, "test": 0.2}}, "the shares add up to 1.1, more than 1"),
        ({"splits": {"train": 0.9, "test": 20.5}}, "shares below 1, or numbers of examples"),
        ({"splits": {"test": 0.2}}, "splits: train is missing"),
        ({"splits": {"seed": 2}}, "splits: give shares of train, validation, test"),
        ({"features": {"train": "x", "tset": "z"}}, "unknown split 'tset'; did you mean 'test'"),
        ({"range": [1, 0]}, "the least and the greatest value"),
        ({"sha256": "abc"}, "sha256 is 'abc'; expected"),
        ({"classes": 1}, "classes is 1; it must be at least 2"),
        ({"file": "../x.npz", "features": "x", "labels": "y"}, "which examples are for training"),
    ],
)
def test_a_declaration_that_is_wrong(tmp_path: Path, keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        declare(tmp_path, **{**FLOWERS, **keys})


def test_several_sets_by_name(tmp_path: Path) -> None:
    place = Place(tmp_path / "homework.yaml")
    sets = {"a": FLOWERS, "b": {**FLOWERS, "scale": 2}}
    found = declarations.read_shared(sets, place, "ours", (tmp_path,))
    refuse(place)
    assert {name: one["name"] for name, one in found.items()} == {"a": "ours/a", "b": "ours/b"}
    chosen = declarations.read_data({"name": "b"}, place, "ours.q1", (tmp_path,), found)
    assert chosen is not None
    assert chosen["scale"] == 2
    assert declarations.read_data({"name": "c"}, place, "ours.q1", (tmp_path,), found) is None
    with pytest.raises(UsageError, match=r"homework\.yaml declares no 'c'"):
        refuse(place)


@pytest.mark.parametrize("seed", range(40))
def test_no_bytes_are_a_defect(tmp_path: Path, seed: int) -> None:
    """Files with a few bytes changed, cut off or added: read, or refused in one line."""
    random = np.random.default_rng(seed)
    np.savez(tmp_path / "flowers.npz", **own_course.flowers())
    path = tmp_path / "flowers.npz"
    content = bytearray(path.read_bytes())
    for place in random.integers(0, len(content), 12):
        content[place] = int(random.integers(256))
    path.write_bytes(bytes(content[: int(random.integers(1, len(content) + 1))]))
    with suppress(DataError):
        assert len(load(tmp_path, **FLOWERS).train) > 0


def test_two_homeworks_may_have_sets_of_the_same_name(tmp_path: Path) -> None:
    """In one process, each question gets its own; and a file that changes is read again."""
    found = {}
    for place in ("a", "b", "a"):
        course = tmp_path / place / "course"
        if not course.exists():
            own_course.write(tmp_path / place)
            arrays = own_course.flowers(seed=ord(place))
            np.savez(course / "data" / "flowers.npz", **arrays)
            found[place] = arrays["train_pix"].reshape(90, -1) / 256
        with folders.using([course]):
            question = catalog.find("ours.q1.perceptron")
            assert question.data is not None
            data = worker.load_source(question.data, tmp_path, "real")
            np.testing.assert_array_equal(values(data), found[place])
    with folders.using([course]):
        np.savez(course / "data" / "flowers.npz", **own_course.flowers(seed=3))
        assert question.data is not None
        assert worker.load_source(question.data, tmp_path, "real").sha256 != data.sha256
