"""A seeded generator -> files nobody should have sent: tables, workbooks, configs. And what reading them may do.

Nothing but a WeisuError may come out, within `SECONDS`, in `BYTES` of memory. `read` is what a job does with a file.
"""

import gzip
import io
import random
import string
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd

from forecast import requests, returns, taxonomy
from forecast.areas import codes_of
from forecast.errors import WeisuError
from forecast.sources import Source
from forecast.taxonomy import Taxonomy
from pipelines import config, readers, sheets

SECONDS = 20.0
BYTES = 3 << 30

HEADERS = (
    "工单编号",
    "受理时间",
    "社区",
    "问题分类",
    "主要内容",
    "小区名称",
    "来电号码",
    "月份",
    "数量",
    "状态",
    "任务编号",
    "完成日期",
    "证据",
    "花费 (元)",
    "不采纳或更正的原因",
    "",
)
CELLS = (
    "",
    " ",
    "东社区",
    "停车",
    "2024-05-01",
    "2024/5/1 8:00",
    "5",
    "-0",
    "0",
    "-1",
    "1e308",
    "1e309",
    "-1e308",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "1_000",
    "１２",
    "٣",
    "0x10",
    "9" * 400,
    "0000-00-00",
    "0000-01-01",
    "9999-12-31",
    "10000-01-01",
    "2024-02-30",
    "45000",
    "45000.5",
    "-45000",
    "99999999999999999999",
    "2024-05-01T25:61:61Z",
    "2024-05-01 08:00:00+99:99",
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "@SUM(A1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "<script>alert(1)</script>",
    "<b>",
    "'; DROP TABLE requests; --",
    '" OR 1=1',
    "%s%n",
    "{}",
    "{0.__class__}",
    "${jndi:x}",
    "../../etc/passwd",
    "/",
    "\\",
    "..",
    ".",
    "a/b",
    "CON",
    "a\x00b",
    "\x00",
    "\x1f",
    "\u202e社区\u202c",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\x85",
    "e\u0301" * 50,
    "𠮷",
    "🏠",
    "是",
    "否",
    "满意",
    "不满意",
    "done",
    "已完成",
    "进行中",
    "不采纳",
    "a" * 40,
    "甲" * 5000,
    "a->b->c->d",
    "->",
    "→",
    "|",
    ",",
    '"',
    '"""',
    "\r",
    "\n",
    "a\nb",
    "a\r\nb",
    "\t",
    ";",
    "13800000000",
    "110101199001011234",
)
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "latin-1", "cp1252", "big5")

ORDERS = Source(name="s", paths=("x",))
COUNTS = Source(name="c", grain="counts", paths=("x",))
TREE = Taxonomy()


def table(rng: random.Random) -> list[list[str]]:
    """A header, most often a usable one, and rows of odd cells, some of them of another length."""
    width = rng.choice((1, 2, 4, 4, 6, 12))
    usable = (
        ["工单编号", "受理时间", "社区", "问题分类"] if rng.random() < 0.5 else ["月份", "社区", "问题分类", "数量"]
    )
    head = (
        usable + rng.sample(HEADERS, min(width, len(HEADERS))) if rng.random() < 0.7 else rng.sample(HEADERS, width)
    )
    if rng.random() < 0.3:
        head = ["任务编号", "状态", "完成日期", "证据", "不采纳或更正的原因"]
    rows = [[rng.choice(CELLS) for _ in head] for _ in range(rng.choice((0, 1, 3, 8)))]
    for row in rows:
        if rng.random() < 0.1:
            row.append("x")
    above = [[rng.choice(CELLS)] for _ in range(rng.choice((0, 0, 0, 1, 3)))]
    return [*above, head, *rows]


