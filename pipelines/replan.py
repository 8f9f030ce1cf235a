"""`weisu plan`: the tables of a run + other playbook, crews or shares -> a new plan in seconds, without fitting."""

from dataclasses import replace
from pathlib import Path

from forecast.errors import ConfigError, Fault
from forecast.tables import Tasks
from pipelines import book, config, planning, runs, store
from pipelines.config import Config
from pipelines.outcome import Outcome, change_lines
from pipelines.runs import Identity, Watch
from pipelines.words import say

CHANGEABLE = ("city", "language", "playbook", "plan", "fairness", "ledger", "runs", "workspace", "messages")
"""Keys of the config a plan can be made again under; all others shaped the forecasts."""


def run(source: Path, changed: Config | None, watch: Watch) -> Outcome:
    """Plan again from the tables of the run folder `source`.

    Args:
        source: folder of a monthly run, or of an earlier plan.
        changed: config whose playbook, plan, fairness and language hold; None = those of the run.
        watch: is told of the progress.

    Returns:
        Outcome whose `board` says what moved against the plan of `source`. The new run stands beside it.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    source = source.resolve()
    used_then, manifest = ran(source), runs.manifest(source)
    used = used_then if changed is None else _merged(used_then, changed)
    folder = source.parent
    with runs.at_work(folder, "plan", watch) as job:
        if changed is not None and (lost := _lost(used_then, changed)):
            job.warn(say(used.settings.language, "not_replanned", keys=", ".join(lost)))
        with job.stage("read"):
            found = planning.found_in(source, manifest["as_of"], manifest["origin"])
            before = book.past(used, folder, found.as_of)
            if changed is None:  # the run does not know where the book stands, and kept what stood in it
                before = replace(before, tasks=store.read(source / "tasks.parquet", Tasks))
        with job.stage("plan") as counts:
            planned = planning.plan(used, found, before, job)
            counts.update(planning.counts(planned))
            moved = planning.against(used, planned, source, found.as_of)
        inputs = (before.digest, source.name)
        identity = Identity("plan", manifest["as_of"], used.digest, manifest["inputs_sha256"], inputs)
        with job.stage("reports") as counts:
            job.save(moved=moved)
            counts["files"] = planning.write(used, found, planned, identity, job)
        target = runs.publish(job, folder, identity, planning.facts(used, found) | {"source": source.name})
    lines = change_lines(moved, used.settings.language)
    return Outcome(
        identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), plan=planned.workplan, board=lines
    )


def ran(source: Path) -> Config:
    """The settings a plan was made with.

    Raises:
        ConfigError: it is no run folder, or that of a job without a plan.
    """
    manifest = runs.manifest(source)
    if manifest["job"] not in book.ISSUING:
        beside = runs.listed(source.resolve().parent)
        plans = [other["run_dir"] for other in beside if other["job"] in book.ISSUING]
        fix = f"name the newest plan, {plans[-1]}" if plans else "run `weisu monthly` first"
        raise ConfigError(Fault(f"is a run of `weisu {manifest['job']}`, which makes no plan", str(source), fix))
    return config.load(source / "config.yaml")


def _merged(before: Config, changed: Config) -> Config:
    """The settings of the run with what may change taken from `changed`."""
    update = {key: getattr(changed.settings, key) for key in CHANGEABLE}
    return Config(settings=before.settings.model_copy(update=update), root=changed.root)


def _lost(then: Config, changed: Config) -> list[str]:
    """Keys that differ and that only a new monthly run can take up."""
    before, now = (each.settings.model_dump(mode="json") for each in (then, changed))
    return [key for key in before if key not in CHANGEABLE and before[key] != now[key]]
