"""What a job tells its caller, as lines for a person and as one object for a program."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.risk.judge import Judged
from pipelines.words import say
from reports.risk_material import RiskMaterial

NAIVE = "seasonal_naive"


@dataclass(frozen=True)
class Outcome:
    """The end of a job. `plan`: Workplan of a monthly job. `board`: lines on the models of a backtest. Else empty."""

    run_id: str
    run_dir: Path
    counts: dict[str, dict[str, int]]
    seconds: dict[str, float]
    warnings: tuple[str, ...]
    plan: pd.DataFrame = field(default_factory=pd.DataFrame)
    board: tuple[str, ...] = ()

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
        return [*(f"! {text}" for text in self.warnings), *tasks, *self.board]

    def closing(self, city: str, language: str) -> list[str]:
        """What to do next, where there is a plan; then one line fit for a mail subject."""
        facts = {"city": city, "run": self.run_dir.name, "warnings": len(self.warnings)}
        if not len(self.plan.columns):
            return [say(language, "subject", **facts, seconds=f"{sum(self.seconds.values()):.0f}")]
        fates, month = self.plan["fate"], self.run_dir.name[:7]
        counts = {name: int((fates == name).sum()) for name in ("chosen", "late")}
        next_step = say(language, "next_step", page=self.run_dir / "report.html", run=self.run_dir)
        return [next_step, say(language, "subject.plan", **facts, **counts, month=month)]


def board_lines(
    leaderboard: pd.DataFrame,
    comparisons: pd.DataFrame,
    origins: Sequence[pd.Timestamp],
    horizon: int,
    language: str,
) -> tuple[str, ...]:
    """The figures that decide, a line a model; how to read them; how sure it is that the first model is better."""
    models = leaderboard.set_index("model")
    columns = {
        "WSPL": models["wspl"].map("{:.3f}".format),
        "vs naive": (models["wspl"] / models["wspl"].get(NAIVE, float("nan")) - 1).map("{:+.0%}".format),
        "WAPE": models["wape"].map("{:.1%}".format),
        "bias": models["bias"].map("{:+.1%}".format),
        "CRPS": models["crps"].map("{:.3g}".format),
        "80% held": models["coverage_80"].map("{:.0%}".format),
        "PIT": models["pit"].map("{:.3f}".format),
        "capture": models["capture"].map("{:.0%}".format),
    }
    table = pd.DataFrame(columns).replace({"nan": "-", "nan%": "-", "+nan%": "-"})
    span = {"first": f"{min(origins):%Y-%m}", "last": f"{max(origins):%Y-%m}", "n": len(origins), "horizon": horizon}
    against = comparisons[comparisons["metric"] == "wspl"].dropna(subset=["ratio", "better_in"])
    sure = [
        say(
            language, "compared", model=row["model"], rival=row["rival"], change=f"{row['ratio'] - 1:+.1%}",
            low=f"{row['low'] - 1:+.1%}", high=f"{row['high'] - 1:+.1%}", share=f"{row['better_in']:.0%}",
        )
        for row in against.to_dict("records")
    ]  # fmt: skip
    head = ["", say(language, "board", **span), ""]
    shown = table.rename_axis("model").reset_index().to_string(index=False, justify="right").splitlines()
    return (*head, *shown, "", *say(language, "board_legend").splitlines(), "", *sure, "")


MOVES = 12
"""Changes of a plan told on the terminal; all of them stand in plan_changes and moved."""


def change_lines(moved: pd.DataFrame, language: str) -> tuple[str, ...]:
    """How many tasks are new, dropped, or have another fate, and the largest of them."""
    kept = moved[moved["change"] == "carried_over"]
    turned = kept[kept["fate"] != kept["fate_before"]]
    told = pd.concat([moved[moved["change"] != "carried_over"], turned])
    size = told["expected_requests"].fillna(told["expected_before"])
    told = told.assign(size=size).sort_values(["size", "task_id"], ascending=[False, True])
    totals = {name: int((moved["change"] == name).sum()) for name in ("new", "carried_over", "dropped")}
    lines = [say(language, "moved", turned=len(turned), **totals)]
    for row in told.head(MOVES).to_dict("records"):
        fates = row["fate_before"], row["fate"]
        before, now = ("–" if pd.isna(fate) else say(language, f"fate.{fate}") for fate in fates)
        why = say(language, f"why.{row['why']}")
        task = f"{row['area_name']} · {row['category_name']}: {row['action'][:30]}"
        lines.append(f"     {task}  {before} → {now} ({why})")
    if len(told) > MOVES:
        lines.append(say(language, "more_moves", count=len(told) - MOVES))
    return tuple(lines)


def list_lines(lists: pd.DataFrame, gains: pd.DataFrame, language: str) -> tuple[str, ...]:
    """What the plan's top tenth of the cells held of the best possible list, all months ahead, beside other lists."""
    months = lists["months"].max()
    rows = lists[(lists["months"] == months) & (lists["size"] == "10%") & (lists["metric"] == "of_oracle")]
    means = rows.groupby("list")["value"].mean().dropna()
    if means.empty:
        return ()
    said = {name: f"{share:.1%}" for name, share in means.items()}
    first = gains[(gains["months"] == months) & (gains["size"] == "10%") & (gains["metric"] == "of_oracle")]
    ahead = first.set_index("rival").loc["last_year"]
    gap = {name: f"{100 * ahead[name]:+.1f}" for name in ("difference", "low", "high")}
    sure = "lists_rough" if pd.isna(ahead["low"]) else "lists_sure"
    line = say(language, "lists", months=months, **{name: said[name] for name in ("plan", "last_year", "flat_mean")})
    return (line + say(language, sure, **gap), "")