def damaged(rng: random.Random, content: bytes) -> bytes:
    """Bytes cut, flipped, doubled, or put in."""
    data = bytearray(content)
    for _ in range(rng.choice((0, 0, 1, 1, 4, 20))):
        if not data:
            break
        place = rng.randrange(len(data))
        how = rng.randrange(5)
        if how == 0:
            data[place] = rng.randrange(256)
        elif how == 1:
            del data[place : place + rng.choice((1, 8, 200))]
        elif how == 2:
            data[place:place] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 4, 30))))
        elif how == 3:
            data[place:place] = data[place : place + rng.choice((4, 64))]
        else:
            data[place : place + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f"))
    return bytes(data)


def text_file(rng: random.Random) -> tuple[str, bytes]:
    """CSV of some delimiter, quoting and encoding, sometimes in gzip."""
    mark = rng.choice(",;\t|")
    quote = rng.random() < 0.7

    def cell(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if quote and rng.random() < 0.9 else value

    text = rng.choice(("\n", "\r\n", "\r")).join(mark.join(cell(value) for value in row) for row in table(rng))
    content = damaged(rng, text.encode(rng.choice(ENCODINGS), errors="replace"))
    if rng.random() < 0.15:
        return "x.csv.gz", damaged(rng, gzip.compress(content, 1))
    return rng.choice(("x.csv", "x.csv", "x.txt", "x.xlsx", "x.parquet")), content


def escaped(value: str) -> str:
    """A value in XML, without the signs XML has no way to write."""
    keep = "".join(sign for sign in value if sign >= " " or sign in "\t\n\r")
    return keep.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def sheet_xml(rng: random.Random, rows: list[list[str]]) -> str:
    """A worksheet as XML, with references that may lie."""
    lines = []
    for r, row in enumerate(rows, 1):
        cells = []
        for c, value in enumerate(row):
            at = f"{string.ascii_uppercase[c % 26]}{r}"
            if rng.random() < 0.01:
                at = rng.choice(("XFD1048576", "ZZZ99999999", "A0", "", "1", "A-1", "A1", "XFE2"))
            kind = rng.choice(("inlineStr", "inlineStr", "str", "n", "b", "e", "s", "d", "zzz"))
            body = f"<is><t>{escaped(value)}</t></is>" if kind == "inlineStr" else f"<v>{escaped(value)}</v>"
            cells.append(f'<c r="{at}" t="{kind}" s="{rng.choice((0, 0, 1, 99, -1))}">{body}</c>')
        lines.append(f'<row r="{r}">{"".join(cells)}</row>')
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return f'<?xml version="1.0"?><worksheet {space}><sheetData>{"".join(lines)}</sheetData></worksheet>'


def workbook(sheet: str, shared: str = "") -> bytes:
    """The parts of an .xlsx around one worksheet."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    link = '<Relationship Id="rId{0}" Type="' + office + '/{1}" Target="{2}"/>'
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}">{link.format(1, "officeDocument", "xl/workbook.xml")}'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="任务清单" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        f"{link.format(1, 'worksheet', 'worksheets/sheet1.xml')}"
        f"{link.format(2, 'sharedStrings', 'sharedStrings.xml')}"
        "</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}" count="1" uniqueCount="4000000000">{shared}</sst>',
        "xl/worksheets/sheet1.xml": sheet,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, content in parts.items():
            file.writestr(name, content.encode("utf-8", errors="replace"))
    return out.getvalue()


def excel_file(rng: random.Random) -> tuple[str, bytes]:
    """An .xlsx whose parts or bytes are wrong."""
    shared = "".join(f"<si><t>{escaped(rng.choice(CELLS))}</t></si>" for _ in range(rng.choice((0, 1, 5))))
    xml = sheet_xml(rng, table(rng))
    if rng.random() < 0.4:
        xml = damaged(rng, xml.encode()).decode("utf-8", errors="replace")
    content = workbook(xml, shared)
    return "x.xlsx", damaged(rng, content) if rng.random() < 0.4 else content


def old_excel_file(rng: random.Random) -> tuple[str, bytes]:
    """An .xls with wrong bytes."""
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet("s")
    for r, row in enumerate(table(rng)):
        for c, value in enumerate(row):
            page.write(r, c, value[:3000])
    out = io.BytesIO()
    book.save(out)
    return "x.xls", damaged(rng, out.getvalue())


def parquet_file(rng: random.Random) -> tuple[str, bytes]:
    """A Parquet file of odd types, or with wrong bytes."""
    rows = table(rng)
    width = max(map(len, rows))
    frame = pd.DataFrame([[*row, *[None] * (width - len(row))] for row in rows[1:]], dtype="object")
    heads = [*rows[0], *[f"c{n}" for n in range(width)]][: frame.shape[1]]
    frame.columns = pd.Index([head if heads.count(head) == 1 else f"{head}{n}" for n, head in enumerate(heads)])
    for name in frame.columns:
        if rng.random() < 0.2:
            size = len(frame)
            frame[name] = rng.choice(
                (
                    [1.5] * size,
                    [2**62] * size,
                    [pd.Timestamp("1700-01-01")] * size,
                    [b"\xff"] * size,
                    [[1]] * size,
                    [True] * size,
                    [float("inf")] * size,
                    [None] * size,
                )
            )
    out = io.BytesIO()
    frame.to_parquet(out)
    return "x.parquet", damaged(rng, out.getvalue()) if rng.random() < 0.7 else out.getvalue()


YAML = (
    "sources: [{paths: [a.csv]}]",
    "city: 示例",
    "horizon: 3",
    "workspace: .",
    "seed: 1",
    "plan: {capacity: []}",
    "weather: {path: w.csv}",
    "estates: {path: e.csv}",
    "categories: cn_12345",
    "playbook: default",
    "areas: {path: a.csv}",
    "store: s",
    "runs: r",
    "language: zh",
    "calendar: {month_starts_on: 19}",
    "forecaster: {models: [{kind: climatology}]}",
    "messages: {to: [{address: A}]}",
    "sources: [{use: x, columns: {area: a}}]",
    "risk: {kind: eb_glm}",
    "live: {}",
    "study: {}",
    "matching: {}",
    "interventions: {path: i.csv}",
)
VALUES = (
    "",
    "~",
    "[]",
    "{}",
    "-1",
    "0",
    "1e308",
    ".inf",
    "-.inf",
    ".nan",
    "9" * 5000,
    "0x",
    "0b2",
    "1:99:99",
    "2024-13-45",
    "2024-01-01",
    "0000-00-00",
    "9999-99-99T99:99:99Z",
    "true",
    "!!binary x",
    "!!int x",
    "!!float y",
    "!!timestamp z",
    "!!python/object:os.system x",
    "!!set {a, b}",
    "!!omap [a]",
    "!!str",
    '"\\ud800"',
    '"\\0"',
    '"a\\0b"',
    '"\\u202e"',
    "*a",
    "&a [*a]",
    "&a b",
    "<<: {a: 1}",
    "? [a, b]",
    "{[a]: b}",
    "{? {a: b} : c}",
    "../../x.yaml",
    "/dev/zero/x.yaml",
    "a" * 5000 + ".yaml",
    "a" * 5000,
    '"=1+1"',
    "'<b>'",
    "[[[[[[1]]]]]]",
    "'*.csv'",
    "'**/**/**'",
    "'[a-'",
    "'('",
    "'(a+)+$'",
    "{a: {b: {c: 1}}}",
    "|\n  x",
    "- a",
    "@",
    "`",
    "%",
    "\t",
    "'x",
)


def config_file(rng: random.Random) -> tuple[str, bytes]:
    """YAML with keys that are known and values that are not expected."""
    lines = rng.sample(YAML, rng.randrange(1, 8))
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        key = rng.choice(lines).partition(":")[0]
        lines[rng.randrange(len(lines))] = f"{key}: {rng.choice(VALUES)}"
    if rng.random() < 0.05:
        depth = rng.choice((50, 2000, 20000))
        lines.append("deep: " + rng.choice(("[", "{a: ")) * depth)
    if rng.random() < 0.5 and not any(line.startswith("sources") for line in lines):
        lines.insert(
            0, "sources: [{paths: [a.csv], columns: {" + f"{rng.choice(('area', 'x'))}: {rng.choice(VALUES)}" + "}}]"
        )
    content = "\n".join(lines).encode("utf-8", errors="surrogatepass")
    return "x.yaml", damaged(rng, content) if rng.random() < 0.4 else content


MAKERS: dict[str, Callable[[random.Random], tuple[str, bytes]]] = {
    "text": text_file, "xlsx": excel_file, "xls": old_excel_file, "parquet": parquet_file, "yaml": config_file,
}  # fmt: skip


def made(kind: str, seed: int) -> tuple[str, bytes]:
    """Name and content of one hostile file; the same for the same seed."""
    return MAKERS[kind](random.Random(f"{kind}{seed}"))


def read(path: Path) -> None:
    """What intake, a list that came back, and a small table do with a file; of these one with a workbook, as the
    first look at one costs a process."""
    if path.suffix == ".yaml":
        config.load(path).text()
        return
    ways: list[Callable[[], object]] = [
        lambda: _taken_in(path, ORDERS),
        lambda: _taken_in(path, COUNTS),
        lambda: _heard(path),
        lambda: sheets.read(path, header_row="auto", names=("社区", "受理时间")),
    ]
    first = path.stat().st_size % len(ways)
    for way in ways[first : first + 1] if path.suffix in sheets.EXCEL else ways:
        with suppress(WeisuError):
            way()


def _taken_in(path: Path, source: Source) -> None:
    def place(texts: object, lon: object, lat: object, on: pd.Series) -> pd.Series:
        return codes_of(texts, on.index)  # type: ignore[arg-type]

    def classify(texts: pd.Series, free: pd.Series | None, at: pd.Series) -> pd.DataFrame:
        return taxonomy.classify(texts, free, at, TREE)

    for batch in readers.read_file(path, source):
        if source.grain == "counts":
            requests.clean_counts(batch.rows, source, place, classify)
        else:
            requests.clean(batch.rows, source, place, classify, b"key", "token")


def _heard(path: Path) -> None:
    from forecast.tables import Returns, Workplan, empty

    sheets_in = [returns.Sheet(str(path), cells) for cells in sheets.every(path)]
    returns.hear(sheets_in, empty(Workplan), empty(Returns), pd.Timestamp("2024-06-01"))
