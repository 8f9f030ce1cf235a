import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reports.lookup import indexed, wide
from reports.material import BANDS, records
from tests.reports.sample import make

KEY = ["area", "category", "month"]
KEYS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12)


@given(KEYS, st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6))
def test_rows_of_keys_are_those_a_search_finds_in_the_order_of_the_table(
    keys: list[str | None], asked: list[str]
) -> None:
    table = pd.DataFrame({"key": pd.Series(keys, dtype="str"), "n": range(len(keys))})
    pd.testing.assert_frame_equal(indexed(table, "key").of(asked), table[table["key"].isin(asked)])


def test_forecasts_side_by_side_are_those_of_a_search() -> None:
    rows = make().forecasts
    lost = (rows["area"] == "S1") & (rows["output"] == "quantile") & np.isclose(rows["level"], 0.1)
    rows = rows[~lost].sample(frac=1, random_state=1)
    known = rows.set_index([*KEY, "output", "level"])["predicted"].to_dict()
    found = wide(rows.astype({"area": "category", "output": "category"}), BANDS)
    assert found[KEY].equals(rows.loc[rows["output"] == "mean", KEY].sort_values(KEY, ignore_index=True))
    for row in records(found.sample(200, random_state=2)):
        cell = tuple(row[name] for name in KEY)
        for band, (low, high) in BANDS.items():
            for name, level in (("low", low), ("high", high)):
                expected = known.get((*cell, "quantile", level), np.nan)
                np.testing.assert_equal(row[f"{name}{band}"], expected)
    assert found.loc[found["area"] == "S1", "low80"].isna().all()
    assert found.loc[found["area"] != "S1"].notna().all().all()


def test_nothing_side_by_side_is_an_empty_table_with_the_same_columns() -> None:
    rows = make().forecasts
    assert wide(rows.head(0), BANDS).columns.tolist() == wide(rows, BANDS).columns.tolist()
