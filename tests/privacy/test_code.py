"""What the code may never do: run what it reads, or reach out without being asked."""

import ast
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from forecast.errors import ConfigError
from pipelines import config, store
from tests.conftest import ROOT
from tests.end_to_end.conftest import ORDERS, orders

PACKAGES = ("forecast", "pipelines", "reports")
NEVER = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads", "pickle.dumps",
    "pd.read_pickle", "marshal.loads", "shelve.open", "joblib.load", "yaml.load_all", "yaml.unsafe_load",
    "yaml.full_load", "subprocess.run", "subprocess.Popen", "subprocess.call", "np.load",
}  # fmt: skip
ASKED = {
    "psycopg": {"pipelines/readers.py"},
    "apprise": {"pipelines/channels.py"},
    "urllib": {"pipelines/channels.py"},
    "distributed": {"pipelines/cluster.py"},
    "socket": {"pipelines/cluster.py", "pipelines/intake.py", "pipelines/store.py"},
}
"""Modules that reach out, and where; sockets outside the cluster tell the name of the machine alone."""
MAY = {
    ("pipelines/cluster.py", "pickle"), ("pipelines/cluster.py", "cloudpickle"),
    ("pipelines/cluster.py", "pickle.load"),
    ("pipelines/excel.py", "subprocess"), ("pipelines/excel.py", "subprocess.run"),
}  # fmt: skip
"""What the driver of a cluster wrote itself, and a program of ours that opens a workbook apart."""
REACH = {"socket", "urllib", "http", "requests", "httpx", "ftplib", "smtplib", "telnetlib", "aiohttp", *ASKED}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_that_was_read_is_run() -> None:
    found = []
    for name, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                shell = any(word.arg == "shell" for word in node.keywords)
                loader = [ast.unparse(word.value) for word in node.keywords if word.arg == "Loader"]
                unsafe = called == "yaml.load" and loader != ["_Loader"]
                if (
                    ((name, called) not in MAY and called in NEVER)
                    or shell
                    or unsafe
                    or "allow_pickle" in [word.arg for word in node.keywords]
                ):
                    found.append(f"{name}:{node.lineno} {called}")
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                risky = {"pickle", "subprocess", "marshal", "shelve", "dill", "cloudpickle"} & set(names)
                if {module for module in risky if (name, module) not in MAY}:
                    found.append(f"{name}:{node.lineno} import {names}")
    assert found == []


def test_what_reaches_out_is_imported_where_it_is_asked_for_alone() -> None:
    found: dict[str, set[str]] = {}
    for name, tree in sources():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in {name.split(".")[0] for name in names} & REACH:
                found.setdefault(module, set()).add(name)
    assert {module: names for module, names in found.items() if names - ASKED.get(module, set())} == {}


def test_sql_is_never_built_from_data() -> None:
    """Every query given to DuckDB or PostgreSQL is a constant, a sum of constants, or the config's own `query`."""
    allowed = {"step", "select", "_DAYS", "b'SELECT * FROM (\\n' + query + b'\\n) AS source LIMIT 0'",
               "b'COPY (\\n' + query + b'\\n) TO STDOUT (FORMAT csv)'"}  # fmt: skip
    given = {
        ast.unparse(node.args[0])
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("execute", "executemany", "copy", "sql")
        and node.args
    }
    built = {text for text in given if not isinstance(ast.parse(text, mode="eval").body, ast.Constant)}
    assert {text for text in built if "deep=" not in text} <= allowed
    tree = ast.parse(Path(store.__file__).read_text(encoding="utf-8"))
    asked = {ast.unparse(node.args[0]) for node in ast.walk(tree)
             if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._query"}  # fmt: skip
    steps = next(ast.unparse(node.value) for node in tree.body
                 if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_STEPS")  # fmt: skip
    constants = {ast.unparse(node.targets[0]) for node in tree.body
                 if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)}  # fmt: skip
    assert asked | set(steps.strip("()").split(", ")) <= constants
    assert len(asked) == 5


def test_a_query_brings_nothing_in() -> None:
    connects = [
        ast.unparse(node)
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "duckdb.connect"
    ]
    assert connects
    spilling = "{**ALONE, 'memory_limit': MEMORY, 'temp_directory': str(spill)}"
    assert set(connects) == {"duckdb.connect(config=ALONE)", f"duckdb.connect(config={spilling})"}
    with duckdb.connect(config=store.ALONE) as connection:
        for said in ("SET autoinstall_known_extensions = true", "SELECT * FROM 'https://localhost:1/x.parquet'"):
            with pytest.raises(duckdb.Error, match=r"locked|httpfs"):
                connection.execute(said)


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system ['true']", "a: &a [1]\nb: [*a, *a]", "a: !!python/name:os.system"]
)
def test_yaml_holds_values_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError):
        config.read_yaml(tmp_path / "x.yaml")
    assert issubclass(config._Loader, yaml.CSafeLoader)


WATCH = """
import os, sys
def deny(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system"):
        os.write(2, f"REACHED OUT: {event} {args}\\n".encode())
        os._exit(99)
sys.addaudithook(deny)
from pipelines.cli import main
main()
"""


def test_a_whole_job_reaches_for_nothing_and_others_may_read_nothing(tmp_path: Path) -> None:
    orders(300).to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "weisu.yaml").write_text(ORDERS, encoding="utf-8")
    before = {tmp_path, *tmp_path.rglob("*")}
    command = [sys.executable, "-c", WATCH, "monthly", str(tmp_path / "weisu.yaml"), "--as-of", "2021-08", "-q"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, umask=0o002, check=False
    )
    assert done.returncode == 0, done.stderr
    made = [path for path in set(tmp_path.rglob("*")) - before if not path.is_symlink()]
    assert len(made) > 30
    modes = {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()}
    assert modes == {0o750}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} <= {0o640, 0o600}
