"""Panel, areas, Treated, Tasks -> Effects and EventStudy by every estimator that applies."""

import pandas as pd
from pydantic import Field

from forecast.effects import did, holdback, synthetic
from forecast.effects.did import Did
from forecast.effects.holdback import Holdback
from forecast.effects.rules import Rules, tables
from forecast.effects.synthetic import Synthetic
from forecast.panel import to_grid
from forecast.spec import Spec


class Interventions(Spec):
    """What was done besides the ledger's tasks, and how effects are judged.

    `path`: CSV or Excel with the columns name, area (code or name of a community or street), start (month or date),
    and if known category (code; empty = all), end, cost (yuan). `after_months`: months in which work without an end
    can show. `count`: what is compared, incidents or orders. `train_without`: forecasts of the monthly job learn from
    counts as if nothing had been done, so that a plan does not leave out places because they are being helped.
    """

    path: str = ""
    after_months: int = Field(12, ge=1, le=36)
    count: str = Field("incidents", pattern="^(incidents|orders)$")
    train_without: bool = False
    rules: Rules = Rules()
    did: Did = Did()
    synthetic: Synthetic = Synthetic()
    holdback: Holdback = Holdback()


def measure(
    panel: pd.DataFrame,
    areas: pd.DataFrame,
    treated: pd.DataFrame,
    tasks: pd.DataFrame,
    origin: pd.Timestamp,
    starts_on: int,
    spec: Interventions,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Effects of every group.

    Args:
        panel: Panel up to `origin`, the last known month.
        areas: Areas.
        treated: Treated of tasks and interventions together.
        tasks: Tasks, for the held-back ones.
        starts_on: day on which months start.
        spec: options. seed: of draws.

    Returns:
        (Effects, EventStudy): by group a difference-in-differences; a synthetic control for each street treated as
        a whole; where tasks were held back, the randomised estimate of each entry and of all.
    """
    grid = to_grid(panel, origin, spec.count)
    rules = spec.rules
    findings = []
    for group in sorted(treated["group"].unique()):
        findings.append(did.estimate(grid, treated, areas, group, spec.did, rules, seed))
        findings += [
            synthetic.estimate(grid, treated, areas, group, street, spec.synthetic, rules, seed)
            for street in synthetic.streets(grid, treated, areas, group)
        ]
    held = tasks[tasks["fate"] == "held_back"]
    entries = sorted(held["entry"].unique())
    every = [*entries, *([holdback.ENTRIES] if len(entries) > 1 else [])]
    findings += [holdback.estimate(tasks, grid, entry, starts_on, spec.holdback, rules) for entry in every]
    return tables(findings, rules)
