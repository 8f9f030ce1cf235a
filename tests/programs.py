"""System programs that tests start."""

import os
import shutil

import pytest


def need(part: str, *commands: str) -> str:
    """Path of the first of `commands` there is; none skips aloud, or fails where WEISU_REQUIRE_SYSTEM is set."""
    for command in commands:
        if found := shutil.which(command):
            return found
    reason = f"needs system part {part}"
    if os.environ.get("WEISU_REQUIRE_SYSTEM"):
        pytest.fail(reason)
    pytest.skip(reason)
