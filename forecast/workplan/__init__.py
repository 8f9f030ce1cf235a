"""Forecasts + panel + risk + playbook + crews -> Workplan and PlanChanges of the month after `as_of`."""

from forecast.workplan.build import build, changes
from forecast.workplan.candidates import Ground
from forecast.workplan.choice import strangers
from forecast.workplan.options import Limit, Plan

__all__ = ["Ground", "Limit", "Plan", "build", "changes", "strangers"]
