"""Imported by the server of tests.reliability.jobs, so that forks find in memory what every job needs."""

import tempfile
from pathlib import Path

from pipelines import config, feedback, monthly, replan  # noqa: F401
from pipelines.runs import Watch
from tests.reliability.jobs import work

with tempfile.TemporaryDirectory() as folder:
    work("machinery", Path(folder), Watch())
