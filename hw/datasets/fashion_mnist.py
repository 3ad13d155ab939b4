"""Fashion-MNIST: 70,000 articles of clothing of 28x28 grey pixels, which ist2021 reads."""

from __future__ import annotations

from hw.datasets.entry import Entry, Splits, Upstream, View, drawn_order, scaled
from hw.datasets.formats import idx_files, read_idx_splits
from hw.datasets.synthetic import Images

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
)
# Bytes of each file, and the sha256 of what it unpacks to.
PUBLISHED = (
    (26421880, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    (29515, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    (4422102, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    (5148, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)


def cut_ist2021(upstream: Upstream) -> Splits:
    """A sixth of the training images, drawn, validate; the rest trains, in the drawn order."""
    images, labels = upstream["train"]
    order = drawn_order(len(labels))
    n = len(labels) // 6  # 10000 of 60000
    held_out, rest = order[:n], order[n:]
    return {
        "train": scaled(images[rest], labels[rest], 256),
        "validation": scaled(images[held_out], labels[held_out], 256),
        "test": scaled(*upstream["test"], 256),
    }


ENTRY = Entry(
    name="fashion-mnist",
    title="Fashion-MNIST articles of clothing, 28x28 grey",
    licence="MIT",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    files=idx_files(MIRRORS, PUBLISHED),
    counts={"train": 60000, "test": 10000},
    width=784,
    image_shape=(28, 28),
    class_names=(
        *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    reader=read_idx_splits,
    views={
        "ist2021": View(
            cut_ist2021,
            "a sixth of the training images, drawn with seed 42, validates; pixels / 256",
        )
    },
    stand_in=Images({"train": 3600, "test": 1000}, linear=22, polar=90, grain=40),
)
