"""The effect job: what was done, and what came after, in; whether it helped, out."""

from pathlib import Path

import pandas as pd

from forecast import taxonomy
from forecast.effects.measure import measure
from forecast.tables import ALL
from pipelines import inputs, interventions, runs
from pipelines.config import Config
from pipelines.outcome import Outcome
from pipelines.runs import Identity, Watch
from reports import effect_text, plan_csv
from reports.effect_text import EffectMaterial


def run(config: Config, as_of: pd.Timestamp | None, out: Path | None, watch: Watch) -> Outcome:
    """Judge everything that was done, as known at the end of month `as_of`.

    Args:
        config: what to read and how.
        as_of: first day of the last month of data to use; None = the last complete one.
        out: folder of the run folder; None = `runs` of the config.
        watch: is told of the progress.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    folder = (out or config.path(settings.runs)).resolve()
    with runs.at_work(folder, "effect", watch) as job:
        with job.stage("intake") as counts:
            history = inputs.read(config, as_of, job)
            panel = inputs.panel_of(config, history)
            treated, tasks = interventions.read(config, history, panel)
            counts.update(cells=len(treated), tasks=len(tasks))

        with job.stage("effects") as counts:
            spec = settings.interventions
            starts_on = settings.calendar.month_starts_on
            known = (panel, history.areas, treated, tasks, history.origin)
            effects, study = measure(*known, starts_on, spec, settings.seed)
            counts.update(effects=len(effects), concluded=int(effects["concluded"].sum()))

        with job.stage("reports"):
            material = EffectMaterial(
                city=settings.city, language=settings.language, as_of=history.origin, effects=effects,
                areas=history.areas, categories=taxonomy.names(settings.categories, _seen(effects)),
                level=spec.rules.level, plausible=spec.rules.plausible, pre_trend=spec.rules.pre_trend,
            )  # fmt: skip
            job.put("config.yaml", config.text())
            job.save(effects=effects, event_study=study, treated=treated)
            job.put("effects.csv", plan_csv.csv(effects, 4))
            job.put("event_study.csv", plan_csv.csv(study, 4))
            job.put("effects.txt", effect_text.render(material))

        read = interventions.digest(treated, tasks)
        identity = Identity("effect", f"{history.origin:%Y-%m}", config.digest, f"{history.digest}\n{read}")
        target = runs.publish(job, folder, identity, {"seeds": {"effects": settings.seed}})
    board = ("", *effect_text.lines(material), "")
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), board=board)


def _seen(effects: pd.DataFrame) -> list[str]:
    return [category for category in effects["category"].unique() if category != ALL]
