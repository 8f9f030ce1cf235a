"""YAML config -> frozen Settings. Composes the options of the rooms and invents none of its own below the job."""

import hashlib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import pandas as pd
import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from forecast.areas import AreaSource
from forecast.effects.measure import Interventions
from forecast.errors import ConfigError, DataError, Fault
from forecast.estates import EstateSource, Matching
from forecast.forecaster import Forecaster
from forecast.live import LiveOptions
from forecast.near import meant
from forecast.patterns import PatternOptions
from forecast.playbook import Playbook
from forecast.playbook import faults as playbook_faults
from forecast.rates import RateOptions
from forecast.risk.catalogue import Risk
from forecast.risk.fairness import Fairness
from forecast.scenarios import ScenarioOptions
from forecast.seasons import Calendar, Weather
from forecast.sources import Source
from forecast.spec import Spec
from forecast.study import StudyOptions
from forecast.taxonomy import Taxonomy
from forecast.taxonomy import faults as taxonomy_faults
from forecast.workplan import Plan
from pipelines import sheets
from pipelines.channels import Messages

SHIPPED = Path(__file__).resolve().parents[1] / "configs"


def _listed(ledgers: Any) -> Any:
    return () if ledgers is None else (ledgers,) if isinstance(ledgers, dict) else ledgers


class Engine(Spec):
    """Where files are read and models run: here, or on the workers of a Dask scheduler that is already there.

    address: of the scheduler, such as tcp://10.0.0.5:8786; only for kind `dask`. See docs/scaling.md.
    """

    kind: Literal["local", "dask"] = "local"
    address: str | None = Field(None, pattern=r"^(tcp|tls)://[^\s:/]+:\d+$")

    @model_validator(mode="after")
    def _address_of_a_cluster(self) -> Self:
        if (self.kind == "dask") != (self.address is not None):
            raise ValueError("kind dask needs `address`, the scheduler's (tcp://host:8786); kind local takes none")
        return self


class Settings(Spec):
    """Everything one job may be told. Paths are relative to `workspace`, itself relative to the config file.

    `incident_days`: orders about one spot and category belong to one incident while no gap between them is
    longer. `max_data_lag`: months the data may be behind `--as-of`. `caller_key_env` names the environment
    variable with the key of the caller hash, `caller_key_file` a file of mode 0600 outside the data that holds it
    (the variable goes first); without a key callers are not told apart. `caller_cap`: incidents about
    one estate and category that a caller may open in a calendar year; further ones do not count for its risk (3 is
    our assumption). `estates`: one ledger or a list of them. `ledger`: folder of what streets said of their tasks.
    """

    workspace: str = "."
    city: str = "本市"
    language: Literal["zh", "en"] = "zh"
    seed: int = Field(20, ge=0)
    horizon: int = Field(12, ge=1, le=24)
    incident_days: int = Field(30, ge=0)
    max_data_lag: int = Field(2, ge=0)
    caller_key_env: str = Field("WEISU_CALLER_KEY", pattern=r"^[A-Z_][A-Z0-9_]{0,40}$")
    caller_key_file: str = ""
    caller_cap: int = Field(3, ge=1)
    store: str = "data/store"
    runs: str = "runs"
    ledger: str = "data/ledger"
    engine: Engine = Engine()
    sources: tuple[Source, ...] = Field(min_length=1)
    areas: AreaSource | None = None
    categories: Taxonomy = Taxonomy()
    calendar: Calendar = Calendar()
    weather: Weather | None = None
    forecaster: Forecaster = Forecaster()
    estates: Annotated[tuple[EstateSource, ...], BeforeValidator(_listed)] = ()
    matching: Matching = Matching()
    risk: Risk = Field(default_factory=lambda: _default_risk())
    fairness: Fairness = Fairness()
    playbook: Playbook = Playbook()
    plan: Plan = Plan()
    patterns: PatternOptions = PatternOptions()
    scenarios: ScenarioOptions = ScenarioOptions()
    study: StudyOptions = StudyOptions()
    rates: RateOptions = RateOptions()
    interventions: Interventions = Interventions()
    live: LiveOptions = LiveOptions()
    messages: Messages = Messages()


