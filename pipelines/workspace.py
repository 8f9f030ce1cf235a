"""`weisu init`: an empty folder -> a workspace that runs, with every option written down."""

import json
import shutil
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from forecast.errors import ConfigError, Fault
from forecast.simulate import City
from pipelines import simulation, store
from pipelines.config import SHIPPED, Settings

CONFIG = """\
# weisu: the monthly job of one city. Every key has a default; options.yaml lists them all.
# Paths are relative to this file's folder (or to `workspace`, if you set it).
city: 示例市                 # name in reports
language: zh                 # zh or en
horizon: 12                  # months ahead, 1-24

# Complaints. `use` names a shipped description of an export (cn_12345, nyc_council, chicago_sanitation);
# what stands beside it overrides it. Drop new exports into the folder: only new files are read again.
sources:
  - use: cn_12345
    paths: [input/orders/*]
#   columns: {received_at: 来件时刻, area: "所在街道->所在社区"}   # field: header in your files; docs/inputs.md
# Ready-made monthly counts instead:
#  - grain: counts
#    paths: [input/counts.csv]
#    columns: {month: month, area: area, category: category, count: count}

# All of these are optional and only add.
areas: {path: input/areas.csv, shapes: input/communities.geojson, shape_key: area}
estates: {path: input/estates.csv}
categories: cn               # shipped tree, or a path such as my_categories.yaml
playbook: cn                 # shipped tasks, or a path such as my_playbook.yaml
# Months given to categories (每月一题), past ones too; a forecast knows a theme from its announcement on.
#calendar:
#  themes:
#    - {categories: [1A, 3B], month: 2025-03, announced: 2024-12-10}
"""

SAMPLES = {
    "counts.csv": "month,area,category,count\n2024-01,东社区,供暖不热,12\n2024-01,西社区,供暖不热,0\n",
    "weather.csv": "date,tmax,tmin,rain,snow\n2024-01-01,3.0,-6.5,0.0,0.0\n2024-01-02,4.2,-5.1,0.0,0.0\n",
}
"""Forms of the inputs that the made-up city does without."""

STEPS = """\
{folder} is ready: a made-up city stands in input/ so that every command works before your own data are there.
  weisu check {config}                       # what is in the inputs, and what is wrong with them
  weisu monthly {config} --as-of {as_of}     # forecasts, risk, work plan
  weisu backtest {config} --origins 3        # how good would it have been
Then put your own exports in input/orders/ in place of the made-up ones, and take out of weisu.yaml what you have no
file for: the lines `areas`, `estates`, and `categories` and `playbook` if your categories are others.
weisu check says which columns it reads and which it does not. options.yaml explains every key; samples/ shows the
form of ready-made counts, weather, categories and playbook."""


def create(folder: Path) -> list[str]:
    """Write the workspace.

    Raises:
        ConfigError: the folder holds something already; nothing is overwritten.
        RunError: the disk refuses.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(Fault("is not an empty folder", str(folder), "choose a new one; nothing was overwritten"))
    config = folder / "weisu.yaml"
    with store.writing(folder):
        (folder / "input").mkdir(parents=True)
        config.write_text(CONFIG, encoding="utf-8")
        (folder / "options.yaml").write_text(options(), encoding="utf-8")
        _samples(folder / "samples")
    city = City(seed=1, communities=8, years=3, first_year=2022)
    simulation.write_city(folder / "input", city)
    as_of = f"{city.first_year + city.years - 1}-08"
    return STEPS.format(folder=folder, config=config, as_of=as_of).splitlines()


def _samples(folder: Path) -> None:
    folder.mkdir()
    for name, text in SAMPLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("categories", "playbook"):
        shutil.copyfile(SHIPPED / name / "cn.yaml", folder / f"{name}.yaml")


def options() -> str:
    """Every key of the config with its default, as YAML with comments."""
    head = "# Every option of a weisu config with its default. Copy what you want to change into weisu.yaml.\n"
    return head + "\n".join(_lines(Settings, 0)) + "\n"


def _lines(model: type[BaseModel], depth: int) -> list[str]:
    indent = "  " * depth
    lines = [f"{indent}# {line.strip()}" for line in (model.__doc__ or "").strip().splitlines() if line.strip()]
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, BaseModel):
            lines += [f"{indent}{name}:", *_lines(type(default), depth + 1)]
        elif inner is not None and default in (None, (), PydanticUndefined):
            state = "required" if default is PydanticUndefined else "none by default"
            item = [f"{indent}#   {line.strip(' ')}" for line in _lines(inner, 0)]
            lines += [f"{indent}# {name}: {state}; keys:", *item]
        else:
            lines.append(f"{indent}{name}: {_value(default)}")
    return lines


def _value(default: Any) -> str:
    if default is PydanticUndefined:
        return "# required"
    plain = json.loads(json.dumps(default, default=lambda value: value.model_dump(mode="json")))
    return (
        yaml.safe_dump(plain, allow_unicode=True, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
    )


def _model(annotation: Any) -> type[BaseModel] | None:
    """The one Spec inside `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    found = [model for inner in typing.get_args(annotation) if (model := _model(inner))]
    return found[0] if len(found) == 1 else None
