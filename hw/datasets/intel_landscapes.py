"""Intel landscapes: 17,034 photographs of 48x48 coloured pixels, which ist2024 reads.

No hash of the assignment's file was published. Students' logs tell it all the same: what the
assignment's script prints before any training depends on nothing but the file, and the
photographs of the original data set, made small by somebody else, give other numbers.
"""

from __future__ import annotations

from hw.datasets.entry import Entry, File, Splits, Upstream, View, scaled
from hw.datasets.formats import read_npz_splits
from hw.datasets.synthetic import Images

DRIVE = "16AzJIrmra4qWdY7wU9N1ew4bwadmNt4j"  # the assignment's file, on Google Drive


def cut_ist2024(upstream: Upstream) -> Splits:
    """The three upstream splits, pixels / 256."""
    return {name: scaled(*part, 256) for name, part in upstream.items()}


ENTRY = Entry(
    name="intel-landscapes",
    title="Intel landscapes, 48x48 colour",
    licence="no licence stated; free for research and teaching",
    homepage=f"https://drive.google.com/file/d/{DRIVE}",
    files=(
        File(
            "intel_landscapes.npz",
            (
                "https://drive.usercontent.google.com/download"
                f"?id={DRIVE}&export=download&confirm=t",
                f"https://drive.google.com/uc?export=download&id={DRIVE}",
            ),
            others=("intel_landscapes.v2.npz",),
        ),
    ),
    counts={"train": 12630, "validation": 1404, "test": 3000},
    width=6912,
    image_shape=(48, 48, 3),
    class_names=("buildings", "forest", "glacier", "mountain", "sea", "street"),
    reader=read_npz_splits,
    views={"ist2024": View(cut_ist2024, "upstream splits; pixels / 256")},
    initial_accuracies={"logistic_regression": "0.2037", "mlp": "0.1645"},
    stand_in=Images({"train": 1200, "validation": 240, "test": 480}, base=100, linear=8, polar=55),
)
