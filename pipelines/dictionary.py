"""`python -m pipelines.dictionary FILE`: writes docs/data.md from the tables."""

import sys
from pathlib import Path

from reports import dictionary


def main() -> None:
    """Write the dictionary of every table into the file named."""
    Path(sys.argv[1]).write_bytes(dictionary.render(dictionary.every_table()))


if __name__ == "__main__":
    main()
