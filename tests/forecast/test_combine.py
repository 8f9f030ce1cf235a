"""The combination: between its members, weights that sum to 1, and only what came before decides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from forecast.combine import Combine, combine, deviance, weights

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
    np.testing.assert_allclose(combine(members, weights(Combine(members=("a", "b")), {}, np.empty(0))), [2, 4])


def test_members_not_weighted_have_no_say() -> None:
    np.testing.assert_allclose(combine({"a": np.ones(2), "b": np.full(2, 9.0)}, {"a": 0.4}), 1)


def test_a_weighted_model_must_be_there() -> None:
    with pytest.raises(KeyError):
        combine({"a": np.ones(2)}, {"a": 0.5, "b": 0.5})


def test_the_better_model_gets_more_but_not_all() -> None:
    learned = weights(ROLLING, *past())
    assert sum(learned.values()) == pytest.approx(1)
    assert 0.5 < learned["good"] <= 0.75


def test_trust_0_is_equal_and_trust_1_believes_the_errors() -> None:
    members, actual = past()
    assert weights(ROLLING.model_copy(update={"trust": 0.0}), members, actual) == {"good": 0.5, "bad": 0.5}
    errors = {name: deviance(means, actual) ** -2 for name, means in members.items()}
    believed = weights(ROLLING.model_copy(update={"trust": 1.0}), members, actual)
    assert believed["good"] == pytest.approx(errors["good"] / sum(errors.values()))


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


@given(arrays(float, 20, elements=st.floats(0, 1e6)))
def test_deviance_is_0_for_a_perfect_forecast_and_more_otherwise(actual: np.ndarray) -> None:
    counts = np.round(actual)
    assert deviance(counts, counts) == pytest.approx(0, abs=0.01)
    assert deviance(counts + 1, counts) > 0


@pytest.mark.parametrize("members", [(), ("a", "a")])
def test_members_are_some_and_each_once(members: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="members"):
        Combine(members=members)


def test_unknown_options_are_refused() -> None:
    with pytest.raises(ValidationError):
        Combine.model_validate({"methods": "equal"})
