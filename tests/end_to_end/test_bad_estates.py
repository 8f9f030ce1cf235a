"""Each fault of an estate ledger: a clear line of `weisu check`, and an outcome of the monthly job."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest
import shapely
from typer.testing import Result

from forecast.estates import Ledger
from pipelines import ledgers, store

Cli = Callable[..., Result]
HEAD = "小区编号,小区名称,社区,户数,建成年份,经度,纬度,物业费收缴率"
GOOD = "E{n},{name},{area},200,1985,116.45,39.92{n},85%"
AREAS = ("东社区", "西社区", "南社区")


@pytest.fixture
def job(orders_job: Path) -> Path:
    """A job on raw orders, with communities as squares side by side."""
    squares = [shapely.box(116.40 + 0.1 * k, 39.9, 116.50 + 0.1 * k, 40.0) for k in range(3)]
    names = {"area": ["1", "2", "3"], "name": AREAS, "level": ["community"] * 3}
    geopandas.GeoDataFrame(names, geometry=squares, crs="EPSG:4326").to_file(orders_job.parent / "areas.geojson")
    extra = "areas: {path: areas.geojson}\nestates: {path: estates.csv}\n"
    orders_job.write_text(orders_job.read_text(encoding="utf-8") + extra, encoding="utf-8")
    return orders_job


def ledger(job: Path, *rows: str) -> None:
    good = [GOOD.format(n=n, name=f"东{n}里", area="东社区") for n in (1, 2)]
    (job.parent / "estates.csv").write_text("\n".join([HEAD, *good, *rows]), encoding="utf-8")


def checked(cli: Cli, job: Path) -> str:
    result = cli("check", job)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def scored(cli: Cli, job: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Estates, Risk) of the monthly job."""
    result = cli("monthly", job, "--as-of", "2021-08")
    assert result.exit_code == 0, result.output
    run = job.parent / "runs/latest"
    return store.read(run / "estates.parquet").set_index("estate"), store.read(run / "risk.parquet")


