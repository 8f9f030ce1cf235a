"""The folder of a job -> its panel, as the jobs make it, and what was counted on the way."""

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

from pipelines import config, inputs, intake
from pipelines.runs import Run, Watch
from pipelines.store import Entry


def ours(folder: Path, out: Path) -> None:
    """Intake as the jobs do it, up to the panel; `reading`: clock and processor until every file is in the store."""
    chosen, reading = config.load(folder / "weisu.yaml"), [0.0, 0.0]
    taking_in = intake.take_in

    def timed(*given: Any) -> list[Entry]:
        clock, spent = time.monotonic(), sum(os.times()[:4])
        entries = taking_in(*given)
        reading[:] = time.monotonic() - clock, sum(os.times()[:4]) - spent
        return entries

    with io.StringIO() as log, mock.patch.object(intake, "take_in", timed):
        history = inputs.read(chosen, None, Run(chosen.root, Watch(), log))
    panel = inputs.panel_of(chosen, history)
    said = {"orders": int(history.counts["orders"].sum()), "cells": len(panel), "reading": reading}
    out.write_text(json.dumps(said | history.totals()), encoding="utf-8")


if __name__ == "__main__":
    ours(Path(sys.argv[1]), Path(sys.argv[2]))
