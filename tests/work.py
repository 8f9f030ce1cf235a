"""A call -> what it costs on any machine: lines of Python run, and bytes held. A clock would judge the machine."""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines(call: Callable[[], object]) -> int:
    """Lines of Python it runs, those of libraries too. Work inside compiled code counts nothing."""
    count, before = 0, sys.gettrace()

    def note(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return note

    sys.settrace(note)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def peak(call: Callable[[], object]) -> int:
    """Bytes it holds at its worst, over those held before, as far as Python and numpy asked for them."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