class Config(Spec):
    """Settings with the folder they are relative to."""

    settings: Settings
    root: Path

    def path(self, text: str) -> Path:
        """A path of the config, made absolute."""
        return (self.root / text).resolve()

    def text(self) -> bytes:
        """The resolved settings as YAML: what the config said and every default it left."""
        plain = self.settings.model_dump(mode="json")
        return yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=118).encode()

    @property
    def digest(self) -> str:
        """sha256 of the resolved settings but `engine`, which changes no table."""
        plain = self.settings.model_dump(mode="json", exclude={"engine"})
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def load(path: Path) -> Config:
    """Read, compose and validate a config file.

    Raises:
        ConfigError: every fault of the file at once: unreadable, not YAML, unknown key, wrong value.
    """
    raw = read_yaml(path)
    workspace = raw.get("workspace", ".")
    root = (path.resolve().parent / str(workspace)).resolve()
    raw = _compose(raw, root)
    settings = _validated(Settings, raw, str(path))
    codes = [category.code for category in settings.categories.categories]
    if found := [
        *taxonomy_faults(settings.categories),
        *playbook_faults(settings.playbook, codes),
        *_source_faults(settings),
        *_theme_faults(settings, codes),
    ]:
        raise ConfigError(found)
    return Config(settings=settings, root=root)


LONGEST = 4 << 20
"""Bytes of a config; a whole playbook takes a hundredth."""


