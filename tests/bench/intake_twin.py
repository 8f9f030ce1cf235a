"""A CSV of raw orders -> how many there are, as DuckDB alone counts them; it imports nothing else."""

import json
import sys
from pathlib import Path

import duckdb

TWIN = """
CREATE TABLE said AS
SELECT "社区/村" AS area, "问题分类" AS category, date_trunc('month', moment) AS month, count(*) AS orders
FROM (
    SELECT *, try_cast("创建时间" AS TIMESTAMP) AS moment FROM read_csv(?, all_varchar = true, header = true)
    QUALIFY row_number() OVER (PARTITION BY "工单编号" ORDER BY moment DESC) = 1
)
WHERE moment IS NOT NULL GROUP BY ALL
"""
"""Read, one row an order (its latest), group."""


def twin(csv: Path, out: Path) -> None:
    """Two threads."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(TWIN, [str(csv)])
        orders = connection.execute("SELECT sum(orders)::BIGINT FROM said").fetchone()
    out.write_text(json.dumps({"orders": orders and orders[0]}), encoding="utf-8")


if __name__ == "__main__":
    twin(Path(sys.argv[1]), Path(sys.argv[2]))
