"""The study job: orders in; shares, quarters, zones and odds out, like those of the property-management study."""

from pathlib import Path

import pandas as pd

from forecast import study as room
from forecast import taxonomy
from forecast.errors import DataError, Fault
from forecast.study import Study
from forecast.tables import ALL
from pipelines import inputs, runs
from pipelines.config import Config
from pipelines.outcome import Outcome
from pipelines.runs import Identity, Watch
from pipelines.words import say
from reports import plan_csv


def run(config: Config, as_of: pd.Timestamp | None, out: Path | None, watch: Watch) -> Outcome:
    """Write the tables of the study.

    Args:
        config: what to read; its `study` says which classes, months and bases.
        as_of: first day of the last month of data to use; None = the last complete one.
        out: folder of the run folder; None = `runs` of the config.
        watch: is told of the progress.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    folder = (out or config.path(settings.runs)).resolve()
    with runs.at_work(folder, "study", watch) as job:
        with job.stage("intake") as counts:
            history = inputs.read(config, as_of, job)
            counts.update(orders=int(history.counts["orders"].sum()))

        with job.stage("study") as counts:
            tallied = room.tally(history.counts, history.areas, settings.categories, settings.study)
            if tallied["orders"].sum() == 0:
                fix = "see `study` in the config: classes, first, last"
                raise DataError(Fault("no order belongs to a class and month asked for", "study", fix))
            found = room.study(tallied, settings.study)
            counts.update(orders=int(tallied["orders"].sum()), odds=len(found.odds))

        if tallied["zone"].isna().all():
            job.warn(say(settings.language, "no_zones"))
        identity = Identity("study", f"{history.origin:%Y-%m}", config.digest, history.digest)
        tables = {f"study_{name}": getattr(found, name) for name in ("shares", "quarters", "zones", "odds")}
        with job.stage("reports"):
            job.put("config.yaml", config.text())
            job.save(**tables)
            for name, table in tables.items():
                job.put(f"{name}.csv", plan_csv.csv(table, 4))
        target = runs.publish(job, folder, identity, {})
    names = taxonomy.names(settings.categories, tallied["category"])
    named = dict(zip(names["category"], names["name_en" if settings.language == "en" else "name"], strict=True))
    lines = _lines(found, named, settings.language)
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), board=lines)


def _lines(found: Study, named: dict[str, str], language: str) -> tuple[str, ...]:
    """The largest classes, the high and low quarter, and the odds that lie farthest from 1."""
    shares = found.shares[found.shares["year"] == 0].nlargest(3, "share")
    largest = [
        say(language, "study_share", name=named[row["category"]], share=f"{100 * row['share']:.1f}")
        for row in shares.to_dict("records")
    ]
    whole = found.quarters[(found.quarters["category"] == ALL) & found.quarters["share_of_year"].notna()]
    mean = whole.groupby("quarter")["share_of_year"].mean()
    season = [] if mean.empty else [
        say(language, "study_quarters", high=mean.idxmax(), low=mean.idxmin(),
            high_share=f"{100 * mean.max():.1f}", low_share=f"{100 * mean.min():.1f}")
    ]  # fmt: skip
    told = found.odds[(found.odds["model"] == "logit") & ((found.odds["low"] > 1) | (found.odds["high"] < 1))]
    far = told["odds_ratio"].clip(1e-9).map(lambda ratio: max(ratio, 1 / ratio)).nlargest(5).index
    odds = [
        say(language, "study_odds", name=named[row["category"]], level=row["level"], base=row["base"],
            ratio=f"{row['odds_ratio']:.2f}", low=f"{row['low']:.2f}", high=f"{row['high']:.2f}")
        for row in told.loc[far].to_dict("records")
    ]  # fmt: skip
    return ("", *largest, *season, *odds, "")
