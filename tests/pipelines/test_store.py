"""The store: entries appear whole or not at all; orders are counted once, grouped into incidents, by month."""

import errno
import itertools
import os
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import RunError
from forecast.tables import Requests, conform
from pipelines import store as shelf
from pipelines.store import Orders, Store, read, write
from tests import naive

UNTIL = pd.Timestamp("2023-01-01")


def requests(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame([{"source": "s", "area": "a", "category": "x"} | row for row in rows])
    frame["received_at"] = pd.to_datetime(frame["received_at"], format="ISO8601")
    return conform(Requests, frame)


def stored(tmp_path: Path, *files: list[dict[str, Any]]) -> list[Any]:
    store = Store(tmp_path / "store")
    for number, rows in enumerate(files):
        with store.writer(f"file{number}") as writer:
            writer.add(requests=requests(rows))
            writer.finish({"rows": len(rows)})
    return [store.find(f"file{number}") for number in range(len(files))]


def counts(entries: list[Any], starts_on: int = 1, days: int = 30) -> pd.DataFrame:
    return Orders(entries, UNTIL, starts_on, days).counts()


def order(number: int, day: str, **more: Any) -> dict[str, Any]:
    return {"request_id": f"r{number}", "received_at": day, **more}


def test_an_order_in_two_files_counts_once_as_the_last_file_has_it(tmp_path: Path) -> None:
    entries = stored(
        tmp_path, [order(1, "2022-03-01")], [order(1, "2022-03-01", category="y"), order(2, "2022-03-02")]
    )
    found = counts(entries).set_index("category")["orders"].to_dict()
    assert found == {"x": 1, "y": 1}
    assert Orders(entries, UNTIL, 1, 30).repeated() == 1


def test_of_two_that_make_one_entry_the_first_leaves_it_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    with store.writer("k") as late:
        late.finish({"by": "late"})
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with store.writer("k") as first:
            first.finish({"by": "first"})
    entry = store.find("k")
    assert entry is not None
    assert entry.facts == {"by": "first"}
    assert [path.name for path in store.folder.iterdir()] == ["k"]


def test_of_copies_in_two_batches_of_a_file_the_later_holds(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.writer("k") as writer:
        for category in "xyz":
            writer.add(requests=requests([order(n, "2022-03-01", category=category) for n in range(50)]))
        writer.finish({})
    entry = store.find("k")
    assert entry is not None
    for _ in range(5):
        assert counts([entry])["category"].tolist() == ["z"]


def test_a_torn_entry_is_no_entry(tmp_path: Path) -> None:
    (entry,) = stored(tmp_path, [order(1, "2022-03-01")])
    Path(entry.part("requests")[0]).write_bytes(b"")
    assert Store(tmp_path / "store").find("file0") is None
    (again,) = stored(tmp_path, [order(1, "2022-03-01")])
    assert counts([again])["orders"].sum() == 1


def test_orders_about_one_spot_within_days_are_one_incident(tmp_path: Path) -> None:
    days = ["2022-03-01", "2022-03-20", "2022-05-05"]
    entries = stored(tmp_path, [order(n, day, place="p") for n, day in enumerate(days)])
    found = counts(entries)
    assert found["orders"].tolist() == [2, 1]
    assert found["incidents"].tolist() == [1, 1]
    assert counts(entries, days=60)["incidents"].tolist() == [1, 0]


def test_orders_without_place_or_caller_are_incidents_of_their_own(tmp_path: Path) -> None:
    entries = stored(tmp_path, [order(1, "2022-03-01"), order(2, "2022-03-01")])
    assert counts(entries)[["orders", "incidents", "callers"]].iloc[0].tolist() == [2, 2, 2]


def test_a_caller_counts_once_a_month(tmp_path: Path) -> None:
    rows = [order(n, f"2022-03-0{n}", caller="c") for n in (1, 2)] + [order(3, "2022-03-03", caller="d")]
    assert counts(stored(tmp_path, rows))["callers"].tolist() == [2]


def test_nothing_received_later_enters(tmp_path: Path) -> None:
    entries = stored(tmp_path, [order(1, "2022-12-31 23:59:59"), order(2, "2023-01-01")])
    assert counts(entries)["orders"].sum() == 1


@pytest.mark.parametrize(
    ("day", "month"), [("2022-10-18", "2022-10-01"), ("2022-10-19", "2022-11-01"), ("2022-11-18 23:00", "2022-11-01")]
)
def test_months_may_start_on_the_nineteenth(tmp_path: Path, day: str, month: str) -> None:
    assert counts(stored(tmp_path, [order(1, day)]), starts_on=19)["month"].tolist() == [pd.Timestamp(month)]


def test_unplaced_orders_are_counted_without_an_area(tmp_path: Path) -> None:
    found = counts(stored(tmp_path, [order(1, "2022-03-01", area=None), order(2, "2022-03-01")]))
    assert found["area"].isna().sum() == 1


def test_no_orders_at_all(tmp_path: Path) -> None:
    orders = Orders([], UNTIL, 1, 30)
    assert orders.counts().empty
    assert orders.days().empty
    assert orders.estates(3).empty


def test_the_history_of_an_estate_is_a_list_of_events_without_zeros(tmp_path: Path) -> None:
    days = ["2022-03-20", "2022-04-05", "2022-07-01"]
    entries = stored(tmp_path, [order(n, day, estate="e", place="p") for n, day in enumerate(days)])
    found = Orders(entries, UNTIL, 1, 30).estates(3)
    assert found["month"].dt.month.tolist() == [3, 7]
    assert found["incidents"].tolist() == [1, 1]


days_and_spots = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from("pq"), st.sampled_from("xy")), min_size=1, max_size=30
)


