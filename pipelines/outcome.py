"""What a job tells its caller, as lines for a person and as one object for a program."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Outcome:
    """The end of a job. `plan`: Workplan of a monthly job. `board`: leaderboard of a backtest. Else empty."""

    run_id: str
    run_dir: Path
    counts: dict[str, dict[str, int]]
    seconds: dict[str, float]
    warnings: tuple[str, ...]
    plan: pd.DataFrame = field(default_factory=pd.DataFrame)
    board: pd.DataFrame = field(default_factory=pd.DataFrame)

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run_id": self.run_id,
            "run_dir": str(self.run_dir),
            "counts": self.counts,
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }

    def lines(self, head: int) -> list[str]:
        """What was noticed, then the first `head` tasks or the leaderboard."""
        tasks = [
            f"{task.rank:>3}  {task.start_by:%Y-%m-%d}  {task.area_name} · {task.category_name}: {task.action}\n"
            f"     {task.reason}"
            for task in self.plan.head(head).itertuples()
        ]
        board = self.board.round(3).to_string(index=False).splitlines() if len(self.board) else []
        return [*(f"! {text}" for text in self.warnings), *tasks, *board]
