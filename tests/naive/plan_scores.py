"""What lists held, request by request: every way to draw a tie is tried."""

from itertools import combinations
from math import isnan


def drawn_lists(ranking: list[float], k: int) -> list[tuple[int, ...]]:
    """Every list of k entries such that no entry left out ranks above one listed."""
    entries = range(len(ranking))
    return [
        listed
        for listed in combinations(entries, k)
        if all(ranking[i] >= ranking[j] for i in listed for j in entries if j not in listed)
    ]


def held_by_list(ranking: list[float], came: list[float], k: int) -> float:
    """Mean over all draws of ties of what the k highest held."""
    lists = drawn_lists(ranking, k)
    return sum(sum(came[i] for i in listed) for listed in lists) / len(lists)


def kept_in_list(ranking: list[float], later: list[float], k: int) -> float:
    """Mean over all pairs of draws of the share of the list that is on the later list of equal length."""
    pairs = [(one, two) for one in drawn_lists(ranking, k) for two in drawn_lists(later, k)]
    return sum(len(set(one) & set(two)) for one, two in pairs) / len(pairs) / k


def plan_list(
    y: list[list[float]], origin: int, expected: list[list[float]], months: int, k: int
) -> dict[str, dict[str, float]]:
    """captured and surge of each list. `y`: cells x months, the first `origin` of them are the past."""
    cells = [i for i in range(len(y)) if not any(isnan(y[i][origin + h]) for h in range(months))]
    came = [sum(y[i][origin : origin + months]) for i in cells]
    usual, last_year = [], []
    for i in cells:
        year = [count for count in y[i][max(origin - 12, 0) : origin] if not isnan(count)]
        mean = sum(year) / len(year) if year else 0.0
        before = [origin - 12 + h % 12 for h in range(months)]
        known = [y[i][t] if t >= 0 and not isnan(y[i][t]) else mean for t in before]
        usual.append(mean * months)
        last_year.append(sum(known))
    lists = {
        "plan": [sum(expected[i][:months]) for i in cells],
        "last_year": last_year,
        "flat_mean": usual,
        "oracle": came,
    }
    excess = [max(a - b, 0.0) for a, b in zip(came, usual, strict=True)]
    found = {}
    for name, ranking in lists.items():
        over = [round(a - b, 9) for a, b in zip(ranking, usual, strict=True)]
        surge = held_by_list(over, excess, k)
        whole = sum(excess)
        captured = held_by_list([round(one, 9) for one in ranking], came, k)
        found[name] = {"captured": captured, "surge": surge / whole if whole else float("nan")}
    return found
