"""A word nobody knows -> the known one it was probably meant to be."""

from collections.abc import Iterable, Mapping

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


def kin(header: str, fields: Mapping[str, Iterable[str]], least: float = ALIKE) -> tuple[str, float] | None:
    """The field one of whose names is most like `header`, and how alike they are.

    Args:
        header: name of a column.
        fields: field -> names it is known by.
        least: likeness, 0..100, below which there is none.

    Returns:
        (field, likeness 0..200, of the whole and of the second half); the ends must share a letter, for the end of
        a header says what kind of thing it is. None when no name is near.
    """
    from rapidfuzz import fuzz, utils

    word = utils.default_process(header)
    best: tuple[str, float] | None = None
    for field, names in fields.items():
        for known in map(utils.default_process, names):
            whole, end = fuzz.ratio(word, known), fuzz.ratio(word[len(word) // 2 :], known[len(known) // 2 :])
            if whole >= least and end > 0 and (best is None or whole + end > best[1]):
                best = (field, whole + end)
    return best
