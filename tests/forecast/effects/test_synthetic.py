import numpy as np
import pandas as pd
import pytest

from forecast.effects import synthetic
from forecast.effects.rules import Rules, judged
from forecast.effects.synthetic import Synthetic
from tests import naive, planted

RULES = Rules()
PYSYNCON = [0.64652474, 0.22066413, 0.13281113]


def test_shares_are_the_best_of_all_tried() -> None:
    rng = np.random.default_rng(0)
    line, donors = rng.gamma(20, 1 / 20, 10), rng.gamma(20, 1 / 20, (3, 10))
    spec = Synthetic(ridge=1.0)
    changes = np.diff(donors, axis=1) - np.diff(donors, axis=1).mean(axis=0)
    penalty = spec.ridge * (changes**2).mean() / 2 * 10
    tried = naive.best_shares(line.tolist(), donors.tolist(), penalty, 100)
    assert synthetic.weights(line, donors, spec) == pytest.approx(tried, abs=0.011)


def test_shares_are_those_of_pysyncon() -> None:
    """Values of pysyncon 1.7.0 (`Synth.fit` with equal V) on the same matrices, scaled as it scales them."""
    z = np.array([[1.0, 0.8, 1.2, 0.9, 1.1, 1.3], [0.5, 1.4, 0.9, 1.0, 1.2, 0.7], [1.2, 1.1, 0.6, 1.3, 0.8, 1.0]])
    line = 0.6 * z[0] + 0.3 * z[1] + 0.1 * z[2] + np.array([0.05, -0.05, 0.02, 0.0, -0.03, 0.01])
    scale = np.vstack([z, line]).std(axis=0, ddof=1)
    found = synthetic.weights(line / scale, z / scale, Synthetic(ridge=0.0))
    assert found == pytest.approx(PYSYNCON, abs=2e-4)


def city(effect: float, seed: int = 0) -> tuple[planted.Place, str, np.ndarray, np.ndarray]:
    place = planted.place(2, 200)
    street = pd.unique(place.street)[4]
    chosen = place.street == street
    return place, street, chosen, planted.plant(place, chosen, np.full(len(chosen), 54), effect)


def found(effect: float, spec: Synthetic | None = None, begin: int = 54) -> synthetic.Finding:
    place, street, chosen, factor = city(effect)
    treated = planted.treated(place, chosen, np.full(len(chosen), begin))
    grid = planted.counts(place, factor, 1)
    return synthetic.estimate(grid, treated, place.areas, "repair", street, spec or Synthetic(), RULES, 0)


def test_a_planted_effect_lies_in_the_interval() -> None:
    none, much = found(0.0), found(-0.6)
    assert none.low < 1 < none.high
    assert much.low < 0.4 < much.high < 1
    assert much.ratio / none.ratio == pytest.approx(0.4, rel=0.12)


def test_the_interval_is_the_placebo_test_turned_around() -> None:
    """At each of its ends the street's gap is as large as that of the placebo that bounds the level."""
    rng = np.random.default_rng(0)
    lines = rng.poisson(50, (25, 48)).astype(float)
    gaps, noise, _ = synthetic.placebos(lines, 36, slice(36, 48), Synthetic())
    base = synthetic.Finding("synthetic", "g", "c", "s")
    done = synthetic._judge(base, lines, 36, slice(36, 48), Synthetic(), RULES)
    away = abs(gaps[0] - np.log(done.high)) / noise[0]
    as_far = int((np.abs(gaps[1:]) / noise[1:] >= away * (1 - 1e-9)).sum())
    assert (as_far + 1) / 25 > 0.05 >= as_far / 25


def test_p_before_is_a_rank_among_placebos() -> None:
    rng = np.random.default_rng(0)
    lines = rng.poisson(50, (25, 48)).astype(float)
    lines[0, 36:] *= 2.5
    assert synthetic.in_time(lines, 48, Synthetic()) == 1 / 25
    assert np.isnan(synthetic.in_time(lines, 20, Synthetic()))


def test_streets_with_any_such_work_are_no_donors_and_too_few_end_it() -> None:
    place, street, chosen, factor = city(0.0)
    grid = planted.counts(place, factor, 1)
    begin = np.full(len(chosen), 54)
    mine = planted.treated(place, chosen, begin)
    spread = planted.treated(place, place.cells["area"].duplicated().eq(False).to_numpy() & ~chosen, begin)
    both = pd.concat([mine, spread.assign(group="other", unit="o" + spread["unit"])], ignore_index=True)
    done = synthetic.estimate(grid, both, place.areas, "repair", street, Synthetic(), RULES, 0)
    assert judged(done, RULES) == "few_controls"
    assert synthetic.streets(grid, both, place.areas, "repair") == [street]


@pytest.mark.parametrize(("begin", "why"), [(20, "few_before"), (71, "")])
def test_months_before_and_after(begin: int, why: str) -> None:
    done = found(0.0, begin=begin)
    assert done.refusal == why
    assert done.months == (0 if why else 1)
