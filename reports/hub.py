"""Forecasts -> the files of a Hubverse hub: model output, its config, a card of each model.

Source: docs.hubverse.io, user guide, "Model output", "Model metadata" and "Hub configuration files"; schemas 5.0.1.
"""

import io
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd

Form = Literal["csv", "parquet"]

SCHEMAS = "https://raw.githubusercontent.com/hubverse-org/schemas/main/v5.0.1"
TEAM = "weisu"
TARGET = "requests"
TASKS = ("origin_date", "target", "horizon", "location", "category", "target_end_date")
COLUMNS = (*TASKS, "output_type", "output_type_id", "value")
LONGEST = 16
"""Letters the short name of a model has at most."""


def render(
    forecasts: pd.DataFrame, city: str, form: Form = "csv", timezone: str = "Asia/Shanghai"
) -> Iterator[tuple[str, bytes]]:
    """Every file of the hub: name relative to its folder, and its bytes.

    Args:
        forecasts: Forecasts of one or more origins. Variances have no place in a hub and are left out.
        city: name of the city.
        form: of the model output.
        timezone: IANA name, for the deadlines of a hub; plain UTC is not among the names the schema allows.
    """
    rows = forecasts[forecasts["output"].isin(["mean", "quantile"])]
    yield "hub-config/tasks.json", _json(tasks(rows))
    yield "hub-config/admin.json", _json(admin(city, form, timezone))
    for model, of_model in rows.groupby("model", sort=True):
        name = f"{TEAM}-{short(str(model))}"
        yield f"model-metadata/{name}.yml", _card(short(str(model)), str(model))
        for origin, of_round in of_model.groupby("origin", sort=True):
            output = model_output(of_round)
            path = f"model-output/{name}/{_ends(pd.Series([origin])).iloc[0]}-{name}.{form}"
            yield path, _bytes(output, form)


def model_output(forecasts: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[*COLUMNS] of the means and quantiles of one model; dates are texts, a mean has no output_type_id.

    `origin_date` and `target_end_date` are the last days of the origin and of the month foretold.
    """
    order = ["area", "category", "month", "output", "level"]
    rows = forecasts[forecasts["output"].isin(["mean", "quantile"])].sort_values(order, ignore_index=True)
    return pd.DataFrame(
        {
            "origin_date": _ends(rows["origin"]),
            "target": TARGET,
            "horizon": rows["horizon"].astype("int64"),
            "location": rows["area"],
            "category": rows["category"],
            "target_end_date": _ends(rows["month"]),
            "output_type": rows["output"],
            "output_type_id": rows["level"].round(6),
            "value": np.where(rows["output"] == "mean", rows["predicted"].round(6), rows["predicted"]),
        }
    )


def tasks(forecasts: pd.DataFrame) -> dict[str, Any]:
    """tasks.json: one round an origin; every location, category and horizon that is forecast is optional."""
    output = model_output(forecasts)
    levels = sorted(output.loc[output["output_type"] == "quantile", "output_type_id"].unique().tolist())
    values = {name: sorted(output[name].unique().tolist()) for name in TASKS}
    value = {"type": "double", "minimum": 0}
    kinds: dict[str, Any] = {}
    if (output["output_type"] == "mean").any():
        kinds["mean"] = {"output_type_id": {"required": None}, "is_required": False, "value": value}
    if levels:
        kinds["quantile"] = {"output_type_id": {"required": levels}, "is_required": True, "value": value}
    model_tasks = {
        "task_ids": {name: {"required": None, "optional": found} for name, found in values.items()},
        "output_type": kinds,
        "target_metadata": [
            {
                "target_id": TARGET,
                "target_name": "hotline requests in a month",
                "target_units": "count",
                "target_keys": {"target": TARGET},
                "target_type": "discrete",
                "description": "Requests of a category (* = all) received in an area in the month that ends on "
                "target_end_date, [horizon] months after the month that ends on origin_date.",
                "is_step_ahead": True,
                "time_unit": "month",
            }
        ],
    }
    due = {"relative_to": "origin_date", "start": 0, "end": 31}
    rounds = [
        {
            "round_id_from_variable": True,
            "round_id": "origin_date",
            "model_tasks": [model_tasks],
            "submissions_due": due,
        }
    ]
    return {
        "schema_version": f"{SCHEMAS}/tasks-schema.json",
        "rounds": rounds,
        "output_type_id_datatype": "double",
        "derived_task_ids": ["target_end_date"],
    }


def admin(city: str, form: Form, timezone: str) -> dict[str, Any]:
    """admin.json. Contact and repository are for the city to fill in when it opens a hub."""
    return {
        "schema_version": f"{SCHEMAS}/admin-schema.json",
        "name": f"{city or TEAM}: hotline requests",
        "maintainer": city or TEAM,
        "contact": {"name": city or TEAM},
        "repository": {"host": "github"},
        "file_format": [form],
        "timezone": timezone,
        "model_output_dir": "model-output",
    }


def short(model: str) -> str:
    """The name of a model as file names of a hub allow it: letters, digits and _."""
    return re.sub(r"[^A-Za-z0-9_]", "_", model)[:LONGEST]


def _ends(months: pd.Series) -> pd.Series:
    return (pd.to_datetime(months) + pd.offsets.MonthEnd(0)).dt.strftime("%Y-%m-%d")


def _bytes(output: pd.DataFrame, form: Form) -> bytes:
    if form == "csv":
        return output.to_csv(index=False, na_rep="NA", lineterminator="\n").encode()
    buffer = io.BytesIO()
    output.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _card(abbreviation: str, model: str) -> bytes:
    facts = {
        "team_name": TEAM,
        "team_abbr": TEAM,
        "model_name": model,
        "model_abbr": abbreviation,
        "designated_model": model == "combination",
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in facts.items()).encode()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"