def risk_lines(material: RiskMaterial, head: int = 10) -> tuple[str, ...]:
    """How many estates have which grade, the first of the list, what is unknown."""
    words = material.words
    first = []
    for row in material.listed(head).to_dict("records"):
        foretold = "" if pd.isna(row["expected"]) else say(
            material.language, "foretold", expected=words.count(row["expected"]), low=words.count(row["low"]),
            high=words.count(row["high"]),
        )  # fmt: skip
        place = f" ({row['area_name']})" if row["area_name"] else ""
        figures = f"{words.grade(row['grade'])} {words.score(row['score'])}"
        first.append(f"{row['rank']:>3}  {figures}  {row['name']}{place}{foretold}")
        first += [f"     {words('comma').join(row['reasons'])}"] if row["reasons"] else []
    return ("", material.grade_sentence(), "", *first, "", material.unknown_sentence(), "")


def judged_lines(
    board: pd.DataFrame, found: Judged, origins: Sequence[pd.Timestamp], language: str
) -> tuple[str, ...]:
    """The figures that decide, a line a model; how to read them; how honest the chances were."""
    figures = {
        "top 1%": "top_1", "top 5%": "top_5", "top 10%": "top_10", "÷best 1%": "of_best_1", "÷best 5%": "of_best_5",
        "÷best 10%": "of_best_10", "80% held": "held", "first 20 stay": "stays", "said": "sure",
    }  # fmt: skip
    columns = {head: board[name].map("{:.1%}".format) for head, name in figures.items()}
    columns["deviance"] = board["deviance"].map("{:.2f}".format)
    table = pd.DataFrame({"list": board["model"], **columns}).replace({"nan": "-", "nan%": "-"})
    curve = found.calibration[found.calibration["among"] == "all"]
    off = ((curve["said"] - curve["happened"]).abs() * curve["estates"]).sum() / max(curve["estates"].sum(), 1)
    span = {"first": f"{min(origins):%Y-%m}", "last": f"{max(origins):%Y-%m}", "n": len(origins)}
    models = sorted(set(found.scores["model"]) - set(board["model"]))
    head = ["", say(language, "judged", **span, lists=int(board["lists"].max()), models=", ".join(models)), ""]
    legend = say(language, "judged_legend").splitlines()
    honest = say(language, "judged_honest", off=f"{100 * off:.0f}") if len(curve) else ""
    shown = table.to_string(index=False, justify="right").splitlines()
    return (*head, *shown, "", *legend, "", honest, "")
