"""`weisu export`: the folder of a run -> a folder of open data, for colleagues or, with `public`, for everybody."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from forecast import tables
from forecast.errors import ConfigError, DataError, Fault
from forecast.suppress import LEAST, MONTHS_CLEAN, open_forecasts, suppress
from pipelines import book, runs, store
from reports import dictionary, hub, open_data, plan_csv

DIGITS = 6
NEEDED = ("panel", "areas", "estates", "forecasts", "risk", "workplan")

README = """# {city} {as_of}

Written by `weisu export`. Run {run_id}, data up to {origin}. Columns: dictionary.md. Forecasts: hub/ (Hubverse form).

"""
INTERNAL = """**Not for publication.** Holds small counts and single homes.

**不得公开。** 含小计数和单个小区。
"""
PUBLIC = """Counts from 1 to {most} are left out, and so are others from which they could be worked out; `suppressed`
marks them, and does not say which they are. Zero is zero. A month that is absent was not covered. Sums over months
are not given. Forecasts are quantiles of series told in full for {months} months.

1 至 {most} 的计数以及可用来推算它们的计数均已隐去 (`suppressed`); 零就是零; 缺少的月份表示未覆盖; 不提供跨月合计。
预测只给出最近 {months} 个月全部公开的序列的分位数。
"""

Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class Exported:
    """facts: for `--json`, and in export.json; lines: for a person."""

    facts: dict[str, Any]
    lines: list[str]


def run(source: Path, out: Path, public: bool, form: str) -> Exported:
    """Write the open forms of a run.

    Args:
        source: folder of a monthly run, or of an earlier plan.
        out: new or empty folder.
        public: only what everybody may see; else everything in the run.
        form: of the tables and forecasts: csv or parquet.

    Returns:
        What was written.

    Raises:
        ConfigError, DataError, RunError: with nothing written.
    """
    if form not in get_args(hub.Form):
        raise ConfigError(Fault(f"{form!r} is no form of tables", "--format", "write csv or parquet"))
    manifest = runs.manifest(source)
    if manifest["job"] not in book.ISSUING:
        fix = "name the folder of a monthly run; `weisu runs` lists them"
        raise ConfigError(Fault(f"is a run of `weisu {manifest['job']}`, which holds no forecasts", str(source), fix))
    if lost := [name for name in NEEDED if not (source / f"{name}.parquet").is_file()]:
        raise DataError(Fault(f"lacks the tables {', '.join(lost)}", str(source), "name a run of this release"))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(Fault("is not an empty folder", str(out), "name a new one"))
    facts: dict[str, Any] = {name: manifest.get(name) for name in ("run_id", "as_of", "origin", "city", "value")}
    files = (_public if public else _internal)(source, facts, form)
    count = _write(out, files, facts)
    return Exported(facts | {"files": count, "folder": str(out)}, [*_lines(facts), f"{count} files", str(out)])


def _internal(source: Path, facts: dict[str, Any], form: str) -> Files:
    """Every table of the run, forecasts as a hub, layers of areas, tasks and estates, the dictionary."""
    frames = {path.stem: store.read(path) for path in sorted(source.glob("*.parquet"))}
    for name, frame in frames.items():
        yield _table(name, frame, form)
    yield from _hub(frames["forecasts"], facts, form)
    plan, areas, estates = frames["workplan"], frames["areas"], frames["estates"]
    layers = {"tasks": open_data.tasks(plan, areas, estates), "estates": open_data.estates(frames["risk"], estates)}
    if (source / "areas.geojson").is_file():
        layers = {"areas": (source / "areas.geojson").read_bytes(), **layers}
    yield from _layers(layers, facts)
    yield from _dictionary({name: dictionary.FILES[name] for name in frames if name in dictionary.FILES})
    yield "README.md", (README.format(**facts) + INTERNAL).encode()
    facts["public"] = False


def _public(source: Path, facts: dict[str, Any], form: str) -> Files:
    """Counts without small ones, quantiles of forecasts where nothing is withheld, the areas; nothing of estates."""
    panel, areas, forecasts = (store.read(source / f"{name}.parquet") for name in ("panel", "areas", "forecasts"))
    told = suppress(panel, areas, facts["value"])
    yield _table("counts", told, form)
    yield _table("areas", areas[["area", "level", "parent", "name"]], form)
    open_ = open_forecasts(forecasts[forecasts["model"] == "combination"], told)
    if len(open_):
        yield from _hub(open_, facts, form)
    yield from _layers({"areas": open_data.areas(areas)}, facts)
    yield from _dictionary({"counts": tables.PublicCounts})
    said = README.format(**facts) + PUBLIC.format(most=LEAST - 1, months=MONTHS_CLEAN)
    yield "README.md", said.encode()
    series = ["area", "category"]
    facts |= {
        "public": True, "least": LEAST, "cells": len(told), "suppressed": int(told["suppressed"].sum()),
        "months_clean": MONTHS_CLEAN, "series_forecast": len(open_.drop_duplicates(series)),
        "series": len(forecasts.drop_duplicates(series)),
    }  # fmt: skip


def _table(name: str, frame: pd.DataFrame, form: str) -> tuple[str, bytes]:
    if form == "parquet":
        return f"tables/{name}.parquet", frame.to_parquet(index=False)
    return f"tables/{name}.csv", plan_csv.csv(frame.drop(columns="geometry", errors="ignore"), DIGITS)


def _hub(forecasts: pd.DataFrame, facts: dict[str, Any], form: str) -> Files:
    for name, content in hub.render(forecasts, str(facts["city"] or ""), "csv" if form == "csv" else "parquet"):
        yield f"hub/{name}", content


def _layers(layers: dict[str, bytes], facts: dict[str, Any]) -> Files:
    """Each layer in both forms; how many features have no place stands in `facts`."""
    day = pd.Timestamp(f"{facts['as_of']}-01") + pd.offsets.MonthEnd()
    facts["without_place"] = {}
    for name, content in layers.items():
        packed, facts["without_place"][name] = open_data.geopackage(content, name, day)
        yield f"layers/{name}.geojson", content
        yield f"layers/{name}.gpkg", packed


def _dictionary(shown: dict[str, type[tables.Table]]) -> Files:
    yield "dictionary.md", dictionary.render(shown)
    yield "dictionary.csv", dictionary.sheet(shown)


def _write(out: Path, files: Files, facts: dict[str, Any]) -> int:
    """All files, shown under their folder in one step."""
    draft = out.parent / f".{out.name}-{os.getpid()}"
    count = 1
    try:
        for name, content in files:
            store.draw(draft / name, content)
            count += 1
        store.draw(draft / "export.json", json.dumps(facts, ensure_ascii=False, indent=1).encode() + b"\n")
        with store.writing(out):
            if out.exists():
                out.rmdir()
            draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return count


def _lines(facts: dict[str, Any]) -> list[str]:
    if not facts["public"]:
        return ["internal: holds small counts and single estates; for publication write --public"]
    return [
        f"{facts['cells']} counts, {facts['suppressed']} left out: 1 to {LEAST - 1}, and those that would tell them",
        f"forecasts of {facts['series_forecast']} of {facts['series']} series: those told in full for "
        f"{MONTHS_CLEAN} months; no estates, no tasks",
    ]
