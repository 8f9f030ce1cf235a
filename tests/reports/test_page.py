import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports import charts, page
from reports.html import script_json
from reports.material import Material
from reports.texts import Words
from tests.reports.programs import browse
from tests.reports.sample import make, renamed

DRIVE = """<script>
addEventListener("load", () => setTimeout(() => {
  const shown = () => Array.from(document.querySelectorAll("#tasks tbody tr")).filter((row) => !row.hidden);
  const type = (id, value) => {
    document.getElementById(id).value = value;
    document.getElementById(id).dispatchEvent(new Event("input"));
  };
  const log = [];
  log.push("all " + shown().length);
  type("search", "物业费 河沿");
  log.push("search " + shown().length);
  type("search", "");
  type("street", "松园街道");
  log.push("street " + shown().length);
  type("lead", "供热单位");
  log.push("lead " + shown().length);
  type("search", "no such task");
  log.push("none " + shown().length + " " + document.getElementById("no-match").hidden);
  type("search", ""); type("street", ""); type("lead", "");
  const head = document.querySelectorAll("#tasks th button")[7];
  head.click();
  log.push("up " + shown()[0].cells[7].innerText.split(" ")[0] + " " + head.parentElement.getAttribute("aria-sort"));
  head.click();
  log.push("down " + shown()[0].cells[7].innerText.split(" ")[0]);
  let saved = null;
  URL.createObjectURL = (blob) => { blob.text().then((text) => { saved = text; }); return "#"; };
  document.getElementById("download").click();
  const select = document.querySelector("select.category");
  select.value = "1";
  select.dispatchEvent(new Event("change"));
  setTimeout(() => {
    log.push("csv " + saved.trim().split("\\r\\n").length + " " + saved.trim().split("\\r\\n")[0].split(",")[0]);
    log.push("said " + document.getElementById("trend-sentence").textContent.slice(0, 4));
    log.push("requests " + performance.getEntriesByType("resource").length);
    log.push("svg " + document.querySelectorAll(".chart svg").length);
    log.push("wide " + (document.documentElement.scrollWidth > innerWidth));
    const out = document.createElement("pre");
    out.id = "log";
    out.textContent = log.join("\\n");
    document.body.append(out);
  }, 1000);
}, 2000));
</script>"""


