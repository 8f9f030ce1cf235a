"""The page of a plan in Chromium, used as a person would; it may ask nobody for anything."""

import csv
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports import findings, page
from reports.material import Material
from reports.texts import Words
from tests.programs import need
from tests.reports.full import full
from tests.reports.sample import make, renamed

pytestmark = pytest.mark.system("chromium")

HOSTILE = (
    "<img src=x onerror=\"document.title='x'\"></script><script>document.title='x'</script><!-- \u202e {{7*7}} ="
)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    path = need("chromium", "chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Material], Path]:
    """Write the page of a Material once; its path."""
    known: dict[int, Path] = {}

    def write(material: Material) -> Path:
        if id(material) not in known:
            known[id(material)] = tmp_path_factory.mktemp("page") / "report.html"
            known[id(material)].write_bytes(page.render(material))
        return known[id(material)]

    return write


@pytest.fixture
def opened(chromium: Any, written: Callable[[Material], Path]) -> Iterator[Open]:
    """Open the page of a Material. At the end: nothing was asked of any host, and nothing stands in the console."""
    contexts, asked, said = [], [], []

    def guard(route: Any) -> None:
        address = route.request.url
        if address.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            asked.append(address)
            route.abort()

    def go(material: Material, width: int = 1440) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
        contexts.append(context)
        context.route("**/*", guard)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(written(material).as_uri())
        tab.wait_for_selector("html[data-ready]", state="attached")
        return tab

    yield go
    for context in contexts:
        context.close()
    assert asked == []
    assert said == []


def shown(tab: Any) -> list[str]:
    """Text of the rows of the plan that are to be seen."""
    found: list[str] = tab.eval_on_selector_all(
        "#tasks tbody tr", "rows => rows.filter(r => !r.hidden).map(r => r.innerText)"
    )
    return found


def test_search_filter_and_sort_find_the_tasks(opened: Open) -> None:
    tab, plan = opened(full()), full().workplan
    assert len(shown(tab)) == 20
    tab.fill("#search", "物业费 河沿")
    wanted = plan[(plan["category_name"] == "物业费争议") & (plan["street_name"] == "河沿街道")]
    assert len(shown(tab)) == len(wanted) > 0
    assert all("物业费争议" in row and "河沿街道" in row for row in shown(tab))
    tab.fill("#search", "")
    tab.select_option("#street", label="松园街道")
    tab.select_option("#lead", label="供热单位")
    here = plan[(plan["street_name"] == "松园街道") & (plan["lead_party"] == "供热单位")]
    assert len(shown(tab)) == len(here) > 0
    tab.select_option("#change", label="新列入")
    assert len(shown(tab)) == (here["since"] == "new").sum() > 0
    tab.fill("#search", "no such task")
    assert shown(tab) == []
    assert tab.is_visible("#no-match")
    for name in ("street", "lead", "change"):
        tab.select_option(f"#{name}", "")
    tab.fill("#search", "")
    expected = sorted(plan["expected_requests"].round())
    head = tab.locator("#tasks th button", has_text="预计件数")
    for order, first in (("ascending", expected[0]), ("descending", expected[-1])):
        head.click()
        assert head.locator("..").get_attribute("aria-sort") == order
        assert f"{first:.0f} 件" in shown(tab)[0]


def test_copy_and_csv_hold_what_the_filters_left(opened: Open, tmp_path: Path) -> None:
    tab, plan = opened(full()), full().workplan
    tab.select_option("#street", label="松园街道")
    wanted = list(plan.loc[plan["street_name"] == "松园街道", "task_id"])
    with tab.expect_download() as saved:
        tab.click("#download")
    saved.value.save_as(tmp_path / "tasks.csv")
    rows = list(csv.DictReader((tmp_path / "tasks.csv").read_text("utf-8-sig").splitlines()))
    assert [row["任务编号"] for row in rows] == wanted
    tab.evaluate("addEventListener('copy', () => { window.copied = document.activeElement.value; })")
    tab.click("#copy")
    lines = tab.evaluate("window.copied").split("\n")
    assert [line.split("\t")[0] for line in lines[1:]] == wanted
    assert tab.inner_text("#copy") == "已复制"


def test_a_task_opens_its_reasons_and_leads_to_its_trend(opened: Open) -> None:
    tab, material = opened(full()), full()
    task = material.workplan.sort_values("rank").iloc[2]
    row = tab.locator("#tasks tbody tr").nth(2)
    assert not row.get_by_text(task["reason"]).is_visible()
    row.locator("summary").click()
    assert row.get_by_text(task["reason"]).is_visible()
    row.locator("button.show").click()
    words = Words("zh")
    coming = material.coming_of(task["area"], task["category"])
    assert coming is not None
    said = tab.inner_text("#trend-sentence")
    assert said.startswith(f"{task['area_name']} · {task['category_name']}：")
    assert findings.sure(coming, words) in said
    assert findings.against(coming, words) in said


def test_every_place_and_category_says_what_python_says(opened: Open) -> None:
    """The script builds its sentences itself; they are those of `findings`."""
    tab, material, words = opened(full()), full(), Words("zh")
    assert tab.inner_text("#trend-sentence") == findings.trend_sentence(material, words)
    tab.select_option("#area", label="\u3000河沿街道")
    for category in ("全部诉求", "电梯"):
        tab.select_option("#coming select.category", label=category)
        code = {name: code for code, name in material.category_names.items()}[category]
        coming = material.coming_of("S2", code)
        assert coming is not None
        expected = f"预计 {words.count(coming.expected)} 件，{findings.sure(coming, words)}"
        assert tab.inner_text("#trend-sentence").endswith(f"{expected}{findings.against(coming, words)}。")
    tab.select_option("#community", label="河沿三社区")
    assert tab.inner_text("#trend-sentence").startswith("河沿三社区 · 电梯：")
    tab.click("#trend-numbers summary")
    tab.locator("#trend-numbers tbody tr").last.wait_for()  # drawn when the browser tells that it was opened
    assert tab.locator("#trend-numbers tbody tr").count() == 36 + 12


def test_the_trend_shows_what_was_issued_a_year_ago(opened: Open) -> None:
    tab = opened(full())
    tab.click("#trend-numbers summary")
    tab.locator("#trend-numbers tbody tr").last.wait_for()
    rows = [line.split("\t") for line in tab.inner_text("#trend-numbers tbody").splitlines()]
    before = full().year_before
    mean = before[(before["area"] == "city") & (before["category"] == "*")].set_index("month")["predicted"]
    assert [row[-1] for row in rows[24:36]] == [f"{value:,.0f}" for value in mean.round()]
    assert "去年此时发出的预测" in tab.inner_text("#coming")
    tab = opened(make())
    tab.click("#trend-numbers summary")
    tab.locator("#trend-numbers tbody tr").last.wait_for()
    rows = [line.split("\t") for line in tab.inner_text("#trend-numbers tbody").splitlines()]
    assert [row[-1] for row in rows[36:]] == [row[1] for row in rows[24:36]]
    assert "一年前没有发出过预测" in tab.inner_text("#coming")


def test_hovering_tells_the_figures(opened: Open) -> None:
    tab = opened(full())
    for chart, texts in (("#chart-trend", ("2026年", "预计", "80 % 区间")), ("#chart-areas", ("社区", "预计件数"))):
        box = tab.locator(f"{chart} svg").bounding_box()
        tab.locator(chart).scroll_into_view_if_needed()
        tab.locator(f"{chart} svg").hover(position={"x": box["width"] * 0.88, "y": box["height"] * 0.4})
        tip = tab.locator("#vg-tooltip-element.visible")
        tip.wait_for()
        told = tip.inner_text()
        assert all(text in told for text in texts), told
        assert "NaN" not in told


def test_the_map_changes_with_category_and_month(opened: Open) -> None:
    tab, material = opened(full()), full()
    tab.select_option("#span", label="2026年1月")
    tab.select_option("#map select.category", label="供暖不热")
    assert tab.inner_text("#map-title") == "供暖不热 · 2026年1月"
    rows = material.outlook
    rows = rows[(rows["category"] == "H1") & (rows["month"] == "2026-01-01") & rows["area"].isin(material.street_of)]
    most = rows.iloc[int(rows["mean"].argmax())]
    first = tab.inner_text("#top li:first-child")
    assert material.area_names[most["area"]] in first
    assert f"{most['mean']:.0f}" in first
    fills = tab.eval_on_selector_all(
        "#chart-areas .mark-shape path", "marks => marks.map(mark => mark.getAttribute('fill'))"
    )
    assert len(fills) == 12
    assert "var(--v5)" in fills
    tab.click("#map-numbers summary")
    tab.locator("#map-numbers tbody tr").last.wait_for()
    assert tab.locator("#map-numbers tbody tr").count() == 12


def test_without_outlines_there_are_tiles(opened: Open) -> None:
    tab = opened(full(polygons=False))
    tiles = tab.eval_on_selector_all("#tiles li", "all => all.map(one => one.innerText)")
    assert len(tiles) == 12
    assert tab.eval_on_selector_all("#tiles h3", "all => all.map(one => one.innerText)") == [
        "松园街道", "河沿街道", "新苑街道",
    ]  # fmt: skip
    coming = full().coming_of("110105000001")
    assert coming is not None
    assert tiles[0].split() == ["松园一社区", f"{coming.expected:.0f}"]


def test_it_can_be_used_with_the_keyboard_alone(opened: Open) -> None:
    tab = opened(full())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.focus("#search")
    tab.keyboard.type("垃圾")
    assert len(shown(tab)) == 0
    tab.fill("#search", "")
    tab.focus("#tasks th button")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Enter")
    assert tab.get_attribute("#tasks th", "aria-sort") == "descending"
    tab.focus("#tasks tbody tr summary >> nth=0")
    tab.keyboard.press("Enter")
    assert tab.locator("#tasks tbody details[open]").count() == 1


@pytest.mark.parametrize("polygons", [True, False])
def test_no_barrier_is_found_and_nothing_is_too_wide(opened: Open, polygons: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = opened(full(polygons=polygons))
    for part in ("#changes summary", "#trend-numbers summary", "#map-numbers summary", "#tasks summary >> nth=0"):
        tab.click(part)
    looks = [("light", 1440), ("dark", 375)] if polygons else [("dark", 1440), ("light", 375)]
    for scheme, width in looks:
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)
        found = Axe().run(tab).response["violations"]
        assert [(scheme, width, one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_telephone_tasks_are_cards_and_can_be_sorted(opened: Open) -> None:
    tab, plan = opened(full(), 375), full().workplan
    assert tab.evaluate("getComputedStyle(document.querySelector('#tasks tbody tr')).display") == "block"
    tab.select_option("#sort", label="小区风险")
    assert f"{plan['risk_score'].max():.0f}" in shown(tab)[0]
    assert tab.locator(".chart svg").count() == 2


def test_names_stay_names(opened: Open) -> None:
    material = renamed(full(), HOSTILE)
    tab = opened(material)
    assert tab.title().startswith(HOSTILE)
    for select in ("#span", "#area", "#coming select.category"):
        tab.select_option(select, index=1)
    for summary in tab.locator("summary:visible").all():
        summary.click()
    tab.locator("#tasks button.show").first.click()
    assert tab.locator("img").count() == 0
    assert tab.locator("script").count() == 3
    assert tab.title().startswith(HOSTILE)
    assert HOSTILE.split()[0] in tab.inner_text("#trend-sentence")


def test_the_page_speaks_one_language(opened: Open) -> None:
    tab = opened(full("en"))
    assert tab.get_attribute("html", "lang") == "en"
    assert tab.inner_text("#copy") == "Copy"
    names = "|".join(sorted({*full("en").area_names.values(), *full("en").estates["name"]}, key=len, reverse=True))
    for part in ("#headlines", "#changes", "#live", "#coming", "#map", "#accuracy", "#method"):
        spoken = re.sub(f"{names}|{'|'.join(full('en').workplan['action'])}", "", tab.inner_text(part))
        assert not re.findall("[\u4e00-\u9fff]+", re.sub("供暖不热|物业费争议|电梯", "", spoken)), part
    assert opened(full()).get_attribute("html", "lang") == "zh-CN"


def test_print_holds_every_task_with_its_reason_and_no_button(opened: Open, tmp_path: Path) -> None:
    tab = opened(full())
    tab.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True, print_background=True)
    reader = need("poppler", "pdftotext")
    text = subprocess.run([reader, "-layout", tmp_path / "page.pdf", "-"], capture_output=True, check=True)
    words = re.sub(r"\s+", "", text.stdout.decode())
    for number in range(1, len(full().workplan) + 1):
        assert f"预计{full().workplan['expected_requests'].sort_values().iloc[-number]:.0f}件" in words
    assert words.count("需留的依据") == len(full().workplan)
    assert not any(button in words for button in ("下载CSV", "看走势图", "再显示"))
    assert tab.locator("#tasks details[open]").count() == 0
    assert len(shown(tab)) == 20
