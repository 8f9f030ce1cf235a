"""Figures of cells summed upwards."""


def totals(
    cells: list[tuple[str, str]], above: dict[str, list[str]], figures: list[list[float]]
) -> dict[tuple[str, str], list[float]]:
    """Figures of each (area, category) summed into every area above, and every area summed into category "*"."""
    out: dict[tuple[str, str], list[float]] = {}
    for (area, category), row in zip(cells, figures, strict=True):
        for place in {area, *above.get(area, [])}:
            for topic in (category, "*"):
                total = out.setdefault((place, topic), [0.0] * len(row))
                for month, figure in enumerate(row):
                    total[month] += figure
    return out
