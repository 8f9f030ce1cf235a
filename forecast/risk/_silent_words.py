"""SilentEstates without reasons -> with them, in Chinese and English: what to expect, what came, what is missing."""

import pandas as pd

from forecast.tables import ALL

NAMED = 3
"""Categories named in a reason."""

GROUNDS = {
    "both": ("同类楼况和周边", "estates of its kind and place"),
    "attributes": ("同类楼况", "estates of its kind"),
    "place": ("周边小区", "estates nearby"),
}
WHY_NOT = {
    "gone": ("小区已撤销, 不作判断", "no longer an estate: no claim"),
    "new": ("新建小区, 时间尚短, 不作判断", "a new estate, known too briefly: no claim"),
    "unheard": ("近一年记录不足, 不作判断", "too little of the last year is on record: no claim"),
    "unsized": ("户数不明, 不作判断", "number of households unknown: no claim"),
    "none": ("楼况和位置均无依据, 不作判断", "neither attributes nor place say what to expect: no claim"),
    "few": ("预计件数太少, 无从判断", "too few incidents expected to tell"),
}
AS_USUAL = ("实报与{ground}相当或难以分辨", "reports as {ground} do, or cannot be told from them")
SILENT = (
    "按{ground}近一年应有约 {expected:.0f} 件，实报 {reported:.0f} 件，{sure}少报{where}",
    "{ground} had about {expected:.0f} in the last year, {reported:.0f} were reported: {sure} that it reports too "
    "little{where}",
)
MISSING = ("，主要少在 {list}", ", mostly missing: {list}")
ONE = ("{name} (应 {expected:.0f} 报 {reported:.0f})", "{name} ({reported:.0f} of {expected:.0f})")
AND = ("、", ", ")


def reasons(table: pd.DataFrame, names: pd.DataFrame | None) -> pd.DataFrame:
    """Adds `reason` and `reason_en`. names: DataFrame[category, name, name_en]; None = codes."""
    listed = table.loc[table["listed"] & (table["category"] == ALL), "estate"]
    single = table[table["estate"].isin(listed) & (table["category"] != ALL)]
    single = single.assign(gap=single["expected"] - single["reported"]).query("gap >= 0.5")
    single = single.sort_values(["gap", "category"], ascending=[False, True]).groupby("estate").head(NAMED)
    return table.assign(reason=_texts(table, single, names, 0), reason_en=_texts(table, single, names, 1))


def _texts(table: pd.DataFrame, single: pd.DataFrame, names: pd.DataFrame | None, language: int) -> pd.Series:
    label = _labels(names, language)
    short = [
        ONE[language].format(name=label.get(category, category), expected=expected, reported=reported)
        for category, expected, reported in single[["category", "expected", "reported"]].itertuples(index=False)
    ]
    where = pd.Series(short, index=single["estate"], dtype=object).groupby(level=0).agg(AND[language].join).to_dict()
    columns = ["estate", "category", "ground", "expected", "reported", "probability"]
    plain = {name: AS_USUAL[language].format(ground=words[language]) for name, words in GROUNDS.items()}
    plain |= {name: words[language] for name, words in WHY_NOT.items()}
    texts = table["ground"].map(plain).astype(object)
    rows = table.loc[table["listed"], columns].itertuples(name=None)
    for position, estate, category, ground, expected, reported, probability in rows:
        missing = where.get(estate, "") if category == ALL else ""
        texts[position] = SILENT[language].format(
            ground=GROUNDS[ground][language],
            expected=expected,
            reported=reported,
            sure=_sure(probability, language),
            where=MISSING[language].format(list=missing) if missing else "",
        )
    return texts


def _sure(probability: float, language: int) -> str:
    """In words, never as a percentage."""
    if probability >= 0.95:
        return ("九成五以上把握", "more than 19 in 20")[language]
    tenths = int(10 * probability)
    return (f"约 {tenths} 成把握", f"about {tenths} in 10")[language]


def _labels(names: pd.DataFrame | None, language: int) -> dict[str, str]:
    if names is None:
        return {}
    english = names["name_en"].where(names["name_en"] != "", names["name"])
    return dict(zip(names["category"], english if language else names["name"], strict=True))
