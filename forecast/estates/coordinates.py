"""Degrees of GCJ-02 or BD-09 -> WGS-84."""

from collections.abc import Callable

import numpy as np

CHINA = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of the box inside which Chinese maps are shifted, as published with the formula."""

Shift = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def to_wgs84(lon: np.ndarray, lat: np.ndarray, crs: str | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees as WGS-84, better than a metre; outside China nothing is shifted.

    Args:
        lon, lat: (n,) degrees; NaN stays NaN. crs: WGS-84, GCJ-02 or BD-09, one for all or (n,).

    Source: the shifts as published in open source (eviltransform, googollee 2013; coordtransform, wandergis
    2015: Krasovsky 1940 ellipsoid, a = 6378245 m, e2 = 0.00669342162296594323), turned back by fixed point.
    The box of China is theirs too; it reaches over some neighbours, whose maps never use GCJ-02.
    """
    named = np.broadcast_to(np.asarray(crs, dtype=object), lon.shape)
    baidu, shifted = named == "BD-09", named != "WGS-84"
    x, y = _where(baidu, gcj02_to_bd09, lon, lat)
    return _where(shifted, wgs84_to_gcj02, x, y)


def wgs84_to_gcj02(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shift of Chinese maps, some hundred metres. Source: see `to_wgs84`."""
    axis, e2 = 6378245.0, 0.00669342162296594323
    x, y = lon - 105.0, lat - 35.0
    waves = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + waves * 2 / 3
    north += (20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + waves * 2 / 3
    east += (20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    slope = 1 - e2 * np.sin(np.radians(lat)) ** 2
    east_degrees = np.degrees(east / (axis / np.sqrt(slope) * np.cos(np.radians(lat))))
    north_degrees = np.degrees(north / (axis * (1 - e2) / slope**1.5))
    inside = _in_china(lon, lat)
    return np.where(inside, lon + east_degrees, lon), np.where(inside, lat + north_degrees, lat)


def gcj02_to_bd09(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The further shift of Baidu. Source: see `to_wgs84`."""
    turn = np.pi * 3000 / 180
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * turn)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * turn)
    inside = _in_china(lon, lat)
    x, y = radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _in_china(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    west, south, east, north = CHINA
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _where(chosen: np.ndarray, shift: Shift, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points that `shift` moves to lon, lat where `chosen`; each step is at least a hundred times nearer."""
    x, y = lon[chosen], lat[chosen]
    for _ in range(6):
        moved_x, moved_y = shift(x, y)
        x, y = x + lon[chosen] - moved_x, y + lat[chosen] - moved_y
    far_x, far_y = lon.astype(float), lat.astype(float)
    far_x[chosen], far_y[chosen] = x, y
    return far_x, far_y
