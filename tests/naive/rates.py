"""The three rates of one list of call-backs, one after the other."""

from collections.abc import Sequence


def three_rates(answers: Sequence[tuple[bool | None, bool | None, float | None]], least: int) -> list[float | None]:
    """[response, resolution, satisfaction, score] of (contacted, resolved, satisfied); None = no answer."""
    found: list[float | None] = []
    for question in range(3):
        given = [float(value) for row in answers if (value := row[question]) is not None]
        found.append(sum(given) / len(given) if len(given) >= least else None)
    response, resolution, satisfaction = found
    if response is None or resolution is None or satisfaction is None:
        return [*found, None]
    return [*found, 100 * (0.1 * response + 0.5 * resolution + 0.4 * satisfaction)]
