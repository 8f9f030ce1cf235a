"""Size and seconds of the page of a city of 7,000 communities x 30 categories: `python -m tests.bench.page_size`."""

import sys
import time
from pathlib import Path

from reports import page
from tests.reports.big import make


def main(communities: int = 7000, categories: int = 30) -> None:
    """Make the page, say how large it is and how long it took; a path after the sizes keeps it."""
    start = time.perf_counter()
    material = make(communities, categories)
    built = time.perf_counter()
    data = page.render(material)
    sys.stdout.write(
        f"{communities} communities x {categories} categories: {len(data) / 1e6:.1f} MB in "
        f"{time.perf_counter() - built:.0f} s (city made in {built - start:.0f} s)\n"
    )
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_bytes(data)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
