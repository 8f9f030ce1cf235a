import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import areas as tree
from forecast.effects import treated
from forecast.effects.counterfactual import told, untreated
from forecast.errors import DataError
from forecast.tables import ALL, Tasks, Treated, conform, empty

START, END = (pd.Timestamp(day).as_unit("us") for day in ("2022-01-01", "2024-06-01"))


def places() -> pd.DataFrame:
    rows = pd.DataFrame({"area": ["11", "12", "21"], "名称": ["东一社区", "东二社区", "西一社区"],
                         "街道": ["东街道", "东街道", "西街道"]}, dtype="str")  # fmt: skip
    return tree.to_areas(rows, tree.AreaSource(path="areas.csv"), "市")


def read(**columns: list[str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(columns, dtype="str")
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    areas = places()
    return treated.from_rows(
        frame, areas, treated.place_by(areas), ["x", "y"], (START, END), 1, 12, "interventions.csv"
    )


def faults(**columns: list[str | None]) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(**columns)
    return [str(fault) for fault in caught.value.faults]


def test_a_street_stands_for_its_communities_and_no_category_for_all() -> None:
    table = read(名称=["信托制", "疏通"], area=["东街道", "21"], category=[None, "x"],
                 start=["2023-03", "2023年4月15日"], end=[None, "2023-06"], cost=["1,000", None])  # fmt: skip
    first = table[table["group"] == "信托制"]
    assert sorted(zip(first["area"], first["category"], strict=True)) == [
        ("11", "x"), ("11", "y"), ("12", "x"), ("12", "y")
    ]  # fmt: skip
    assert set(first["last"]) == {pd.Timestamp("2024-02-01")}
    assert first.drop_duplicates("unit")["cost"].tolist() == [1000]
    (row,) = table[table["group"] == "疏通"].to_dict("records")
    assert (row["month"], row["last"]) == (pd.Timestamp("2023-04-01"), pd.Timestamp("2023-06-01"))


def test_every_fault_has_a_line_of_its_own() -> None:
    told = faults(
        name=["a", "b", "c", "d", "e"], area=["北街道", "11", "11", "12", "21"],
        category=[None, "q", None, None, None],
        start=["2023-01", "2023-01", "2021-12", "soon", "2023-05"], end=[None, None, None, None, "2023-01"],
        cost=[None, None, None, None, "viel"],
    )  # fmt: skip
    assert len(told) == 6
    for words in ("row 2: area '北街道'", "row 3: category 'q'", "row 4: start '2021-12'", "row 5: start 'soon'",
                  "row 6: end '2023-01'", "row 6: cost 'viel'"):  # fmt: skip
        assert sum(words in line for line in told) == 1, words


def test_a_row_that_overlaps_another_of_its_name_is_refused() -> None:
    (line,) = faults(name=["a", "a"], area=["东街道", "11"], start=["2023-01", "2023-06"], category=["x", "x"])
    assert "rows 2 and 3" in line
    apart = read(name=["a", "a"], area=["东街道", "11"], start=["2023-01", "2024-01"], category=["x", "x"])
    assert len(apart) == 3


def test_missing_columns_and_cells_are_told() -> None:
    assert len(faults(area=["11"])) == 2
    (line,) = faults(name=["a", None], area=["11", "12"], start=["2023-01", "2023-01"])
    assert "row 3: name is empty" in line


def task(**changes: object) -> dict[str, object]:
    day = pd.Timestamp("2023-01-01")
    return {"task_id": "t", "plan_month": day, "area": "11", "street": "s", "category": "x", "entry": "visit",
            "start_by": day, "window_start": pd.Timestamp("2023-06-01"), "window_end": pd.Timestamp("2023-08-31"),
            "expected_requests": 5.0, "preventable_share": 0.2, "crew_days": 1.0, "safety": False,
            "borderline": False, "fate": "chosen", "status": "done",
            "done_on": pd.Timestamp("2023-03-20")} | changes  # fmt: skip


def test_only_done_tasks_treat_from_their_month_and_show_in_their_window() -> None:
    rows = [task(), task(task_id="u", done_on=pd.Timestamp("2023-07-20")), task(task_id="v", status="declined")]
    table = treated.from_tasks(conform(Tasks, pd.DataFrame(rows)), 1)
    assert table["month"].dt.strftime("%Y-%m").tolist() == ["2023-03", "2023-07"]
    assert table["first"].dt.strftime("%Y-%m").tolist() == ["2023-06", "2023-07"]
    assert table["last"].dt.strftime("%Y-%m").tolist() == ["2023-08", "2023-08"]
    assert treated.from_tasks(conform(Tasks, pd.DataFrame(rows[:1])), 19)["month"].iloc[0] == pd.Timestamp(
        "2023-04-01"
    )
    assert treated.from_tasks(empty(Tasks), 1).empty


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=6, max_size=6), st.floats(-0.8, 1.5))
def test_counts_without_the_work_stay_whole_and_keep_their_sum(values: list[int], effect: float) -> None:
    months = pd.date_range("2023-01-01", periods=6, freq="MS", unit="us")
    panel = pd.DataFrame({"area": "11", "category": "x", "month": months, "orders": values, "incidents": values,
                          "callers": values})  # fmt: skip
    other = panel.assign(area="12")
    both = pd.concat([panel, other], ignore_index=True)
    row = {"unit": "u", "group": "g", "area": "11", "category": "x", "month": months[2], "first": months[3],
           "last": months[4]}  # fmt: skip
    done = conform(Treated, pd.DataFrame([row]))
    back = untreated(both, done, {"g": effect})
    assert back.dtypes.equals(both.dtypes)
    assert back["orders"][6:].tolist() == values
    mine = back["orders"][:6].tolist()
    assert mine[:3] + mine[5:] == values[:3] + values[5:]
    assert abs(sum(mine[3:5]) - sum(values[3:5]) / (1 + effect)) <= 0.5 + 1e-9
    assert min(mine) >= 0
    assert untreated(both, done, {"h": effect}).equals(both)


def test_an_effect_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above -1: g"):
        untreated(pd.DataFrame(), empty(Treated), {"g": -1.0})


def test_only_effects_that_were_concluded_and_are_not_nothing_are_told() -> None:
    rows = [
        ("holdback", "a", True, "fewer", -0.1),
        ("did", "a", True, "fewer", -0.3),
        ("did", "b", True, "unclear", -0.1),
        ("holdback", "c", True, "more", 0.2),
        ("did", "d", False, "refused", np.nan),
        ("holdback", ALL, True, "fewer", -0.2),
        ("synthetic", "e", True, "fewer", -0.4),
        ("did", "f", True, "fewer", -1.0),
    ]
    names = ["estimator", "group", "concluded", "reading", "estimate"]
    assert told(pd.DataFrame(rows, columns=pd.Index(names))) == {"a": -0.3, "c": 0.2}
