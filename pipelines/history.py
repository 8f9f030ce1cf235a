"""`weisu runs`: run folders -> what was run, and what changed between two plans and why."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import taxonomy
from forecast.errors import ConfigError, Fault
from forecast.forecaster import COMBINATION
from forecast.near import nearest
from forecast.tables import ALL, LEVELS
from pipelines import config, runs, store
from pipelines.words import say

TOLD = 8
"""Rows of each kind told on the terminal; `--json` has all tasks and FARTHEST forecasts."""

FARTHEST = 50


def listed(folder: Path) -> list[dict[str, Any]]:
    """Manifests of all runs, oldest first."""
    return runs.listed(folder)


def list_lines(found: list[dict[str, Any]], folder: Path) -> list[str]:
    """A line a run."""
    if not found:
        return [f"no runs in {folder}; `weisu monthly CONFIG` makes one"]
    width = max(len(Path(manifest["run_dir"]).name) for manifest in found)
    return [
        f"{Path(manifest['run_dir']).name:<{width}}  {manifest['job']:<8}  {manifest['as_of']:<7}  "
        f"{manifest['started_at'][:16].replace('T', ' ')}  {manifest['total_seconds']:>6.0f} s"
        for manifest in found
    ]


def found(folder: Path, name: str) -> dict[str, Any]:
    """The manifest of a run, by its folder, its name, its id, the beginning of either, or `latest`.

    Raises:
        ConfigError: there is none, or more than one; the nearest name is proposed.
    """
    if (Path(name) / runs.MANIFEST).is_file():
        return runs.manifest(Path(name)) | {"run_dir": str(Path(name).resolve())}
    try:
        return runs.shown(folder, name)
    except ConfigError as error:
        names = [Path(manifest["run_dir"]).name for manifest in runs.listed(folder)]
        if near := nearest(name, names):
            fault = error.faults[0]
            raise ConfigError(Fault(fault.what, fault.where, f"did you mean {near!r}? {fault.fix}")) from None
        raise


def show_lines(manifest: dict[str, Any]) -> list[str]:
    """What a run read, did and noticed."""
    facts = {name: manifest.get(name) for name in ("job", "as_of", "origin", "city", "started_at", "total_seconds")}
    lines = [f"{name:<14} {value}" for name, value in facts.items() if value is not None]
    for stage, seconds in manifest["seconds"].items():
        counts = ", ".join(f"{name} {n:,}" for name, n in manifest["counts"].get(stage, {}).items())
        lines.append(f"  {stage:<12} {seconds:>8.1f} s  {counts}".rstrip())
    digests = {name: str(manifest[name])[:12] for name in ("config_sha256", "inputs_sha256", "code_sha256")}
    lines += [f"{name:<14} {digest}" for name, digest in digests.items()]
    return [*lines, *(f"! {text}" for text in manifest["warnings"]), manifest["run_dir"]]


@dataclass(frozen=True)
class Compared:
    """inputs: file -> what became of it. keys: key of the config -> (before, now). code: whether it, or a package,
    differs. tasks: DataFrame[task_id, area_name, category_name, action, change, fate_before, fate, expected_before,
    expected]. forecasts: DataFrame[area_name, category, before, now, moved] of the months both foretold, of
    communities. total: the city's sum, before and now. came: what came in months the first foretold and the second
    knows, (foretold, came), null without any."""

    first: str
    second: str
    language: str
    inputs: dict[str, str]
    keys: dict[str, tuple[Any, Any]]
    code: tuple[str, ...]
    tasks: pd.DataFrame
    forecasts: pd.DataFrame
    total: tuple[float, float, int]
    came: tuple[float, float] | None

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        tasks, moves = (table.replace({np.nan: None}).to_dict("records") for table in (self.tasks, self.forecasts))
        before, now, months = self.total
        return {
            "first": self.first, "second": self.second, "inputs": self.inputs, "code": list(self.code),
            "config": {key: {"before": old, "now": new} for key, (old, new) in self.keys.items()},
            "tasks": tasks, "forecasts": moves[:FARTHEST],
            "city": {"before": before, "now": now, "months": months},
            "came": None if self.came is None else {"foretold": self.came[0], "came": self.came[1]},
        }  # fmt: skip

    def lines(self) -> list[str]:
        """For a person: why first, then what."""
        say_it = self.language
        lines = [say(say_it, "compared_runs", first=self.first, second=self.second)]
        lines += [say(say_it, f"input.{what}", file=file) for file, what in self.inputs.items()]
        lines += [
            say(say_it, "key_changed", name=key, before=_short(old), now=_short(new))
            for key, (old, new) in list(self.keys.items())[:TOLD]
        ]
        lines += [say(say_it, "more_keys", count=len(self.keys) - TOLD)] if len(self.keys) > TOLD else []
        lines += [say(say_it, "code_changed", names=", ".join(self.code))] if self.code else []
        if not (self.inputs or self.keys or self.code):
            lines.append(say(say_it, "same_ground"))
        if self.came is not None:
            lines.append(say(say_it, "came", foretold=f"{self.came[0]:,.0f}", came=f"{self.came[1]:,.0f}"))
        return [*lines, "", *self._tasks(), "", *self._forecasts()]  # fmt: skip

    def _tasks(self) -> list[str]:
        counts = {name: int((self.tasks["change"] == name).sum()) for name in ("new", "gone", "moved", "same")}
        lines = [say(self.language, "tasks_changed", **counts)]
        rows = self.tasks[self.tasks["change"] != "same"]
        size = rows[["expected", "expected_before"]].max(axis=1)
        for row in rows.loc[size.sort_values(ascending=False, kind="stable").index[:TOLD]].to_dict("records"):
            before, now = (self._fate(row[name]) for name in ("fate_before", "fate"))
            task = f"{row['area_name']} · {row['category_name']}: {row['action'][:24]}"
            change = row["change"]
            lines.append(f"  {say(self.language, f'change.{change}')}  {task}  {before} → {now}")
        if len(rows) > TOLD:
            lines.append(say(self.language, "more_tasks", count=len(rows) - TOLD))
        return lines

    def _forecasts(self) -> list[str]:
        before, now, months = self.total
        if not months:
            return [say(self.language, "no_common_month")]
        facts = {
            "months": months,
            "before": f"{before:,.0f}",
            "now": f"{now:,.0f}",
            "change": f"{now - before:+,.0f}",
        }
        lines = [say(self.language, "city_moved", **facts)]
        for row in self.forecasts.head(TOLD).to_dict("records"):
            if abs(row["moved"]) >= 0.05:
                figures = f"{row['before']:.1f} → {row['now']:.1f} ({row['moved']:+.1f})"
                lines.append(f"  {row['area_name']} · {row['category']}: {figures}")
        return lines

    def _fate(self, fate: Any) -> str:
        return "–" if pd.isna(fate) else say(self.language, f"fate.{fate}")


def compare(first: dict[str, Any], second: dict[str, Any]) -> Compared:
    """What changed from one plan to another.

    Args:
        first, second: manifests with `run_dir`.

    Raises:
        ConfigError: one of them made no plan, or they are of two cities.
    """
    folders = [Path(manifest["run_dir"]) for manifest in (first, second)]
    for manifest, folder in zip((first, second), folders, strict=True):
        if not (folder / "workplan.parquet").is_file():
            fix = "name runs of `weisu monthly` or `weisu plan`; `weisu runs` lists them"
            raise ConfigError(Fault(f"is a run of `weisu {manifest['job']}`, which makes no plan", str(folder), fix))
    if first.get("city") != second.get("city"):
        what = f"{folders[0].name} is of {first.get('city')}, {folders[1].name} of {second.get('city')}"
        raise ConfigError(Fault(what, "runs", "compare runs of one city"))
    settings = [config.read_yaml(folder / "config.yaml") for folder in folders]
    foretold, expected = (_means(folder) for folder in folders)
    versions = [manifest["versions"] | {"weisu code": manifest["code_sha256"]} for manifest in (first, second)]
    names = store.read(folders[1] / "areas.parquet").set_index("area")
    forecasts, total = _moves(foretold, expected, names)
    forecasts = forecasts.assign(category=forecasts["category"].map(_categories(folders[1], settings[1])))
    return Compared(
        first=folders[0].name, second=folders[1].name, language=settings[1].get("language", "zh"),
        inputs=_inputs(*folders), keys=_keys(*settings),
        code=tuple(name for name in versions[1] if versions[0].get(name) != versions[1][name]),
        tasks=_tasks(*folders), forecasts=forecasts, total=total,
        came=_came(first, second, foretold, folders[1], names),
    )  # fmt: skip


def _categories(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """Code -> name, in the language of the run."""
    loaded = config.load(folder / "config.yaml").settings
    codes = store.read(folder / "patterns.parquet")["category"]
    names = taxonomy.names(loaded.categories, codes).set_index("category")
    wanted = names["name_en"] if settings.get("language") == "en" else names["name"]
    known = wanted.where(wanted.fillna("") != "", names["name"])
    return {str(code): str(known.get(code, code)) for code in codes.unique()}


def _inputs(before: Path, now: Path) -> dict[str, str]:
    then, here = (
        store.read(folder / "sources.parquet").drop_duplicates("file").set_index("file")["sha256"].to_dict()
        for folder in (before, now)
    )
    fates = {
        file: "new" if file not in then else "gone" if file not in here else "changed" for file in {**then, **here}
    }
    return {str(file): fate for file, fate in fates.items() if then.get(file) != here.get(file)}


def _keys(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    then, here = _flat(before), _flat(now)
    keys = [key for key in {**then, **here} if then.get(key) != here.get(key)]
    return {key: (then.get(key), here.get(key)) for key in keys}


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list) and value:
        pairs = [(str(n), item) for n, item in enumerate(value, 1)]
    else:
        return {path: value}
    return {key: v for name, item in pairs for key, v in _flat(item, f"{path}.{name}" if path else name).items()}


def _tasks(before: Path, now: Path) -> pd.DataFrame:
    columns = ["task_id", "area_name", "category_name", "action", "fate", "expected_requests"]
    then, here = (store.read(folder / "workplan.parquet")[columns] for folder in (before, now))
    both = then.merge(here, on="task_id", how="outer", suffixes=("_before", ""), indicator="side")
    for name in columns[1:4]:
        both[name] = both[name].fillna(both.pop(f"{name}_before"))
    change = both.pop("side").astype("str").map({"left_only": "gone", "right_only": "new", "both": "same"})
    moved = (change == "same") & (both["fate"] != both["fate_before"])
    both = both.rename(columns={"expected_requests": "expected", "expected_requests_before": "expected_before"})
    return both.assign(change=change.mask(moved, "moved"))


def _means(folder: Path) -> pd.Series:
    rows = store.read(folder / "forecasts.parquet", where=[("model", "=", COMBINATION), ("output", "=", "mean")])
    return rows.set_index(["area", "category", "month"])["predicted"]


def _moves(before: pd.Series, now: pd.Series, areas: pd.DataFrame) -> tuple[pd.DataFrame, tuple[float, float, int]]:
    both = pd.DataFrame({"before": before, "now": now}).dropna().reset_index()
    months = both["month"].nunique()
    sums = both.groupby(["area", "category"], as_index=False)[["before", "now"]].sum()
    level = sums["area"].map(areas["level"])
    city = sums[(level == LEVELS[-1]) & (sums["category"] == ALL)]
    cells = sums[(level == LEVELS[0]) & (sums["category"] != ALL)]
    cells = cells.assign(area_name=cells["area"].map(areas["name"]), moved=cells["now"] - cells["before"])
    order = cells["moved"].abs().sort_values(ascending=False, kind="stable").index
    told = cells.loc[order, ["area_name", "category", "before", "now", "moved"]].reset_index(drop=True)
    return told, (float(city["before"].sum()), float(city["now"].sum()), int(months))


def _came(
    first: dict[str, Any], second: dict[str, Any], foretold: pd.Series, folder: Path, areas: pd.DataFrame
) -> tuple[float, float] | None:
    """Months the first run foretold and the second knows, in the cells of both: (foretold, came)."""
    if first.get("value") != second.get("value") or str(second.get("origin")) <= str(first.get("origin")):
        return None
    panel = store.read(folder / "panel.parquet").set_index(["area", "category", "month"])[second["value"]]
    communities = areas.index[areas["level"] == LEVELS[0]]
    cells = foretold[foretold.index.isin(communities, level="area")]
    both = pd.DataFrame({"foretold": cells, "came": panel}).dropna()
    return (float(both["foretold"].sum()), float(both["came"].sum())) if len(both) else None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
