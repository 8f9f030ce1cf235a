"""The regression is statsmodels' own where the belief is flat; kernels, medians and chances match slow twins."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from forecast import negbin
from forecast.risk import _chance, _prior, _terms
from tests import naive


def test_the_regression_is_that_of_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_terms, "BELIEF", 1e6)
    rng = np.random.default_rng(1)
    n = 500
    x = rng.normal(0, 1, (n, 2))
    exposed = rng.uniform(0.5, 4, n)
    groups = rng.integers(0, 40, n)
    seen = rng.poisson(exposed * np.exp(0.4 * x[:, 0]) * rng.gamma(3, 1 / 3, n)).astype(float)
    terms = [_terms.Term("a", ("x",), x[:, :1]), _terms.Term("b", ("x",), x[:, 1:])]
    solved = _terms._solved(terms, _terms._Rows(seen, np.log(exposed), np.ones(n, dtype=bool), groups))
    beta, cov = solved.beta, solved.cov
    shape = _terms.shape_of(seen, exposed * np.exp(np.column_stack([np.ones(n), x]) @ beta))
    family = sm.families.NegativeBinomial(alpha=1 / shape)
    model = sm.GLM(seen, sm.add_constant(x), family=family, offset=np.log(exposed))
    theirs = model.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    assert beta == pytest.approx(theirs.params, abs=2e-3)  # the shape is alternated, not joint
    assert np.sqrt(np.diag(cov)) == pytest.approx(
        theirs.bse * np.sqrt(40 / 39), rel=0.04
    )  # expected information, theirs observed


def test_neighbours_match_a_slow_twin() -> None:
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(116, 116.3, 90), rng.uniform(39.9, 40.1, 90)
    lon[4] = np.nan
    table = pd.DataFrame({"estate": [str(k) for k in range(90)], "lon": lon, "lat": lat})
    near, distance = _prior._nearest(table)
    for k in (0, 17, 89):
        order, apart = naive.nearest(lon.tolist(), lat.tolist(), k)
        assert near[k].tolist() == order[: _prior.NEIGHBOURS]
        assert distance[k, 9] / distance[k, 0] == pytest.approx(apart[9] / apart[0])
    assert np.isinf(distance[4]).all()
    assert 4 not in near[np.isfinite(distance)]


def test_median_of_a_street_matches_a_slow_twin() -> None:
    rng = np.random.default_rng(3)
    mean = rng.gamma(0.5, 20, 60)
    mean[:5] = 0
    variance = mean + mean**2 * rng.uniform(0, 2, 60)
    street = rng.integers(0, 4, 60)
    found = _chance.median_ahead(mean, variance, street)
    for k in range(60):
        here = street == street[k]
        assert found[k] == naive.mixture_median(mean[here].tolist(), variance[here].tolist())
    said = _chance.chance(mean, variance, found)
    assert said == pytest.approx(1 - negbin.cdf(found, mean, variance))


def test_chances_are_put_right_and_keep_their_order() -> None:
    rng = np.random.default_rng(4)
    said = rng.random(5000)
    happened = rng.random(5000) < said**2
    right = _chance.calibrated(said, happened)
    at = np.linspace(0, 1, 101)
    assert (np.diff(right.apply(at)) >= 0).all()
    assert np.abs(right.apply(at)[5:96] - at[5:96] ** 2).mean() < 0.03
    few = _chance.calibrated(said[:50], happened[:50])
    inner = slice(1, -1)
    assert (few.apply(at)[inner] == at[inner]).all()
    assert (_chance.calibrated(said, np.ones(5000, dtype=bool)).apply(at)[inner] == at[inner]).all()


def test_no_chance_is_certain() -> None:
    said = np.linspace(0, 1, 400)
    right = _chance.calibrated(said, said > 0.5)
    assert right.apply(said)[0] == pytest.approx(0.5 / 201, rel=0.01)
    assert right.apply(said)[-1] == pytest.approx(200.5 / 201, rel=0.01)
    assert (np.diff(right.apply(said)) >= 0).all()
    rng = np.random.default_rng(2)
    for happened in (rng.random(400) < said, rng.random(400) < 0.01, np.arange(400) == 399):
        came = _chance.calibrated(said, happened).apply(said)
        assert (np.diff(came) >= 0).all()
        assert ((came > 0) & (came < 1)).all()
    assert _chance.AS_SAID.apply(np.array([0.0, 0.3, 1.0])) == pytest.approx([0.001, 0.3, 0.999])


def test_exceeding_the_median_counts_by_street() -> None:
    counts, street = np.array([0.0, 1, 2, 9, 9, 9]), np.array([0, 0, 0, 5, 5, 5])
    assert _chance.exceeds_median(counts, street).tolist() == [False, False, True, False, False, False]


def test_rank_stability_is_the_chance_to_be_among_the_first() -> None:
    mean, shape = np.array([100.0, 10.0, 9.9, 1.0]), np.array([1000.0, 50.0, 50.0, 1000.0])
    found = _chance.stability(mean, shape, top=2, draws=4000, seed=1)
    assert found.sum() == pytest.approx(2)
    assert found[0] == 1
    assert found[3] == 0
    rng = np.random.default_rng(9)
    ahead = np.mean(10 / 50 * rng.standard_gamma(50, 100_000) > 9.9 / 50 * rng.standard_gamma(50, 100_000))
    assert found[1] == pytest.approx(ahead, abs=0.03)
    assert _chance.stability(mean, shape, top=9, draws=2, seed=1).tolist() == [1, 1, 1, 1]


def test_the_interval_matches_a_slow_twin_and_holds_what_it_says() -> None:
    rng = np.random.default_rng(5)
    mean = np.concatenate([[0.0, 1e-9, 0.05], rng.gamma(0.5, 8, 30)])
    variance = mean + mean**2 * rng.uniform(0, 1.5, 33)
    for probability in (0.5, 0.8):
        low, high = _chance.interval(mean, variance, probability)
        slow = [naive.interval(*two, probability) for two in zip(mean.tolist(), variance.tolist(), strict=True)]
        assert [*zip(low.tolist(), high.tolist(), strict=True)] == slow
    mean = rng.uniform(8, 80, 20_000)
    counts = rng.poisson(mean * rng.gamma(4, 0.25, 20_000))
    low, high = _chance.interval(mean, mean + mean**2 / 4, 0.8)
    assert ((low <= counts) & (counts <= high)).mean() == pytest.approx(0.8, abs=0.01)


def test_unknown_figures_are_what_goes_with_the_rest_of_the_estate() -> None:
    rng = np.random.default_rng(6)
    n = 2000
    bad, age = rng.random(n) < 0.4, rng.uniform(0, 6, n)
    truth = 5 - 3 * bad + 0.5 * age + rng.normal(0, 0.3, n)
    known = rng.random(n) < 0.6
    words = [_terms._word("mgmt_type", pd.Series(np.where(bad, "失管", "专业物业")))]
    numbers = {
        "age": pd.Series(age),
        "fees": pd.Series(np.where(known, truth, np.nan)),
        "none": pd.Series([np.nan] * n),
    }
    found = _terms._usual(numbers, words)
    assert (found["fees"][known] == truth[known]).all()
    miss = found["fees"][~known] - truth[~known]
    assert abs(miss.mean()) < 0.05
    assert miss.std() < 0.35  # the noise alone
    assert found["fees"].min() >= truth[known].min()
    assert (found["none"] == 0).all()
    few = _terms._usual({"fees": pd.Series([1.0, np.nan, 3.0])}, [])
    assert few["fees"].tolist() == [1, 0, 3]  # too few to say: no column is made of it


def test_intervals_of_effects_hold_where_estates_are_few() -> None:
    inside = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x = (rng.random((60, 4)) < 0.25).astype(float)
        terms = [_terms.Term(name, ("x",), x[:, [k]] - x[:, k].mean()) for k, name in enumerate("abcd")]
        seen = rng.poisson(20 * np.exp(0.5 * x[:, 0]) * rng.gamma(3, 1 / 3, 60)).astype(float)
        at = _terms._Rows(seen, np.zeros(60), np.ones(60, dtype=bool), np.arange(60))
        row = _terms._effects(terms, _terms._solved(terms, at)).iloc[0]
        inside.append(row["low"] <= 0.5 <= row["high"])
    assert np.mean(inside) > 0.91
