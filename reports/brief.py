"""Material -> the monthly brief (专报) in Word: overview, forecast, tasks, old estates, last month, three rates.

Same Material, same bytes.
"""

from typing import Any

import pandas as pd

from forecast.tables import ALL, UNCLASSIFIED
from reports import findings, live, pictures
from reports.material import Material, records
from reports.paper import Paper
from reports.texts import Words, whole

TOP = 5
"""Categories told one by one."""

ROWS = 10
"""Lines of a table."""

LEAST = 100
"""Requests from which shares are told in percent."""

OLD = 2000
"""老旧小区: built by the end of this year."""

MEASURES = ("response", "resolution", "satisfaction")
SEASONS = ("heating", "flood")
CLASSES = ("advanced", "progress", "rectify", "govern")
SCOPE = "counted"
"""The three rates are told without excluded orders."""

NUMERALS = "一二三四五六七八九十"


def render(material: Material) -> bytes:
    """The brief of the city."""
    words = Words(material.language)
    title = words("brief.title", city=material.city)
    paper = Paper(material.as_of, title, material.language)
    paper.title(title, words("brief.month", month=words.month(material.plan_month)))
    _overview(paper, material, words)
    _ahead(paper, material, words)
    _tasks(paper, material, words)
    _risk(paper, material, words)
    paper.heading(words("brief.live"))
    for sentence in live.sentences(material, words):
        paper.text(sentence)
    _rates(paper, material, words)
    months = {"as_of": words.month(material.as_of), "origin": words.month(material.origin)}
    paper.small(words("brief.note", run=material.run_id, **months))
    return paper.finish()


def points(difference: float, words: Words) -> str:
    """A difference of shares: 上升 1.2 个百分点; what rounds to nothing is 持平."""
    n = f"{100 * abs(difference):.1f}"
    return words("points.same") if n == "0.0" else words("points.up" if difference > 0 else "points.down", n=n)


def _overview(paper: Paper, material: Material, words: Words) -> None:
    paper.heading(words("brief.overview"))
    paper.text(_last_month(material, words))
    if shares := _shares(material, words):
        paper.text(words("brief.shares", shares=words("comma").join(shares)))
    paper.text(findings.headlines(material, words)[0])
    picture = pictures.trend(material, words)
    caption = words("brief.figure.trend" if picture else "brief.figure.none")
    if picture:
        paper.picture(picture, caption, high=62)
    paper.caption(caption)


def _last_month(material: Material, words: Words) -> str:
    past = material.history
    past = past[(past["category"] == ALL) & (past["month"] == material.origin)]
    month = words.month(material.origin)
    if past.empty:
        return words("brief.last.none", month=month)
    said = {}
    for key, months in (("before", 1), ("year", 12)):
        moved = material.moved(material.origin - pd.DateOffset(months=months))
        said[key] = "" if moved is None else words(f"brief.{key}", change=_change(moved, words))
    return words("brief.last", month=month, n=words.count(past["orders"].iloc[0]), **said)


def _change(difference: float, words: Words) -> str:
    n = whole(difference)
    key = "brief.same" if n == 0 else "brief.more" if n > 0 else "brief.fewer"
    return words(key, n=words.count(abs(n)))


def _shares(material: Material, words: Words) -> list[str]:
    """The largest categories of the last month, each with its share and how that moved in a year."""
    past = material.history
    now = past[past["month"] == material.origin].set_index("category")["orders"]
    if now.get(ALL, 0) < LEAST:
        return []
    then = past[past["month"] == material.origin - pd.DateOffset(years=1)].set_index("category")["orders"]
    named = now.drop([ALL, UNCLASSIFIED], errors="ignore").sort_values(ascending=False, kind="stable").head(3)
    said = []
    for category, orders in named.items():
        share, change = orders / now[ALL], ""
        if then.get(ALL, 0) >= LEAST:
            moved = points(share - then.get(category, 0) / then[ALL], words)
            change = words("brief.share.change", change=moved)
        name = findings.category_name(material, str(category))
        said.append(words("brief.share", category=name, share=words.percent(share), change=change))
    return said


