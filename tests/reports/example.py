"""`python -m tests.reports.example FOLDER`: the files of the made-up city as a run would leave them -> FOLDER."""

import sys
from collections.abc import Iterator
from pathlib import Path

from reports.catalogue import FORMATS, in_turn
from tests.reports.full import full

SHOWN = ("plan", "page", "brief", "city", "streets", "digests")
README = """\
# Example

What a monthly run leaves, for a made-up city: {streets} streets, {communities} communities, {estates} estates,
planned as of {as_of}. No number in it is real. Made by `make example`; a test proves that it is current.
How to read each file: [reading the plan](../../docs/reading.md).

| file | for |
|---|---|
| [report.html](report.html) | the planner: download and open it |
| [brief.docx](brief.docx) | the leader |
| [city.xlsx](city.xlsx) | the city office |
| [streets](streets) | one workbook a street |
| [digest.md](digest.md), [digests](digests) | chat and mail |
| [workplan.csv](workplan.csv) | whoever goes on calculating: {tasks} tasks |
"""


def files() -> Iterator[tuple[str, bytes]]:
    """Name relative to the folder, and bytes."""
    material = full("zh")
    for form in FORMATS:
        if form.name in SHOWN:
            yield from form.render(material, in_turn)
    levels = material.areas["level"]
    text = README.format(
        streets=(levels == "street").sum(), communities=(levels == "community").sum(),
        estates=len(material.estates), tasks=len(material.workplan), as_of=f"{material.as_of:%Y-%m}",
    )  # fmt: skip
    yield "README.md", text.encode()


def main() -> None:
    """Write them, and take away what is there of an earlier time."""
    folder = Path(sys.argv[1])
    written = set()
    for name, content in files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.add(path)
    for path in folder.rglob("*"):
        if path.is_file() and path not in written:
            path.unlink()


if __name__ == "__main__":
    main()
