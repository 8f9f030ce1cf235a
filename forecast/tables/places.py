"""Tables: areas and estates."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import LEVELS, Table


class Areas(Table):
    """The tree of areas. `aliases` and `predecessors` (codes) are joined by "|"; `geometry` is WKB in EPSG:4326."""

    area: Series[str] = pa.Field(unique=True)
    level: Series[str] = pa.Field(isin=LEVELS)
    parent: Series[str] = pa.Field(nullable=True)
    name: Series[str]
    aliases: Series[str]
    zone: Series[str] = pa.Field(nullable=True)
    households: Series[float] = pa.Field(nullable=True, ge=0)
    valid_from: Series[pd.Timestamp] = pa.Field(nullable=True)
    valid_to: Series[pd.Timestamp] = pa.Field(nullable=True)
    predecessors: Series[str] = pa.Field(nullable=True)
    geometry: Series[object] = pa.Field(nullable=True)


class Estates(Table):
    """Residential estates (小区). Missing stays missing; only what is known is filled.

    Shares and rates are 0..1, money is yuan, years are calendar years, lon/lat are WGS-84 degrees. `aliases` are
    joined by "|". `tenure_*`: shares of the homes by title (商品房, 房改房, 央产, 军产, 直管公房, 回迁, 公租);
    `tenure` is the kind in words. `leak_points`, `cold_points`: homes that leaked, or stayed cold, last season.
    Of when and from whom a figure is stands in EstateFacts.
    """

    estate: Series[str] = pa.Field(unique=True)
    name: Series[str]
    aliases: Series[str] = pa.Field(nullable=True)
    area: Series[str] = pa.Field(nullable=True)
    households: Series[float] = pa.Field(nullable=True, gt=0)
    built_year: Series[float] = pa.Field(nullable=True, ge=1840, le=2100)
    lon: Series[float] = pa.Field(nullable=True, ge=-180, le=180)
    lat: Series[float] = pa.Field(nullable=True, ge=-90, le=90)
    zone: Series[str] = pa.Field(nullable=True)
    valid_from: Series[pd.Timestamp] = pa.Field(nullable=True)
    valid_to: Series[pd.Timestamp] = pa.Field(nullable=True)
    buildings: Series[float] = pa.Field(nullable=True, ge=0)
    floors_max: Series[float] = pa.Field(nullable=True, ge=0)
    structure: Series[str] = pa.Field(nullable=True)
    seismic_done: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    insulation_done: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    elevators: Series[float] = pa.Field(nullable=True, ge=0)
    lacks_elevator: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    basement: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    low_lying: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    reno_year: Series[float] = pa.Field(nullable=True)
    reno_scope: Series[str] = pa.Field(nullable=True)
    roof_waterproof_year: Series[float] = pa.Field(nullable=True)
    pipe_year: Series[float] = pa.Field(nullable=True)
    pipe_material: Series[str] = pa.Field(nullable=True)
    heat_type: Series[str] = pa.Field(nullable=True)
    heat_company: Series[str] = pa.Field(nullable=True)
    heat_pipe_year: Series[float] = pa.Field(nullable=True)
    end_of_line: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    tenure: Series[str] = pa.Field(nullable=True)
    tenure_commodity: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_reform: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_central: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_military: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_public: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_resettled: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_rented: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    owning_units_n: Series[float] = pa.Field(nullable=True, ge=0)
    mgmt_type: Series[str] = pa.Field(nullable=True)
    contract_end: Series[pd.Timestamp] = pa.Field(nullable=True)
    fee_yuan_m2_month: Series[float] = pa.Field(nullable=True, ge=0)
    fee_collection_rate: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    owners_body: Series[str] = pa.Field(nullable=True)
    term_end: Series[pd.Timestamp] = pa.Field(nullable=True)
    fund_balance: Series[float] = pa.Field(nullable=True)
    fund_initial: Series[float] = pa.Field(nullable=True, ge=0)
    elderly_share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    rental_share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    repeat_share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    leak_points: Series[float] = pa.Field(nullable=True, ge=0)
    cold_points: Series[float] = pa.Field(nullable=True, ge=0)
    unresolved_rate: Series[float] = pa.Field(nullable=True, ge=0, le=1)


class EstateFacts(Table):
    """Where each known figure of Estates comes from: the line of the file, who says so, of when (null = not said)."""

    estate: Series[str]
    field: Series[str]
    file: Series[str]
    row: Series[int] = pa.Field(ge=0)
    source: Series[str]
    as_of: Series[pd.Timestamp] = pa.Field(nullable=True)

    class Config:
        unique = ["estate", "field"]


class EstateReview(Table):
    """Pairs of a name as written and an estate it may mean, for a person to answer; until then they are two.

    `where`: the file, or "orders". `area` is that of the written name. `alike`: 0..1. `rows`: incidents or
    lines that hang on the answer. `answer`: same, different, or null.
    """

    where: Series[str]
    written: Series[str]
    area: Series[str] = pa.Field(nullable=True)
    estate: Series[str]
    name: Series[str]
    reason: Series[str]
    alike: Series[float] = pa.Field(ge=0, le=1)
    rows: Series[int] = pa.Field(ge=0)
    answer: Series[str] = pa.Field(nullable=True, isin=["same", "different"])

    class Config:
        unique = ["where", "written", "area", "estate"]


class EstateHistory(Table):
    """Incidents of an estate by category, for a month or (with `months` = 12) for a year that starts then."""

    estate: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    months: Series[int] = pa.Field(ge=1)
    incidents: Series[int] = pa.Field(ge=0)
