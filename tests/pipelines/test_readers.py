"""Files of every kind come as the same text, in batches, with the row numbers a person would count."""

import codecs
import csv
import gzip
import io
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast import requests
from forecast.errors import DataError
from forecast.sources import Columns, Source
from forecast.tables import Rejects, check
from pipelines import readers

SOURCE = Source(name="hotline")
HEADER = ["工单编号", "来电时间", "社区", "问题分类"]
LINES = ["1,2023-01-05,一社区,漏雨", "2,2023-01-06,二社区,供暖", "3,2023-01-07,龙囍家园社区,停车"]
TEXT = "\n".join([",".join(HEADER), *LINES, ""])


def read(path: Path, source: Source = SOURCE) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All batches as one: rows, refused."""
    batches = list(readers.read_file(path, source))
    assert batches
    for batch in batches:
        assert {str(dtype) for dtype in batch.rows.dtypes} == {"str"}
        assert batch.rows.index.name == "row"
        check(Rejects, batch.refused)
    return pd.concat([batch.rows for batch in batches]), pd.concat([batch.refused for batch in batches])


def lists(frame: pd.DataFrame) -> list[list[str]]:
    return [list(row) for row in frame.fillna("").to_numpy().tolist()]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    def file(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return file


Write = Callable[[str, bytes | str], Path]


# --- Text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_encodings_and_delimiters_are_found(write: Write, encoding: str, delimiter: str, ending: str) -> None:
    rows, refused = read(write("a.csv", TEXT.replace(",", delimiter).replace("\n", ending).encode(encoding)))
    assert list(rows.columns) == HEADER
    assert lists(rows) == [line.split(",") for line in LINES]
    assert rows.index.tolist() == [2, 3, 4]
    assert refused.empty


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.csv.gz", "a.gz", "工单 导出.xls"])
def test_the_content_says_what_a_file_is(write: Write, name: str) -> None:
    """Systems write tab-separated GB18030 text and call it .xls."""
    content = TEXT.replace(",", "\t").encode("gb18030")
    rows, _ = read(write(name, gzip.compress(content) if name.endswith("gz") else content))
    assert lists(rows) == [line.split(",") for line in LINES]


def test_a_delimiter_inside_quotes_is_not_counted(write: Write) -> None:
    text = '工单编号;来电时间;"社区";问题分类\n1;2023-01-05;"一,二,三,四,五;六";漏雨\n'
    assert lists(read(write("a.csv", text))[0]) == [["1", "2023-01-05", "一,二,三,四,五;六", "漏雨"]]


def test_notes_above_the_header_are_skipped(write: Write) -> None:
    notes = '说明：本表按工单编号排序，来电时间为北京时间\n"第二条\n说明",,,\n\n社区,,,\n'
    rows, refused = read(write("a.csv", (notes + TEXT).encode("gb18030")))
    assert rows.index.tolist() == [7, 8, 9]
    assert lists(rows)[0][0] == "1"
    assert refused.empty


def test_a_header_may_be_named_by_its_line(write: Write) -> None:
    path = write("a.csv", "工单编号,来电时间,社区,问题分类\n" + TEXT)
    assert read(path, SOURCE.model_copy(update={"header_row": 2}))[0].index.tolist() == [3, 4, 5]
    with pytest.raises(DataError, match="nothing on line 99"):
        read(path, SOURCE.model_copy(update={"header_row": 99}))


def test_quoted_line_breaks_blank_lines_and_ragged_rows_keep_the_count(write: Write) -> None:
    text = (
        ",".join(HEADER)
        + '\n1,2023-01-05,"一\n社区",漏雨\n\n2,b\n,,,\n3,2023-01-05,"a ""b""",漏雨\n4,b,c,d,e\n5,,,\n'
    )
    rows, refused = read(write("a.csv", text))
    assert dict(zip(rows.index, lists(rows), strict=True)) == {
        2: ["1", "2023-01-05", "一\n社区", "漏雨"],
        7: ["3", "2023-01-05", 'a "b"', "漏雨"],
        9: ["5", "", "", ""],
    }
    assert refused[["row", "reason"]].to_numpy().tolist() == [
        [5, "2 fields where the header has 4"],
        [8, "5 fields where the header has 4"],
    ]
    assert (refused["source"] == "hotline").all()
    assert (refused["value"] == "").all()


