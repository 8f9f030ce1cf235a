"""`weisu send`: messages of a run folder -> the addresses of the config. The run stays published, come what may."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forecast.errors import ConfigError, Fault
from forecast.near import meant
from pipelines import audit, runs
from pipelines.channels import Messages, NotSentError, addresses, deliver, wait
from pipelines.config import Config
from pipelines.words import say

EVENT = "send"
"""In the audit log of the runs folder: what was sent, when, and the name (never the value) of the address."""


@dataclass(frozen=True)
class Sent:
    """How many messages were sent, and how many had been sent before."""

    sent: int
    before: int
    language: str

    def lines(self) -> list[str]:
        """For a person."""
        return [say(self.language, "messages_sent", sent=self.sent, before=self.before)]

    def facts(self) -> dict[str, int]:
        """For `--json`."""
        return {"sent": self.sent, "sent_before": self.before}


@dataclass
class Pace:
    """The clock, and when each address was last written to."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    times: dict[str, list[float]] = field(default_factory=dict)

    def keep(self, name: str, per_minute: int) -> None:
        """Wait until the address may be written to again."""
        sent = self.times.setdefault(name, [])
        if (seconds := wait(sent, self.now(), per_minute)) > 0:
            self.sleep(seconds)
        sent.append(self.now())


def send(run: Path, config: Config, again: bool = False, pace: Pace | None = None) -> Sent:
    """Send the messages of a run.

    Args:
        run: folder of a run of `weisu monthly` or `weisu plan`.
        config: whose `messages` say who gets what.
        again: also what was sent before.
        pace: the clock.

    Raises:
        ConfigError: nobody is named, an address or a street is unknown; nothing was sent then.
        NotSentError: a fault for each message that did not get through; the others were sent.
    """
    options, run = config.settings.messages, run.resolve()
    manifest = runs.manifest(run)
    wanted = _wanted(run, options)
    names = sorted({name for name, _ in wanted})
    known, done = _known(config, names), set() if again else _done(run)
    pace, faults, sent = pace or Pace(), [], 0
    for name, file in wanted:
        if (name, file) in done:
            continue
        pace.keep(name, options.per_minute)
        text = (run / file).read_text(encoding="utf-8")
        title = text.splitlines()[0].lstrip("# ")
        fault = deliver(name, known[name], title, text, options.timeout_seconds)
        if fault is None:
            sent += 1
            audit.record(run.parent, EVENT, of=run.name, to=name, file=file)
        else:
            faults.append(Fault(fault.what, f"{fault.where}, {file} of run {manifest['run_id']}", fault.fix))
    if faults:
        raise NotSentError(faults)
    return Sent(sent, len(wanted) - sent, config.settings.language)


def alarm(config: Config, faults: Sequence[Fault], job: str) -> None:
    """Tell those who get the message to the city that a job failed.

    Raises:
        ConfigError, NotSentError: it could not be told.
    """
    settings = config.settings
    names, known = watchers(config)
    title = say(settings.language, "alarm", city=settings.city, job=job)
    body = "\n".join([f"# {title}", *(f"- {str(fault)[:500]}" for fault in faults[:5])])
    text = body.encode()[:4000].decode(errors="ignore") + "\n"
    told = (deliver(name, known[name], title, text, settings.messages.timeout_seconds) for name in names)
    if lost := [fault for fault in told if fault]:
        raise NotSentError(lost)


def watchers(config: Config) -> tuple[list[str], dict[str, str]]:
    """Names of the addresses that hear of the whole city, and the addresses.

    Raises:
        ConfigError: there is none.
    """
    names = sorted({to.address for to in config.settings.messages.to if not to.streets})
    if not names:
        fix = "add one without `streets`, e.g. messages: {to: [{address: WEISU_OFFICE}]}"
        raise ConfigError(Fault("names no address that hears of the whole city", "messages.to", fix))
    return names, _known(config, names)


def _known(config: Config, names: Iterable[str]) -> dict[str, str]:
    options = config.settings.messages
    secrets = config.path(options.secrets) if options.secrets else None
    return addresses(options, list(names), secrets)


def _wanted(run: Path, options: Messages) -> list[tuple[str, str]]:
    """(name of an address, file of the run), in the order of the config, each once."""
    if not options.to:
        fix = "say who gets what, e.g. messages: {to: [{address: WEISU_OFFICE}]}"
        raise ConfigError(Fault("nobody is named", "messages.to", fix))
    streets = sorted(path.stem for path in (run / "digests").glob("*.md"))
    if not (run / "digest.md").is_file():
        fix = "plan again with `weisu plan`, or name the folder of a monthly run of this release"
        raise ConfigError(Fault("holds no messages (digest.md)", str(run), fix))
    faults, wanted = [], []
    for to in options.to:
        named = streets if "*" in to.streets else list(to.streets)
        for street in named:
            if street not in streets:
                fix = meant(street, streets, f"streets of this run: {', '.join(streets[:5])} ...")
                faults.append(Fault(f"no street {street!r} in {run.name}", f"messages.to {to.address}", fix))
        wanted += [(to.address, f"digests/{street}.md") for street in named] or [(to.address, "digest.md")]
    if faults:
        raise ConfigError(faults)
    return list(dict.fromkeys(wanted))


def _done(run: Path) -> set[tuple[str, str]]:
    lines = audit.lines(run.parent)
    return {(line["to"], line["file"]) for line in lines if line["event"] == EVENT and line["of"] == run.name}
