"""Shared by all tests: how hard Hypothesis tries, where the checkout is, and that Ctrl-C is heard."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

THOROUGH = bool(os.environ.get("WEISU_THOROUGH"))
"""Set by `make test-all`."""

settings.register_profile(
    "house", max_examples=40 if THOROUGH else 12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in its background deaf to Ctrl-C, and so would the jobs be that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