def test_a_stray_quote_refuses_every_line_it_swallows(write: Write) -> None:
    rows, refused = read(write("a.csv", TEXT + '"4,2023-01-05,一社区,漏雨\n5,x,x,x\n6,x,x,x\n'))
    assert rows.index.tolist() == [2, 3, 4]
    assert refused["row"].tolist() == [5, 6, 7]
    assert refused["reason"].tolist()[1:] == ["behind a quote opened on line 5"] * 2


def test_a_stray_quote_in_a_long_file_is_a_clear_fault(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK", 1 << 10)
    path = write("a.csv", TEXT + '"4,2023-01-05,一社区,漏雨\n' + "5,x,x,x\n" * 1000)
    with pytest.raises(DataError, match=r"a\.csv: cannot be read after line 4: perhaps a quote is opened there"):
        read(path)


def test_nul_bytes_do_no_harm(write: Write) -> None:
    rows, _ = read(write("a.csv", TEXT.replace("一社区", "一\0社区")))
    assert rows["社区"].tolist()[0] == "一\0社区"
    assert len(rows) == 3


def test_names_that_are_empty_or_stand_twice(write: Write) -> None:
    rows, _ = read(write("a.csv", "工单编号,来电时间,社区,问题分类,,备注,备注\n1,2,3,4,5,6,7\n"))
    assert list(rows.columns) == [*HEADER, "column 5", "备注", "备注 (7)"]


CELL = st.text(st.sampled_from('一囍ab1,;"\n '), max_size=4)
TABLE = st.lists(
    st.lists(CELL, min_size=4, max_size=4) | st.lists(CELL, min_size=1, max_size=6), min_size=1, max_size=25
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLE, st.integers(64, 200), st.sampled_from(["utf-8", "gb18030"]))
def test_any_block_size_reads_what_the_csv_module_reads(
    tmp_path: Path, table: list[list[str]], block: int, encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([HEADER, *table])
    path = tmp_path / "a.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    good: list[tuple[int, list[str]]] = []
    odd: list[int] = []
    line = 2
    reader = csv.reader(io.StringIO(text.getvalue(), newline=""))
    next(reader)
    for row in reader:
        if len(row) == 4:
            good += [(line, row)] if any(row) else []
        else:
            odd += range(line, reader.line_num + 1)
        line = reader.line_num + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BLOCK", block)
        patch.setattr(readers, "SAMPLE", 7)
        patch.setattr(readers, "_layout", lambda *_: readers._Layout(HEADER, 1, ",", encoding))
        if not good and not odd:
            with pytest.raises(DataError, match="no rows"):
                read(path)
            return
        rows, refused = read(path)
    assert list(zip(rows.index, lists(rows), strict=True)) == good
    assert refused["row"].tolist() == odd


def test_a_long_file_is_read_in_batches_and_little_memory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK", 1 << 18)
    rows = "".join(f"{n},2023-01-05 08:03:00,一社区,漏雨\n" for n in range(200_000))
    path = write("a.csv.gz", gzip.compress((",".join(HEADER) + "\n" + rows).encode("gb18030"), 1))
    del rows
    before, seen, most = pa.total_allocated_bytes(), 0, 0
    for batch in readers.read_file(path, SOURCE):
        assert batch.rows.index.tolist() == list(range(seen + 2, seen + 2 + len(batch.rows)))
        seen += len(batch.rows)
        most = max(most, pa.total_allocated_bytes() - before)
    assert seen == 200_000
    assert most < 8 << 20


# --- Encodings -------------------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60), st.integers(1, 9))
def test_letters_cut_by_a_block_are_no_fault(text: str, block: int) -> None:
    for encoding in ("utf-8", "gb18030"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(readers, "SAMPLE", block)
            file = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(text.encode(encoding))))
            assert readers._undecodable(file, encoding) is None


@given(
    st.text(st.sampled_from("一囍a\n"), max_size=30),
    st.text(st.sampled_from("一囍a\n"), max_size=30),
    st.integers(1, 9),
)
def test_the_first_bad_byte_is_found_whatever_the_blocks(before: str, after: str, block: int) -> None:
    for encoding in ("utf-8", "gb18030"):
        head = before.encode(encoding)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(readers, "SAMPLE", block)
            content = gzip.compress(head + b"\xff" + after.encode(encoding))
            file = gzip.GzipFile(fileobj=io.BytesIO(content))
            assert readers._undecodable(file, encoding) == (len(head), before.count("\n") + 1, 0xFF)


def test_ascii_at_first_and_chinese_only_far_behind(write: Write) -> None:
    head = "request_id,received_at,area,category\n" + "1,2023-01-05,a,b\n" * 200_000
    rows, _ = read(write("a.csv", (head + "2,2023-01-05,囍社区,漏雨\n").encode("gb18030")))
    assert rows["area"].iloc[-1] == "囍社区"


def test_utf8_cut_in_its_last_letter_is_not_taken_for_gb18030(write: Write) -> None:
    with pytest.raises(DataError, match=r"line 4.*not UTF-8 nor GB18030.*CSV UTF-8"):
        read(write("a.csv", TEXT.encode()[:-2]))


@pytest.mark.parametrize(("encoding", "other"), [("utf-8", "gb18030"), ("gb18030", "utf-8")])
def test_an_encoding_that_is_named_is_kept_to(write: Write, encoding: str, other: str) -> None:
    source = SOURCE.model_copy(update={"encoding": encoding})
    assert len(read(write("a.csv", TEXT.encode(encoding)), source)[0]) == 3
    with pytest.raises(DataError, match=f"not {encoding.upper()}.*encoding: auto"):
        read(write("b.csv", TEXT.encode(other)), source)


# --- Excel -----------------------------------------------------------------------------------------------------


def xlsx(path: Path, rows: list[list[Any]], sheet: str = "工单") -> Path:
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = sheet
    for row in rows:
        page.append(row)
    book.create_sheet("空")
    book.save(path)
    return path


def test_excel_cells_as_a_person_sees_them(tmp_path: Path) -> None:
    moment = datetime(2023, 1, 5, 8, 3, 7)
    row = [20230105001, moment, "一社区", "漏雨", 2.5, True, date(2023, 1, 6), 44931.5, time(8, 3), None]
    path = xlsx(tmp_path / "a.xlsx", [["说明：导出"], [], [*HEADER, *"efghij"], row, [], [None, None, "x"]])
    rows, refused = read(path)
    assert rows.index.tolist() == [4, 6]
    assert lists(rows)[0] == [
        "20230105001", "2023-01-05 08:03:07", "一社区", "漏雨", "2.5", "true", "2023-01-06", "44931.5",
        "08:03:00", "",
    ]  # fmt: skip
    assert refused.empty


def test_old_excel(tmp_path: Path) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("工单")
    for column, name in enumerate(HEADER):
        sheet.write(1, column + 1, name)
    for column, value in enumerate([7.0, 44931.5, "一社区", "漏雨"]):
        sheet.write(2, column + 1, value)
    sheet.write(3, 2, datetime(2023, 1, 5, 8, 3), xlwt.easyxf(num_format_str="YYYY-MM-DD hh:mm"))
    book.save(str(tmp_path / "a.xls"))
    rows, _ = read(tmp_path / "a.xls")
    assert rows.index.tolist() == [3, 4]
    assert lists(rows[HEADER]) == [["7", "44931.5", "一社区", "漏雨"], ["", "2023-01-05 08:03:00", "", ""]]


def test_a_sheet_by_name_or_number_and_a_named_header_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "ROWS", 2)
    path = xlsx(tmp_path / "a.xlsx", [HEADER, HEADER, *(line.split(",") for line in LINES)])
    by_name = SOURCE.model_copy(update={"sheet": "工单", "header_row": 2})
    assert read(path, by_name)[0].index.tolist() == [3, 4, 5]
    for sheet, said in (
        ("无", "has no sheet 无; its sheets are: 工单, 空"),
        (9, "has no sheet 9"),
        (1, "no header row"),
    ):
        with pytest.raises(DataError, match=said):
            read(path, SOURCE.model_copy(update={"sheet": sheet}))


