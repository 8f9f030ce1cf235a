import json
import re
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports import hub
from tests.reports.sample import make


def files(form: hub.Form = "csv") -> dict[str, bytes]:
    return dict(hub.render(make().forecasts, "示例", form))


def read(content: bytes) -> pd.DataFrame:
    text = ["origin_date", "target", "location", "category", "target_end_date", "output_type"]
    return pd.read_csv(StringIO(content.decode()), dtype=dict.fromkeys(text, "str"), keep_default_na=False).assign(
        output_type_id=lambda rows: pd.to_numeric(rows["output_type_id"].replace("NA", None))
    )


def hold_config(config: dict[str, Any]) -> None:
    """What the user guide and the schemas 5.0.1 of the hub ask of tasks.json."""
    assert set(config) <= {"schema_version", "rounds", "output_type_id_datatype", "derived_task_ids"}
    assert config["schema_version"].endswith("/tasks-schema.json")
    for turn in config["rounds"]:
        assert {"round_id_from_variable", "round_id", "model_tasks", "submissions_due"} <= set(turn)
        assert set(turn["submissions_due"]) == {"relative_to", "start", "end"}
        for task in turn["model_tasks"]:
            assert set(task) == {"task_ids", "output_type", "target_metadata"}
            assert turn["round_id"] in task["task_ids"]
            assert turn["submissions_due"]["relative_to"] in task["task_ids"]
            for values in task["task_ids"].values():
                assert set(values) == {"required", "optional"}
                assert len(values["optional"]) == len(set(values["optional"]))
            for kind, rules in task["output_type"].items():
                assert kind in {"mean", "median", "quantile", "cdf", "pmf", "sample"}
                assert set(rules) == {"output_type_id", "is_required", "value"}
                assert rules["value"]["type"] in {"double", "integer"}
            assert task["output_type"]["mean"]["output_type_id"] == {"required": None}
            assert all(0 <= level <= 1 for level in task["output_type"]["quantile"]["output_type_id"]["required"])
            for target in task["target_metadata"]:
                needed = {"target_id", "target_name", "target_units", "target_type", "target_keys", "is_step_ahead"}
                assert needed <= set(target)
                assert len(target["target_id"]) <= 30
                assert target["target_type"] in {"continuous", "discrete", "binary", "date", "nominal", "ordinal"}
                assert target["time_unit"] in {"day", "week", "month"}
                ((name, value),) = target["target_keys"].items()
                assert value in task["task_ids"][name]["optional"]


def faults(path: str, rows: pd.DataFrame, config: dict[str, Any]) -> list[str]:
    """What breaks the rules of a submission: name, columns, allowed values, ids, one value a task, order, range."""
    found = []
    task = config["rounds"][0]["model_tasks"][0]
    named = re.fullmatch(r"model-output/(\w+-\w+)/(\d{4}-\d\d-\d\d)-(\w+-\w+)\.(csv|parquet)", path)
    if not named or named[1] != named[3] or not all(len(part) <= 16 for part in named[1].split("-")):
        return ["name"]
    ids = list(task["task_ids"])
    if list(rows.columns) != [*ids, "output_type", "output_type_id", "value"]:
        return ["columns"]
    found += [name for name in ids if not rows[name].isin(task["task_ids"][name]["optional"]).all()]
    found += ["round"] * bool((rows["origin_date"] != named[2]).any())
    found += ["type"] * (not rows["output_type"].isin(list(task["output_type"])).all())
    quantiles = rows[rows["output_type"] == "quantile"].sort_values("output_type_id")
    levels = task["output_type"]["quantile"]["output_type_id"]["required"]
    got = quantiles.groupby(ids)["output_type_id"].agg(list)
    found += ["levels"] * (not got.map(lambda each: each == levels).all())
    found += ["mean id"] * bool(rows.loc[rows["output_type"] == "mean", "output_type_id"].notna().any())
    found += ["twice"] * bool(rows.duplicated([*ids, "output_type", "output_type_id"]).any())
    found += ["order"] * bool((quantiles.groupby(ids)["value"].diff().dropna() < 0).any())
    found += ["range"] * bool((~np.isfinite(rows["value"]) | (rows["value"] < 0)).any())
    ends = pd.to_datetime(rows["origin_date"]).dt.to_period("M") + rows["horizon"].to_numpy()
    found += ["end"] * bool((ends.dt.end_time.dt.strftime("%Y-%m-%d") != rows["target_end_date"]).any())
    return found


def test_a_submission_keeps_the_rules_of_its_hub() -> None:
    made = files()
    config = json.loads(made["hub-config/tasks.json"])
    hold_config(config)
    (path,) = [name for name in made if name.startswith("model-output/")]
    rows = read(made[path])
    assert faults(path, rows, config) == []
    source = make().forecasts
    assert len(rows) == source["output"].isin(["mean", "quantile"]).sum()
    assert rows.loc[rows["output_type"] == "quantile", "value"].sum() == pytest.approx(
        source.loc[source["output"] == "quantile", "predicted"].sum()
    )


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("range", lambda rows: rows.assign(value=-rows["value"] - 1)),
        ("order", lambda rows: rows.assign(value=-rows["output_type_id"].fillna(0))),
        ("twice", lambda rows: pd.concat([rows, rows.tail(1)])),
        ("levels", lambda rows: rows.iloc[:-1]),
        ("location", lambda rows: rows.assign(location="nowhere")),
        ("end", lambda rows: rows.assign(target_end_date=rows["target_end_date"].iloc[0])),
    ],
)
def test_the_rules_can_be_broken(fault: str, spoil: Any) -> None:
    made = files()
    (path,) = [name for name in made if name.startswith("model-output/")]
    assert fault in faults(path, spoil(read(made[path])), json.loads(made["hub-config/tasks.json"]))


def test_admin_has_what_the_schema_asks() -> None:
    admin = json.loads(files()["hub-config/admin.json"])
    asked = {"schema_version", "name", "maintainer", "contact", "repository", "file_format", "timezone"}
    assert asked <= set(admin) <= asked | {"model_output_dir"}
    assert admin["file_format"] == ["csv"]


def test_parquet_holds_the_same_and_bytes_are_the_same_each_time() -> None:
    one, two = files("parquet"), files("parquet")
    assert one == two
    (path,) = [name for name in one if name.endswith(".parquet")]
    csv = files()
    table = pd.read_parquet(BytesIO(one[path]))
    assert table["output_type_id"].dtype == "float64"
    assert len(table) == len(read(csv[path.replace(".parquet", ".csv")]))


def test_names_fit_a_hub() -> None:
    assert hub.short("lightgbm.v2-of-a-long-name") == "lightgbm_v2_of_a"
