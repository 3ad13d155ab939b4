"""Parameters are found by their shapes, however a student keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hw.grading.layout import Layout, hidden_units, layouts
from hw.grading.references import REFERENCES, Sizes

SIZES = Sizes(features=29, classes=4, hidden=17)
MLP = REFERENCES["mlp"]
Array = np.ndarray[Any, Any]


@pytest.fixture
def drawn() -> dict[str, Array]:
    made = MLP(SIZES, 0.1)
    made.start()
    made.b1, made.b2 = np.arange(17.0), np.arange(4.0)
    return made.parameters()


def found(state: dict[str, Array], sizes: Sizes = SIZES, model: str = "mlp") -> Layout:
    return layouts(REFERENCES[model], sizes, state)[0]


def check(state: dict[str, Array], drawn: dict[str, Array]) -> None:
    read = found(state).read(state)
    for name, expected in drawn.items():
        np.testing.assert_array_equal(read[name], expected, err_msg=name)


def test_attributes_of_any_name(drawn: dict[str, Array]) -> None:
    check(
        dict(zip(("w_in", "hidden_bias", "w_out", "out_bias"), drawn.values(), strict=True)), drawn
    )


def test_lists_columns_and_rows(drawn: dict[str, Array]) -> None:
    state = {
        "weights[0]": drawn["W1"],
        "weights[1]": drawn["W2"],
        "biases[0]": drawn["b1"][:, None],
        "biases[1]": drawn["b2"][None],
    }
    check(state, drawn)


def test_transposed_weights(drawn: dict[str, Array]) -> None:
    state = {**drawn, "W1": drawn["W1"].T, "W2": drawn["W2"].T}
    check(state, drawn)
    assert str(found(state).places["W1"]) == "W1ᵀ"


def test_biases_inside_the_weights(drawn: dict[str, Array]) -> None:
    state = {
        "W1": np.column_stack([drawn["W1"], drawn["b1"]]),
        "W2": np.column_stack([drawn["W2"], drawn["b2"]]),
    }
    check(state, drawn)


def test_a_first_column_of_zeros_is_the_bias(drawn: dict[str, Array]) -> None:
    drawn = {**drawn, "b1": np.zeros(17), "b2": np.zeros(4)}
    state = {
        "W1": np.column_stack([drawn["b1"], drawn["W1"]]),
        "W2": np.column_stack([drawn["b2"], drawn["W2"]]),
    }
    check(state, drawn)


def test_gradients_and_caches_are_no_parameters(drawn: dict[str, Array]) -> None:
    other = {"grad_W1": np.zeros((17, 29)), "dW2": np.zeros((4, 17)), "h": np.ones(17)}
    check({**other, **drawn, "learning_rate": np.array(0.1)}, drawn)


def test_a_bias_that_begins_as_a_number(drawn: dict[str, Array]) -> None:
    state = {"W1": drawn["W1"], "W2": drawn["W2"], "b1": np.array(0.0), "b2": np.array(0.0)}
    read = found(state).read(state)
    np.testing.assert_array_equal(read["b1"], np.zeros(17))
    np.testing.assert_array_equal(read["b2"], np.zeros(4))


def test_biases_that_appear_with_the_first_update(drawn: dict[str, Array]) -> None:
    first = {"W1": drawn["W1"], "W2": drawn["W2"]}
    layout = found(first)
    assert layout.missing == ["b1", "b2"]
    later = layout.with_late_biases(drawn)
    assert not later.missing
    np.testing.assert_array_equal(later.read(drawn)["b1"], drawn["b1"])
    np.testing.assert_array_equal(later.read(first)["b1"], np.zeros(17))


def test_a_network_of_one_output_may_keep_a_vector() -> None:
    state = {"w1": np.ones((17, 29)), "b1": np.zeros(17), "w2": np.arange(17.0), "b2": np.zeros(1)}
    read = found(state, Sizes(29, 1, 17), "neural_regression").read(state)
    np.testing.assert_array_equal(read["W2"], np.arange(17.0)[None])
    np.testing.assert_array_equal(read["b1"], np.zeros(17))


def test_another_number_of_hidden_units_is_told(drawn: dict[str, Array]) -> None:
    state = {"W1": np.zeros((200, 29)), "W2": np.zeros((4, 200))}
    assert not layouts(MLP, SIZES, state)
    assert hidden_units(SIZES, state) == 200
    assert hidden_units(SIZES, {"W1": np.zeros((200, 29))}) is None


def test_what_has_gone_is_an_error(drawn: dict[str, Array]) -> None:
    layout = found(drawn)
    with pytest.raises(LookupError):
        layout.read({k: v for k, v in drawn.items() if k != "W1"})
    with pytest.raises(LookupError, match="W1 has the shape"):
        layout.read({**drawn, "W1": np.zeros((3, 3))})
