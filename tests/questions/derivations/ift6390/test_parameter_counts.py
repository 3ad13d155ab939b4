"""Parameter counts: golden numbers as formulas, both backends, and claims that can fail."""

import pytest

from hw.errors import UsageError
from hw.questions.derivations.ift6390 import parameter_counts

SETTINGS = parameter_counts.Settings()


def verdicts(backend="numpy", settings=SETTINGS):
    return {c.name: c.holds for c in parameter_counts.compute(settings, None, backend).checks}


WIDE = 3072 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10


def deep(layers):
    return (3072 * 512 + 512) + (512 * 120 + 120) + (layers - 1) * (120 * 120 + 120) + (1200 + 10)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_counts_as_formulas(backend):
    metrics = parameter_counts.compute(SETTINGS, None, backend).metrics
    assert metrics["parameters"] == WIDE == 1_707_274
    assert metrics["closest_layers"] == 6
    assert metrics["closest_parameters"] == deep(6) == 1_708_746
    assert metrics["listed_parameters"] == deep(5) == 1_694_226
    assert metrics["n_hidden"] == pytest.approx((WIDE - deep(1)) / 14_520, rel=1e-14)
    assert round(metrics["n_hidden"], 2) == 4.90


def test_torch_network_has_the_layers_of_the_numpy_one():
    sizes = (7, 5, 3, 2)
    network = parameter_counts.torch_network(sizes)
    assert [type(m).__name__ for m in network] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    shapes = [tuple(p.shape) for p in network.parameters()]
    arrays = parameter_counts.numpy_network(sizes)
    assert shapes == [shape for w, b in arrays for shape in (w.shape[::-1], b.shape)]


def test_building_draws_no_random_number():
    import torch

    before = torch.random.get_rng_state()
    parameter_counts.torch_network((4, 3, 2))
    assert torch.equal(before, torch.random.get_rng_state())


def test_right_claims_would_hold():
    mended = parameter_counts.Settings(
        claimed_total=1_707_274,
        claimed_inputs=3072,
        claimed_x=4.9,
        claimed_count=5,
        claimed_hidden=(512, *[120] * 6),
    )
    found = verdicts(settings=mended)
    assert {name for name, holds in found.items() if not holds} == {"equation_counts_all_layers"}


def test_a_list_of_other_depth_than_announced_is_noticed():
    assert verdicts()["listed_depth_fits_the_equation"]
    other = parameter_counts.Settings(claimed_count=5)
    assert not verdicts(settings=other)["listed_depth_fits_the_equation"]


def test_a_wrong_count_fails():
    wrong = parameter_counts.Settings(claimed_layers=(1_572_864, 512, 131_073, 256, 2_560, 10))
    found = verdicts(settings=wrong)
    assert not found["count_w2"]
    assert not found["total_is_the_sum"]


def test_a_network_without_its_last_biases_is_noticed(monkeypatch):
    right = parameter_counts.layer_counts
    monkeypatch.setattr(parameter_counts, "layer_counts", lambda *a: [*right(*a)[:-1], 0])
    found = verdicts()
    assert found["total_as_printed"]
    assert not found["total_is_the_sum"]
    assert not found["layer_rule"]


def test_claims_must_fit_the_network():
    with pytest.raises(UsageError, match="claimed_layers"):
        parameter_counts.compute(parameter_counts.Settings(hidden=(8,)), None, "numpy")
