import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from reports import charts, page, places, series
from reports.html import script_json
from tests.reports import big
from tests.reports.full import full
from tests.reports.sample import make


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
    assert found == ["headlines", "changes", "data", "live", "coming", "map", "plan", "risk", "accuracy", "method"]


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
    assert "没有边界，改用方格" in text
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


def test_what_changed_and_who_is_silent_stand_on_the_page() -> None:
    text = visible(page.render(full()))
    assert "去掉 3 项" in text
    assert "2 个小区反映的可能比实际发生的少" in text
    assert "10 次里约 9 次" in text
    assert "没有小区数据，因此没有找过" in visible(page.render(make(estates=False)))


def test_a_large_city_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What grows with the city is held by the rooms of its parts; the full size is measured in tests/bench."""
    for module, name, room in ((series, "LINES", 300), (places, "ROOM", 5_000), (places, "OUTLINES", 30_000)):
        monkeypatch.setattr(module, name, room)
    monkeypatch.setattr(places, "DRAWN", 100)
    size = len(page.render(big.make(600, 12, tasks=40))) - len(charts.library())
    assert size < 450 * 300 + 12 * 5_000 + 30_000 + 150_000