@given(days_and_spots, st.integers(0, 60))
def test_incidents_against_a_slow_twin(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str, str]], gap: int
) -> None:
    first = pd.Timestamp("2022-01-01")
    made = [order(n, str(first + pd.Timedelta(days=d)), place=p, category=c) for n, (d, p, c) in enumerate(rows)]
    found = counts(stored(tmp_path_factory.mktemp("s"), made), days=gap)
    expected = 0
    for spot in {(p, c) for _, p, c in rows}:
        days = sorted(d for d, p, c in rows if (p, c) == spot)
        expected += 1 + sum(later - earlier > gap for earlier, later in itertools.pairwise(days))
    assert found["incidents"].sum() == expected
    assert found["orders"].sum() == len(rows)


maybe = st.sampled_from([None, "p", "q"])
raw_rows = st.fixed_dictionaries({
    "request_id": st.sampled_from([f"r{n}" for n in range(9)]),
    "source": st.sampled_from("st"),
    "received_at": st.integers(0, 500).map(lambda days: datetime(2021, 3, 1) + timedelta(days=days)),
    "area": st.sampled_from([None, "a", "b"]),
    "category": st.sampled_from("xy"),
    "estate": st.sampled_from([None, "e", "f"]),
    "place": maybe,
    "caller": maybe,
})  # fmt: skip


@given(st.lists(st.lists(raw_rows, min_size=1, max_size=12), min_size=1, max_size=3), st.integers(1, 3))
def test_every_question_against_slow_twins(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[dict[str, Any]]], cap: int
) -> None:
    orders = Orders(stored(tmp_path_factory.mktemp("s"), *files), UNTIL, 1, 30)
    rows, repeated = naive.last_of_each(files)
    assert orders.repeated() == repeated
    found = orders.counts()
    keys = [found["area"].astype(object).where(found["area"].notna(), None), found["category"]]
    keys += [found["month"].dt.strftime("%Y-%m")]
    figures = zip(found["orders"], found["incidents"], found["callers"], strict=True)
    assert dict(zip(zip(*keys, strict=True), figures, strict=True)) == naive.counted(rows, 30)
    homes = orders.estates(cap)
    area = homes["area"].astype(object).where(homes["area"].notna(), None)
    keys = [area, homes["estate"], homes["category"], homes["month"].dt.strftime("%Y-%m")]
    pairs = zip(homes["incidents"], homes["capped"], strict=True)
    assert dict(zip(zip(*keys, strict=True), pairs, strict=True)) == naive.of_estates(rows, 30, cap)
    assert orders.copies()["copies"].sum() == naive.alike(rows)


