"""Every command, config and line of Python that README.md and docs/*.md show runs as written."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipelines import config, fields
from tests.end_to_end.conftest import COUNTS, monthly_counts, weisu

FAST = "\nforecaster:\n  models: [{kind: climatology}]\n  calibrate: {past_origins: 2}\n"
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
IN_ORDER = (
    "README", "docs/first-city", "docs/monthly", "docs/terminal", "docs/plan", "docs/privacy", "docs/risk",
    "docs/study", "docs/effects", "docs/operations",
)  # fmt: skip
"""Pages that show commands. They share one folder of workspaces; the later ones stand in mycity."""
INSIDE = ("docs/plan", "docs/privacy", "docs/risk", "docs/study", "docs/operations")
"""Pages whose commands are typed in the workspace."""
NOT_RUN = {
    "weisu send runs/latest --config weisu.yaml": "needs the secret address of a channel; test_messages runs it",
    "weisu runs compare mycity/runs/2024-07-1a2b3c4d mycity/runs/latest": "names a run by its hash; test_terminal",
    "weisu explain mycity/runs/latest --area 东社区 --category 供暖不热": "is of another city; test_terminal",
    "weisu monthly mycity/weisu.yaml": "runs on docs/first-city, in a smaller city",
    "weisu effect mycity/weisu.yaml --as-of 2026-06": "needs two years of finished work; test_effect runs it",
    "weisu study weisu.yaml --as-of 2022-06": "looks from a month of another city; test_study runs it",
    "weisu feedback weisu.yaml returned/*.xlsx": "needs workbooks filled in by streets; test_round_trip",
    "weisu feedback mycity/weisu.yaml mycity/returned/*.xlsx": "as above",
}


def pages(root: Path) -> list[Path]:
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def name_of(page: Path, root: Path) -> str:
    return page.relative_to(root).with_suffix("").as_posix()


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    for _, language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        yield language, text


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if re.match(r"\s*weisu [a-z]", line)]


def bare(line: str) -> str:
    return shlex.join(shlex.split(line, comments=True)).replace("'", "")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader sits: an empty folder, and the exports of a city whose headers nobody knows."""
    folder = tmp_path_factory.mktemp("desk")
    orders = folder / "ourcity/input/orders"
    orders.mkdir(parents=True)
    head = "某区热线明细,,,,,\n流水号,来件时刻,所在街道,所在社区,问题分类一级,问题分类二级\n"
    for year in (2021, 2022, 2023):
        rows = [
            f"{year}{m:02d}{d:02d},{year}/{m}/{d} 9:00,{'东西'[d % 2]}街道,{d % 4}号社区,供热,{'漏水不热'[d % 3 :]}"
            for m in range(1, 13)
            for d in range(1, 29)
        ]
        (orders / f"{year}.csv").write_bytes((head + "\n".join(rows) + "\n").encode("gb18030"))
    return folder


def put(desk: Path, text: str) -> None:
    """A config the page tells the reader to write."""
    name = text.splitlines()[0].removeprefix("# file: ")
    (desk / name).write_text(text + FAST, encoding="utf-8")


def carry_out(line: str, desk: Path) -> None:
    words = shlex.split(line, comments=True)[1:]
    result = weisu(*words)
    told = re.search(r"# exit code (\d+)", line)
    assert result.exit_code == (int(told[1]) if told else 0), (line, result.output)
    if words[0] == "init":
        path = Path(words[1]) / "weisu.yaml"
        path.write_text(path.read_text(encoding="utf-8") + FAST, encoding="utf-8")


