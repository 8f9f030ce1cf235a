"""Config file + day and time -> a crontab line, and a systemd service with its timer. Nothing is installed."""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from forecast.errors import ConfigError, Fault
from pipelines.config import Config
from pipelines.words import say

WAIT = 60
"""Minutes a scheduled job waits for another; longer than the jobs we know of take."""


@dataclass(frozen=True)
class Schedule:
    """command: for a shell; crontab: one line; service and timer: the text of two systemd units."""

    command: str
    crontab: str
    service: str
    timer: str

    def lines(self, language: str) -> list[str]:
        """For a person: comments and what to paste."""
        return [
            say(language, "for_crontab"), self.crontab, "",
            say(language, "for_service"), *self.service.splitlines(), "",
            say(language, "for_timer"), *self.timer.splitlines(), "",
            say(language, "for_systemctl"),
        ]  # fmt: skip

    def facts(self) -> dict[str, str]:
        """For `--json`."""
        return {"command": self.command, "crontab": self.crontab, "service": self.service, "timer": self.timer}


def made(config: Config, path: Path, day: int, at: str, notify: bool) -> Schedule:
    """The monthly job on a day of each month.

    Args:
        path: the config file.
        day: 1..28.
        at: HH:MM.
        notify: whether the job sends a message when it fails.

    Raises:
        ConfigError: no such time, or the addresses stand in an environment that no scheduler has.
    """
    if not (time := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at)):
        raise ConfigError(Fault(f"{at!r} is no time of the day", "--at", "write it as 07:00"))
    settings, where = config.settings, path.resolve()
    if (notify or settings.messages.send) and not settings.messages.secrets:
        fix = "name a file of NAME=address lines with mode 0600"
        what = "a scheduler hands on no variables, and the addresses would be missing"
        raise ConfigError(Fault(what, "messages.secrets", fix))
    if re.search(r"[\x00-\x1f]", str(where)):
        raise ConfigError(Fault("has a control sign in its name", repr(str(where)), "rename the folder"))
    words = [sys.executable, "-P", "-m", "pipelines", "monthly", str(where), "--catch-up", "--due", "--quiet"]
    words += ["--wait", str(WAIT)]
    words += ["--notify-on-failure"] if notify else []
    hour, minute = int(time[1]), int(time[2])
    command = shlex.join(words)
    unit = " ".join(_unit_word(word) for word in words)
    title = _unit_text(f"weisu: {settings.city}")
    return Schedule(
        command=command,
        crontab=f"{minute} {hour} {day} * * {command.replace('%', chr(92) + '%')}",
        service=f"[Unit]\nDescription={title}\n\n[Service]\nType=oneshot\nExecStart={unit}\n",
        timer=f"[Unit]\nDescription={title}\n\n[Timer]\nOnCalendar=*-*-{day:02} {hour:02}:{minute:02}:00\n"
        "Persistent=true\n\n[Install]\nWantedBy=timers.target\n",
    )


def _unit_text(text: str) -> str:
    return " ".join(text.split()).replace("%", "%%")


def _unit_word(word: str) -> str:
    """One argument of ExecStart, as systemd.service(5) and systemd.syntax(7) quote it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w@=:,./+-]+", escaped, re.ASCII) else f'"{escaped}"'
