"""`weisu runs verify`: a folder of runs -> what in it is no longer as it was written down."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forecast.errors import ConfigError, Fault
from pipelines import audit, replan, runs
from pipelines.audit import Breach
from pipelines.words import say


@dataclass(frozen=True)
class Checkup:
    """runs: how many are there; lines: of the log; last_hash: of its last line, worth keeping elsewhere."""

    folder: Path
    runs: int
    lines_read: int
    last_hash: str
    breaches: tuple[Breach, ...]
    language: str

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "folder": str(self.folder), "runs": self.runs, "lines": self.lines_read, "last_hash": self.last_hash,
            "sound": not self.breaches, "breaches": [asdict(breach) for breach in self.breaches],
        }  # fmt: skip

    def lines(self) -> list[str]:
        """For a person: the verdict, then what is wrong and what to do."""
        facts = {"folder": self.folder, "runs": self.runs, "lines": self.lines_read, "count": len(self.breaches)}
        if not self.breaches:
            return [say(self.language, "audit_sound", **facts), say(self.language, "audit_last", hash=self.last_hash)]
        told = [f"! {say(self.language, f'breach.{breach.kind}', where=breach.where)}" for breach in self.breaches]
        return [say(self.language, "audit_broken", **facts), *told, say(self.language, "audit_next")]


def run(folder: Path) -> Checkup:
    """Check a folder of runs against its audit log.

    Raises:
        ConfigError: the folder holds neither a log nor a run.
    """
    found = runs.listed(folder)
    told = audit.lines(folder)
    breaches = tuple(audit.verify(folder))
    if not (found or told or breaches):
        raise ConfigError(Fault("holds no run and no audit log", str(folder), "name the folder of runs with --out"))
    return Checkup(folder, len(found), len(told), audit.last_hash(folder), breaches, _language(found))


def _language(found: list[dict[str, Any]]) -> str:
    """That of the last run whose config can be read."""
    for manifest in reversed(found):
        try:
            return replan.ran(Path(manifest["run_dir"])).settings.language
        except ConfigError:
            continue
    return "zh"
