"""Area files (GeoJSON, Shapefile, GeoPackage or a table) -> Areas; what rows mean is decided in forecast.areas."""

from pathlib import Path

import pandas as pd

from forecast.areas import AreaSource, to_areas
from forecast.errors import DataError, Fault
from pipelines import sheets

SHAPE_FILES = (".geojson", ".json", ".shp", ".gpkg", ".zip")
DEGREES = "EPSG:4326"


def read_areas(source: AreaSource, root: Path, city: str) -> pd.DataFrame:
    """Read the area file and its shapes.

    Args:
        source: paths relative to `root`, header names, how shapes are joined.
        city: name of the whole.

    Returns:
        Areas.

    Raises:
        DataError: every fault of both files at once: unreadable, no rows, or wrong in themselves.
    """
    frames: list[pd.DataFrame | None] = []
    faults: list[Fault] = []
    for path in (source.path, source.shapes):
        try:
            frames.append(_read(root / path, source) if path else None)
        except DataError as error:
            faults += error.faults
    if faults:
        raise DataError(faults)
    rows, shapes = frames
    if rows is None:
        raise DataError(Fault("has no `path`", "areas", "say where the areas are, e.g. path: input/areas.csv"))
    return to_areas(rows, source, city, shapes, where=source.path)


def _read(path: Path, source: AreaSource) -> pd.DataFrame:
    if path.suffix.lower() not in SHAPE_FILES:
        return sheets.read(path, source.encoding)
    try:
        return _read_shapes(path, source)
    except OSError as error:
        raise DataError(Fault(f"cannot be read ({error.strerror or error})", str(path), "check the path")) from None
    except DataError:
        raise
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        fix = "save it again as GeoJSON or GeoPackage, or mend areas.crs"
        raise DataError(Fault(f"cannot be read ({first})", str(path), fix)) from None


def _read_shapes(path: Path, source: AreaSource) -> pd.DataFrame:
    """Attributes as text, `geometry` as WKB in degrees; features are counted from 1."""
    import geopandas

    if not path.exists():
        raise FileNotFoundError(2, "No such file", str(path))
    encoding = None if source.encoding == "auto" else source.encoding
    frame = geopandas.read_file(path, encoding=encoding)
    if frame.empty or not isinstance(frame, geopandas.GeoDataFrame):
        raise DataError(Fault("has no shapes", str(path), "export it again with its polygons"))
    shapes = frame.geometry
    if shapes.crs is None or source.crs:
        shapes = shapes.set_crs(source.crs or DEGREES, allow_override=True)
    shapes = shapes.to_crs(DEGREES)
    west, south, east, north = shapes.total_bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        fix = "say in areas.crs which coordinates the file has, e.g. EPSG:4549"
        raise DataError(Fault(f"coordinates are no degrees ({west:.0f}, {south:.0f} ...)", str(path), fix))
    rows = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    rows = rows.apply(lambda column: column.astype("str").where(column.notna()))
    return rows.assign(geometry=shapes.make_valid().to_wkb()).set_axis(range(1, len(rows) + 1), axis=0)
