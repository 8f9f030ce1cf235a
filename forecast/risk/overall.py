"""EstateHistory -> the same with ALL; Risk -> the one category by which estates are listed overall."""

import pandas as pd

from forecast.tables import ALL, EstateHistory, conform


def with_total(history: pd.DataFrame) -> pd.DataFrame:
    """`history` with rows of ALL: the incidents of all categories together; as it is where there are not two.

    Categories known by months and those known by years cannot be added up: the kind that holds most incidents is.
    """
    rows = history[history["category"] != ALL]
    spans = rows.groupby("category")["months"].agg(lambda months: " ".join(map(str, sorted(set(months)))))
    if len(spans) < 2:
        return history
    kind = rows["category"].map(spans)
    most = rows.groupby(kind)["incidents"].sum().sort_values(ascending=False, kind="stable").index[0]
    keys = ["estate", "month", "months"]
    sums = rows[kind == most].groupby(keys, as_index=False)["incidents"].sum().assign(category=ALL)
    return conform(EstateHistory, pd.concat([rows, sums], ignore_index=True))


def leading(risk: pd.DataFrame) -> str:
    """The category of the overall list: ALL, unless another one alone is foretold in incidents."""
    foretold = risk.loc[risk["expected"].notna(), "category"].unique()
    if ALL in foretold or len(foretold) != 1:
        return ALL if (risk["category"] == ALL).any() or risk.empty else str(risk["category"].min())
    return str(foretold[0])