@pytest.mark.slow
def test_every_command_runs(root: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the pages; a command two pages show runs once."""
    done: set[str] = set()
    for name in IN_ORDER:
        monkeypatch.chdir(desk / "mycity" if name in INSIDE else desk)
        for language, text in blocks(root / f"{name}.md"):
            if text.startswith("# file: "):
                put(desk, text)
                done = {line for line in done if not line.startswith("weisu check ourcity")}
            for line in commands(text) if language in ("", "sh", "console") else ():
                plain = bare(line)
                once = plain.replace("mycity/", "")
                if plain in NOT_RUN or once in done:
                    continue
                if once.startswith(("weisu plan", "weisu explain", "weisu export")):
                    to_latest_plan(Path.cwd())
                carry_out(line.replace("--out open", f"--out open{len(done)}"), desk)
                done.add(once)
    assert len(done) > 20


def to_latest_plan(folder: Path) -> None:
    """`runs/latest` as it is for a reader who follows one page: a plan, not the study or backtest of another page."""
    runs = folder / ("runs" if (folder / "runs").exists() else "mycity/runs")
    plans = [path for path in runs.iterdir() if (path / "workplan.csv").exists() and not path.is_symlink()]
    newest = max(plans, key=lambda path: path.stat().st_mtime)
    latest = runs / "latest"
    latest.unlink()
    latest.symlink_to(newest.name)


def test_every_page_that_shows_commands_is_walked(root: Path) -> None:
    shown = {
        name_of(page, root)
        for page in pages(root)
        for language, text in blocks(page)
        if language in ("", "sh", "console") and any(not line.startswith("weisu: ") for line in commands(text))
    }
    assert shown == set(IN_ORDER)
    every = {bare(line) for name in IN_ORDER for _, text in blocks(root / f"{name}.md") for line in commands(text)}
    assert set(NOT_RUN) <= every, "an exception nobody needs any more"


@pytest.mark.parametrize("name", ["docs/research", "docs/methods/backtest"])
def test_the_lines_of_python_run(name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monthly_counts().to_csv(tmp_path / "counts.csv", index=False)
    (tmp_path / "weisu.yaml").write_text(COUNTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    texts = [text for language, text in blocks(root / f"{name}.md") if language == "python"]
    for text in texts:
        exec(text, names)
    assert len(texts) >= 2
    assert len(names["result"].leaderboard)  # type: ignore[attr-defined]


def test_every_page_with_python_is_run(root: Path) -> None:
    shown = {name_of(page, root) for page in pages(root) for language, _ in blocks(page) if language == "python"}
    assert shown <= {"docs/research", "docs/methods/backtest"}


def yaml_blocks(root: Path) -> list[tuple[str, str]]:
    return [
        (name_of(page, root), text) for page in pages(root) for language, text in blocks(page) if language == "yaml"
    ]


def test_every_config_shown_is_valid(root: Path, tmp_path: Path) -> None:
    (tmp_path / "crews.csv").write_text("street,party,month,crew_days\n,,,40\n", encoding="utf-8")
    counts = {"grain": "counts", "paths": ["counts.csv"]}
    for name, text in yaml_blocks(root):
        raw = yaml.safe_load(text.replace("categories: [...]", "categories: []"))
        tree = raw.get("categories")
        if (isinstance(tree, dict) and not tree["categories"]) or "calendar" in raw:
            codes = sorted(set(re.findall(r"\b[1-9A-Z][A-Z0-9]{1,2}\b", text)))
            raw["categories"] = {**(tree or {}), "categories": [{"code": code, "name": code} for code in codes]}
        path = tmp_path / "weisu.yaml"
        path.write_text(yaml.safe_dump({"sources": [counts], **raw}, allow_unicode=True), encoding="utf-8")
        settings = config.load(path).settings
        assert set(raw) <= set(type(settings).model_fields), name


def test_a_config_can_be_ten_lines(root: Path) -> None:
    (shown,) = [text for name, text in yaml_blocks(root) if name == "README"]
    assert len(shown.splitlines()) <= 10


def test_make_targets_the_pages_name_exist(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for page in pages(root):
        for target in re.findall(r"(?:^|`)make ([\w-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page, target)


def test_links_lead_to_files_and_headings(root: Path) -> None:
    for page in [*pages(root), root / "CONTRIBUTING.md"]:
        text = BLOCK.sub("", page.read_text(encoding="utf-8"))
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            target, _, heading = link.partition("#")
            there = (page.parent / target).resolve() if target else page
            assert there.exists(), (page, link)
            heads = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
            assert not heading or heading in slugs, (page, link)


def test_the_table_of_accepted_headers_is_current(root: Path) -> None:
    text = (root / "docs/inputs.md").read_text(encoding="utf-8")
    assert fields.written(text) == text, "run `make fields`"
    assert set(fields.WHAT) == {*fields.ORDER_FIELDS, *fields.COUNT_FIELDS}


def test_every_page_is_reached_from_the_index(root: Path) -> None:
    text = (root / "docs/index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\]\(([\w/-]+\.md)\)", text))
    there = {path.relative_to(root / "docs").as_posix() for path in (root / "docs").rglob("*.md")} - {"index.md"}
    assert there - listed == set()


def test_the_glossary_has_both_languages_and_no_word_twice(root: Path) -> None:
    text = (root / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert 40 <= len(rows) <= 65
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) and means for _, chinese, means in rows)
    for words in zip(*((english, chinese) for english, chinese, _ in rows), strict=True):
        assert len(set(words)) == len(words), words