DEEPEST = 50
"""Lists and mappings within each other."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping. Raises ConfigError when there is none, with the line where reading stopped."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ConfigError(Fault(f"is larger than {LONGEST >> 20} MiB", str(path), "name the config, not a table"))
        data = _parsed(text.decode("utf-8-sig"))
    except OSError as error:
        fix = "check the path, or start from `weisu init DIR`"
        raise ConfigError(Fault(f"cannot be read ({error.strerror})", str(path), fix)) from None
    except UnicodeDecodeError:
        raise ConfigError(Fault("is not UTF-8 text", str(path), "save the config as UTF-8")) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        what = getattr(error, "problem", None) or "is not valid YAML"
        raise ConfigError(Fault(str(what), where, "mend the YAML there")) from None
    except ValueError as error:  # a date, a number or a path that is none
        first = str(error).split(";")[0]
        raise ConfigError(Fault(f"holds a value that cannot be read ({first})", repr(str(path)), "mend it")) from None
    if not isinstance(data, dict):
        raise ConfigError(Fault("holds no `key: value` lines", str(path), "start from `weisu init DIR`"))
    return data


def _parsed(text: str) -> Any:
    """What the YAML says. Its events are looked at first: a loader in C follows any alias to any depth, and a tag can
    break it."""
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        problem = "is nested too deeply" if depth > DEEPEST else ""
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases (*name) are not allowed"
        elif getattr(event, "tag", None):
            problem = "tags (!name) are not allowed; text that begins with ! is put in quotes"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
    return yaml.load(text, Loader=_Loader)


class _Loader(yaml.CSafeLoader):
    """Safe YAML that refuses a key written twice, and text no file could hold."""

    def construct_scalar(self, node: Any) -> Any:
        text = super().construct_scalar(node)
        if isinstance(text, str) and any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text):
            raise yaml.MarkedYAMLError(problem="holds half a letter, or NUL", problem_mark=node.start_mark)
        return text

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a list is no key", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _compose(raw: dict[str, Any], root: Path) -> dict[str, Any]:
    """Replace names of shipped files by what the files hold."""
    raw = dict(raw)
    for key, folder in (("categories", "categories"), ("playbook", "playbook"), ("risk", "")):
        if isinstance(raw.get(key), str):
            raw[key] = read_yaml(_find(raw[key], folder, root, key))
    plan = raw.get("plan")
    if isinstance(plan, dict) and isinstance(plan.get("capacity"), str):
        raw["plan"] = {**plan, "capacity": _limits(root / plan["capacity"])}
    if isinstance(raw.get("sources"), list):
        raw["sources"] = [_source(item, root, n) for n, item in enumerate(raw["sources"], 1)]
    return raw


def _limits(path: Path) -> list[dict[str, str]]:
    """The rows of a table of crew-days; empty cells stand for every one."""
    try:
        table = sheets.read(path)
    except DataError as error:
        raise ConfigError(error.faults) from None
    return [{str(name): cell for name, cell in row.items() if pd.notna(cell)} for row in table.to_dict("records")]


def _source(item: Any, root: Path, number: int) -> Any:
    if not isinstance(item, dict):
        return item
    own = {key: value for key, value in item.items() if key != "use"}
    base = read_yaml(_find(str(item["use"]), "sources", root, "sources")) if "use" in item else {}
    merged = {"name": f"source{number}", **base, **own}
    if isinstance(base.get("columns"), dict) and isinstance(own.get("columns"), dict):
        merged["columns"] = {**base["columns"], **own["columns"]}
    return merged


def _find(name: str, folder: str, root: Path, key: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        return root / name
    shipped = sorted(p.stem for p in (SHIPPED / folder).glob("*.yaml"))
    if name in shipped:
        return SHIPPED / folder / f"{name}.yaml"
    fix = f"use one of {', '.join(shipped)}, or a path ending in .yaml"
    raise ConfigError(Fault(f"{name[:60]!r} is not shipped", key, fix))


def _source_faults(settings: Settings) -> list[Fault]:
    names = [source.name for source in settings.sources]
    found = [
        Fault(f"two sources are named {name!r}", "sources", "give each source its own `name`")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for source in settings.sources:
        if source.format == "postgresql" and not source.query:
            found.append(
                Fault("has no `query`", f"source {source.name}", "write the SELECT that yields one row an order")
            )
        if source.format != "postgresql" and source.query:
            what = "has a `query` but is not of format postgresql"
            found.append(Fault(what, f"source {source.name}", "add `format: postgresql`"))
        elif source.format != "postgresql" and not source.paths:
            found.append(
                Fault("has no `paths`", f"source {source.name}", "say where the files are, e.g. paths: [input/*.csv]")
            )
    return found


def _theme_faults(settings: Settings, codes: list[str]) -> list[Fault]:
    return [
        Fault(f"unknown category {code!r}", f"calendar.themes {theme.month}", "use a code of `categories`")
        for theme in settings.calendar.themes
        for code in theme.categories
        if codes and code not in codes
    ]


def _validated(spec: type[Settings], raw: Mapping[str, Any], where: str) -> Settings:
    try:
        return spec.model_validate(raw)
    except ValidationError as error:
        items = error.errors(include_url=False)
        below = {item["loc"][:n] for item in items for n in range(len(item["loc"]))}
        own = [item for item in items if item["type"] != "too_short" or item["loc"] not in below]
        raise ConfigError(_fault(item, where) for item in own) from None


def _fault(item: Any, where: str) -> Fault:
    loc = [str(part) for part in item["loc"]]
    spot = f"{where}: {'.'.join(loc)}"
    if item["type"] == "extra_forbidden":
        known = _keys_at(Settings, item["loc"][:-1])
        if loc[-2:-1] == ["columns"] and item["input"] in known:
            fix = f"write it the other way round, {item['input']}: {loc[-1]}"
            return Fault("the field comes first, then the header of the file", spot, fix)
        return Fault("unknown key", spot, meant(loc[-1], known, "remove it; `weisu init` lists all keys"))
    if item["type"] == "missing":
        return Fault("is missing", spot, "add it; `weisu init` lists all keys")
    if loc[:1] == ["caller_key_env"]:
        fix = "name a variable such as WEISU_CALLER_KEY; the key itself stands in it"
        return Fault("is no name of an environment variable", spot, fix)
    if loc[:1] == ["messages"]:  # what was written there may be a secret
        fix = "name a variable such as WEISU_OFFICE; the address itself stands in it" if "address" in loc else ""
        return Fault(item["msg"].partition(" '")[0], spot, fix or "see docs/operations.md")
    return Fault(
        f"{item['msg']} (got {str(item['input'])[:60]!r})", spot, "see the comments that `weisu init` writes"
    )


def _keys_at(model: Any, loc: Iterable[str | int]) -> list[str]:
    """Field names allowed at a place in the settings."""
    here: list[type[BaseModel]] = [model]
    for part in loc:
        fields = [m.model_fields[str(part)].annotation for m in here if str(part) in m.model_fields]
        if fields:
            here = [m for annotation in fields for m in _models(annotation)]
        elif isinstance(part, str):
            tagged = [
                m for m in here if "kind" in m.model_fields and part in get_args(m.model_fields["kind"].annotation)
            ]
            here = tagged or here
    return sorted({name for m in here for name in m.model_fields})


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [m for inner in typing.get_args(annotation) for m in _models(inner)]


def _default_risk() -> Any:
    return read_yaml(SHIPPED / "risk.yaml")
