"""A small made city as a Material: 12 communities in 3 streets, 6 categories, 5 years, forecasts of 12 months."""

from dataclasses import replace
from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd
from shapely import to_wkb
from shapely.geometry import box

from forecast.tables import (
    ALL,
    Areas,
    Estates,
    Forecasts,
    Panel,
    Risk,
    RiskDrivers,
    Scores,
    Unresolved,
    Workplan,
    check,
    conform,
    empty,
)
from reports.material import Language, Material

AS_OF = pd.Timestamp("2025-08-01")
STREETS = {"S1": "松园街道", "S2": "河沿街道", "S3": "新苑街道"}
CATEGORIES = pd.DataFrame(
    [
        ("H1", "供暖不热", "No or weak heating"),
        ("2A", "屋面外墙漏雨", "Roof and wall leaks"),
        ("5A", "物业费争议", "Property fee disputes"),
        ("3D", "垃圾环境", "Rubbish"),
        ("1C", "停车充电桩", "Parking and charging"),
        ("1A", "电梯", "Lifts"),
    ],
    columns=["category", "name", "name_en"],
)
DRIVERS = pd.DataFrame(
    [
        ("city", "全市平均水平", "the city's usual rate"),
        ("own_history", "本小区历史诉求", "its own past incidents"),
        ("built_year", "楼龄", "age"),
        ("heat_pipe_year", "供热管网年份", "age of the heating pipes"),
        ("fund_balance", "维修资金余额", "repair fund"),
    ],
    columns=["driver", "zh", "en"],
)
SHAPES = {  # share of the year, January first
    "H1": [4.2, 2.6, 1.2, 0.2, 0.1, 0.1, 0.1, 0.2, 0.3, 0.8, 3.6, 3.4],
    "2A": [0.3, 0.3, 0.5, 0.7, 0.9, 1.4, 2.6, 2.4, 1.1, 0.6, 0.4, 0.3],
    "5A": [1.4, 0.8, 0.9, 0.9, 0.8, 0.8, 0.8, 0.9, 0.9, 1.0, 1.3, 1.5],
    "3D": [0.8, 0.8, 0.9, 1.0, 1.0, 1.1, 1.3, 1.3, 1.1, 1.0, 0.9, 0.8],
    "1C": [1.0] * 12,
    "1A": [0.9, 0.9, 0.9, 1.0, 1.0, 1.1, 1.2, 1.2, 1.0, 0.9, 0.9, 1.0],
}
VOLUME = {"H1": 8.0, "2A": 5.0, "5A": 4.0, "3D": 6.0, "1C": 3.0, "1A": 2.5}
TASKS = {  # category: action, lead, support, proof, start by, window, share that can be prevented, crew-days
    "H1": (
        "9 月 30 日前完成平衡调试与打压注水演练; 去年报修不热的住户逐户回访并登记室温",
        "供热单位", "街道、物业", "回访登记表、调试记录", "2025-09-30", "2025-11-15", "2026-03-15", 0.35, 6.0,
    ),
    "5A": (
        "公示上年度物业收支账目, 召开议事会, 对拖欠大户先修后收",
        "物业", "街道、居委会", "公示照片、议事会纪要", "2025-10-01", "2025-11-01", "2026-01-31", 0.2, 3.0,
    ),
    "1A": (
        "对近一年困人两次以上的电梯做专项维保并公示结果",
        "物业", "市场监管、业委会", "维保单", "2025-09-15", "2025-09-20", "2025-11-30", 0.25, 2.0,
    ),
}  # fmt: skip
Z = {0.025: -1.96, 0.1: -1.2816, 0.25: -0.6745, 0.5: 0.0, 0.75: 0.6745, 0.9: 1.2816, 0.975: 1.96}


@lru_cache
def make(
    language: Language = "zh",
    *,
    communities: int = 12,
    tasks: bool = True,
    polygons: bool = True,
    estates: bool = True,
    scores: bool = True,
    history: bool = True,
) -> Material:
    """The made city; each switch takes one part away."""
    rng = np.random.default_rng(7)
    areas = _areas(communities, polygons)
    panel = _panel(areas, rng)
    forecasts = _forecasts(panel, areas)
    places = _estates(areas, rng) if estates else empty(Estates)
    risk, drivers = _risk(places, rng) if estates else (empty(Risk), empty(RiskDrivers))
    material = Material(
        city="示例市",
        language=language,
        as_of=AS_OF,
        origin=AS_OF,
        run_id="2025-08-0a1b2c3d",
        version="0.1.0",
        workplan=empty(Workplan),
        forecasts=forecasts,
        panel=panel if history else empty(Panel),
        areas=areas,
        risk=risk,
        risk_drivers=drivers,
        estates=places,
        categories=CATEGORIES,
        sources=_sources(),
        unresolved=_unresolved(),
        scores=_scores() if scores else empty(Scores),
        driver_names=DRIVERS,
        warnings=("调休未公布: 2026 年的工作日按法定假日估算。",)
        if language == "zh"
        else ("No 2026 work days yet.",),
    )
    return replace(material, workplan=_workplan(material)) if tasks else material