def test_what_memory_does_not_hold_goes_to_the_store_and_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "MEMORY", "40MB")
    monkeypatch.setitem(shelf.ALONE, "threads", 1)
    rows = [order(n, "2022-03-01", place=f"p{n % 999}", estate=f"e{n % 99}") for n in range(1000)]
    frame = pd.concat([requests(rows)] * 300, ignore_index=True)
    frame["request_id"] = [f"number {n} of a long row of orders" for n in range(len(frame))]
    store = Store(tmp_path / "store")
    with store.writer("k") as writer:
        writer.add(requests=frame)
        writer.finish({})
    entry = store.find("k")
    assert entry is not None
    orders = Orders([entry], UNTIL, 1, 30)
    assert orders.counts()["orders"].tolist() == [len(frame)]
    assert list(store.folder.glob(f"{shelf.SPILL}*"))
    del orders
    assert [path.name for path in store.folder.iterdir()] == ["k"]


def test_what_a_killed_query_spilled_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    host = socket.gethostname()
    dead, mine, far = f"{host}-{int(gone.stdout)}", f"{host}-{os.getpid()}", "another.machine-1"
    for name in (dead, mine, far):
        (tmp_path / f"{shelf.SPILL}{name}").mkdir()
    Store(tmp_path).sweep()
    assert {path.name.removeprefix(shelf.SPILL) for path in tmp_path.iterdir()} == {mine, far}


def test_an_unfinished_entry_does_not_exist(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def break_off() -> None:
        with store.writer("k") as writer:
            writer.add(requests=requests([order(1, "2022-03-01")]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert store.find("k") is None
    assert list(tmp_path.iterdir()) == []


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = requests([order(1, "2022-03-01", place="p"), order(2, "2022-03-02")])
    write(frame, tmp_path / "one.parquet")
    write(frame, tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    pd.testing.assert_frame_equal(read(tmp_path / "one.parquet", Requests), frame)


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pipelines.store.pq.write_table", full)
    with pytest.raises(RunError, match="No space left on device"):
        write(requests([order(1, "2022-03-01")]), tmp_path / "one.parquet")


def test_incidents_of_one_caller_count_up_to_the_cap_in_a_year(tmp_path: Path) -> None:
    loud = [order(n, f"2022-0{n}-01", estate="e", place=f"p{n}", caller="c") for n in range(1, 6)]
    others = [order(9, "2022-05-02", estate="e", place="p9"), order(10, "2021-12-30", estate="e", caller="c")]
    entries = stored(tmp_path, [*loud, *others])
    found = Orders(entries, UNTIL, 1, 30).estates(2)
    assert found["incidents"].sum() == 7
    assert found.set_index(found["month"].dt.strftime("%Y-%m"))["capped"].to_dict() == {
        "2021-12": 1, "2022-01": 1, "2022-02": 1, "2022-03": 0, "2022-04": 0, "2022-05": 1
    }  # fmt: skip
    early = Orders(entries, pd.Timestamp("2022-03-01"), 1, 30).estates(2)
    assert early["capped"].sum() == found.loc[found["month"] < "2022-03-01", "capped"].sum()


def test_call_backs_are_counted_by_what_was_answered(tmp_path: Path) -> None:
    rows = [
        order(1, "2022-03-01", contacted=True, resolved=True, satisfied=0.9),
        order(2, "2022-03-02", contacted=True, resolved=False, satisfied=0.0),
        order(3, "2022-03-03", contacted=False),
        order(4, "2022-03-04"),
        order(5, "2022-03-05", contacted=True, resolved=True, satisfied=1.0, excluded=True),
        order(6, "2023-02-01", contacted=True),
    ]
    entries = stored(tmp_path, rows, [order(1, "2022-03-01", contacted=True, resolved=True, satisfied=1.0)])
    found = Orders(entries, UNTIL, 1, 30).call_backs()
    assert found["excluded"].tolist() == [False, True]
    figures = ["callbacks", "contact_asked", "contacted", "solution_asked", "resolved", "opinion_asked", "satisfied"]
    assert found[figures].iloc[0].tolist() == [3, 3, 2, 2, 1, 2, 1.0]
    assert found[figures].iloc[1].tolist() == [1, 1, 1, 1, 1, 1, 1.0]
    assert Orders([], UNTIL, 1, 30).call_backs().empty
