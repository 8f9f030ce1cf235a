"""`python -m tests.reliability.fuzz -runs=N`: Atheris over the text reader and the config loader.

Anything but a WeisuError is a find; Atheris writes the bytes that led there beside where it runs.
"""

import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["pipelines.readers", "pipelines.sheets", "pipelines.config", "yaml", "forecast.parse"]
):
    import yaml

    from forecast.errors import WeisuError
    from pipelines import config, readers, sheets
    from tests.reliability.hostile import ORDERS

warnings.simplefilter("ignore")
FOLDER = Path(tempfile.mkdtemp(prefix="weisu-"))


def one(data: bytes) -> None:
    """The first byte chooses the reader."""
    path = FOLDER / ("x.yaml" if data[:1] < b"\x80" else "x.csv")
    path.write_bytes(data[1:])
    with suppress(WeisuError):
        if path.suffix == ".yaml":
            config.read_yaml(path)
        elif data[:1] < b"\xc0":
            list(readers.read_file(path, ORDERS))
        else:
            sheets.every(path)


if __name__ == "__main__":
    assert yaml
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
