"""Facts about made-up people in every text field of every input: none is in anything a job keeps, makes or says."""

import gzip
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from tests.end_to_end.conftest import ORDERS, orders

ZH = "张伟 13800138000 010-65123456 110101199003078515 京A8K7Z5 wei.zhang@mail.example.cn 3号楼2单元507室"
EN = "Jane Roehampton 212-555-0187 KZT-4471 jane.r@mail.example.org Apt 57B"
CANARIES = (
    "张伟", "13800138000", "65123456", "110101199003078515", "8K7Z5", "wei.zhang", "单元507",
    "Roehampton", "555-0187", "KZT-4471", "jane.r@", "Apt 57B",
)  # fmt: skip
LEDGER = "小区编号,小区名称,别名,社区,户数,建成年份,物业类型,供热单位\n"
CONFIG = (
    ORDERS.replace("received_at: opened,", "received_at: opened, text: words, caller: phone, estate: home,").replace(
        "topic}", "topic, address: where, closed_at: closed}"
    )
    + "estates: {path: estates.csv}\nlanguage: LANGUAGE\n"
)


@dataclass(frozen=True)
class Made:
    """folder: of the job. inputs: what was planted. said: everything the commands printed."""

    folder: Path
    inputs: frozenset[Path]
    said: str


def weisu(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code in (0, 2, 3), (words, result.output)
    return result.output


def planted(folder: Path, fact: str, areas: bool, language: str) -> None:
    frame = orders(300)
    frame["words"], frame["phone"], frame["where"], frame["home"], frame["closed"] = fact, fact, fact, "东里", fact
    for row, column in enumerate(["id", "opened", "community", "topic", "home"]):
        frame.loc[[row, row + 40], column] = fact
    frame.loc[[20, 60], "community"] = "张伟" if fact == ZH else "Mrs Roehampton"
    frame.loc[[21, 61], "home"] = "张伟家"
    frame.loc[22, "id"] = "13800138000"
    frame.to_csv(folder / "orders.csv", index=False)
    rows = f"E1,东里 {fact},{fact},东社区,{fact},1985,{fact},{fact}\nE2,西里,,西社区,300,{fact},,\n"
    rows += f"E3,南里,,{fact},200,1999,,\n"
    (folder / "estates.csv").write_text(LEDGER + rows, encoding="utf-8")
    text = CONFIG.replace("LANGUAGE", language).replace("orders.csv]", "orders.csv]\n    max_rejected_share: 0.5")
    if areas:
        named = "\n".join(f"{n},{name},community" for n, name in enumerate(("东社区", "西社区", "南社区"), 1))
        (folder / "areas.csv").write_text("area,name,level\n" + named, encoding="utf-8")
        text += "areas: {path: areas.csv}\n"
    (folder / "weisu.yaml").write_text(text, encoding="utf-8")


def returned(book: Path, folder: Path, fact: str) -> Path:
    """A street's workbook, filled in with facts about people, under a name that is one too."""
    file = openpyxl.load_workbook(book)
    sheet = file.worksheets[0]
    head = [cell.value for cell in sheet[4]]
    for n, row in enumerate(sheet.iter_rows(min_row=5)):
        cells = dict(zip(head, row, strict=True))
        for title in ("证据", "不采纳或更正的原因", "Evidence", "Why not, or why changed"):
            if title in cells:
                cells[title].value = fact
        state = cells.get("状态") or cells["Status"]
        state.value = (fact, "不采纳", "进行中")[n % 3]
    path = folder / f"returned {fact}.xlsx"
    file.save(path)
    return path


@pytest.fixture(scope="module", params=[(ZH, True, "zh"), (EN, False, "en")], ids=["zh", "en"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    fact, areas, language = request.param
    folder = tmp_path_factory.mktemp("job")
    planted(folder, fact, areas, language)
    job, latest = folder / "weisu.yaml", folder / "runs/latest"
    os.environ["WEISU_CALLER_KEY"] = "0123456789abcdefghijklmnopqrstuvwxyz"
    try:
        said = [weisu("check", job), weisu("check", job, "--json")]
        said += [weisu("monthly", job, "--as-of", "2021-07", "--head", 5)]
        book = next((latest / "streets").glob("*.xlsx"))
        inputs = {*folder.glob("*.csv"), returned(book, folder, fact)}
        said += [weisu("feedback", job, *folder.glob("returned*")), weisu("feedback", job, "--json")]
        said += [weisu("monthly", job, "--as-of", "2021-08", "--json"), weisu("explain", latest)]
        said += [weisu("runs", "show", "latest", "--out", folder / "runs"), weisu("risk", job, "--as-of", "2021-08")]
        said += [weisu("study", job), weisu("effect", job), weisu("runs", "verify", "--out", folder / "runs")]
        said += [weisu("backtest", job, "--origins", 1, "--horizon", 1, "--jobs", 1)]
        (folder / "weisu.yaml").write_text(job.read_text(encoding="utf-8").replace("_share: 0.5", "_share: 0"))
        said += [weisu("check", job), weisu("check", job, "--json")]
    finally:
        del os.environ["WEISU_CALLER_KEY"]
    assert "max_rejected_share" in said[-1]
    return Made(folder, frozenset(inputs), "\n".join(said))


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """(where, text) of a file: as it stands, and unpacked."""
    content = path.read_bytes()
    yield path.name, path.name
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield f"{path} cells", table.to_pandas().to_csv()
        yield f"{path} footer", str(pq.read_metadata(path).to_dict())
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield f"{path} {name}", archive.read(name).decode("utf-8", errors="replace")
    elif path.suffix == ".gz":
        yield str(path), gzip.decompress(content).decode("utf-8", errors="replace")
    yield str(path), content.decode("utf-8", errors="replace")


def test_nothing_kept_made_or_said_tells_of_a_person(made: Made) -> None:
    files = [path for path in made.folder.rglob("*") if path.is_file() and path not in made.inputs]
    kinds = {path.suffix for path in files}
    assert {".parquet", ".xlsx", ".html", ".jsonl", ".csv", ".geojson", ".json"} <= kinds
    found = {
        (canary, where) for path in files for where, text in [*texts(path)] for canary in CANARIES if canary in text
    }
    found |= {(canary, "said") for canary in CANARIES if canary in made.said}
    assert found == set()


def test_the_test_would_find_them(made: Made) -> None:
    held = {canary for path in made.inputs for _, text in texts(path) for canary in CANARIES if canary in text}
    assert len(held) >= 5


def test_what_was_said_of_tasks_is_there_without_the_people(made: Made) -> None:
    table = pq.read_table(made.folder / "data/ledger/tasks.parquet").to_pandas()
    assert table["override_reason"].dropna().str.contains("***", regex=False).any()
