"""The risk job: estates in; a ranked list, a map layer and a fairness report out. Reads no more than these need."""

from importlib import metadata
from pathlib import Path

import pandas as pd

from forecast import taxonomy
from forecast.errors import DataError, Fault
from forecast.risk import Cuts, overall
from forecast.risk import catalogue as risk
from forecast.risk.eb_glm import EbGlm
from forecast.risk.fairness import fairness
from forecast.risk.scorecard import Scorecard
from forecast.tables import ALL
from pipelines import inputs, runs
from pipelines.config import Config
from pipelines.inputs import Homes
from pipelines.outcome import Outcome, risk_lines
from pipelines.runs import Identity, Watch
from pipelines.words import say
from reports import plan_csv, risk_layer, risk_workbook
from reports.risk_material import RiskMaterial


def run(config: Config, as_of: pd.Timestamp, out: Path | None, watch: Watch) -> Outcome:
    """Score every estate as known at the end of month `as_of`.

    Args:
        config: what to read and how.
        as_of: first day of the last month of data to use.
        out: folder of the run folder; None = `runs` of the config.
        watch: is told of the progress.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    folder = (out or config.path(settings.runs)).resolve()
    with runs.at_work(folder, "risk", watch) as job:
        with job.stage("intake") as counts:
            homes = inputs.homes(config, as_of, job)
            counts.update(estates=len(homes.estates), incidents=int(homes.incidents["incidents"].sum()))

        with job.stage("risk") as counts:
            scored, drivers = _scored(config, homes, as_of)
            known = (homes.estates, homes.incidents, homes.areas, as_of)
            scored, drivers, siblings = risk.spread(settings.risk, (scored, drivers), *known)
            named = taxonomy.names(settings.categories, scored.loc[scored["category"] != ALL, "category"])
            silent = risk.silent(settings.risk, *known, named)
            counts.update(scores=len(scored), silent=int(silent["listed"].sum()))

        with job.stage("fairness") as counts:
            fair = fairness(settings.fairness, scored, homes.estates, homes.incidents, homes.uncapped, as_of)
            counts.update(groups=len(fair))

        if lost := int((homes.estates["lon"].isna() | homes.estates["lat"].isna()).sum()):
            job.warn(say(settings.language, "no_point", count=lost, all=len(homes.estates)))
        identity = Identity("risk", f"{as_of:%Y-%m}", config.digest, homes.digest)
        with job.stage("reports"):
            cuts, rates = _cuts(settings.risk, scored), _rates(settings.risk)
            material = RiskMaterial(
                city=settings.city, language=settings.language, as_of=as_of, run_id=identity.run_id,
                version=metadata.version("weisu"), overall=overall.leading(scored), risk=scored,
                risk_drivers=drivers, estates=homes.estates, areas=homes.areas,
                categories=named, silent=silent, driver_names=risk.labels(settings.risk), fairness=fair,
                cuts=(cuts.red, cuts.orange, cuts.yellow),
                top=rates.top, slots=settings.fairness.top, cap=settings.caller_cap, warnings=tuple(job.warnings),
            )  # fmt: skip
            job.put("config.yaml", config.text())
            job.save(
                risk=scored, risk_drivers=drivers, silent_estates=silent, siblings=siblings, fairness=fair,
                estates=homes.estates, areas=homes.areas,
                estate_rejects=homes.estate_rejects, estate_facts=homes.estate_facts,
            )  # fmt: skip
            for name, table in (
                ("risk", material.ranked),
                ("risk_drivers", drivers),
                ("silent_estates", silent),
                ("fairness", fair),
            ):
                job.put(f"{name}.csv", plan_csv.csv(table, 4))
            job.put("estate_risk.xlsx", risk_workbook.render(material))
            job.put("estate_risk.geojson", risk_layer.render(material))

        facts = {"seeds": {"risk": rates.seed, "fairness": settings.fairness.seed}, "models": _models(scored)}
        target = runs.publish(job, folder, identity, facts)
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), board=risk_lines(material))


def _scored(config: Config, homes: Homes, as_of: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Risk, RiskDrivers) of every category with history, of those the playbook acts on, and of all together."""
    settings = config.settings
    acted_on = {category for task in settings.playbook.tasks for category in task.categories}
    history = overall.with_total(homes.incidents)
    scored, drivers = risk.assess(
        settings.risk, homes.estates, history, homes.areas, as_of, sorted({ALL, *acted_on})
    )  # fmt: skip
    if scored.empty:
        what = f"nothing is known that could score the {len(homes.estates)} estates: no attribute, no past incidents"
        fix = "add years built and the like, or yearly counts (`history`, docs/estates.md)"
        raise DataError(Fault(f"{what} up to {as_of:%Y-%m}", settings.estates[0].path, fix))
    return scored, drivers


def _cuts(spec: risk.Auto | Scorecard | EbGlm, scored: pd.DataFrame) -> Cuts:
    """The cuts by which the overall list is graded."""
    if not isinstance(spec, risk.Auto):
        return spec.cuts
    listed = scored[scored["category"] == overall.leading(scored)]
    return spec.eb_glm.cuts if listed["expected"].notna().any() else spec.scorecard.cuts


def _rates(spec: risk.Auto | Scorecard | EbGlm) -> EbGlm:
    """Options of the rates; the defaults where there are only points."""
    return spec.eb_glm if isinstance(spec, risk.Auto) else spec if isinstance(spec, EbGlm) else EbGlm()


def _models(scored: pd.DataFrame) -> dict[str, str]:
    """Category -> what scored it."""
    rows = scored.drop_duplicates("category")
    return dict(zip(rows["category"], rows["model"].fillna(""), strict=True))