# --- Parquet ---------------------------------------------------------------------------------------------------


def test_parquet_of_any_type_comes_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "ROWS", 2)
    moment = datetime(2023, 1, 5, 8, 3)
    columns = {
        "工单编号": pa.array([20230105000000001.0, 1.5, float("nan")]),
        "来电时间": pa.array([moment, moment, None], pa.timestamp("us", "Asia/Shanghai")),
        "社区": pa.array(["一社区", "一社区", ""]).dictionary_encode(),
        "问题分类": pa.array(["漏雨", None, "供暖"], pa.large_string()),
        "金额": pa.array([Decimal("1.50"), None, None]),
        "标签": pa.array([["a"], [], None]),
        "日期": pa.array([date(2023, 1, 5), None, None]),
        "已办": pa.array([True, False, None]),
        "号": pa.array([2**53 + 1, None, None], pa.int64()),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=1)
    rows, _ = read(tmp_path / "a.parquet")
    assert rows.index.tolist() == [1, 2, 3]
    first = rows.iloc[0].fillna("").tolist()
    assert first[0] == "20230105000000000"
    assert first[1].startswith("2023-01-05 16:03:00")
    assert first[2:] == ["一社区", "漏雨", "1.50", "", "2023-01-05", "true", "9007199254740993"]
    assert rows["工单编号"].fillna("").tolist()[1:] == ["1.5", ""]


