"""Scores of a forecast, figure by figure."""

from math import isnan, sqrt

from tests.naive.season import YEAR


def scores(
    y: list[list[float]],
    origin: int,
    mean: list[list[float]],
    quantiles: list[list[list[float]]],
    levels: list[float],
) -> dict[str, float]:
    """Scores of one origin, all horizons together. `y`: cells x months, the first `origin` of them are the past."""
    cells, horizon = range(len(y)), len(mean[0])
    change = []
    for counts in y:
        pairs = [(counts[t], counts[t - YEAR]) for t in range(YEAR, origin)]
        known = [abs(a - b) for a, b in pairs if not isnan(a) and not isnan(b)]
        past = [count for count in counts[:origin] if not isnan(count)]
        level = sum(past) / len(past) if past else 0.0
        absolute = sum(known) / len(known) if known else level
        squared = sum(d * d for d in known) / len(known) if known else level**2
        change.append((max(absolute, 0.25), max(squared, 0.25)))
    year = [[count for count in counts[max(origin - YEAR, 0) : origin] if not isnan(count)] for counts in y]
    volume = [sum(counts) + 1e-9 for counts in year]
    usual = [sum(counts) / len(counts) if counts else 0.0 for counts in year]

    sums = dict.fromkeys(
        ("y", "pinball", "absolute", "error", "weight", "scaled", "months", "in50", "in80", "in95"), 0.0
    )
    parts = {"spread": 0.0, "under": 0.0, "over": 0.0}
    for i in cells:
        for h in range(horizon):
            came = y[i][origin + h]
            if isnan(came):
                continue
            q = quantiles[i][h]
            pinball = sum((p if came >= f else p - 1) * (came - f) for p, f in zip(levels, q, strict=True)) / len(
                levels
            )
            sums["y"] += came
            sums["months"] += 1
            sums["pinball"] += pinball
            sums["absolute"] += abs(came - q[3])
            sums["error"] += mean[i][h] - came
            sums["weight"] += volume[i]
            sums["scaled"] += volume[i] * 2 * pinball / change[i][0]
            for name, low, high in (("in50", 2, 4), ("in80", 1, 5), ("in95", 0, 6)):
                sums[name] += q[low] <= came <= q[high]
            parts["under"] += max(came - q[3], 0) / 2 / 3.5
            parts["over"] += max(q[3] - came, 0) / 2 / 3.5
            for k in range(3):
                alpha = 2 * levels[k]
                parts["spread"] += alpha / 2 * (q[6 - k] - q[k]) / 3.5
                parts["under"] += max(came - q[6 - k], 0) / 3.5
                parts["over"] += max(q[k] - came, 0) / 3.5
    rmsse = []
    for i in cells:
        squares = [(y[i][origin + h] - mean[i][h]) ** 2 for h in range(horizon) if not isnan(y[i][origin + h])]
        if squares:
            rmsse.append((volume[i], sqrt(sum(squares) / len(squares) / change[i][1])))
    ranked: dict[str, list[float]] = {"capture": [], "surge": [], "precision": [], "lift": []}
    for h in range(horizon):
        there = [i for i in cells if not isnan(y[i][origin + h])]
        actual = {i: y[i][origin + h] for i in there}
        excess = {i: actual[i] - usual[i] for i in there}
        last_year = {i: y[i][origin + h - YEAR] for i in there}
        last_year = {i: -1.0 if isnan(count) else count for i, count in last_year.items()}
        chosen = top(there, {i: mean[i][h] for i in there}, 0.1)
        best = top(there, actual, 0.1)
        before = top(there, last_year, 0.1)
        ranked["capture"].append(sum(actual[i] for i in chosen) / sum(actual[i] for i in best))
        ranked["lift"].append(sum(actual[i] for i in chosen) / sum(actual[i] for i in before))
        least = min(actual[i] for i in best)
        ranked["precision"].append(sum(actual[i] >= least and actual[i] > 0 for i in chosen) / len(chosen))
        chosen = top(there, {i: mean[i][h] - usual[i] for i in there}, 0.05)
        best = top(there, excess, 0.05)
        ranked["surge"].append(sum(excess[i] for i in chosen) / sum(excess[i] for i in best))
    return {
        "wspl": sums["scaled"] / sums["weight"],
        "wape": sums["absolute"] / sums["y"],
        "bias": sums["error"] / sums["y"],
        "rmsse": sum(error for _, error in rmsse) / len(rmsse),
        "wrmsse": sum(weight * error for weight, error in rmsse) / sum(weight for weight, _ in rmsse),
        "wql": 2 * sums["pinball"] / sums["y"],
        "wis": sum(parts.values()) / sums["months"],
        **{f"wis_{name}": part / sums["months"] for name, part in parts.items()},
        **{f"coverage_{name[2:]}": sums[name] / sums["months"] for name in ("in50", "in80", "in95")},
        **{name: sum(figures) / len(figures) for name, figures in ranked.items()},
    }


def top(cells: list[int], key: dict[int, float], share: float) -> list[int]:
    """The highest `share` of the cells, at least one; ties keep their order."""
    return sorted(cells, key=lambda i: -key[i])[: max(1, round(share * len(cells)))]
