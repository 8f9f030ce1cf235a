import gzip
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import shapely

from forecast.areas import AreaSource, gazetteer, streets
from forecast.errors import DataError
from pipelines.geography import read_areas

ROOT = Path(__file__).parents[2]
NYC = ROOT / "data" / "fixtures" / "nyc"
TABLE = "代码,名称,街道\n1,甲社区,东街\n2,乙社区,东街\n"


def told(source: AreaSource, root: Path) -> list[str]:
    with pytest.raises(DataError) as raised:
        read_areas(source, root, "某市")
    return [str(fault) for fault in raised.value.faults]


def shapes(path: Path, crs: str | None = "EPSG:4326", **attributes: list[object]) -> None:
    boxes = [shapely.box(116.0 + k, 39.0, 117.0 + k, 40.0) for k in range(2)]
    frame = geopandas.GeoDataFrame(attributes or {"code": [1, 2]}, geometry=boxes, crs="EPSG:4326")
    if crs is None:
        frame = frame.set_crs(None, allow_override=True)
    elif crs != "EPSG:4326":
        frame = frame.to_crs(crs)
    frame.to_file(path)


def placed(areas: pd.DataFrame, lon: float, lat: float) -> str:
    on = pd.Series([pd.Timestamp("2024-01-01")])
    return str(gazetteer(areas).resolve([], pd.Series([lon]), pd.Series([lat]), on).fillna("nowhere")[0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(TABLE.encode(encoding))
    areas = read_areas(AreaSource(path="a.csv"), tmp_path, "某市")
    assert streets(areas)[["area", "area_name", "street_name"]].to_numpy().tolist() == [
        ["1", "甲社区", "东街"],
        ["2", "乙社区", "东街"],
    ]


def test_gzip_and_excel_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TABLE.replace(",", "\t").encode()))
    pd.DataFrame({"代码": [1, 2], "名称": ["甲社区", "乙社区"], "街道": ["东街"] * 2}).to_excel(
        tmp_path / "a.xlsx", index=False
    )
    one, two = (read_areas(AreaSource(path=name), tmp_path, "某市") for name in ("a.csv.gz", "a.xlsx"))
    assert one.equals(two)


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp"])
def test_polygons_by_code(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text(TABLE, encoding="utf-8")
    shapes(tmp_path / name)
    source = AreaSource(path="a.csv", shapes=name, shape_key="code")
    areas = read_areas(source, tmp_path, "某市")
    assert [placed(areas, 116.5, 39.5), placed(areas, 117.5, 39.5)] == ["1", "2"]


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    shapes(tmp_path / "a.gpkg", area_id=[7.0, 8.0], name=["甲", "乙"])
    areas = read_areas(AreaSource(path="a.gpkg"), tmp_path, "某市")
    assert areas.loc[areas["level"] == "community", "area"].tolist() == ["7", "8"]
    assert placed(areas, 117.5, 39.5) == "8"


def test_other_coordinates_become_degrees(tmp_path: Path) -> None:
    shapes(tmp_path / "a.gpkg", crs="EPSG:4549")
    areas = read_areas(AreaSource(path="a.gpkg"), tmp_path, "某市")
    assert placed(areas, 116.5, 39.5) == "1"


def test_coordinates_without_a_system(tmp_path: Path) -> None:
    shapes(tmp_path / "metres.shp", crs="EPSG:4549")
    (tmp_path / "metres.prj").unlink()
    assert "coordinates are no degrees" in told(AreaSource(path="metres.shp"), tmp_path)[0]
    areas = read_areas(AreaSource(path="metres.shp", crs="EPSG:4549"), tmp_path, "某市")
    assert placed(areas, 116.5, 39.5) == "1"


def test_a_crossed_ring_is_mended(tmp_path: Path) -> None:
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    geopandas.GeoDataFrame({"code": [1]}, geometry=[bow], crs="EPSG:4326").to_file(tmp_path / "a.geojson")
    areas = read_areas(AreaSource(path="a.geojson"), tmp_path, "某市")
    assert placed(areas, 0.9, 0.5) == "1"
    assert placed(areas, 0.5, 0.1) == "nowhere"


def test_faults_of_both_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("", encoding="utf-8")
    found = told(AreaSource(path="a.csv", shapes="none.geojson", shape_key="code"), tmp_path)
    assert len(found) == 2
    assert "is empty" in found[0]
    assert "cannot be read (No such file)" in found[1]


@pytest.mark.parametrize("text", ["{}", '{"type": "FeatureCollection", "features": []}', "no json"])
def test_a_file_without_shapes(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.geojson").write_text(text, encoding="utf-8")
    assert len(told(AreaSource(path="a.geojson"), tmp_path)) == 1


def test_header_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,name\n", encoding="utf-8")
    assert "has no rows" in told(AreaSource(path="a.csv"), tmp_path)[0]


def test_lines_are_counted_as_a_person_does(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("code,lon,lat\n1,0,0\n2,500,0\n", encoding="utf-8")
    assert "impossible lon: 500 (first at line 3)" in told(AreaSource(path="a.csv"), tmp_path)[0]


@pytest.fixture(scope="module")
def boards() -> pd.DataFrame:
    source = AreaSource(path="boards.csv", shapes="community_districts.geojson", shape_key="boro_cd")
    return read_areas(source, NYC, "纽约")


class TestNewYork:
    def test_boards_lie_in_boroughs_and_have_shapes(self, boards: pd.DataFrame) -> None:
        assert boards["level"].value_counts().to_dict() == {"community": 59, "street": 5, "city": 1}
        own = boards[boards["level"] == "community"]
        assert own["geometry"].map(lambda shape: isinstance(shape, bytes)).all()
        assert own["parent"].value_counts().to_dict() == {"BK": 18, "QN": 14, "MN": 12, "BX": 12, "SI": 3}

    def test_complaints_find_their_board(self, boards: pd.DataFrame) -> None:
        rows = pd.read_csv(NYC / "council.csv.gz", dtype="str")
        on = pd.to_datetime(rows["opendate"])
        found = gazetteer(boards).resolve([rows["community_board"], rows["zip"]], None, None, on)
        assert found.notna().mean() > 0.81
        assert found.nunique() == 59
        assert found[rows["community_board"] == "82 Queens"].dropna().str.startswith("4").all()
        assert found[rows["community_board"].isna() & rows["zip"].isna()].isna().all()

    def test_points_and_codes_agree(self, boards: pd.DataFrame) -> None:
        rows = pd.read_csv(NYC / "heat.csv.gz", dtype={"boro_cd": "str"})
        on = pd.Series(pd.Timestamp("2022-01-01"), index=rows.index)
        book = gazetteer(boards)
        by_code = book.resolve([rows["boro_cd"]], None, None, on)
        by_point = book.resolve([], rows["lon"], rows["lat"], on)
        assert by_code.isna().sum() == 6
        assert by_point.isna().mean() < 0.005
        both = by_code.notna() & by_point.notna()
        assert (by_code == by_point)[both].mean() > 0.99

    def test_the_fixtures_stay_small(self) -> None:
        assert sum(path.stat().st_size for path in NYC.iterdir()) < 2_900_000