# --- What cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.xlsx", b"", "is empty"),
        ("a.csv", b"\xef\xbb\xbf", "is empty"),
        ("a.csv", b" \n,,\n\n", "is empty"),
        ("a.csv", TEXT.split("\n")[0].encode(), "no rows"),
        ("a.csv", (TEXT.split("\n")[0] + "\n\n,,,\n").encode(), "no rows"),
        ("a.csv", TEXT.encode() + b"4,\xff\xfe,x,x\n", r"byte 147 \(0xFF, line 5\) is not UTF-8 nor GB18030"),
        ("a.csv", codecs.BOM_UTF16 + TEXT.encode("utf-16-le"), "save it as CSV UTF-8"),
        ("a.csv.gz", b"nothing of the kind", "damaged: the content is not .gz"),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-9], "damaged gzip"),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:30] + b"\0" * 40, "damaged gzip"),
        ("a.xlsx", b"nothing of the kind", "damaged: the content is not .xlsx"),
        ("a.xlsx", b"PK\x03\x04 cut", "damaged"),
        ("a.xls", b"\xd0\xcf\x11\xe0 cut", "damaged"),
        ("a.parquet", b"nothing of the kind", "damaged: the content is not .parquet"),
        ("a.parquet", b"PAR1 cut", "damaged"),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
    ],
)
def test_an_unreadable_file_is_one_clear_line(write: Write, name: str, content: bytes, said: str) -> None:
    path = write(name, content)
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    (fault,) = caught.value.faults
    assert fault.where == str(path)
    assert fault.fix
    assert "\n" not in str(fault)


def test_a_file_that_is_missing_a_folder_or_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read(tmp_path / "a.csv")
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="may not be read"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_missing_columns_are_told_all_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_text("工单编号,标题\n1,x\n", encoding="utf-8")
    elif kind == "xlsx":
        xlsx(path, [["工单编号", "标题"], [1, "x"]])
    else:
        pq.write_table(pa.table({"工单编号": ["1"], "标题": ["x"]}), path)
    with pytest.raises(DataError) as caught:
        read(path)
    assert [fault.what for fault in caught.value.faults] == [
        f"no column for {field}; found: 工单编号, 标题" for field in ("received_at", "area")
    ]
    assert all("来电时间" in fault.fix or "社区" in fault.fix for fault in caught.value.faults)


