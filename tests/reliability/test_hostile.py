"""Files nobody should have sent: a clear line, in bounded time and memory, whatever they hold.

Here a few hundred generated ones and the worst by hand; `make bench-reliability` reads 100,000.
"""

import gzip
import random
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from forecast.errors import ConfigError, DataError, WeisuError
from forecast.returns import Sheet, hear
from forecast.tables import Returns, Workplan, empty
from pipelines import config, excel, readers, sheets
from tests.conftest import THOROUGH
from tests.reliability.hostile import CELLS, COUNTS, ORDERS, made, read, sheet_xml, workbook
from tests.reports.sample import make
from tests.work import peak

TRIES = 5 if THOROUGH else 1
SEEDS = {"text": 6 * TRIES, "yaml": 5 * TRIES, "parquet": 5 * TRIES, "xlsx": TRIES, "xls": TRIES}


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.filterwarnings("default")
def test_generated_files_give_a_clear_line_or_a_table(tmp_path: Path, kind: str) -> None:
    seen, refusals = set(), 0
    for seed in range(SEEDS[kind]):
        name, content = made(kind, seed)
        path = tmp_path / name
        path.write_bytes(content)
        seen.add(content)
        try:
            read(path)
        except WeisuError:
            refusals += 1
    assert len(seen) > SEEDS[kind] * 0.9
    assert kind != "yaml" or refusals > 0


def refused(path: Path, *words: str) -> None:
    """By every reader, in words."""
    ways: tuple[Callable[[], object], ...] = (
        lambda: list(readers.read_file(path, ORDERS)),
        lambda: sheets.every(path),
    )
    for way in ways:
        with pytest.raises(DataError) as said:
            way()
        assert any(word in str(said.value) for word in words), said.value


def test_a_small_workbook_that_spans_the_largest_sheet(tmp_path: Path) -> None:
    """One cell in the last corner: the library would ask for 550 GB and end the process."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page["A1"], page["B1"] = "工单编号", "受理时间"
    page.cell(1_048_576, 16_384, "x")
    book.save(tmp_path / "x.xlsx")
    assert (tmp_path / "x.xlsx").stat().st_size < 10_000
    refused(tmp_path / "x.xlsx", "GiB of memory")


def test_a_workbook_that_says_it_has_four_billion_texts(tmp_path: Path) -> None:
    xml = sheet_xml(random.Random(3), [["工单编号", "受理时间"], ["1", "2024-01-01"]])
    (tmp_path / "x.xlsx").write_bytes(workbook(xml))
    refused(tmp_path / "x.xlsx", "GiB of memory")


def test_a_zip_bomb_in_a_workbook(tmp_path: Path) -> None:
    """40 KB that unpack to 40 MB of one text."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        source = zipfile.ZipFile(BytesIO(workbook(sheet_xml(random.Random(3), [["工单编号"]]))))
        for name in source.namelist():
            if name != "xl/sharedStrings.xml":
                file.writestr(name, source.read(name))
        with file.open("xl/sharedStrings.xml", "w", force_zip64=True) as part:
            part.write(b"<sst><si><t>")
            for _ in range(40):
                part.write(b"x" * (1 << 20))
    (tmp_path / "x.xlsx").write_bytes(out.getvalue())
    refused(tmp_path / "x.xlsx", "GiB of memory", "damaged", "letters", "cannot be read", "no rows", "no header")


def test_a_cell_longer_than_excel_holds(tmp_path: Path) -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cell = f'<c r="A1" t="inlineStr"><is><t>{"x" * 10_000_000}</t></is></c>'
    xml = f'<worksheet xmlns="{space}"><sheetData><row r="1">{cell}</row></sheetData></worksheet>'
    content = workbook(xml).replace(b"4000000000", b"1")
    (tmp_path / "x.xlsx").write_bytes(content)
    with pytest.raises(DataError):
        list(readers.read_file(tmp_path / "x.xlsx", ORDERS))


