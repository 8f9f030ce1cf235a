"""Slow, obvious twins of the formulas: plain loops over plain numbers, to be read next to the paper.

A file a room; a twin is called `naive.<name>`, wherever it stands.
"""

from tests.naive.changes import whole
from tests.naive.climate import pool_weights, tame
from tests.naive.combine import relative_errors
from tests.naive.effects import best_shares, group_time_ratio, left_out_error, poisson_arm
from tests.naive.explain import lmdi, log_mean
from tests.naive.means import climatology, flat_mean, seasonal_naive, tsb
from tests.naive.negbin import negbin_crps, negbin_pmf, negbin_quantile
from tests.naive.negbin_glm import negbin_regression, off_normal
from tests.naive.orders import alike, counted, last_of_each, of_estates
from tests.naive.paths import score_slope, variance_with_shocks
from tests.naive.patterns import discovery_rates, rise, season_sums, slow_level
from tests.naive.plan_scores import held_by_list, kept_in_list, plan_list
from tests.naive.rates import three_rates
from tests.naive.reconcile import totals
from tests.naive.risk import (
    best_linear,
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
from tests.naive.shares import wilson
from tests.naive.silent import sibling_factor, under_reporting
from tests.naive.theta import dynamic_theta, theta, theta_means

__all__ = [
    "alike",
    "best_linear",
    "best_shares",
    "captured",
    "climatology",
    "counted",
    "discovery_rates",
    "dynamic_theta",
    "flat_mean",
    "group_time_ratio",
    "held_by_list",
    "interval",
    "kept_in_list",
    "last_of_each",
    "left_out_error",
    "lmdi",
    "log_mean",
    "mixture_median",
    "mixture_posterior",
    "nearest",
    "negbin_crps",
    "negbin_pmf",
    "negbin_quantile",
    "negbin_regression",
    "of_estates",
    "off_normal",
    "plan_list",
    "poisson_arm",
    "poisson_deviance",
    "pool_weights",
    "relative_errors",
    "rise",
    "score_slope",
    "scores",
    "season_sums",
    "seasonal_index",
    "seasonal_naive",
    "sibling_factor",
    "slots_against_need",
    "slow_level",
    "tame",
    "theta",
    "theta_means",
    "three_rates",
    "totals",
    "tsb",
    "under_reporting",
    "variance_with_shocks",
    "whole",
    "wilson",
]
