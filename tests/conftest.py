"""Shared by all tests: how hard Hypothesis tries, and where the checkout is."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("house", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
