"""Shared by all tests: how hard Hypothesis tries, and what happens when a system part is missing."""

import os
import shutil
from collections.abc import Callable
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


@pytest.fixture(scope="session")
def system() -> Callable[..., str]:
    """Path of a system program; without it the test skips aloud, or fails where WEISU_REQUIRE_SYSTEM is set."""

    def find(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        reason = f"needs system part {' or '.join(names)}"
        if os.environ.get("WEISU_REQUIRE_SYSTEM"):
            pytest.fail(reason)
        pytest.skip(reason)

    return find