class Tags(HTMLParser):
    """Every attribute that could fetch something, and how often each tag opens and closes."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.depth: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth[tag] = self.depth.get(tag, 0) + 1
        fetching = {"src", "href", "srcset", "action", "data", "poster", "background", "style"}
        self.addresses += [value or "" for name, value in attrs if name in fetching]

    def handle_endtag(self, tag: str) -> None:
        self.depth[tag] -= 1


def driven(material: Material) -> bytes:
    """The page with a script at its end that uses it as a person would."""
    return DRIVE.encode().join(page.render(material).rsplit(b"</body>", 1))


def read(data: bytes) -> Tags:
    tags = Tags()
    tags.feed(data.decode())
    return tags


def visible(data: bytes) -> str:
    """Text outside scripts and styles."""
    text = re.sub(r"<(script|style).*?</\1>", "", data.decode(), flags=re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def test_nothing_is_fetched() -> None:
    data = page.render(make())
    text = data.decode()
    assert [a for a in read(data).addresses if not a.startswith(("#", "data:,"))] == []
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", text)
    assert "vega.github.io/schema/vega-lite" not in text
    assert len(data) < 6_000_000


def test_every_tag_is_closed() -> None:
    depth = read(page.render(make())).depth
    left = {tag: n for tag, n in depth.items() if n and tag not in {"meta", "link", "input"}}
    assert left == {}


def test_sections_come_in_the_order_of_the_questions() -> None:
    found = re.findall(r'<section id="(\w+)"', page.render(make()).decode())
    assert found == ["headlines", "data", "live", "coming", "map", "plan", "risk", "accuracy", "method"]


def test_every_task_and_estate_stands_on_the_page_with_its_interval() -> None:
    material = make()
    text = visible(page.render(material))
    for task in material.workplan.itertuples():
        assert f"约八成把握 {task.low:.0f}–{task.high:.0f} 件" in text
        assert str(task.action) in text
    for name in material.estates["name"]:
        assert name in text
    assert "实测 78.9 %" in text
    assert "红 82" in text
    assert not re.search(r"\b(nan|None|NaT)\b", text)


def test_the_longest_plans_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "TASKS", 10)
    text = visible(page.render(make()))
    assert "本页只列前 10 项，其余 14 项见 workplan.csv。" in text


def test_english_page_speaks_english() -> None:
    text = visible(page.render(make("en")))
    assert "What must start now" in text
    assert "at least about 8 times in 10" in text
    assert '<html lang="en">' in page.render(make("en")).decode()


def test_empty_states_explain() -> None:
    text = visible(page.render(make(tasks=False, estates=False, polygons=False, scores=False, communities=1)))
    assert "2025年9月无需启动的任务：" in text
    assert "没有小区数据" in text
    assert "没有社区边界，改用条形图" in text
    assert "还没有足够长的历史" in text


def test_some_communities_without_polygon_are_named() -> None:
    material = make()
    areas = material.areas.copy()
    areas.loc[areas["area"].str.endswith("12"), "geometry"] = None
    assert "1 个社区没有边界" in visible(page.render(replace(material, areas=areas)))


@pytest.mark.parametrize("text", ["</script><script>", "<!--", "a&b", "\u2028", "<\u2029>"])
def test_json_in_a_script_cannot_end_it(text: str) -> None:
    made = script_json({"name": text})
    assert not set("<>&\u2028\u2029") & set(made)
    assert json.loads(made) == {"name": text}


def test_map_has_room_for_fewer_categories_when_there_are_many_communities(monkeypatch: pytest.MonkeyPatch) -> None:
    material = make()
    assert len(charts.choices(material)) == 7
    monkeypatch.setattr(charts, "MAP_FIGURES", 1)
    assert len(charts.choices(material)) == 7  # six at least, and all together


def test_large_maps_are_simplified(monkeypatch: pytest.MonkeyPatch) -> None:
    material = make()
    rows = charts.place_rows(material, ["*"])
    monkeypatch.setattr(charts, "MAP_BYTES", 10)
    assert len(charts.outlines(material, rows)) == 12


def test_colours_and_key_agree() -> None:
    rows = charts.place_rows(make(), ["*", "H1"])
    for c, key in enumerate(charts.legend(rows, 2)):
        starts = [int(text.strip("≥ ").split("–")[0]) for _, text in key]
        for row in rows:
            shade = [colour for (colour, _), start in zip(key, starts, strict=True) if row["e"][c] >= start][-1]
            assert row["k"][c] == shade
        assert key[-1][0] == charts.CLASSES - 1


def test_trend_joins_the_past_and_has_no_negative_band() -> None:
    rows = [row for row in charts.trend_rows(make(), ["*"]) if row["c"] == 0]
    joint = [row for row in rows if "v" in row and "e" in row]
    assert [row["m"] for row in joint] == ["2025-08-01T00:00:00"]
    assert len(rows) == charts.HISTORY_MONTHS + 12
    for row in rows[-12:]:
        assert 0 <= row["l95"] <= row["l80"] <= row["l50"] <= row["e"] <= row["h50"] <= row["h80"] <= row["h95"]


def test_trend_breaks_where_a_month_was_not_covered() -> None:
    material = make()
    gap = material.panel["month"].astype(str).str.startswith("2025-03")
    rows = charts.trend_rows(replace(material, panel=material.panel[~gap]), ["*"])
    assert {row["m"]: row["v"] for row in rows if "v" in row}["2025-03-01T00:00:00"] is None


def test_sentences_of_the_trend_name_each_category() -> None:
    material = make()
    for code, sentence in zip(("*", "2A"), charts.trend_sentences(material, Words("zh"), ["*", "2A"]), strict=True):
        assert sentence.startswith(f"{material.category_names[code]}：")


@pytest.mark.system("chromium")
def test_in_a_browser_the_page_works_offline(tmp_path: Path) -> None:
    data = driven(make())
    dom, console = browse(data, tmp_path)
    assert console == []
    found = re.search(r'<pre id="log">(.*?)</pre>', dom, re.S)
    assert found, dom[-2000:]
    plan = make().workplan
    here = plan[plan["street_name"] == "松园街道"]
    heating = here[here["lead_party"] == "供热单位"]
    log = dict(line.split(" ", 1) for line in html.unescape(found[1]).splitlines())
    assert log == {
        "all": "20", "search": "4", "street": str(len(here)), "lead": str(len(heating)), "none": "0 false",
        "up": "9 ascending", "down": "202",
        "csv": "25 任务编号", "said": "供暖不热", "requests": "0", "svg": "2", "wide": "false",
    }  # fmt: skip
    assert dom.count('role="graphics-symbol"') or "mark-shape" in dom


@pytest.mark.system("chromium")
def test_on_a_telephone_nothing_is_wider_than_the_screen(tmp_path: Path) -> None:
    """The page in a frame of 375 px tells how wide it became."""
    tell = """<script>setTimeout(() => parent.postMessage([
      document.documentElement.scrollWidth <= innerWidth, innerWidth, document.querySelectorAll(".chart svg").length,
      getComputedStyle(document.querySelector("#tasks tbody tr")).display].join(" "), "*"), 3000)</script></body>"""
    inner = tmp_path / "inner.html"
    inner.write_bytes(tell.encode().join(page.render(make()).rsplit(b"</body>", 1)))
    outer = f"""<iframe src="{inner.name}" style="width:375px;height:3000px;border:0"></iframe><pre></pre><script>
      onmessage = (event) => {{ document.querySelector("pre").textContent = event.data; }};</script>"""
    dom, console = browse(outer.encode(), tmp_path)
    assert console == []
    assert "<pre>true 375 2 block</pre>" in dom


@pytest.mark.system("chromium")
def test_in_a_browser_names_stay_names(tmp_path: Path) -> None:
    name = (
        "<img src=x onerror=\"document.title='x'\"></script><script>document.title='x'</script><!-- \u202e {{7*7}} ="
    )
    data = driven(renamed(make(), name))
    dom, _ = browse(data, tmp_path)
    title = re.search(r"<title>(.*?)</title>", dom, re.S)
    assert title
    assert html.unescape(title[1]).startswith(name)
    assert not re.search(r"<img\b", re.sub(r"<script.*?</script>", "", dom, flags=re.S))


@pytest.mark.system("chromium")
def test_in_a_browser_no_polygons_means_bars(tmp_path: Path) -> None:
    dom, console = browse(page.render(make(polygons=False)), tmp_path)
    assert console == []
    assert "mark-rect" in dom
