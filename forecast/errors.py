"""Faults in words -> one exception that carries them all.

WeisuError            something went wrong and a person can mend it
├── ConfigError       the config is wrong                        (exit code 2)
├── DataError         the data cannot be used as they are        (exit code 3)
└── RunError          the job could not go on or write its output (exit code 1)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what it is, where it stands, what to do about it."""

    what: str
    where: str = ""
    fix: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        fix = f" -> {self.fix}" if self.fix else ""
        return f"{where}{self.what}{fix}"


class WeisuError(Exception):
    """Base of all errors a user can cause. `faults` lists every one found, not only the first."""

    def __init__(self, faults: Fault | Iterable[Fault]):
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Fault, ...]]]:
        """From its faults again, when it comes from another process."""
        return type(self), (self.faults,)


class ConfigError(WeisuError):
    """The config names something unknown, impossible or missing."""


class DataError(WeisuError):
    """An input cannot be used as it is."""


class RunError(WeisuError):
    """The job itself could not go on: lock held, disk full, no permission."""
