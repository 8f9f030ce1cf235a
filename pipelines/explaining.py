"""`weisu explain`: a run folder + area and category -> why this many: history, season, models, drivers, a chart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import explain, taxonomy
from forecast.errors import ConfigError, Fault
from forecast.forecaster import COMBINATION
from forecast.near import meant
from forecast.tables import ALL, LEVELS, UNCLASSIFIED
from pipelines import replan, runs, store
from pipelines.config import Config
from pipelines.words import say

SHOWN = 24
"""Months of history in the chart."""

COVERED = 0.95
"""Share of the communities of the last year that a month must cover to be compared (our choice)."""

SURE = 1e-6
"""Relative error with which weights must give the issued means back to be told."""


@dataclass(frozen=True)
class Explained:
    """history: Series of requests by month; partial: its months in which communities were not covered.

    ahead: DataFrame, index month: mean, low, high, last_year. season: (12,) mean of each calendar month against the
    mean of all, NaN where unknown. models: DataFrame, index model: weight, expected. drivers: part -> usual requests
    or factor, of the `explained` share of what is expected.
    """

    area: str
    area_name: str
    category: str
    category_name: str
    as_of: str
    origin: str
    language: str
    pattern: str | None
    history: pd.Series
    partial: pd.Index
    ahead: pd.DataFrame
    season: np.ndarray
    models: pd.DataFrame
    drivers: dict[str, float]
    explained: float

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        ahead = self.ahead.assign(month=[f"{month:%Y-%m}" for month in self.ahead.index]).replace({np.nan: None})
        return {
            "area": self.area, "area_name": self.area_name, "category": self.category,
            "category_name": self.category_name, "as_of": self.as_of, "origin": self.origin, "pattern": self.pattern,
            "history": {f"{month:%Y-%m}": int(count) for month, count in self.history.items()},
            "partly_covered": [f"{month:%Y-%m}" for month in self.partial],
            "forecast": ahead.to_dict("records"),
            "season": [None if np.isnan(times) else round(float(times), 4) for times in self.season],
            "models": self.models.reset_index().replace({np.nan: None}).to_dict("records"),
            "drivers": self.drivers, "explained_share": self.explained,
        }  # fmt: skip

    def lines(self, width: int) -> list[str]:
        """For a person, at most `width` columns wide."""
        facts = {"area": self.area_name, "category": self.category_name, "as_of": self.as_of, "origin": self.origin}
        head = [say(self.language, "explained", **facts), *self._coming()]
        if self.pattern:
            head.append(say(self.language, "is_pattern", pattern=say(self.language, f"pattern.{self.pattern}")))
        return [*head, "", *self._chart(width), "", *self._season(), *self._drivers(), *self._models()]

    def _coming(self) -> list[str]:
        months, known = self.ahead, self.ahead["last_year"].notna()
        row = months.iloc[int(months["mean"].to_numpy().argmax())]
        said = say(
            self.language, "is_expected", first=f"{months.index[0]:%Y-%m}", last=f"{months.index[-1]:%Y-%m}",
            expected=_count(months["mean"].sum()), peak=f"{row.name:%Y-%m}", most=_count(row["mean"]),
            low=_count(row["low"]), high=_count(row["high"]),
        )  # fmt: skip
        if not known.any():
            return [said]
        same = {"n": int(known.sum()), "now": _count(months.loc[known, "mean"].sum())}
        return [said, say(self.language, "was_last_year", before=_count(months["last_year"].sum()), **same)]

    def _chart(self, width: int) -> list[str]:
        months = pd.date_range(end=pd.Timestamp(f"{self.origin}-01"), periods=SHOWN, freq="MS", unit="us")
        past = self.history.reindex(months[months >= self.history.index.min()])
        top = max(past.fillna(0).max() if len(past) else 0, self.ahead[["mean", "high"]].max().max(), 1.0)
        rows = self.ahead[["mean", "low", "high"]].to_numpy(dtype=float)
        figures = [f"{_count(mean)} ({_count(low)}–{_count(high)})" for mean, low, high in rows]
        room = width - 11 - max([len(text) for text in figures] + [6])
        place = (room - 1) / top
        lines = []
        for month, count in past.items():
            mark = "▒" if month in self.partial else "█"
            bar = "" if np.isnan(count) else mark * round(count * place)
            lines.append(f"{month:%Y-%m}  {bar:<{room}}  {_count(count)}")
        for month, (mean, low, high), text in zip(self.ahead.index, rows, figures, strict=True):
            marks = [" "] * room
            if not np.isnan(low):
                first, last = round(low * place), round(high * place)
                marks[first : last + 1] = "─" * (last + 1 - first)
            marks[round(mean * place)] = "●"
            lines.append(f"{month:%Y-%m}  {''.join(marks)}  {text}")
        key = say(self.language, "chart_key", origin=self.origin)
        gaps = [say(self.language, "chart_gaps")] if past.index.isin(self.partial).any() else []
        return [*(line.rstrip() for line in lines), key, *gaps]

    def _season(self) -> list[str]:
        if np.isnan(self.season).all():
            return [say(self.language, "no_season")]
        order = [n for n in np.argsort(-np.nan_to_num(self.season, nan=-1.0)) if not np.isnan(self.season[n])]
        top, low = (", ".join(f"{n + 1:02} ×{self.season[n]:.2f}" for n in some) for some in (order[:3], order[-3:]))
        return [say(self.language, "season", top=top, low=low)]

    def _drivers(self) -> list[str]:
        if not self.drivers:
            return [say(self.language, "no_drivers")]
        usual = say(self.language, "usual", usual=f"{self.drivers['usual']:,.1f}")
        factors = [(name, value) for name, value in self.drivers.items() if name != "usual"]
        told = [f"{say(self.language, f'part.{name}')} ×{value:.2f}" for name, value in factors]
        rest = "" if self.explained > 0.995 else say(self.language, "partly", share=f"{100 * self.explained:.0f}")
        return [say(self.language, "drivers", parts=", ".join([usual, *told])) + rest]

    def _models(self) -> list[str]:
        rows = self.models.sort_values("weight", ascending=False, na_position="last")
        told = []
        for name, row in rows.iterrows():
            weight = "" if np.isnan(row["weight"]) else f" {100 * row['weight']:.0f} %"
            told.append(f"{name}{weight} → {_count(row['expected'])}")
        return [say(self.language, "models", models=", ".join(told))] if told else []


def run(run_dir: Path, area: str | None, category: str | None) -> Explained:
    """Explain one cell or sum of a plan.

    Args:
        run_dir: folder of a run of `weisu monthly` or `weisu plan`.
        area: name or code; None = the city.
        category: name or code; None = all of them.

    Raises:
        ConfigError: no run folder, or a name nobody knows; the nearest is proposed.
    """
    run_dir = run_dir.resolve()
    config, manifest = replan.ran(run_dir), runs.manifest(run_dir)
    areas = store.read(run_dir / "areas.parquet")
    panel = store.read(run_dir / "panel.parquet")
    panel["orders"] = panel[config.settings.forecaster.value]
    names = _category_names(config, panel["category"])
    code = _code(area, dict(zip(areas["area"], areas["name"], strict=True)), "--area") if area else _root(areas)
    kind = _code(category, names, "--category") if category else ALL
    below = _below(areas, code)
    history, partial = _history(panel, below, kind)
    full = history.drop(partial)
    ahead = _ahead(run_dir, code, kind, full)
    drivers, explained = _drivers(run_dir, below, kind, ahead["mean"].sum())
    row = areas[areas["area"] == code].iloc[0]
    return Explained(
        area=code, area_name=str(row["name"]), category=kind, category_name=names[kind], as_of=manifest["as_of"],
        origin=manifest["origin"], language=config.settings.language, pattern=_pattern(run_dir, code, kind),
        history=history, partial=partial, ahead=ahead, season=_season(full),
        models=_models(run_dir, areas, below, kind), drivers=drivers, explained=explained,
    )  # fmt: skip


def _code(word: str, names: dict[str, str], where: str) -> str:
    """The code a name or code stands for."""
    if word in names:
        return word
    fits = [code for code, name in names.items() if name == word]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ConfigError(Fault(f"{len(fits)} are called {word!r}", where, f"give the code: {', '.join(fits[:5])}"))
    every = [*names, *(str(name) for name in names.values())]
    few = ", ".join(f"{name} ({code})" for code, name in list(names.items())[:5])
    raise ConfigError(
        Fault(f"{word!r} is not known", where, meant(word, every, f"give a name or code such as {few}"))
    )


def _category_names(config: Config, codes: pd.Series) -> dict[str, str]:
    language, table = config.settings.language, taxonomy.names(config.settings.categories, codes)
    named = table["name_en" if language == "en" else "name"].fillna("")
    named = named.where(named != "", table["name"])
    others = {ALL: say(language, "every_category"), UNCLASSIFIED: say(language, "no_category")}
    return others | dict(zip(table["category"], named, strict=True))


def _root(areas: pd.DataFrame) -> str:
    return str(areas.loc[areas["level"] == LEVELS[-1], "area"].iloc[0])


def _below(areas: pd.DataFrame, code: str) -> list[str]:
    """The area and all under it."""
    found, step = [code], [code]
    for _ in LEVELS:
        step = areas.loc[areas["parent"].isin(step), "area"].tolist()
        found += step
    return found


def _history(panel: pd.DataFrame, below: list[str], kind: str) -> tuple[pd.Series, pd.Index]:
    """Requests by month; the months in which clearly fewer communities were covered than in the last year."""
    rows = panel[panel["area"].isin(below)]
    covered = rows.groupby("month")["area"].nunique()
    partial = covered.index[covered < COVERED * covered.tail(12).max()]
    counts = rows["orders"] if kind == ALL else rows["orders"].where(rows["category"] == kind, 0)
    return counts.groupby(rows["month"]).sum().sort_index(), partial


def _ahead(run_dir: Path, code: str, kind: str, history: pd.Series) -> pd.DataFrame:
    where = [("model", "=", COMBINATION), ("area", "=", code), ("category", "=", kind)]
    rows = store.read(run_dir / "forecasts.parquet", where=where)
    if rows.empty:
        fix = "`weisu explain` without --category shows the whole area"
        raise ConfigError(Fault(f"no forecast was issued for {code} and {kind}", str(run_dir), fix))
    figures = {"mean": rows[rows["output"] == "mean"].set_index("month")["predicted"]}
    for name, level in (("low", 0.1), ("high", 0.9)):
        figures[name] = rows[np.isclose(rows["level"], level)].set_index("month")["predicted"]
    table = pd.DataFrame(figures).reindex(columns=["mean", "low", "high"]).sort_index()
    last_year = history.reindex(pd.DatetimeIndex(table.index) - pd.DateOffset(years=1)).to_numpy(dtype=float)
    return table.assign(last_year=last_year)


def _season(history: pd.Series) -> np.ndarray:
    """Mean of each calendar month in the last five years against the mean of these; NaN where one is unknown."""
    rows = history[history.index > history.index.max() - pd.DateOffset(years=5)]
    means = rows.groupby(rows.index.month).mean().reindex(range(1, 13))
    if means.isna().any() or means.sum() == 0:
        return np.full(12, np.nan)
    return np.array(means / means.mean(), dtype=float)


def _drivers(run_dir: Path, below: list[str], kind: str, expected: float) -> tuple[dict[str, float], float]:
    """Parts of what is expected in all months ahead, and the share of it that was explained."""
    where: list[tuple[str, str, Any]] = [("area", "in", below), *([] if kind == ALL else [("category", "=", kind)])]
    rows = store.read(run_dir / "contributions.parquet", where=where)
    if rows.empty or expected <= 0:
        return {}, 0.0
    parts = explain.summed(rows.assign(sum="all"), "sum")
    figures = parts.to_numpy(dtype=float)[0]
    told = {str(name): round(float(value), 4) for name, value in zip(parts.columns, figures, strict=True)}
    return told, float(figures.prod() / expected)


def _models(run_dir: Path, areas: pd.DataFrame, below: list[str], kind: str) -> pd.DataFrame:
    """Each model's own sum for the months ahead, and its weight in the issued mean."""
    from scipy.optimize import nnls

    leaves = areas.loc[~areas["area"].isin(areas["parent"].dropna()), "area"]
    where = [("output", "=", "mean"), ("category", "!=", ALL), ("area", "in", leaves.tolist())]
    rows = store.read(run_dir / "forecasts.parquet", where=where)
    wide = rows.pivot(index=["area", "category", "month"], columns="model", values="predicted").dropna()
    members = wide.drop(columns=COMBINATION)
    if members.empty:
        return pd.DataFrame(columns=["weight", "expected"])
    weights, error = nnls(members.to_numpy(), wide[COMBINATION].to_numpy())
    if error > SURE * np.linalg.norm(wide[COMBINATION]):
        weights = np.full(members.shape[1], np.nan)
    where_now = members.index.get_level_values("area").isin(below)
    if kind != ALL:
        where_now &= members.index.get_level_values("category") == kind
    table = pd.DataFrame({"weight": weights, "expected": members[where_now].sum().to_numpy()}, index=members.columns)
    return table.rename_axis("model")


def _pattern(run_dir: Path, code: str, kind: str) -> str | None:
    rows = store.read(run_dir / "patterns.parquet", where=[("area", "=", code), ("category", "=", kind)])
    return None if rows.empty else str(rows["pattern"].iloc[0])


def _count(value: float) -> str:
    """A whole number; small means keep a decimal, since 0.4 a month is not nothing."""
    if np.isnan(value):
        return "?"
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"
