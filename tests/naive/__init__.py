"""Slow, obvious twins of the formulas: plain loops over plain numbers, to be read next to the paper.

A file a room; a twin is called `naive.<name>`, wherever it stands.
"""

from tests.naive.changes import whole
from tests.naive.climate import pool_weights, tame
from tests.naive.combine import relative_errors
from tests.naive.explain import lmdi, log_mean
from tests.naive.means import climatology, flat_mean, seasonal_naive, tsb
from tests.naive.negbin import negbin_crps, negbin_pmf, negbin_quantile
from tests.naive.negbin_glm import negbin_regression, off_normal
from tests.naive.paths import score_slope, variance_with_shocks
from tests.naive.plan_scores import held_by_list, kept_in_list, plan_list
from tests.naive.reconcile import totals
from tests.naive.risk import (
    captured,
    interval,
    mixture_median,
    mixture_posterior,
    nearest,
    poisson_deviance,
    slots_against_need,
)
from tests.naive.scores import scores
from tests.naive.season import seasonal_index
from tests.naive.silent import sibling_factor, under_reporting
from tests.naive.theta import dynamic_theta, theta, theta_means

__all__ = [
    "captured",
    "climatology",
    "dynamic_theta",
    "flat_mean",
    "held_by_list",
    "interval",
    "kept_in_list",
    "lmdi",
    "log_mean",
    "mixture_median",
    "mixture_posterior",
    "nearest",
    "negbin_crps",
    "negbin_pmf",
    "negbin_quantile",
    "negbin_regression",
    "off_normal",
    "plan_list",
    "poisson_deviance",
    "pool_weights",
    "relative_errors",
    "score_slope",
    "scores",
    "seasonal_index",
    "seasonal_naive",
    "sibling_factor",
    "slots_against_need",
    "tame",
    "theta",
    "theta_means",
    "totals",
    "tsb",
    "under_reporting",
    "variance_with_shocks",
    "whole",
]