def _ahead(paper: Paper, material: Material, words: Words) -> None:
    paper.heading(words("brief.ahead"))
    rows = material.coming[material.coming["area"] == material.root]
    rows = rows[~rows["category"].isin([ALL, UNCLASSIFIED])].sort_values("expected", ascending=False, kind="stable")
    if rows.empty:
        paper.text(words("headline.no_forecast"))
        return
    for sentence in findings.headlines(material, words)[1:-1]:
        paper.text(sentence)
    for n, category in enumerate(rows["category"].head(TOP)):
        coming = material.coming_of(material.root, category)
        if coming is None:
            continue
        name = findings.category_name(material, category)
        number = str(n + 1) if words.language == "en" else NUMERALS[n]
        figures = {"expected": words.count(coming.expected), "range": findings.sure(coming, words)}
        told = words("brief.category", against=findings.against(coming, words), **figures)
        paper.text(told, lead=words("brief.order", n=number, name=name))
    months = words.months(material.ahead[0], material.ahead[-1])
    if picture := pictures.places(material, words):
        caption = words("brief.figure.places", months=months)
        paper.picture(picture, caption, high=85)
        paper.caption(caption)
    _streets(paper, material, words, months)


def _streets(paper: Paper, material: Material, words: Words, months: str) -> None:
    rows = material.coming[
        (material.coming["category"] == ALL) & material.coming["area"].isin(list(material.streets))
    ]
    rows = rows.sort_values(["expected", "area"], ascending=[False, True]).head(ROWS)
    if len(rows) < 2:
        return
    paper.caption(words("brief.streets", months=months), above=True)
    heads = [words(f"col.{name}") for name in ("rank", "street", "expected80", "against_last_year")]
    cells = [
        [
            str(n),
            material.streets[row["area"]],
            _figure(row["expected"], row["low"], row["high"], words),
            "–" if pd.isna(row["last_year"]) else words.signed(row["same"] - row["last_year"]),
        ]
        for n, row in enumerate(records(rows), 1)
    ]
    paper.table(heads, cells, (1, 4, 4, 3))


def _tasks(paper: Paper, material: Material, words: Words) -> None:
    paper.heading(words("brief.tasks"))
    paper.text(findings.plan_headline(material, words))
    tasks = material.asked.sort_values("rank")
    if tasks.empty:
        return
    parties = tasks["lead_party"].value_counts(sort=False).sort_values(ascending=False, kind="stable").head(TOP)
    named = [words("brief.tasks.one", party=party, n=n) for party, n in parties.items()]
    paper.text(words("brief.tasks.lead", list=words("comma").join(named)))
    paper.caption(words("brief.tasks.table"), above=True)
    heads = [words(f"col.{name}") for name in ("community", "category", "do", "who", "start_by", "expected80")]
    cells = [_task(row, words) for row in records(tasks.head(ROWS))]
    paper.table(heads, cells, (2.2, 1.9, 4.6, 2.6, 2.3, 2.9))
    rest = len(tasks) - ROWS
    paper.text(words("brief.tasks.rest", n=rest) if rest > 0 else words("brief.tasks.return"))


def _task(row: dict[str, Any], words: Words) -> list[str]:
    who = f"{row['lead_party']}（{row['support']}）" if row["support"] else row["lead_party"]
    by = words.day(row["start_by"])
    return [
        row["area_name"],
        row["category_name"],
        row["action"],
        who.replace("（", " (").replace("）", ")") if words.language == "en" else who,
        by if row["on_time"] else f"{by} {words('late')}",
        _figure(row["expected_requests"], row["low"], row["high"], words),
    ]


def _figure(expected: float, low: float, high: float, words: Words) -> str:
    """42 (33–53); the bare figure where there is no interval."""
    if pd.isna(low) or pd.isna(high):
        return words.count(expected)
    return f"{words.count(expected)} ({words.count(low)}–{words.count(high)})"