def test_a_file_without_a_header_does_not_show_its_first_row(write: Write) -> None:
    with pytest.raises(DataError, match="has no header row") as caught:
        read(write("a.csv", "1,2023-01-05,张三,13800138000\n"))
    assert "张三" not in str(caught.value)


def test_own_names_find_a_header_the_usual_ones_do_not(write: Write) -> None:
    path = write("a.csv", "note\nwhen;where;what\n2023-01-05;x;y\n")
    own = Source(name="own", columns=Columns(received_at="when", area="where", category="what"))
    assert read(path, own)[0].index.tolist() == [3]


def test_faults_of_the_reader_of_the_rows_are_not_swallowed(write: Write) -> None:
    """An error in the loop that reads is not taken for an unreadable file."""
    with pytest.raises(OSError, match="disk full"):  # noqa: PT012
        for _ in readers.read_file(write("a.csv", TEXT), SOURCE):
            raise OSError("disk full")


# --- With what comes next --------------------------------------------------------------------------------------

EXPORT = [
    ["说明：本表含咨询；数据截至 2023 年 2 月"],
    ["受理编号", "工单类型", "一级分类", "二级分类", "标题", "来电人", "来电号码", "街乡镇", "社区（村）", "创建时间",
     "是否解决"],
    ["1", "诉求", "供暖", "不热", "家里冷", "张三", "13800138000", "劲松街道", "一社区", "2023/1/5 8:03", "是"],
    ["2", "诉求", "供暖", "", "家里冷", "李四", "13800138001", "劲松街道", "不详", "44931.335", "否"],
    ["3", "咨询", "", "", "请问", "王五", "13800138002", "", "", "2023-01-06", ""],
    ["4", "诉求", "修缮", "漏雨", "屋顶漏", "赵六", "13800138003", "劲松街道", "二社区", "下周", ""],
    ["1", "诉求", "供暖", "不热", "冷, 补充", "张三", "13800138000", "劲松街道", "一社区", "2023年1月5日8时", "是"],
]  # fmt: skip


def test_one_export_as_csv_and_as_excel_gives_the_same_requests(tmp_path: Path, root: Path) -> None:
    source = Source.model_validate(
        yaml.safe_load((root / "configs/sources/cn_12345.yaml").read_text(encoding="utf-8"))
    )
    with (tmp_path / "a.csv").open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(EXPORT)
    xlsx(tmp_path / "a.xlsx", [[*EXPORT[0]], *EXPORT[1:]])
    found = []
    for name in ("a.csv", "a.xlsx"):
        (batch,) = (batch for batch in readers.read_file(tmp_path / name, source) if len(batch.rows))
        found.append(requests.clean(batch.rows, source, _as_written, _as_written_kinds, b"key"))
    for cleaned in found:
        assert cleaned.tally.rows == 5
        assert (cleaned.tally.kept, cleaned.tally.left_out, cleaned.tally.repeated, cleaned.tally.rejected) == (
            2,
            1,
            1,
            1,
        )
        assert cleaned.requests["area"].tolist() == ["劲松街道->不详", "劲松街道->一社区"]
        assert cleaned.requests["category"].tolist() == ["供暖", "供暖->不热"]
        assert cleaned.rejects[["row", "column", "value"]].to_numpy().tolist() == [[6, "创建时间", "下周"]]
    pd.testing.assert_frame_equal(found[0].requests, found[1].requests)


def _as_written(texts: Sequence[pd.Series], lon: object, lat: object, on: pd.Series) -> pd.Series:
    return texts[0]


def _as_written_kinds(texts: pd.Series, free_text: object, at: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"code": texts.fillna("?"), "by": "value"}, dtype="str")


def test_of_unknown_headers_the_row_below_titles_is_taken(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        read(write("a.csv", "某区明细,,,\n制表:科室,,,\n甲,乙,,丁\na,b,c,d\n"))
    assert "found: 甲, 乙, column 3, 丁" in str(caught.value)
