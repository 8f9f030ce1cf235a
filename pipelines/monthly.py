"""The monthly job, top to bottom: complaints in, a ranked work plan out. The order is written here alone."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from forecast import areas, panel, patterns, rates, taxonomy
from forecast.explain import Wanted
from forecast.issue import issue
from forecast.playbook import due
from forecast.risk import catalogue as risk
from forecast.scenarios import scenarios
from forecast.tables import ALL
from pipelines import book, engine, inputs, interventions, live, planning, runs
from pipelines.config import Config
from pipelines.outcome import Outcome
from pipelines.planning import Found
from pipelines.runs import Identity, Watch


def run(config: Config, as_of: pd.Timestamp, out: Path | None, watch: Watch) -> Outcome:
    """Run the job for the plan issued at the end of month `as_of`.

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
    with runs.at_work(folder, "monthly", watch) as job:
        with job.stage("intake") as counts:
            history = inputs.read(config, as_of, job)
            counts.update(history.totals())

        with job.stage("panel") as counts:
            known = inputs.panel_of(config, history)
            counts.update(rows=len(known), orders=int(known["orders"].sum()))

        with job.stage("live") as counts:
            scored_live, drift = live.look_back(config, folder, as_of, history.origin, known, job)
            counts.update(runs=scored_live["issued"].nunique(), alarms=int(drift["alarm"].sum()))

        with job.stage("forecast") as counts:
            ahead = settings.horizon + _months_between(history.origin, as_of)
            learned, done = interventions.without(config, history, known)
            basis = replace(inputs.basis(config, history, ahead), counts=learned)
            weather = scenarios(known, basis.seasons_at(history.origin), history.origin, ahead, settings.scenarios)
            wanted = Wanted(first=_categories_due(config, as_of))
            mapper = engine.mapper(config, runs.stamp)
            issued = issue(basis, history.origin, watch.step, wanted=wanted, mapper=mapper)
            counts.update(forecasts=len(issued.forecasts))

        with job.stage("risk") as counts:
            acted_on = [category for task in settings.playbook.tasks for category in task.categories]
            scored, drivers = risk.assess(
                settings.risk, history.estates, history.incidents, history.areas, as_of, sorted({ALL, *acted_on})
            )
            known_estates = (history.estates, history.incidents, history.areas, as_of)
            scored, drivers, siblings = risk.spread(settings.risk, (scored, drivers), *known_estates)
            names = taxonomy.names(settings.categories, known["category"].unique())
            silent = risk.silent(settings.risk, *known_estates, names)
            counts.update(estates=len(history.estates), scores=len(scored), silent=int(silent["listed"].sum()))

        with job.stage("patterns") as counts:
            grid = panel.to_grid(known, history.origin, settings.forecaster.value)
            kinds = patterns.classify(grid, history.areas, history.origin, settings.patterns)
            counts.update({str(kind): int(n) for kind, n in kinds["pattern"].value_counts().items()})

        with job.stage("rates") as counts:
            heard = (history.call_backs, areas.summing(history.areas), history.areas)
            answered = rates.rates(*heard, history.origin, settings.rates)
            year_ago = rates.rates(*heard, history.origin - pd.DateOffset(years=1), settings.rates)
            targets = rates.targets(*heard, history.origin, settings.rates)
            appraisal = rates.appraisal(answered, year_ago, settings.rates)
            counts.update(rates=len(answered), targets=len(targets))

        before = book.past(config, folder, as_of)
        found = Found(
            as_of,
            history.origin,
            {
                "panel": known, "areas": history.areas, "estates": history.estates,
                "estate_incidents": history.incidents, "estate_incidents_uncapped": history.uncapped,
                "forecasts": issued.forecasts, "contributions": issued.contributions,
                "calibration": issued.calibration, "scores": issued.scores, "risk": scored, "risk_drivers": drivers,
                "silent_estates": silent, "siblings": siblings, "sources": history.sources,
                "unresolved": history.unresolved, "patterns": kinds, "rates": answered, "rates_before": year_ago,
                "targets": targets, "appraisal": appraisal, "scenarios": weather, "live_scores": scored_live,
                "drift": drift,
            },
        )  # fmt: skip
        with job.stage("plan") as counts:
            planned = planning.plan(config, found, before, job)
            counts.update(planning.counts(planned))

        identity = Identity("monthly", f"{as_of:%Y-%m}", config.digest, history.digest, (before.digest, done))
        with job.stage("reports") as counts:
            job.save(
                rejects=history.rejects, estate_rejects=history.estate_rejects, estate_facts=history.estate_facts
            )
            counts["files"] = planning.write(config, found, planned, identity, job)

        target = runs.publish(job, folder, identity, planning.facts(config, found))
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), plan=planned.workplan)


def _months_between(first: pd.Timestamp, last: pd.Timestamp) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _categories_due(config: Config, as_of: pd.Timestamp) -> tuple[str, ...]:
    """Categories the plan will speak of; explained before others."""
    settings = config.settings
    return tuple(sorted(set(due(settings.playbook, as_of, settings.plan.early_months)["category"])))