def test_a_gzip_bomb_where_a_small_table_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the most is ever unpacked."""
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"0" * (64 << 20), 1))
    monkeypatch.setattr(sheets, "MOST", 1 << 20)
    for way in (sheets.every, sheets.read):

        def call(way: Callable[[Path], object] = way) -> None:
            with pytest.raises(DataError, match="larger than 1 MiB"):
                way(path)

        assert peak(call) < 8 << 20


@pytest.mark.parametrize("content", [b"," * 300_000 + b"\n" + b"\n" * 30_000, b"a," * 100_000 + b"\n1,2\n"])
def test_a_line_of_a_million_columns(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    refused(tmp_path / "x.csv", "columns", "empty", "has nothing")


def test_a_breaking_library_is_one_line(tmp_path: Path) -> None:
    class PanicException(BaseException):
        """As pyo3 names a panic of Rust."""

    with pytest.raises(DataError, match="breaks on it"), excel.unbroken(tmp_path):
        raise PanicException
    with pytest.raises(KeyboardInterrupt), excel.unbroken(tmp_path):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 20_000,
        "a: " + "{b: " * 5_000,
        "a: " + "9" * 5_000,
        "a: 2024-13-45",
        "a: 0b2",
        "? [a, b]\n: c",
        "{[a]: b}",
        "? {a: b}\n: c",
        "a: !!binary x",
        "horizon: !!timestamp z",
        "sources: !!omap [{paths: [a.csv]}]",
        'workspace: "a\\0b"\nsources: []',
        'categories: "a\\0b.yaml"\nsources: []',
        "categories: " + "a" * 5_000 + "\nsources: []",
        'sources: [{paths: ["\\ud800"]}]',
        'sources: [{use: "x\\0.yaml"}]',
        "x: &a [&b [&c [1]]]\ny: [*a, *a]",
        'city: "\\ud800"\nsources: [{paths: [a.csv]}]',
    ],
)
def test_yaml_that_breaks_a_loader(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as said:
        config.load(path)
    str(said.value).encode()


def test_billion_laughs_and_a_config_without_end(tmp_path: Path) -> None:
    laughs = "a: &a [x, x]\n" + "\n".join(
        f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    (tmp_path / "x.yaml").write_text(laughs, encoding="utf-8")
    with pytest.raises(ConfigError, match="aliases"):
        config.load(tmp_path / "x.yaml")
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        config.load(Path("/dev/zero"))


def test_hostile_cells_come_out_as_they_went_in(tmp_path: Path) -> None:
    """Formulas, HTML, SQL, paths and marks that turn text round are text: nothing is run, nothing is lost."""
    safe = [cell for cell in CELLS if cell.strip() and not set(cell) & set("\x00\r\n\x1f\x85\u2028\ufeff")]
    frame = pd.DataFrame(
        {"工单编号": [f"W{n}" for n in range(len(safe))], "受理时间": "2024-05-01", "社区": safe, "问题分类": safe}
    )
    frame.to_csv(tmp_path / "x.csv", index=False)
    (batch,) = readers.read_file(tmp_path / "x.csv", ORDERS)
    assert batch.rows["社区"].tolist() == safe
    assert len(batch.refused) == 0


def test_absurd_counts_and_dates_are_refused_row_by_row(tmp_path: Path) -> None:
    from forecast import requests

    odd = ["1e308", "1e309", "-1", "NaN", "inf", "0.5", "9" * 400, "0x10", "abc"]
    months = ["0000-01", "9999-12", "10000-01", "2024-13"]
    rows = pd.DataFrame({"月份": ["2024-05"] * len(odd) + months + ["2024-05"], "社区": "a", "问题分类": "x",
                         "数量": odd + ["1"] * len(months) + ["-0"]})  # fmt: skip
    rows.to_csv(tmp_path / "x.csv", index=False)
    (batch,) = readers.read_file(tmp_path / "x.csv", COUNTS)
    found = requests.clean_counts(
        batch.rows,
        COUNTS,
        lambda texts, lon, lat, on: texts[0],
        lambda texts, free, at: pd.DataFrame({"code": texts, "by": "value"}),
    )
    assert found.tally.rejected == len(odd) + len(months)
    assert found.counts["orders"].tolist() == [0]


def test_a_list_that_comes_back_to_a_plan_without_tasks() -> None:
    cells = pd.DataFrame([["任务编号", "状态"], ["aaaaaaaaaaaa", "进行中"]], index=[1, 2], columns=[1, 2])
    heard = hear([Sheet("x", cells)], empty(Workplan), empty(Returns), pd.Timestamp("2024-06-01"))
    assert len(heard.returns) == 0
    assert len(heard.refusals) == 1


def test_a_list_without_one_readable_status() -> None:
    """Whatever is said of it, no row of it stands in the way of another."""
    tasks = make().workplan
    head, ids = ["任务编号", "状态", "证据"], tasks["task_id"].tolist()
    rows = [head, [ids[0], None, "照片"], [ids[1], "??", "照片"]]
    cells = pd.DataFrame(rows, index=[1, 2, 3], columns=[1, 2, 3])
    heard = hear([Sheet("x", cells)], tasks, empty(Returns), pd.Timestamp("2024-06-01"))
    assert len(heard.returns) == 0
    assert len(heard.refusals) >= 1


@pytest.mark.parametrize("place", ["header", "cell"])
def test_parquet_whose_text_is_none(tmp_path: Path, place: str) -> None:
    path = tmp_path / "x.parquet"
    words = {"header": "受理时间", "cell": "东社区"}
    table = pd.DataFrame({"工单编号": ["1"], words["header"]: ["2024-05-01"], "社区": [words["cell"]]})
    table.to_parquet(path, compression=None)
    sound, word = path.read_bytes(), words[place].encode()
    path.write_bytes(sound.replace(word, b"\xe5" * len(word)))
    for way in (lambda: list(readers.read_file(path, ORDERS)), lambda: sheets.read(path)):
        with pytest.raises(DataError) as said:
            way()
        assert len(said.value.faults) == 1
