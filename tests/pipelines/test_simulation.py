"""A made-up city is written as real exports look: same bytes again, and intake finds the truth behind the dirt."""

import itertools
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from forecast.areas import AreaSource, gazetteer, to_areas
from forecast.errors import RunError
from forecast.requests import clean
from forecast.simulate import City
from forecast.sources import Source
from forecast.tables import UNCLASSIFIED
from forecast.taxonomy import Taxonomy, classify
from pipelines.simulation import write_city

SPEC = City(seed=5, communities=16, years=6, scale=0.4)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_city(folder, SPEC)
    return folder


@pytest.fixture(scope="session")
def exports(folder: Path) -> dict[int, pd.DataFrame]:
    """Raw texts of each year's export below its header."""
    tables = {}
    for path in sorted((folder / "orders").iterdir()):
        year = int(path.stem)
        if path.suffix == ".xlsx":
            table = pd.read_excel(path, header=1, dtype=object, engine="calamine")
            table = table.astype("str").replace("nan", None)
        else:
            encoding = "gb18030" if year == 2015 else "utf-8-sig"
            table = pd.read_csv(path, encoding=encoding, header=int(year == 2015), dtype="str")
        tables[year] = table
    return tables


def test_written_paths_are_told(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"areas.csv", "communities.geojson", "estates.csv", "orders/2014.xlsx", "orders/2019.csv"} <= names
    assert {"truth/cells.parquet", "truth/estates.parquet", "truth/orders.parquet", "truth/city.json"} <= names


def test_the_same_city_is_written_byte_for_byte(tmp_path: Path) -> None:
    tiny = City(seed=9, communities=4, years=2, scale=0.2)
    first = {path.relative_to(tmp_path): path.read_bytes() for path in write_city(tmp_path, tiny)}
    assert set(first) == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    again = {path.relative_to(tmp_path): path.read_bytes() for path in write_city(tmp_path, tiny)}
    assert first == again


def test_a_city_is_not_mixed_with_another(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "2031.csv").write_text("x")
    with pytest.raises(RunError, match=r"2031\.csv"):
        write_city(tmp_path, SPEC)
    assert [path.name for path in tmp_path.rglob("*")] == ["orders", "2031.csv"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(RunError, match="cannot write"):
        write_city(tmp_path / "taken", City(seed=1, communities=4, years=2, scale=0.1))


def test_exports_differ_from_year_to_year(folder: Path, exports: dict[int, pd.DataFrame]) -> None:
    raw = {path.stem: path.read_bytes() for path in (folder / "orders").glob("*.csv")}
    assert raw["2015"].decode("gb18030").startswith("说明")
    with pytest.raises(UnicodeDecodeError):
        raw["2015"].decode("utf-8")
    assert raw["2016"].startswith(b"\xef\xbb\xbf")
    assert not raw["2017"].startswith(b"\xef\xbb\xbf")
    assert "问题分类" in exports[2014]
    assert {"一级分类", "二级分类", "三级分类"} <= set(exports[2015])
    assert exports[2016]["问题分类"].dropna().str.fullmatch("[^>]+->[^>]+->[^>]+").all()
    headers = [tuple(table.columns) for table in exports.values()]
    assert len(set(headers)) == 6
    serial = pd.to_numeric(exports[2014]["来电时间"], errors="coerce").dropna()
    assert serial.between(41640, 42005).mean() > 0.99
    for header in (
        "工单编号",
        "工单类型",
        "标题",
        "主要内容",
        "来电人",
        "来电号码",
        "小区点位",
        "主办单位",
        "办结时间",
    ):
        assert all(header in table for table in exports.values()), header


def test_exports_hold_the_promised_dirt(exports: dict[int, pd.DataFrame]) -> None:
    everything = pd.concat(exports.values())
    ids = [set(table["工单编号"]) for table in exports.values()]
    assert all(early & late for early, late in itertools.pairwise(ids))
    assert everything["工单编号"].str.fullmatch(r"\d{13}").all()
    kinds = everything["工单类型"].value_counts(normalize=True)
    assert kinds["咨询"] == pytest.approx(0.15, abs=0.01)
    blank = pd.concat([t["问题分类"] if "问题分类" in t else t["一级分类"] for t in exports.values()]).isna()
    assert blank.mean() == pytest.approx(0.05, abs=0.01)
    community = pd.concat([t["社区/村"] if "社区/村" in t else t["社区"] for t in exports.values()])
    assert (community == "不详").mean() == pytest.approx(0.02, abs=0.005)
    times = pd.concat([exports[year]["来电时间"] for year in (2018, 2019)])
    wrong = times[pd.to_datetime(times, errors="coerce").isna()]
    assert 1 <= len(wrong) < 0.002 * len(times)


def test_people_are_obviously_invented(exports: dict[int, pd.DataFrame]) -> None:
    everything = pd.concat(exports.values())
    assert everything["来电号码"].str.fullmatch(r"19900\d{6}").all()
    assert everything["来电人"].str.contains("测试").all()
    numbers = re.findall(r"\d{8,}", " ".join(everything["主要内容"]))
    assert len(numbers) > 100
    assert all(number.startswith("19900") for number in numbers)


def test_polygons_are_geojson_with_the_codes(folder: Path) -> None:
    shapes = json.loads((folder / "communities.geojson").read_text(encoding="utf-8"))
    areas = pd.read_csv(folder / "areas.csv", dtype="str")
    assert {feature["properties"]["area"] for feature in shapes["features"]} <= set(areas["area"])
    ring = shapes["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert areas["area"].str.len().eq(12).all()


def test_intake_finds_the_truth_behind_the_dirt(folder: Path, exports: dict[int, pd.DataFrame]) -> None:
    configs = Path(__file__).resolve().parents[2] / "configs"
    tree = yaml.safe_load((configs / "categories" / "cn.yaml").read_text(encoding="utf-8"))
    taxonomy = Taxonomy.model_validate(tree)
    rows = pd.read_csv(folder / "areas.csv", dtype="str")
    finder = gazetteer(to_areas(rows, AreaSource(path="areas.csv"), "模拟市"))
    parts = [
        clean(
            table.astype("str"),
            Source(name="orders"),
            finder.resolve,
            lambda texts, free, on: classify(texts, free, on, taxonomy),
            b"key",
            consultations=("Z",),
        ).requests
        for table in exports.values()
    ]
    requests = pd.concat(parts).drop_duplicates("request_id").set_index("request_id")
    truth = pd.read_parquet(folder / "truth" / "orders.parquet").set_index("request_id")
    real = truth[(truth["incident"] >= 0) & (truth["category"] != "Z")]
    assert set(requests.index) <= set(real.index)
    assert len(requests) > 0.998 * len(real)
    both = requests.join(real.add_suffix("_true"))
    known = both["category"] != UNCLASSIFIED
    assert (both["category"] == both["category_true"])[known].all()
    assert 0 < (~known).mean() < 0.004
    placed = both["area"].notna()
    assert (both["area"] == both["area_true"])[placed].all()
    assert (~placed).mean() == pytest.approx(0.02, abs=0.006)