def test_a_ledger_that_was_read_is_not_read_again(cli: Cli, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger(job, "F1,名里,东社区,0,1985,116.45,39.923,85%", "F2,别名,西社区,90,1990,121.47,31.23,540%")
    said, read, clean = checked(cli, job), [], ledgers.estates.clean

    def noted(*given: Any) -> Ledger:
        read.append(given)
        return clean(*given)

    monkeypatch.setattr(ledgers.estates, "clean", noted)
    assert checked(cli, job) == said
    assert not read
    assert set(Ledger._fields) == {*ledgers.TABLES, "notes", "rows"}
    ledger(job, "F1,名里,东社区,0,1985,116.45,39.923,85%", "F2,别名,西社区,90,1990,121.47,31.23,54%")
    assert checked(cli, job) != said
    areas = job.parent / "areas.geojson"
    areas.write_text(areas.read_text(encoding="utf-8").replace("西社区", "北社区"), encoding="utf-8")
    assert "找不到所属社区" in checked(cli, job)
    assert len(read) == 2


FAULTS = [  # row, where and what the check says, the field that is missing then
    ("东社区,0,1985,116.45,39.923,85%", "第 4 行 households: 户数为 0, 1 处, 置空, 小区保留; 原值 '0'", "households"),
    ("东社区,,1985,116.45,39.924,85%", "第 4, 5 行: 10 个小区中 2 个户数未知 (空或 0); 保留", "households"),
    ("东社区,90,0,116.45,39.925,85%", "第 6, 7 行 built_year: 年份超出 1840..2021, 2 处, 置空", "built_year"),
    ("东社区,90,2090,116.45,39.926,85%", "原值 '0'、'2090' → 改成实际年份", "built_year"),
    ("东社区,90,1985,116.45,39.927,540%", "第 8 行 fee_collection_rate: 比率不在 0–100 % 内", "fee_collection_rate"),
    ("东社区,90,1985,39.928,116.45,85%", "第 9 行 lon, lat: 经纬度像是写反了, 1 处, 置空", "lon"),
    ("东社区,90,1985,121.47,31.23,85%", "第 10 行 lon, lat: 坐标在市外, 1 处, 置空", "lon"),
    ("不知何处,90,1985,,,85%", "第 11 行 area: 找不到所属社区, 1 处, 保留; 原值 '不知何处'", "area"),
]


def test_every_fault_of_a_ledger(cli: Cli, job: Path) -> None:
    rows = [f"F{n},名{n}里,{row}" for n, (row, _, _) in enumerate(FAULTS)]
    ledger(job, *rows, "E1,别里,西社区,90,1990,116.55,39.95,85%")
    said = checked(cli, job)
    twice = "第 12 行 小区编号: 编号重复, 以先出现的一行为准, 1 处, 整行去掉; 原值 'E1' → 改编号或删去一行"
    for line in (*(line for _, line, _ in FAULTS), twice, "小区表 11 行: 采用 10, 去掉 1, 置空 6 处"):
        told = [text for text in said.splitlines() if line in text]
        assert told, (line, said)
        assert "estates.csv" in told[0] or "小区表" in told[0]
    estates, risk = scored(cli, job)
    assert estates["name"].tolist() == ["东1里", "东2里", *(f"名{n}里" for n in range(8))]
    for n, (_, _, blank) in enumerate(FAULTS):
        assert estates[blank].isna()[f"F{n}"]
    lost = estates[["households", "built_year", "fee_collection_rate", "lon", "area"]].isna().sum()
    assert lost.tolist() == [2, 2, 1, 3, 1]
    assert set(risk["estate"]) == set(estates.index)


def test_points_shared_astray_and_instead_of_a_community(cli: Cli, job: Path) -> None:
    ledger(job, "E3,东3里,东社区,90,1985,116.45,39.921,85%", "E4,东4里,西社区,90,1985,116.4,39.95,85%",
           "E5,东5里,,90,1985,116.65,39.95,85%")  # fmt: skip
    said = checked(cli, job)
    assert "第 2, 4 行: 2 个小区与别的小区坐标相同; 都保留 → 核对坐标" in said
    assert "第 5 行: 1 个小区的坐标不在所写社区内; 以所写社区为准 → 核对坐标或社区" in said
    assert "未落到社区" not in said
    estates, _ = scored(cli, job)
    assert estates.loc[["E4", "E5"], "area"].tolist() == ["2", "3"]
    assert estates.loc[["E1", "E3"], "lon"].tolist() == [116.45, 116.45]


def test_a_row_that_explains_the_columns_is_no_estate(cli: Cli, job: Path) -> None:
    ledger(job, "必填,必填,必填,填整数,四位年份,WGS84,WGS84,百分比", "E4,示例里,东社区,200,1985,116.45,39.93,85%")
    said = checked(cli, job)
    assert "第 4 行 小区编号: 是填表说明, 不是小区, 1 处, 整行去掉; 原值 '必填' → 从表中删去" in said
    assert "小区表 4 行: 采用 3, 去掉 1" in said


def test_columns_that_say_a_thing_twice_or_too_early(cli: Cli, job: Path) -> None:
    rows = ["3件,4,5,6,2021-08-01", "1,2,99999,8起,2031-01-01", "-1,2.5,4,五,2021-08-01"]
    good = [GOOD.format(n=n, name=f"东{n}里", area="东社区") for n in (1, 2, 3)]
    head = f"{HEAD},供暖2019,供暖2020,供暖另,供暖2021,数据日期,户数,总户数"
    lines = [head, *(f"{a},{b},200,77" for a, b in zip(good, rows, strict=True))]
    (job.parent / "estates.csv").write_text("\n".join(lines), encoding="utf-8")
    columns = [("供暖2019", 2019), ("供暖2020", 2020), ("供暖另", 2020), ("供暖2021", 2021)]
    history = "".join(f"    - {{column: {name}, category: 供暖, year: {year}}}\n" for name, year in columns)
    ledger = f"estates:\n  path: estates.csv\n  history:\n{history}"
    job.write_text(
        job.read_text(encoding="utf-8").replace("estates: {path: estates.csv}\n", ledger), encoding="utf-8"
    )
    said = checked(cli, job)
    for line in (
        "户数、户数.1、总户数 同为 households, 只读第一列; 3 行不一致 → 只留一列",
        "供暖2020、供暖另 同为 供暖 2020 年, 两列相加 → 若不是分项, 改 year",
        "供暖2021: 2021 年到 2021-08 还没有结束, 不计入历史",
        "第 3 行: 供暖另 99999 比其余各行的 100 倍还多; 保留 → 核对",
        "第 3 行: 1 个小区的数据日期晚于 2021-08 一年以上; 保留, 并盖过别的表 → 核对日期",
        "第 4 行 供暖2019: 小于 0, 1 处, 置空",
        "第 4 行 供暖2020: 不是整数, 1 处, 置空",
        "第 4 行 供暖2021: 不是数字, 1 处, 置空",
    ):
        assert line in said, (line, said)
    assert "'3件'" not in said
    assert "'8起'" not in said


def test_one_estate_and_no_history(cli: Cli, job: Path) -> None:
    (job.parent / "estates.csv").write_text(f"{HEAD}\nE1,东里,东社区,200,1985,116.45,39.92,85%", encoding="utf-8")
    said = checked(cli, job)
    assert "只有 1 个小区: 无从比较, 等级一律为蓝 → 补充其他小区" in said
    assert "没有任何小区的历史诉求: 只按小区属性评分 →" in said
    _, risk = scored(cli, job)
    assert set(risk["grade"]) == {"blue"}
    assert risk["score"].between(1, 100).all()


def test_protected_columns_are_named_and_not_read(cli: Cli, job: Path) -> None:
    rows = [f"{HEAD},民族,household_income", "E1,东里,东社区,200,1985,116.45,39.92,85%,回族,3000"]
    (job.parent / "estates.csv").write_text("\n".join(rows), encoding="utf-8")
    assert "受保护的属性从不读取: 民族、household_income → 建议从表中删去" in checked(cli, job)
    job.write_text(job.read_text(encoding="utf-8").replace(
        "{path: estates.csv}", "{path: estates.csv, columns: {rental_share: 民族}}"), encoding="utf-8")  # fmt: skip
    result = cli("check", job)
    assert result.exit_code == 2
    assert "protected attributes are never read: 民族" in result.stderr


def test_a_real_sheet_with_a_title_units_and_dates(cli: Cli, job: Path) -> None:
    head = ["序号", "小区名称", "所属社区", "总户数（户）", "建成年代", "维修资金余额(万元)", "物业费收缴率(%)",
            "是否管网末端", "物业合同到期日期", "数据来源"]  # fmt: skip
    rows = [
        ["老旧小区台账 (2021 年)", *[None] * 9],
        head,
        ["1", "东里", "东社区", "1,200户", "1985年", "66", "85", "是", "2021年12月31日", "房管科"],
        ["2", "西里", "西社区", "300", "1990-05-01", "12.5", "0.9", "否", "2022-06", None],
    ]
    path = job.parent / "estates.xlsx"
    pd.DataFrame(rows).to_excel(path, header=False, index=False, engine="xlsxwriter")
    job.write_text(job.read_text(encoding="utf-8").replace("estates.csv", "estates.xlsx"), encoding="utf-8")
    estates = scored(cli, job)[0].set_index("name")
    assert estates["households"].tolist() == [1200, 300]
    assert estates["built_year"].tolist() == [1985, 1990]
    assert estates["fund_balance"].tolist() == [660_000, 125_000]
    assert estates["fee_collection_rate"].tolist() == [0.85, 0.9]
    assert estates["end_of_line"].tolist() == [True, False]
    assert estates["contract_end"].dt.strftime("%Y-%m-%d").tolist() == ["2021-12-31", "2022-06-30"]
    facts = store.read(job.parent / "runs/latest/estate_facts.parquet").set_index(["row", "field"])["source"]
    assert facts[3, "built_year"] == "房管科"
    assert facts[4, "built_year"] == "estates.xlsx"


def test_doubtful_names_are_asked_once_and_the_answer_holds(cli: Cli, job: Path) -> None:
    path = job.parent / "orders.csv"
    orders = pd.read_csv(path, dtype="str")
    orders["小区"] = orders["community"].map({"东社区": "东风花圆", "西社区": "西里二期", "南社区": "南里小区"})
    orders.to_csv(path, index=False)
    rows = ["11010500100101,东风花园,东社区,200,1985,116.45,39.92,85%", "E2,西里一期,西社区,90,1985,116.55,39.92,85%",
            "E3,南里,南社区,90,1985,116.65,39.92,85%"]  # fmt: skip
    (job.parent / "estates.csv").write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    said = checked(cli, job)
    (asked_rows,) = re.findall(r"1 对小区名称存疑 \(涉及 (\d+) 起\), 未合并", said)
    (lost,) = re.findall(r"(\d+) 起诉求的小区名称在小区表中找不到或存疑", said)
    assert 0 < int(asked_rows) < int(lost)
    review = job.parent / "estates_review.csv"
    asked = pd.read_csv(review, dtype="str")
    assert asked[["写法", "小区名称", "为何存疑", "小区编号"]].values.tolist() == [
        ["东风花圆", "东风花园", "名称相近", '="11010500100101"']
    ]
    for answer, left in (("同", int(lost) - int(asked_rows)), ("不同", int(lost))):
        asked.assign(**{"小区编号": "11010500100101", "答复(相同/不同)": answer}).to_csv(
            review, index=False, encoding="gb18030"
        )
        for _ in range(2):
            said = checked(cli, job)
            assert "存疑 (涉及" not in said
            assert f"{left} 起诉求的小区名称" in said
    asked.assign(**{"答复(相同/不同)": "也许"}).to_csv(review, index=False)
    result = cli("check", job)
    assert result.exit_code == 3
    assert "'也许' in row 2 is neither" in result.stderr
