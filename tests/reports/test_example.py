"""reports/example holds what the renderers make today."""

import io
import re
import zipfile
from pathlib import Path

from tests.reports.example import files

LIMIT = 6 << 20
DRAWN = re.compile(r"/media/")
"""Parts that are pictures: drawn with the fonts of the machine."""
INLINE = re.compile(rb"data:image/[\w+]+;base64,[\w+/=]+")


def content(name: str, data: bytes) -> object:
    """What must be the same on every machine."""
    if name.endswith((".xlsx", ".docx")):
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            return {part: parts.read(part) for part in parts.namelist() if not DRAWN.search(part)}
    return INLINE.sub(b"", data)


def test_the_example_is_current(root: Path) -> None:
    folder = root / "reports/example"
    shown = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made = dict(files())
    assert set(shown) == set(made), "run `make example`"
    stale = [name for name in made if content(name, made[name]) != content(name, shown[name])]
    assert stale == [], "run `make example`"


def test_the_example_is_small(root: Path) -> None:
    sizes = [path.stat().st_size for path in (root / "reports/example").rglob("*") if path.is_file()]
    assert 0 < sum(sizes) < LIMIT
