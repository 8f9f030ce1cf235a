"""Ledgers of estates and names of estates in orders -> Estates, EstateHistory, EstateFacts, EstateReview."""

from forecast.estates.cells import Box
from forecast.estates.coordinates import to_wgs84, wgs84_to_gcj02
from forecast.estates.names import history
from forecast.estates.options import EstateColumns, EstateSource, HistoryColumn, Matching
from forecast.estates.sheet import DROPS, NO_AREA, Ledger, Note, PlaceArea, clean, nothing, unread
from forecast.estates.unite import unite
from forecast.protected import is_protected

__all__ = [
    "DROPS", "NO_AREA", "Box", "EstateColumns", "EstateSource", "HistoryColumn", "Ledger", "Matching", "Note",
    "PlaceArea", "clean", "history", "is_protected", "nothing", "to_wgs84", "unite", "unread",
    "wgs84_to_gcj02",
]  # fmt: skip
