"""Exports drift: columns are renamed, months come late or twice, a week is missing. Each is noticed and said."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipelines import arriving, audit, config, inputs, live, runs, store
from pipelines.runs import Watch
from tests.end_to_end.conftest import orders
from tests.reliability.jobs import write_city


def notices(folder: Path, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> list[str]:
    """What a job says of a city whose orders were edited."""
    city = config.load(write_city(folder))
    path = folder / "orders.csv"
    edit(pd.read_csv(path, dtype="str")).to_csv(path, index=False)
    with runs.at_work(folder / "runs", "monthly", Watch()) as job:
        inputs.read(city, None, job)
        return [text for text in job.warnings if "历史只有" not in text]


def again(frame: pd.DataFrame, month: str) -> pd.DataFrame:
    """The orders of a month once more, under other ids."""
    extra = frame[frame["opened"].str.startswith(month)]
    return pd.concat([frame, extra.assign(id=extra["id"] + "-1")])


def test_a_sound_export_is_not_remarked_on(tmp_path: Path) -> None:
    assert notices(tmp_path, lambda frame: frame) == []


def test_a_month_that_came_in_twice_under_other_ids_is_named(tmp_path: Path) -> None:
    (said,) = notices(tmp_path, lambda frame: again(frame, "2020-08"))
    assert "2020-08" in said
    assert "两次" in said


def test_a_busy_month_is_not_taken_for_one_counted_twice() -> None:
    months = pd.date_range("2020-01-01", periods=24, freq="MS")
    counts = pd.DataFrame(
        [(f"a{n}", "x", month, 7 + n % 5) for month in months for n in range(40)],
        columns=["area", "category", "month", "orders"],
    )
    none = pd.DataFrame({"month": months, "orders": 100, "copies": 2})
    busy = counts.assign(orders=counts["orders"] * (1 + (counts["month"] == "2021-03-01")) + (counts["orders"] % 2))
    assert arriving.doubled(counts, none, "en") == []
    assert arriving.doubled(counts.assign(orders=busy["orders"] | 1), none, "en") == []
    twice = counts.assign(orders=counts["orders"] * (1 + (counts["month"] == "2021-03-01")))
    (said,) = arriving.doubled(twice, none, "en")
    assert said.startswith("2021-03 holds")
    odd = twice.assign(orders=twice["orders"] | 1)
    copied = none.assign(copies=none["copies"] + 45 * (none["month"] == "2021-03-01"))
    (said,) = arriving.doubled(odd, copied, "en")
    assert "47%" in said


def test_days_without_any_order_are_named(tmp_path: Path) -> None:
    def cut(frame: pd.DataFrame) -> pd.DataFrame:
        many = orders(4000, 15)
        return many[~many["opened"].between("2020-09-07", "2020-09-13")]

    said = [text for text in notices(tmp_path, cut) if "没有一件" in text]
    assert len(said) == 1
    assert "2020-09-07" in said[0]


def test_a_holiday_of_every_year_is_no_gap() -> None:
    days = pd.DataFrame({"day": pd.date_range("2019-01-01", "2021-12-31"), "orders": 10})
    holiday = days["day"].dt.strftime("%m-%d").between("02-01", "02-08")
    assert arriving.silent(days[~holiday], "en") == []
    once = holiday & (days["day"].dt.year == 2020)
    (said,) = arriving.silent(days[~once], "en")
    assert "8 days from 2020-02-01" in said
    assert "80 were" in said
    assert arriving.silent(days[~once].iloc[::3], "en") == []


def test_a_renamed_column_is_refused_with_the_nearest_header(tmp_path: Path) -> None:
    from forecast.errors import DataError

    with pytest.raises(DataError, match=r"no column for area.*columns: \{area: communty\}"):
        notices(tmp_path, lambda frame: frame.rename(columns={"community": "communty"}))


def test_a_column_that_later_files_lack_is_named(tmp_path: Path) -> None:
    path = write_city(tmp_path)
    text = path.read_text(encoding="utf-8").replace("[orders.csv]", "['orders*.csv']")
    path.write_text(text.replace("topic}", "topic, estate: home}"), encoding="utf-8")
    frame = pd.read_csv(tmp_path / "orders.csv", dtype="str").assign(home="甲里")
    frame.iloc[:250].to_csv(tmp_path / "orders.csv", index=False)
    frame.iloc[250:].rename(columns={"home": "homes"}).to_csv(tmp_path / "orders2.csv", index=False)
    with runs.at_work(tmp_path / "runs", "monthly", Watch()) as job:
        inputs.read(config.load(path), None, job)
        said = [text for text in job.warnings if "orders2.csv" in text]
    assert len(said) == 1
    assert "estate" in said[0]
    assert "'homes'" in said[0]


def issued(folder: Path, panel: pd.DataFrame) -> Path:
    """A run of the month before, as a monthly job leaves it."""
    with runs.at_work(folder, "monthly", Watch()) as job:
        job.save(panel=panel)
        facts = {"origin": "2021-02", "city": "示例", "value": "orders", "month_starts_on": 1}
        return runs.publish(job, folder, runs.Identity("monthly", "2021-02", "c", "i"), facts)


def test_late_and_revised_months_are_told_and_forecasts_as_issued_stay(tmp_path: Path) -> None:
    city = config.load(write_city(tmp_path))
    month = pd.date_range("2020-12-01", periods=3, freq="MS").as_unit("us")
    then = pd.DataFrame({"area": "a", "category": "x", "month": month, "orders": [100, 100, 100]})
    run = issued(tmp_path / "runs", then)
    before = audit.digests(run)
    last = pd.DataFrame({"area": "a", "category": "x", "month": pd.Timestamp("2021-03-01"), "orders": [50]})
    now = pd.concat([then.assign(orders=[412, 97, 90]), last])
    as_of = pd.Timestamp("2021-03-01")
    with runs.at_work(tmp_path / "runs", "monthly", Watch()) as job:
        live.look_back(city, tmp_path / "runs", as_of, as_of, now, job)
        told = job.warnings
        logged = [json.loads(line) for line in (job.draft / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [("2020-12" in text and "312" in text, "2021-02" in text and "10" in text) for text in told] == [
        (True, False),
        (False, True),
    ]
    assert [line["text"] for line in logged if line["event"] == "warning"] == told
    assert audit.digests(run) == before
    assert audit.verify(tmp_path / "runs") == []
    assert store.read(run / "panel.parquet")["orders"].tolist() == [100, 100, 100]