def _risk(paper: Paper, material: Material, words: Words) -> None:
    paper.heading(words("brief.risk"))
    scored = material.estates[material.estates["estate"].isin(material.risk["estate"])]
    if scored.empty:
        paper.text(words("book.risk.none"))
        return
    red = set(material.risk.loc[material.risk["grade"] == "red", "estate"])
    orange = set(material.risk.loc[material.risk["grade"] == "orange", "estate"]) - red
    unknown = int(scored["built_year"].isna().sum())
    counts = {"n": len(scored), "old": (scored["built_year"] <= OLD).sum(), "red": len(red), "orange": len(orange)}
    said = words("brief.risk.unknown", n=words.count(unknown)) if unknown else ""
    paper.text(words("brief.risk.sum", unknown=said, **{k: words.count(int(n)) for k, n in counts.items()}))
    paper.caption(words("brief.risk.table"), above=True)
    heads = [words(f"col.{name}") for name in ("estate_name", "community", "category", "grade", "reasons")]
    rows = findings.risk_table(material, words).drop_duplicates("estate").head(ROWS)
    cells = [
        [
            row["name"],
            row["area_name"],
            row["category_name"],
            f"{words.grade(row['grade'])} {words.score(row['score'])}",
            words("comma").join(row["reasons"]),
        ]
        for row in records(rows)
    ]
    paper.table(heads, cells, (2.8, 2.3, 2, 1.8, 6))


def _rates(paper: Paper, material: Material, words: Words) -> None:
    paper.heading(words("brief.rates"))
    rows = _counted(material.rates)
    city = rows[rows["area"] == material.root]
    if city.empty:
        paper.text(words("brief.rates.none"))
        return
    before = _counted(material.rates_before)
    then = records(before[before["area"] == material.root])
    paper.text(_rates_of(records(city)[0], then[0] if then else {}, words))
    for sentence in _targets(material, words):
        paper.text(sentence)
    streets = rows[rows["area"].isin(list(material.streets))].sort_values(
        ["score", "area"], ascending=[False, True], na_position="last"
    )
    if len(streets):
        graded = _counted(material.appraisal)
        classes = dict(zip(graded["area"], graded["grade"], strict=True))
        paper.caption(words("brief.rates.table"), above=True)
        heads = [words("col.street"), *(words(f"rate.{name}").capitalize() for name in MEASURES)]
        heads += [words("col.share_score"), words("col.class")]
        cells = [_rate_cells(row, material, classes, words) for row in records(streets)]
        paper.table(heads, cells, (3, 2, 2, 2, 2, 2))
    paper.text(words("brief.rates.note"))


def _counted(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["category"] == ALL) & (table["scope"] == SCOPE)]


def _rates_of(row: dict[str, Any], then: dict[str, Any], words: Words) -> str:
    """The three rates of the city, each against a year before in points."""
    said = []
    for name in MEASURES:
        label = words(f"rate.{name}")
        if pd.isna(row[name]):
            said.append(words("brief.rates.unasked", name=label))
            continue
        known = not pd.isna(then.get(name))
        change = words("brief.rates.change", change=points(row[name] - then[name], words)) if known else ""
        said.append(words("brief.rates.rate", name=label, share=f"{100 * row[name]:.1f}", change=change))
    score = "" if pd.isna(row["score"]) else words("brief.rates.score", score=f"{row['score']:.1f}")
    months = words.months(row["first"], row["last"])
    joined = ("; " if words.language == "en" else "；").join(said)
    return words("brief.rates.city", months=months, n=words.count(row["callbacks"]), rates=joined, score=score)


def _targets(material: Material, words: Words) -> list[str]:
    """A sentence a season: what the city should reach."""
    rows = material.targets[(material.targets["area"] == material.root) & (material.targets["category"] == ALL)]
    said = []
    for (season, first, last), group in rows.groupby(["season", "first", "last"]):
        target = group.set_index("measure")["target"]
        named = [f"{words(f'rate.{name}')} {100 * target[name]:.1f} %" for name in MEASURES if name in target.index]
        name = words(f"season.{season}") if season in SEASONS else season
        span = words.months(pd.Timestamp(str(first)), pd.Timestamp(str(last)))
        said.append(words("brief.rates.targets", season=name, months=span, list=words("comma").join(named)))
    return said


def _rate_cells(row: dict[str, Any], material: Material, classes: dict[str, Any], words: Words) -> list[str]:
    shares = ["–" if pd.isna(row[name]) else f"{100 * row[name]:.1f}" for name in MEASURES]
    score = "–" if pd.isna(row["score"]) else f"{row['score']:.1f}"
    kind = classes.get(row["area"])
    return [
        material.streets[row["area"]], *shares, score, words(f"class.{kind}") if kind in CLASSES else "–",
    ]  # fmt: skip
