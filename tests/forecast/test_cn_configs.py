"""The shipped Chinese category tree and playbook: complete, consistent, and in step with the made-up exports."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from forecast.playbook import Playbook, Task, due
from forecast.playbook import faults as playbook_faults
from forecast.seasons import Calendar
from forecast.simulate.published import CODES
from forecast.simulate.words import REVISED_ON, VAGUE, WORDS
from forecast.tables import UNCLASSIFIED
from forecast.taxonomy import Taxonomy, classify
from forecast.taxonomy import faults as taxonomy_faults

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FLAT = [("01-01", "03-31"), ("04-01", "06-30"), ("07-01", "09-30"), ("10-01", "12-31")]
SUMMER = [("07-01", "08-31")]
TABLE = {
    "1A": ([60], None, SUMMER), "1B": ([30], None, [*SUMMER, ("01-15", "02-28")]), "1C": ([90], None, FLAT),
    "1D": ([20], None, [("09-01", "12-31")]), "1E": ([30], "05-01", [("06-01", "08-31")]),
    "2A": ([90], "03-15", SUMMER), "2B": ([90], None, SUMMER), "2C": ([180], None, SUMMER),
    "2D": ([15], None, SUMMER),
    "3A": ([30], None, [("06-01", "09-30")]), "3B": ([30], None, [("06-01", "08-31"), ("12-01", "12-31")]),
    "3C": ([15], None, [("05-01", "09-30")]), "3D": ([10], None, SUMMER), "3E": ([45], None, FLAT),
    "4A": ([30], None, [("01-01", "01-31"), ("07-01", "07-31")]), "4B": ([180], None, FLAT),
    "5A": ([45], "10-01", [("11-01", "01-31")]), "5B": ([90], "08-01", [("11-01", "01-31"), ("09-16", "10-31")]),
    "5C": ([30], None, [("12-01", "01-31")]), "6A": ([180], None, SUMMER),
    "H1": ([210, 45], "10-01", [("11-07", "01-31")]), "H2": ([20], "10-20", [("11-05", "11-20")]),
    "H3": ([30], "09-15", [("10-01", "11-30")]), "W1": ([45], "04-15", [("06-01", "09-30")]),
    "W2": ([30, 30], "10-15", [("07-01", "07-31"), ("12-01", "01-31")]),
}  # fmt: skip
"""Lead days, start by, windows of each category, as in the domain facts."""


def read(name: str) -> dict[str, object]:
    data = yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return Taxonomy.model_validate(read("categories/cn.yaml"))


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    return Playbook.model_validate(read("playbook/cn.yaml"))


def tasks_of(playbook: Playbook, code: str) -> list[Task]:
    return [task for task in playbook.tasks if code in task.categories]


def test_tree_has_all_categories_under_their_classes(taxonomy: Taxonomy) -> None:
    assert taxonomy_faults(taxonomy) == []
    classes = {c.code for c in taxonomy.categories if c.parent is None} - {"Z"}
    assert classes == set("123456HW")
    leaves = [c for c in taxonomy.categories if c.code not in classes]
    assert [c.code for c in leaves] == [*TABLE, "Z"]
    assert all(c.parent == c.code[0] for c in leaves if c.code != "Z")
    assert all(c.name and c.name_en for c in taxonomy.categories)
    assert [c.code for c in leaves if c.consultation] == ["Z"]


def test_seasons_are_set_where_the_calendar_drives(taxonomy: Taxonomy) -> None:
    season = {c.code: c.season for c in taxonomy.categories if c.season and len(c.code) == 2}
    assert {code for code, name in season.items() if name == "heating"} == {"H1", "H2", "H3"}
    assert {code for code, name in season.items() if name == "fee"} == {"5A", "5B", "5C"}
    assert {"2A", "W1"} <= {code for code, name in season.items() if name == "flood"}


@pytest.mark.parametrize("day", ["2016-12-31", "2017-01-01"])
def test_every_path_of_the_exports_has_its_category(taxonomy: Taxonomy, day: str) -> None:
    group = "revised" if pd.Timestamp(day) >= REVISED_ON else "group"
    pairs = [
        (code, f"{w.upper}->{getattr(w, group)}->{level}") for code, w in WORDS.items() for level, _ in w.details
    ]
    paths = pd.Series([path for _, path in pairs])
    found = classify(paths, None, pd.Series(pd.Timestamp(day), index=paths.index), taxonomy)
    assert found["code"].tolist() == [code for code, _ in pairs]
    assert set(found["by"]) == {"value"}


def test_a_renamed_group_is_unknown_on_the_other_side_of_the_revision(taxonomy: Taxonomy) -> None:
    paths = pd.Series(["共有与配套设施->停车管理->停车难", "共有与配套设施->停车与充电->停车难"])
    days = pd.Series(pd.to_datetime(["2017-01-01", "2016-12-31"]))
    assert classify(paths, None, days, taxonomy)["code"].tolist() == [UNCLASSIFIED] * 2


def test_keywords_find_every_phrase_of_the_exports(taxonomy: Taxonomy) -> None:
    pairs = [(code, phrase) for code, w in WORDS.items() for _, phrase in w.details]
    texts = pd.Series(
        [f"反映某某家园{phrase} 来电人反映某某家园3号楼2单元{phrase}, 要求给出答复" for _, phrase in pairs]
    )
    nothing = pd.Series([None] * len(texts), dtype="str")
    found = classify(nothing, texts, pd.Series(pd.Timestamp("2018-01-01"), index=texts.index), taxonomy)
    assert dict(zip(texts, found["code"], strict=True)) == dict(zip(texts, [code for code, _ in pairs], strict=True))
    vague = classify(nothing[:1], pd.Series([VAGUE]), pd.Series([pd.Timestamp("2018-01-01")]), taxonomy)
    assert vague["code"].tolist() == [UNCLASSIFIED]


def test_no_keyword_means_two_categories(taxonomy: Taxonomy) -> None:
    words = [word for c in taxonomy.categories for word in c.keywords]
    assert len(words) == len(set(words))
    assert all(c.keywords for c in taxonomy.categories if len(c.code) == 2)


def test_the_simulated_categories_are_those_of_the_tree(taxonomy: Taxonomy) -> None:
    assert set(CODES) == set(WORDS) == {*TABLE, "Z"}
    uppers = {c.code: c.name for c in taxonomy.categories}
    assert all(uppers[code[0]] == words.upper for code, words in WORDS.items() if code != "Z")


def test_playbook_is_sound(playbook: Playbook, taxonomy: Taxonomy) -> None:
    assert playbook_faults(playbook, [c.code for c in taxonomy.categories]) == []
    assert {code for task in playbook.tasks for code in task.categories} == set(TABLE)


@pytest.mark.parametrize("code", TABLE)
def test_playbook_says_what_the_domain_table_says(playbook: Playbook, code: str) -> None:
    tasks = tasks_of(playbook, code)
    lead, start_by, windows = TABLE[code]
    assert [task.lead_days for task in tasks] == lead
    assert {task.start_by for task in tasks} - {None} == ({start_by} if start_by else set())
    assert list(dict.fromkeys((w.start, w.end) for task in tasks for w in task.windows)) == windows


def test_every_action_is_concrete_and_complete(playbook: Playbook) -> None:
    vague = re.compile("加强|加大|进一步|切实|重视|强化|提高认识|认真做好")
    for task in playbook.tasks:
        assert not vague.search(task.action), task.entry
        assert len(task.action) >= 25, task.entry
        texts = (task.action_en, task.lead_party_en, task.support_en, task.evidence_en, task.support, task.evidence)
        assert all(texts), task.entry
        assert not any("\u4e00" <= letter <= "\u9fff" for letter in "".join(texts[:4])), task.entry
        assert 0 < task.crew_days <= 15, task.entry
        assert 0 < task.preventable_share <= 0.5, task.entry
        assert task.preventable_source == "assumed", task.entry


def test_safety_tasks_are_marked(playbook: Playbook) -> None:
    for code in ("1A", "2B", "3B"):
        assert all(task.safety for task in tasks_of(playbook, code)), code
    assert not any(task.safety for task in tasks_of(playbook, "5A"))


def test_the_august_plan_holds_the_heating_work_of_november(playbook: Playbook) -> None:
    calls = due(playbook, pd.Timestamp("2019-08-01"))
    entries = {playbook.tasks[position].entry for position in calls.loc[calls["on_time"], "position"]}
    assert {"H1-preseason-inspection", "5A-fee-accounts"} <= entries
    march = due(playbook, pd.Timestamp("2019-03-01"))
    assert "H1-summer-visit" in {playbook.tasks[position].entry for position in march["position"]}


def test_every_task_falls_due_on_time_in_some_month(playbook: Playbook) -> None:
    months = pd.date_range("2019-01-01", periods=12, freq="MS")
    calls = pd.concat([due(playbook, month) for month in months])
    assert set(calls.loc[calls["on_time"], "position"]) == set(range(len(playbook.tasks)))


def test_example_config_points_at_what_simulate_writes() -> None:
    config = read("simulated.yaml")
    assert (CONFIGS / str(config["workspace"])).resolve() == CONFIGS.parent / "data" / "simulated"
    assert config["areas"] == {"path": "areas.csv", "shapes": "communities.geojson", "shape_key": "area"}
    assert config["estates"] == {"path": "estates.csv"}
    assert config["sources"] == [{"use": "cn_12345", "paths": ["orders/*"]}]
    lines = (CONFIGS / "simulated.yaml").read_text(encoding="utf-8").splitlines()
    assert all("#" in line for line in lines if re.match(r"\s*- use|\w+: \S", line))


def test_changes_and_themes_as_the_docs_write_them(taxonomy: Taxonomy) -> None:
    text = (CONFIGS.parent / "docs" / "inputs.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    (changes,) = [block["categories"]["changes"] for block in blocks if "changes" in block.get("categories", {})]
    assert Taxonomy.model_validate({"changes": changes}).changes[1].after == ("5A",)
    (calendar,) = [Calendar.model_validate(block["calendar"]) for block in blocks if "calendar" in block]
    assert {code for theme in calendar.themes for code in theme.categories} <= {c.code for c in taxonomy.categories}