def renamed(material: Material, name: str) -> Material:
    """`material` with `name` wherever a user can name something."""
    plan = material.workplan.assign(
        **dict.fromkeys(["area_name", "estate_name", "action", "lead_party", "reason"], name)
    )
    areas = material.areas.assign(name=name)
    plan = plan.assign(street_name=name, category_name=name, evidence=name, support=name)
    return replace(
        material,
        city=name,
        workplan=plan,
        areas=areas,
        estates=material.estates.assign(name=name),
        categories=material.categories.assign(name=name, name_en=name),
        sources=material.sources.assign(source=name, file=name),
        unresolved=material.unresolved.assign(value=name),
        risk_drivers=material.risk_drivers.assign(driver=name),
        warnings=(name,),
        next_tasks=name,
    )


def _areas(communities: int, polygons: bool) -> pd.DataFrame:
    rows: list[dict[str, object]] = [
        {"area": "city", "level": "city", "parent": None, "name": "示例市", "geometry": None}
    ]
    used = list(STREETS)[: -(-communities // 4)]
    rows += [{"area": s, "level": "street", "parent": "city", "name": STREETS[s], "geometry": None} for s in used]
    for k in range(communities):
        street, place = used[k // 4], k % 4
        x, y = 116.40 + 0.02 * (k // 4) + 0.01 * (place % 2), 39.90 + 0.01 * (place // 2)
        name = f"{STREETS[street][:2]}{'一二三四'[place]}社区"
        shape = to_wkb(box(x, y, x + 0.01, y + 0.01)) if polygons else None
        rows.append(
            {"area": f"11010500{k + 1:04d}", "level": "community", "parent": street, "name": name, "geometry": shape}
        )
    frame = pd.DataFrame(rows).assign(aliases="")
    return check(Areas, conform(Areas, frame))


def _panel(areas: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    months = pd.date_range(AS_OF - pd.DateOffset(years=5, months=-1), AS_OF, freq="MS", unit="us")
    codes = areas.loc[areas["level"] == "community", "area"]
    size = dict(zip(codes, rng.gamma(6, 1 / 6, len(codes)), strict=True))
    rows = [
        (area, category, month, int(rng.poisson(size[area] * VOLUME[category] * SHAPES[category][month.month - 1])))
        for area, category, month in product(codes, CATEGORIES["category"], months)
    ]
    frame = pd.DataFrame(rows, columns=["area", "category", "month", "orders"])
    return check(Panel, conform(Panel, frame.assign(incidents=frame["orders"], callers=frame["orders"])))


def _forecasts(panel: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    recent = panel[panel["month"] > AS_OF - pd.DateOffset(years=1)]
    level = recent.groupby(["area", "category"], as_index=False)["orders"].mean()
    future = pd.date_range(AS_OF, periods=13, freq="MS", unit="us")[1:]
    cells = level.merge(pd.DataFrame({"month": future, "horizon": range(1, 13)}), how="cross")
    cells["mean"] = [row.orders * SHAPES[row.category][row.month.month - 1] * 1.05 for row in cells.itertuples()]
    cells["variance"] = cells["mean"] + 0.1 * cells["mean"] ** 2
    cells = pd.concat([cells, cells.assign(category=ALL)])
    parent = areas.set_index("area")["parent"]
    steps = [cells]
    for _ in range(2):
        steps.append(steps[-1].assign(area=steps[-1]["area"].map(parent)))
    nodes = (
        pd.concat(steps).groupby(["area", "category", "month", "horizon"], as_index=False)[["mean", "variance"]].sum()
    )
    parts = [nodes.assign(output=name, level=np.nan, predicted=nodes[name]) for name in ("mean", "variance")]
    for q, z in Z.items():
        value = (nodes["mean"] + z * np.sqrt(nodes["variance"])).clip(lower=0).round()
        parts.append(nodes.assign(output="quantile", level=q, predicted=value))
    frame = pd.concat(parts, ignore_index=True).assign(model="combination", origin=AS_OF)
    return check(Forecasts, conform(Forecasts, frame))


def _estates(areas: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    communities = areas[areas["level"] == "community"]
    rows = [
        {
            "estate": f"E{area[-4:]}{k}",
            "name": f"{name[:2]}{'东西'[k]}里 {k + 1} 号院",
            "area": area,
            "households": float(rng.integers(200, 1500)),
            "built_year": float(rng.integers(1978, 2008)),
        }
        for area, name in zip(communities["area"], communities["name"], strict=True)
        for k in range(2)
    ]
    return check(Estates, conform(Estates, pd.DataFrame(rows)))


def _risk(estates: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    shares = {"city": 0.5, "own_history": 0.3, "built_year": 0.2, "heat_pipe_year": 0.1, "fund_balance": -0.1}
    rows, drivers = [], []
    for estate in estates["estate"]:
        score = float(np.round(rng.uniform(15, 96), 1))
        grade = "red" if score > 80 else "orange" if score > 60 else "yellow" if score > 40 else "blue"
        mean = score / 3
        rows.append((estate, "H1", AS_OF, score, grade, mean, mean * 0.6, mean * 1.5))
        drivers += [(estate, "H1", AS_OF, name, score * share) for name, share in shares.items()]
    risk = pd.DataFrame(rows, columns=["estate", "category", "as_of", "score", "grade", "expected", "low", "high"])
    parts = pd.DataFrame(drivers, columns=["estate", "category", "as_of", "driver", "contribution"])
    return check(Risk, conform(Risk, risk)), check(RiskDrivers, conform(RiskDrivers, parts))


def _sources() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": ["12345 工单", "12345 工单"],
            "file": ["工单_2024.csv", "工单_2025.xlsx"],
            "rows": [18432, 12011],
            "kept": [10544, 6803],
            "rejected": [31, 12],
            "repeated": [211, 160],
            "left_out": [7646, 5036],
            "unplaced": [96, 71],
            "unclassified": [120, 44],
            "first_day": pd.to_datetime(["2024-01-01", "2025-01-01"]),
            "last_day": pd.to_datetime(["2024-12-31", "2025-08-31"]),
        }
    )


def _unresolved() -> pd.DataFrame:
    rows = [("12345 工单", "area", "社区", "不详", 88), ("12345 工单", "area", "社区", "松园五社区", 79)]
    frame = pd.DataFrame(rows, columns=["source", "field", "column", "value", "count"])
    return check(Unresolved, conform(Unresolved, frame))


def _scores() -> pd.DataFrame:
    rows = []
    for origin in pd.date_range("2025-01-01", "2025-05-01", freq="MS"):
        for horizon in (0, 1, 3):
            figures = {
                "wape": 0.31 + 0.01 * horizon,
                "bias": 0.02,
                "coverage_50": 0.53,
                "coverage_80": 0.789,
                "coverage_95": 0.951,
                "capture": 0.871,
                "lift": 1.084,
            }
            rows += [("combination", origin, horizon, "all", metric, value) for metric, value in figures.items()]
    return check(Scores, conform(Scores, pd.DataFrame(rows, columns=list(Scores.to_schema().columns))))


def _workplan(material: Material) -> pd.DataFrame:
    """Three kinds of task in twelve communities, the least wanted ones left out."""
    worst = material.risk.merge(material.estates[["estate", "area", "name"]], on="estate")
    worst = worst.sort_values("score", ascending=False).drop_duplicates("area").set_index("area")
    past = material.panel.assign(month=material.panel["month"] + pd.DateOffset(years=1))
    rows = []
    for (category, task), area in product(TASKS.items(), material.street_of):
        action, lead, support, proof, start_by, first, last, share, days = task
        cell = material.outlook[(material.outlook["area"] == area) & (material.outlook["category"] == category)]
        cell = cell[cell["month"].between(pd.Timestamp(first).replace(day=1), pd.Timestamp(last))]
        mean, low, high = cell["mean"].sum(), round(cell["low80"].sum() + 3), round(max(cell["high80"].sum() - 3, 4))
        if mean < 9:
            continue
        before = past[(past["area"] == area) & (past["category"] == category) & past["month"].isin(cell["month"])]
        estate = worst.loc[area] if area in worst.index else None
        late = category == "1A" and area.endswith("6")
        street = material.street_of[area]
        name = material.category_names[category]
        reason = f"预计 {mean:.0f} 件 (约八成把握 {low}–{high} 件)，去年同期 {before['orders'].sum()} 件"
        rows.append(
            {
                "plan_month": material.plan_month, "task_id": f"{category}{area}".lower(), "area": area,
                "area_name": material.area_names[area], "street": street, "street_name": material.area_names[street],
                "estate": None if estate is None else estate["estate"],
                "estate_name": None if estate is None else estate["name"],
                "category": category, "category_name": name, "action": action, "lead_party": lead, "support": support,
                "evidence": proof, "start_by": pd.Timestamp(start_by), "window_start": pd.Timestamp(first),
                "window_end": pd.Timestamp(last), "peak_month": cell["month"].iloc[int(cell["mean"].argmax())],
                "expected_requests": mean, "low": low, "high": high,
                "normal": 0.9 * mean - 2, "excess_over_normal": 0.1 * mean + 2,
                "last_year": before["orders"].sum(),
                "preventable": mean * share, "preventable_share": share,
                "risk_score": None if estate is None else estate["score"],
                "risk_grade": None if estate is None else estate["grade"],
                "entry": category.lower(), "party": lead, "crew_days": days, "on_time": not late, "safety": False,
                "avoidable_per_crew_day": mean * share / days, "borderline": False, "since": "new",
                "priority": mean, "pattern": "seasonal",
                "reason": reason + ("，来不及: 转应急预案" if late else ""),
            }
        )  # fmt: skip
    plan = pd.DataFrame(rows).sort_values(
        ["expected_requests", "task_id"], ascending=[False, True], ignore_index=True
    )
    plan["rank"] = plan.index + 1
    wanted = plan["on_time"] & (plan[plan["on_time"]].groupby("street").cumcount() < 7).reindex(plan.index)
    plan["fate"] = np.select([~plan["on_time"], wanted], ["late", "chosen"], "no_capacity")
    plan["chosen"] = plan["fate"] == "chosen"
    return check(Workplan, conform(Workplan, plan))
