"""A word nobody knows -> the known one it was probably meant to be."""

from collections.abc import Iterable

ALIKE = 60
"""Least likeness, 0..100, of a word worth proposing (our choice: two letters off in six)."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word`, if any is near."""
    from rapidfuzz import fuzz, process, utils

    found = process.extractOne(
        word, sorted(known), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=ALIKE
    )
    return None if found is None else str(found[0])


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """What to do about an unknown word: take the near one, else `otherwise`."""
    near = nearest(word, known)
    return f"did you mean {near!r}?" if near else otherwise
