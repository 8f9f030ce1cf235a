"""`python -m pipelines.fields FILE`: writes the tables of accepted headers into FILE, between its two marks."""

import sys
from pathlib import Path

from forecast.estates import EstateColumns
from forecast.sources import COUNT_FIELDS, ORDER_FIELDS, REQUIRED, Columns

BEGIN, END = "<!-- fields begin: made by `make fields` -->\n", "<!-- fields end -->\n"
WHAT = {
    "request_id": "number of the order; without it no repeat can be told",
    "received_at": "when it came in",
    "closed_at": "when it was settled",
    "area": "where: the community, or a path of columns down to it",
    "lon": "east-west, degrees", "lat": "north-south, degrees",
    "category": "what about: one column, or up to three levels",
    "text": "read for key words only, then dropped",
    "estate": "the estate (小区) it is about",
    "address": "becomes a hash that tells two spots apart",
    "caller": "becomes a keyed hash, or nothing",
    "called_back": "whether the call-back counts",
    "contacted": "answer of the call-back: contacted in time",
    "resolved": "answer of the call-back: solved",
    "satisfied": "answer of the call-back: content",
    "status": "state of the order; finds repeats",
    "kind": "complaint, question, praise",
    "month": "the month counted",
    "count": "how many orders",
    "incidents": "how many events",
    "callers": "how many people",
}  # fmt: skip


def tables() -> str:
    """Markdown: one table for orders, one for ready-made counts, one for ledgers of estates."""
    columns = Columns()
    parts = []
    for title, grain, fields in (
        ("Orders (`grain: orders`)", "orders", ORDER_FIELDS),
        ("Monthly counts (`grain: counts`)", "counts", COUNT_FIELDS),
    ):
        needed = {field for choices in REQUIRED[grain] for choice in choices for field in choice}
        rows = [
            f"| `{field}` | {WHAT[field]} | {_need(grain, field) if field in needed else ''} | "
            f"{_known(getattr(columns, field))} |"
            for field in fields
        ]
        parts += [
            f"### {title}\n",
            "| field | what | needed | headers known without being told |",
            "|---|---|---|---|",
        ]
        parts += [*rows, ""]
    ledger = EstateColumns()
    parts += ["### Ledgers of estates (`estates`)\n", "| field | headers known without being told |", "|---|---|"]
    parts += [f"| `{field}` | {_known(getattr(ledger, field))} |" for field in EstateColumns.model_fields]
    return "\n".join(parts) + "\n"


def _need(grain: str, field: str) -> str:
    """yes, or with what other field it may be traded."""
    (choices,) = (choices for choices in REQUIRED[grain] if any(field in choice for choice in choices))
    others = [" and ".join(f"`{name}`" for name in choice) for choice in choices if field not in choice]
    return "yes" if not others else f"yes, or {', or '.join(others)}"


def _known(ways: tuple[str, ...]) -> str:
    """Every header of a field once; levels of a path are parted by →."""
    shown = []
    for way in ways:
        levels = [level.split("|") for level in way.split("->")]
        if len(levels) == 1:
            shown += levels[0]
        else:
            shown.append(" → ".join(" or ".join(names) for names in levels))
    return ", ".join(dict.fromkeys(shown))


def written(text: str) -> str:
    """`text` with the tables between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def main() -> None:
    """Write the tables into the file named."""
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
