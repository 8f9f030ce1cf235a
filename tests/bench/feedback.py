"""`python -m tests.bench.feedback [files]`: lists sent, damaged and taken back -> nothing lost, nothing invented."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.pipelines.test_feedback import returned


def main(files: int) -> None:
    with TemporaryDirectory() as folder:
        returned(Path(folder), range(files))
    print(f"{files} returned lists: no status lost, none invented")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
