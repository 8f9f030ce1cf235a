"""One text in both languages."""

from typing import NamedTuple


class Text(NamedTuple):
    zh: str
    en: str
