"""A PostgreSQL source against a real server that these tests start."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_postgresql.janitor import DatabaseJanitor
from typer.testing import CliRunner

from forecast.errors import ConfigError, DataError
from forecast.sources import Source
from pipelines import readers, store
from pipelines.cli import app
from tests.programs import need

PASSWORD = "s3cret-Pass"
QUERY = "SELECT * FROM orders ORDER BY 工单编号"
MANY = """SELECT n AS 工单编号, date '2023-01-01' AS 来电时间, {area} AS 社区, '漏雨' AS 分类
FROM generate_series(1, {rows}) n"""
pytestmark = pytest.mark.system("postgresql")


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, str]]:
    """Connection options of a server of our own. It refuses to run as root, so root lends it another user."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    bin_folder = Path(need("postgresql", "postgres", *map(str, installed))).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="weisu-pg-", dir="/tmp"))
    user = _unprivileged() if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(bin_folder / program), "-D", str(folder / "data"), *arguments],
            check=True,
            user=user,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    try:
        run(
            "initdb", "-U", "tester", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--pwfile", str(secret), "-N"
        )
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c timezone=Asia/Shanghai"
        run("pg_ctl", "start", "-w", "-o", options, "-l", str(folder / "log"))
        try:
            yield {"host": "127.0.0.1", "port": str(port), "user": "tester", "password": PASSWORD}
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _unprivileged() -> str:
    users = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in users)


@pytest.fixture
def database(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh database with a table of orders; its connection string is in $WEISU_DSN."""
    host, port, user, password = (server[part] for part in ("host", "port", "user", "password"))
    with DatabaseJanitor(user=user, host=host, port=port, dbname="city", password=password):
        dsn = make_conninfo(**server, dbname="city")
        with psycopg.connect(dsn) as connection:
            connection.execute(
                "CREATE TABLE orders (工单编号 bigint, 来电时间 timestamp, 办结时间 timestamptz, 社区 text,"
                " 问题分类 text, 是否解决 boolean, 金额 numeric(10, 2), 标签 text[]); CREATE SEQUENCE numbers"
            )
            connection.execute(
                "INSERT INTO orders VALUES"
                " (20230105000000001, '2023-01-05 08:03', '2023-01-06 09:00+08', '一社区', '修缮', true, 5, '{a,b}'),"
                " (20230105000000002, '2023-02-01', NULL, '二, \"东\"\n社区', '供暖', false, 0.5, NULL),"
                " (20230105000000003, '2023-03-01', NULL, '', NULL, NULL, NULL, NULL)"
            )
        monkeypatch.setenv("WEISU_DSN", dsn)
        yield dsn


def source(query: str = QUERY) -> Source:
    return Source(name="pg", format="postgresql", query=query)


def read(query: str = QUERY) -> pd.DataFrame:
    return pd.concat([batch.rows for batch in readers.read_query(source(query))])


def test_rows_come_as_text_with_their_numbers(database: str) -> None:
    rows = read()
    assert rows.index.tolist() == [1, 2, 3]
    assert {str(dtype) for dtype in rows.dtypes} == {"str"}
    assert rows["工单编号"].tolist() == ["20230105000000001", "20230105000000002", "20230105000000003"]
    assert rows["来电时间"].tolist() == ["2023-01-05 08:03:00", "2023-02-01 00:00:00", "2023-03-01 00:00:00"]
    assert rows["办结时间"][1] == "2023-01-06 09:00:00+08"
    assert rows["社区"].fillna("null").tolist() == ["一社区", '二, "东"\n社区', "null"]
    assert rows["是否解决"].fillna("null").tolist() == ["t", "f", "null"]
    assert rows["金额"].fillna("null").tolist() == ["5.00", "0.50", "null"]


def test_a_query_may_end_with_a_semicolon_or_a_comment_and_may_use_with(database: str) -> None:
    assert len(read(f"{QUERY} ;\n")) == 3
    assert len(read(f"WITH o AS ({QUERY}) SELECT * FROM o -- all of them")) == 3


def test_long_results_come_in_batches(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK", 1 << 18)
    query = MANY.format(area="'一社区'", rows=50_000)
    batches = [batch.rows for batch in readers.read_query(source(query))]
    assert len(batches) > 3
    rows = pd.concat(batches)
    assert rows.index.tolist() == list(range(1, 50001))
    assert (rows["工单编号"].astype(int) == rows.index).all()


def test_leaving_early_ends_the_query(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK", 1 << 16)
    query = MANY.format(area="'一社区'", rows=10_000_000)
    batches = readers.read_query(source(query))
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    with psycopg.connect(database) as connection:
        busy = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'city' AND query LIKE 'COPY%' AND state = 'active'"
        )
        assert connection.execute(busy).fetchone() == (0,)


def test_an_error_on_the_way_is_one_clear_line(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "BLOCK", 1 << 16)
    query = MANY.format(area="1 / (40000 - n)", rows=50_000)
    with pytest.raises(DataError, match=r"source pg, database of \$WEISU_DSN: PostgreSQL says: division by zero"):
        read(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT 工单编号, 来电时间 FROM orders", "no column for area; found: 工单编号, 来电时间"),
        ("SELECT * FROM orders WHERE false", "no rows"),
        ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone", "PostgreSQL says"),
        (
            "SELECT nextval('numbers') AS 工单编号, date '2023-01-01' AS 来电时间, '社' AS 社区, '漏' AS 分类",
            "read-only",
        ),
    ],
)
def test_a_query_that_cannot_serve_is_refused(database: str, query: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(query)
    assert len(read()) == 3


def test_no_message_holds_the_password(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"host": "127.0.0.1", "port": "1", "user": "tester", "password": PASSWORD, "dbname": "city"}
    wrong = make_conninfo(database, password=f"{PASSWORD}x")
    for dsn, error in (
        (make_conninfo(**options), DataError),
        (wrong, DataError),
        (f"host=127.0.0.1 {PASSWORD}", ConfigError),
        (f"postgresql://u:{PASSWORD}@[broken/x", ConfigError),
        ("", ConfigError),
    ):
        monkeypatch.setenv("WEISU_DSN", dsn)
        with pytest.raises(error, match="WEISU_DSN") as caught:
            read()
        assert PASSWORD not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_source_without_a_query_is_a_config_error(database: str) -> None:
    with pytest.raises(ConfigError, match="no query"):
        read(" ; ")


def test_the_monthly_job_runs_on_a_database_and_never_writes_its_password(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO orders (工单编号, 来电时间, 社区, 问题分类)"
            " SELECT n, timestamp '2021-01-01' + n * interval '1 day', '社区' || n % 3, '修缮'"
            " FROM generate_series(1, 900) n"
        )
    config = tmp_path / "weisu.yaml"
    config.write_text(
        "sources: [{format: postgresql, query: SELECT * FROM orders}]\nhorizon: 4\n"
        "forecaster: {models: [{kind: climatology}], calibrate: {past_origins: 2}}\n",
        encoding="utf-8",
    )
    for _ in range(2):
        result = CliRunner().invoke(app, ["monthly", str(config), "--as-of", "2023-05"])
        assert result.exit_code == 0, result.output
    run = Path(result.stdout.strip().splitlines()[-1])
    assert store.read(run / "panel.parquet")["orders"].sum() == 902 - 20  # two from the fixture, June left out
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in written
