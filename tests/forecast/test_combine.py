"""The combination: between its members, weights that sum to 1, and only what came before decides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from forecast.combine import Combine, combine, relative_errors, weights
from tests import naive

ROLLING = Combine(members=("good", "bad"), method="rolling")
MEANS = arrays(float, (3, 4), elements=st.floats(0, 1e6))


def past(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    mean = rng.gamma(2, 5, (4, 50, 6))
    return {"good": mean, "bad": mean * 2}, rng.poisson(mean).astype(float)


@given(MEANS, MEANS, st.floats(0.01, 100))
def test_a_combination_lies_between_its_members(a: np.ndarray, b: np.ndarray, weight: float) -> None:
    both = combine({"a": a, "b": b}, {"a": weight, "b": 1.0})
    assert (both >= np.minimum(a, b) * (1 - 1e-12)).all()
    assert (both <= np.maximum(a, b) * (1 + 1e-12)).all()


def test_equal_weights_are_the_plain_mean() -> None:
    members = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 6.0])}
    np.testing.assert_allclose(
        combine(members, weights(Combine(members=("a", "b"), method="equal"), {}, np.empty(0))), [2, 4]
    )


def test_members_not_weighted_have_no_say() -> None:
    np.testing.assert_allclose(combine({"a": np.ones(2), "b": np.full(2, 9.0)}, {"a": 0.4}), 1)


def test_a_weighted_model_must_be_there() -> None:
    with pytest.raises(KeyError):
        combine({"a": np.ones(2)}, {"a": 0.5, "b": 0.5})


def test_the_better_model_gets_more_but_not_all() -> None:
    learned = weights(ROLLING, *past())
    assert sum(learned.values()) == pytest.approx(1)
    assert 0.9 < learned["good"] < 1


def test_models_that_err_alike_weigh_alike() -> None:
    members, actual = past()
    alike = members | {"bad": members["good"] * 1.02}
    assert weights(ROLLING, alike, actual)["good"] == pytest.approx(0.5, abs=0.02)


def test_relative_errors_are_those_written_out_by_hand() -> None:
    rng = np.random.default_rng(3)
    means, actual = rng.gamma(2, 3, (3, 2, 5, 4)), rng.poisson(6, (2, 5, 4)).astype(float)
    actual[0, 1], means[1, 1, 2] = np.nan, np.nan
    assert relative_errors(means, actual) == pytest.approx(naive.relative_errors(means.tolist(), actual.tolist()))


def test_neither_scale_nor_a_silent_cell_changes_the_weights() -> None:
    members, actual = past()
    expected = weights(ROLLING, members, actual)
    large = {name: means * 1e6 for name, means in members.items()}
    assert weights(ROLLING, large, actual * 1e6) == pytest.approx(expected)
    silent = {name: np.concatenate([means, np.zeros((4, 9, 6))], axis=1) for name, means in members.items()}
    assert weights(ROLLING, silent, np.concatenate([actual, np.zeros((4, 9, 6))], axis=1)) == pytest.approx(expected)


def test_trust_0_is_equal_and_trust_1_believes_the_errors() -> None:
    members, actual = past()
    assert weights(ROLLING.model_copy(update={"trust": 0.0}), members, actual) == {"good": 0.5, "bad": 0.5}
    errors = relative_errors(np.stack(list(members.values())), actual) ** -ROLLING.sharpness
    believed = weights(ROLLING.model_copy(update={"trust": 1.0}), members, actual)
    assert believed["good"] == pytest.approx(errors[0] / errors.sum())


def test_equal_is_equal_whatever_the_errors() -> None:
    assert weights(ROLLING.model_copy(update={"method": "equal"}), *past()) == {"good": 0.5, "bad": 0.5}


def test_members_are_judged_on_the_cells_all_of_them_knew() -> None:
    members, actual = past()
    holes = {name: means.copy() for name, means in members.items()}
    holes["bad"][:, :10] = np.nan
    actual[:, :10] *= 50
    left = {name: means[:, 10:] for name, means in members.items()}
    expected = weights(ROLLING, left, actual[:, 10:])
    assert weights(ROLLING, holes, actual) == pytest.approx(expected)


@pytest.mark.parametrize("origins", [0, 2])
def test_without_a_known_past_weights_are_equal(origins: int) -> None:
    nothing = np.full((origins, 5, 6), np.nan)
    assert weights(ROLLING, {"good": nothing, "bad": nothing}, nothing) == {"good": 0.5, "bad": 0.5}


@pytest.mark.parametrize("members", [(), ("a", "a")])
def test_members_are_some_and_each_once(members: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="members"):
        Combine(members=members)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValidationError):
        Combine.model_validate({"methods": "equal"})
