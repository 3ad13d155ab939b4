from __future__ import annotations

import numpy as np
import pytest

from hw.figures import over_seeds
from hw.figures.over_seeds import Curves, Ends, spread
from hw.results.outcome import Outcome


def runs(*rows: list[float]) -> list[Outcome]:
    return [
        Outcome(history={"epoch": list(range(1, len(row) + 1)), "test_loss": row}) for row in rows
    ]


class TestSpread:
    def test_quantiles_epoch_by_epoch(self) -> None:
        rows = np.random.default_rng(0).normal(size=(7, 4))
        found = spread(runs(*rows.tolist()), "test_loss")
        assert found is not None
        assert found["epoch"] == [1, 2, 3, 4]
        inner = np.sort(rows, axis=0)
        for name, place in (("low", 0), ("middle", 3), ("high", 6)):
            assert found[name] == pytest.approx(inner[place].tolist())
        # A quarter of the way from the lowest of seven to the highest: between the 2nd and the 3rd.
        assert found["lower"] == pytest.approx(inner[1:3].mean(axis=0).tolist())
        assert found["upper"] == pytest.approx(inner[4:6].mean(axis=0).tolist())

    def test_as_far_as_all_seeds_go_but_for_those_that_diverged(self) -> None:
        seeds = runs([1, 2, 3], [1, 2], [9])
        seeds[2].metrics["diverged"] = 1
        found = spread(seeds, "test_loss")
        assert found is not None
        assert found["epoch"] == [1, 2]
        assert max(found["high"]) == 2

    def test_one_seed_has_no_spread(self) -> None:
        assert spread(runs([1, 2]), "test_loss") is None
        assert spread(runs([1, 2], [1, 2]), "train_loss") is None


ENDS = Ends(
    variant="default",
    seeds=[0.5, 0.5, 0.52, 0.55],
    one_start=[0.51, 0.52],
    band=(0.4, 0.6),
    published=0.54,
    ours=0.5,
    yours=0.53,
    logged=[0.51, 0.53],
)


@pytest.mark.figures
class TestDrawing:
    def test_the_published_number_is_a_line_among_the_dots(self) -> None:
        figure = over_seeds.distributions({"test_accuracy": [ENDS], "test_loss": [ENDS, ENDS]})
        ax = figure.axes[0]
        lines = {line.get_label(): line for line in ax.lines}
        assert set(lines["published"].get_xdata()) == {0.54}
        assert set(lines["your number"].get_xdata()) == {0.53}
        assert list(lines["our run"].get_xdata()) == [0.5]
        seeds, one_start = ax.collections[-2:]
        assert seeds.get_offsets()[:, 0].tolist() == ENDS.seeds
        assert one_start.get_offsets()[:, 0].tolist() == ENDS.one_start
        # Equal numbers stand upon each other, so that each is seen.
        assert len({tuple(point) for point in seeds.get_offsets().tolist()}) == 4
        assert ax.get_xlabel() == "test accuracy"

    def test_curves_lie_on_the_band_of_seeds(self) -> None:
        found = spread(runs([1, 2, 3], [3, 2, 1]), "test_loss")
        assert found is not None
        curves = Curves("test_loss", found, [2, 2, 2], [[1.5, 2.5]], 2.0)
        figure = over_seeds.of_numbers([("test_loss", ENDS, curves), ("test_loss", ENDS, None)])
        ax = figure.axes[1]
        labels = [line.get_label() for line in ax.lines]
        assert labels == ["their median", "our run", "students' logs", "published"]
        low, high = ax.collections[0].get_paths()[0].get_extents().intervaly
        assert (low, high) == (1, 3)
        assert not figure.axes[3].axison
        # Each entry once, though both rows have it.
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        assert len(texts) == len(set(texts))

    def test_seeds_that_are_all_alike_can_be_drawn(self) -> None:
        alike = Ends("default", [0.5] * 3)
        assert over_seeds.distributions({"test_accuracy": [alike]}).axes

    def test_seeds_that_are_far_apart_have_a_logarithmic_axis(self) -> None:
        far = Ends("default", [0.16, 0.17, 0.16, 47.0], band=(-30.0, 40.0), published=0.17)
        (ax,) = over_seeds.distributions({"test_loss": [far]}).axes
        assert ax.get_xscale() == "log"
        heights = ax.collections[-1].get_offsets()[:, 1]
        assert len(set(heights[:3].tolist())) == 3 or len(set(heights.tolist())) > 1
