"""Slow, obvious twins of the formulas: plain loops over plain numbers, to be read next to the paper."""

from math import cos, exp, floor, isnan, log, nan, pi, sqrt
from statistics import NormalDist
from typing import Any

YEAR = 12


def seasonal_naive(y: list[list[float]], horizon: int) -> list[list[float]]:
    """Same month of the latest covered year, else the mean of the covered months, else 0."""
    means = []
    for counts in y:
        covered = [count for count in counts if not isnan(count)]
        row = []
        for ahead in range(1, horizon + 1):
            month = len(counts) - 1 + ahead - YEAR
            while month >= 0 and (month >= len(counts) or isnan(counts[month])):
                month -= YEAR
            row.append(counts[month] if month >= 0 else sum(covered) / len(covered) if covered else 0.0)
        means.append(row)
    return means


def climatology(
    y: list[list[float]], category: list[str], area: list[str], first_month: int, horizon: int, options: Any
) -> list[list[float]]:
    """Level x season. `first_month`: 0 for January; `options`: those of Climate."""
    length = len(y[0])
    moy = [(first_month + t) % YEAR for t in range(length + horizon)]
    index = seasonal_index(y, category, moy[:length], options.season)
    level = levels(y, index, category, area, moy[:length], options)
    return [[level[i] * index[i][moy[length + h]] for h in range(horizon)] for i in range(len(y))]


def centred_mean(counts: list[float]) -> list[float]:
    """Mean of the two years of months around each month; near the ends both are the nearest whole year."""
    length = len(counts)
    means = []
    for t in range(length):
        total = weight = 0.0
        for start in (t - 6, t - 5):
            start = min(max(start, 0), length - YEAR)
            for month in range(start, start + YEAR):
                if length >= YEAR and not isnan(counts[month]):
                    total += counts[month]
                    weight += 1
        means.append(total / weight if weight >= 18 else nan)
    return means


def seasonal_index(y: list[list[float]], category: list[str], moy: list[int], options: Any) -> list[list[float]]:
    """Ratios to the centred mean, shrunk cell -> category -> city -> 1 by the variances they show; damped.

    `options`: those of Season.
    """
    cells = [ratios(counts) for counts in y]
    length = len(moy)
    edge = [0.5 if t < 6 or t >= length - 6 else 1.0 for t in range(length)]

    def pooled(chosen: list[int]) -> list[tuple[float, float]]:
        return [(sum(cells[i][t][0] for i in chosen), sum(cells[i][t][1] for i in chosen)) for t in range(length)]

    city, _ = robust(pooled(list(range(len(y)))), [1.0] * YEAR, edge, moy, options)
    members = {name: [i for i in range(len(y)) if category[i] == name] for name in category}
    above = {name: robust(pooled(chosen), city, edge, moy, options) for name, chosen in members.items()}
    shown = [evidence(cells[i], *above[category[i]], moy, options) for i in range(len(y))]
    usual = variances(summed(shown), options.spread, options.noise, options)
    out = []
    for i, name in enumerate(category):
        parent, weight = above[name]
        spread, noise = variances(summed([shown[j] for j in members[name]]), *usual, options)
        own = shrunk(cells[i], parent, weight, spread, noise, moy)
        out.append(normalised([value**options.power for value in own]))
    return out


def ratios(counts: list[float]) -> list[tuple[float, float]]:
    """Each count and the centred mean it is measured by; nothing where either is not known or the mean is 0."""
    pairs = []
    for count, usual in zip(counts, centred_mean(counts), strict=True):
        known = not isnan(count) and not isnan(usual) and usual > 0
        pairs.append((count, usual) if known else (0.0, 0.0))
    return pairs


def robust(
    pairs: list[tuple[float, float]], parent: list[float], edge: list[float], moy: list[int], options: Any
) -> tuple[list[float], list[float]]:
    """Three rounds: an index, the weights of a Student t with four degrees of freedom, the variances they leave."""
    weight, index = edge, parent
    spread, noise = options.spread, options.noise
    for _ in range(3):
        index = shrunk(pairs, parent, weight, spread, noise, moy)
        weight = []
        for t, (count, usual) in enumerate(pairs):
            error = 0.0
            if usual > 0:
                expected = index[moy[t]]
                error = (count / usual - expected) ** 2 / (expected / usual + noise)
            weight.append(edge[t] * 5 / (4 + error))
        shown = evidence(pairs, parent, weight, moy, options)
        spread, noise = variances(shown, options.spread, options.noise, options)
    return index, weight


Evidence = tuple[float, float, float, float]


def evidence(
    pairs: list[tuple[float, float]], parent: list[float], weight: list[float], moy: list[int], options: Any
) -> Evidence:
    """How far the months lie from what the parent expects of them.

    Errors of a month of the year in one year times those in another, and what these pairs are worth; squared
    errors beyond Poisson, and what the months are worth.
    """
    found = []
    for t, (count, usual) in enumerate(pairs):
        if usual > 0:
            expected = parent[moy[t]]
            chance = expected / usual
            error = min(max(count / usual - expected, -3.0), 3.0)
            found.append((moy[t], error, chance, weight[t] / (1 + chance / options.noise)))
    cross = worth_of_pairs = squares = months = 0.0
    for k, (month, error, chance, worth) in enumerate(found):
        squares += worth * (error**2 - chance)
        months += worth
        for j, (other_month, other_error, _, other_worth) in enumerate(found):
            if j != k and month == other_month:
                cross += worth * error * other_worth * other_error
                worth_of_pairs += worth * other_worth
    return cross, worth_of_pairs, squares, months


def summed(parts: list[Evidence]) -> Evidence:
    """Evidence of several series together."""
    cross, pairs, squares, months = (sum(part[k] for part in parts) for k in range(4))
    return cross, pairs, squares, months


def variances(shown: Evidence, spread: float, noise: float, options: Any) -> tuple[float, float]:
    """Spread of the seasons around the parent, noise of the months around the season; drawn to what is believed."""
    cross, pairs, squares, months = shown
    found = (max(cross, 0.0) + options.spread_pairs * spread) / (pairs + options.spread_pairs)
    left = max(squares - months * found, 0.0)
    around = (left + options.noise_months * noise) / (months + options.noise_months)
    return min(max(found, 0.001), 4.0), min(max(around, 0.001), 10.0)


def shrunk(
    pairs: list[tuple[float, float]],
    parent: list[float],
    weight: list[float],
    spread: float,
    noise: float,
    moy: list[int],
) -> list[float]:
    """Mean of the ratios of a month of the year, each worth its precision, and of its parent."""
    index = []
    for month in range(YEAR):
        top, bottom = parent[month] / spread, 1 / spread
        for t, (count, usual) in enumerate(pairs):
            if moy[t] == month:
                top += weight[t] * count / (1 + noise * usual)
                bottom += weight[t] * usual / (1 + noise * usual)
        index.append(top / bottom)
    return normalised(index)


def normalised(index: list[float]) -> list[float]:
    floored = [max(value, 0.01) for value in index]
    return [value * len(floored) / sum(floored) for value in floored]


def levels(
    y: list[list[float]], index: list[list[float]], category: list[str], area: list[str], moy: list[int], options: Any
) -> list[float]:
    """Level of each cell after the last month: slow -> moved with its category -> fast, of tamed counts."""
    season = [[row[month] for month in moy] for row in index]
    tamed = tame(y, season, category, area, options)
    slow = slow_levels(y, season, category, area, options)
    moved = {}
    for name in set(category):
        a = expected = 0.0
        for i in range(len(y)):
            if category[i] == name:
                requests, exposure = discounted(y[i], season[i], options.discount)
                a, expected = a + requests, expected + exposure * slow[i]
        moved[name] = gamma_mean(a, expected, 1.0, options.slow_shape)
    fast = [discounted(counts, ahead, options.discount) for counts, ahead in zip(tamed, season, strict=True)]
    return [gamma_mean(*fast[i], slow[i] * moved[category[i]], options.slow_shape) for i in range(len(y))]


def discounted(counts: list[float], season: list[float], discount: float) -> tuple[float, float]:
    """Requests and exposure, each worth less the longer ago; months not covered change nothing."""
    a = b = 0.0
    for count, usual in zip(counts, season, strict=True):
        if not isnan(count):
            a, b = discount * a + count, discount * b + usual
    return a, b


def slow_levels(
    y: list[list[float]], season: list[list[float]], category: list[str], area: list[str], options: Any
) -> list[float]:
    """Usual level of each cell, drawn to that of its category times how loud its area is."""
    cells = range(len(y))
    slow = [discounted(counts, usual, options.slow_discount) for counts, usual in zip(y, season, strict=True)]
    mean = {}
    for name in set(category):
        a = sum(slow[i][0] for i in cells if category[i] == name)
        b = sum(slow[i][1] for i in cells if category[i] == name)
        mean[name] = a / b if b else 0.0
    loud = {}
    for name in set(area):
        a = sum(slow[i][0] for i in cells if area[i] == name)
        expected = sum(slow[i][1] * mean[category[i]] for i in cells if area[i] == name)
        loud[name] = (a + 5) / (expected + 5)
    return [gamma_mean(*slow[i], mean[category[i]] * loud[area[i]], options.pool_shape) for i in cells]


def tame(
    y: list[list[float]], season: list[list[float]], category: list[str], area: list[str], options: Any
) -> list[list[float]]:
    """Counts held below so many times what the tamed months before let one expect, and room for chance.

    So many: the more, the more covered months just before stood above the plain bound.
    """
    out: list[list[float]] = [[] for _ in y]
    run = [0] * len(y)
    for t in range(len(y[0])):
        known = max(t, 1)
        slow = slow_levels([c[:known] for c in y], [s[:known] for s in season], category, area, options)
        for i, counts in enumerate(y):
            a, b = discounted(out[i], season[i][:t], options.discount)
            expected = gamma_mean(a, b, slow[i], options.slow_shape) * season[i][t]
            chance = 3 * sqrt(expected) + 2
            highest = options.burst_factor ** (1 + run[i] / 2) * expected + chance
            judged = not isnan(counts[t]) and b > 1.5
            out[i].append(min(counts[t], highest) if judged else counts[t])
            if not isnan(counts[t]):
                run[i] = run[i] + 1 if counts[t] > options.burst_factor * expected + chance else 0
    return out


def gamma_mean(count: float, exposure: float, prior: float, shape: float) -> float:
    """Mean of a Poisson rate whose Gamma prior has mean `prior` and shape `shape`."""
    return (count + shape) / (exposure + shape / max(prior, 1e-9))


def flat_mean(counts: list[float], months: int) -> float:
    """Mean of the last covered months."""
    last = [count for count in counts if not isnan(count)][-months:]
    return sum(last) / len(last) if last else 0.0


def tsb(counts: list[float], first_months: int, tried: list[tuple[float, float]]) -> float:
    """Chance of a request x its size, with the first of the smoothing parameters that erred least."""
    covered = [count for count in counts if not isnan(count)]
    start = covered[:first_months]
    came = [count for count in start if count > 0]
    errors, forecasts = [], []
    for alpha, beta in tried:
        chance = len(came) / len(start) if start else 0.0
        size = sum(came) / len(came) if came else None
        error = 0.0
        for count in covered:
            error += (count - chance * (size or 0.0)) ** 2
            if count > 0:
                size = count if size is None else alpha * count + (1 - alpha) * size
                chance = beta + (1 - beta) * chance
            else:
                chance = (1 - beta) * chance
        errors.append(error)
        forecasts.append(chance * (size or 0.0))
    return next(f for f, error in zip(forecasts, errors, strict=True) if error <= min(errors) * (1 + 1e-9))


def dynamic_theta(counts: list[float], start: float, alpha: float, theta: float) -> list[float]:
    """Expected count of each month and of the one after, by the recursion of the paper; no month is missing."""
    level, mean, intercept, slope = start, 0.0, 0.0, 0.0
    expected = []
    for t, count in enumerate([*counts, nan], start=1):
        ahead = (1 - alpha) ** (t - 1) * intercept + (1 - (1 - alpha) ** t) / alpha * slope
        expected.append(level + (1 - 1 / theta) * ahead)
        level = alpha * count + (1 - alpha) * level
        slope = 0.0 if t == 1 else ((t - 2) * slope + 6 / t * (count - mean)) / (t + 1)
        mean = ((t - 1) * mean + count) / t
        intercept = mean - (t + 1) / 2 * slope
    return expected


def theta_means(counts: list[float], start: float, alpha: float, share: float) -> list[float]:
    """The same with months missing: the count smoothed, plus what the line is ahead of that line smoothed."""
    expected = []
    for t in range(len(counts) + 1):
        first = next((s for s in range(t) if not isnan(counts[s])), t)
        past = [s for s in range(t) if not isnan(counts[s])]
        intercept, slope = straight([s - first + 1 for s in past], [counts[s] for s in past])
        smooth, smooth_line = start, 0.0
        for s in past:
            smooth = alpha * counts[s] + (1 - alpha) * smooth
            smooth_line = alpha * (intercept + slope * (s - first + 1)) + (1 - alpha) * smooth_line
        expected.append(smooth + share * (intercept + slope * (t - first + 1) - smooth_line))
    return expected


def straight(x: list[int], y: list[float]) -> tuple[float, float]:
    """Intercept and slope of the least squares line; flat through one point, 0 through none."""
    if not x:
        return 0.0, 0.0
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mean_x) ** 2 for a in x)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread if spread else 0.0
    return mean_y - slope * mean_x, slope


def theta_fit(counts: list[float], alpha: float, discount: float, drift: float) -> tuple[float, float, float]:
    """Start and share of least discounted squared error, by bisecting the slope of the error; and that error."""
    length = len(counts)
    worth = [0.0 if isnan(count) else discount ** (length - 1 - t) for t, count in enumerate(counts)]
    level = theta_means(counts, 0.0, alpha, 0.0)
    fade = [a - b for a, b in zip(theta_means(counts, 1.0, alpha, 0.0), level, strict=True)]
    bend = [a - b for a, b in zip(theta_means(counts, 0.0, alpha, 1.0), level, strict=True)]
    covered = [t for t in range(length) if worth[t]]

    def best_start(share: float) -> float:
        top = sum(worth[t] * fade[t] * (counts[t] - level[t] - share * bend[t]) for t in covered)
        return top / sum(worth[t] * fade[t] ** 2 for t in covered)

    def left(share: float) -> list[float]:
        start = best_start(share)
        return [counts[t] - level[t] - start * fade[t] - share * bend[t] for t in covered]

    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        falls = sum(worth[t] * error * bend[t] for t, error in zip(covered, left(share), strict=True)) > 0
        low, high = (share, high) if falls else (low, share)
    share = drift * (low + high) / 2
    return best_start(share), share, sum(worth[t] * e * e for t, e in zip(covered, left(share), strict=True))


def theta(y: list[list[float]], category: list[str], alphas: list[float], horizon: int, options: Any) -> list[Any]:
    """Forecasts of series without season: each alpha tried, own evidence and that of the category added."""
    evidence = []
    for counts in y:
        worth = [0.0 if isnan(c) else options.discount ** (len(counts) - 1 - t) for t, c in enumerate(counts)]
        size = sum(w * c * c for w, c in zip(worth, counts, strict=True) if w)
        row = []
        for alpha in alphas:
            error = theta_fit(counts, alpha, options.discount, options.drift)[2]
            row.append(-0.5 * sum(worth) * log(max(error / size, 1e-9)))
        evidence.append([value - max(row) for value in row])
    means = []
    for i, counts in enumerate(y):
        others = [evidence[j] for j in range(len(y)) if category[j] == category[i]]
        pooled = [sum(row[k] for row in others) / len(others) for k in range(len(alphas))]
        total = [own + options.pool * shared for own, shared in zip(evidence[i], pooled, strict=True)]
        alpha = alphas[total.index(max(total))]
        start, share, _ = theta_fit(counts, alpha, options.discount, options.drift)
        forecast = [theta_means(counts, start, alpha, share)[-1]]
        first = next(t for t, count in enumerate(counts) if not isnan(count))
        covered = [t for t, count in enumerate(counts) if not isnan(count)]
        _, slope = straight([t - first + 1 for t in covered], [counts[t] for t in covered])
        for ahead in range(1, horizon):
            forecast.append(forecast[-1] + share * slope * options.damping**ahead)
        means.append(forecast)
    return means


def negbin_pmf(count: int, mean: float, variance: float) -> float:
    """P(Y = count) by the product of its recurrence, from P(0) on."""
    if mean == 0:
        return float(count == 0)
    dispersion = max(variance - mean, 0.0) / mean**2
    probability = exp(-mean) if dispersion == 0 else (1 + dispersion * mean) ** (-1 / dispersion)
    for k in range(count):
        probability *= mean * (1 + k * dispersion) / ((k + 1) * (1 + dispersion * mean))
    return probability


def negbin_quantile(mean: float, variance: float, level: float) -> int:
    """Smallest count whose summed probability reaches the level."""
    count, below = 0, negbin_pmf(0, mean, variance)
    while below < level:
        count += 1
        below += negbin_pmf(count, mean, variance)
    return count


def negbin_crps(count: int, mean: float, variance: float, last: int) -> float:
    """Sum over k of (P(Y <= k) - [count <= k])^2, up to a count `last` that is almost never exceeded."""
    total = below = 0.0
    for k in range(last + 1):
        below += negbin_pmf(k, mean, variance)
        total += (below - (count <= k)) ** 2
    return total


def score_slope(mean: float, variance: float) -> float:
    """E[Y z] of a count Y and the normal score z it comes from: each step of Y at the density of its score."""
    below = slope = 0.0
    for count in range(1000):
        below += negbin_pmf(count, mean, variance)
        if 0 < below < 1 - 1e-9:
            slope += exp(-(NormalDist().inv_cdf(below) ** 2) / 2) / sqrt(2 * pi)
        if below >= 1 - 1e-9:
            break
    return slope


def variance_with_shocks(
    cells: list[tuple[str, str]], mean: list[float], variance: list[float], shocks: dict[str, float]
) -> float:
    """Variance of the sum of counts that share relative shocks of the city, of a category, of an area."""
    total = sum(variance)
    for i, (area, category) in enumerate(cells):
        for j, (other_area, other_category) in enumerate(cells):
            if i != j:
                common = shocks["city"]
                common += shocks["category"] if category == other_category else 0.0
                common += shocks["area"] if area == other_area else 0.0
                total += common * mean[i] * mean[j]
    return total


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


def negbin_regression(
    x: list[list[float]], y: list[float], offset: list[float], spread: list[float], alpha: float
) -> list[float]:
    """Log effects, each in turn moved by its own score over its own information until none moves.

    A belief is a count of 1 where 1 is expected, weighed (1 + alpha) / spread; an infinite spread is none.
    """
    beta = [0.0] * len(spread)
    moved = 1.0
    while moved > 1e-10:
        moved = 0.0
        for j, variance in enumerate(spread):
            rows = [
                (row[j], count, exp(off + sum(b * value for b, value in zip(beta, row, strict=True))), 1.0)
                for row, count, off in zip(x, y, offset, strict=True)
            ]
            rows.append((1.0, 1.0, exp(beta[j]), (1 + alpha) / variance))
            score = sum(w * value * (count - mu) / (1 + alpha * mu) for value, count, mu, w in rows)
            information = sum(w * value**2 * mu / (1 + alpha * mu) for value, _, mu, w in rows)
            step = max(min(score / information, 1.0), -1.0)
            beta[j] += step
            moved = max(moved, abs(step))
    return beta


def off_normal(values: list[float], moy: list[int], known: int) -> list[float]:
    """Each value less the mean of the same calendar month among the first `known` ones; 0 where that is unknown."""
    out = []
    for value, month in zip(values, moy, strict=True):
        same = [values[t] for t in range(known) if moy[t] == month and not isnan(values[t])]
        out.append(value - sum(same) / len(same) if same and not isnan(value) else 0.0)
    return out


def whole(figures: list[int], share: list[list[float]]) -> list[list[int]]:
    """Shared out heir by heir: what an heir has so far is its part of what was left so far, rounded."""
    left, out = list(figures), [[0] * len(share[0]) for _ in figures]
    for heir in range(len(share[0])):
        due, given = 0.0, 0
        for row, parts in enumerate(share):
            rest = sum(parts[heir:])
            due += left[row] * (parts[heir] / rest if rest else 0.0)
            out[row][heir] = left[row] if heir == len(parts) - 1 else floor(due + 0.5 + 1e-9) - given
            given += out[row][heir]
            left[row] -= out[row][heir]
    return out


def log_mean(x: float, y: float) -> float:
    """Logarithmic mean of two figures above 0."""
    return x if x == y else (x - y) / log(x / y)


def lmdi(sectors: list[tuple[float, float, dict[str, float]]]) -> dict[str, float]:
    """Factors that take the sum of what sectors were to the sum of what they are.

    A sector: (what it was, what it is, part -> log factor); its log factors add up to log(is / was).
    """
    was, now = sum(sector[0] for sector in sectors), sum(sector[1] for sector in sectors)
    parts = dict.fromkeys((part for *_, logs in sectors for part in logs), 0.0)
    for before, after, logs in sectors:
        for part, change in logs.items():
            parts[part] += log_mean(after, before) / log_mean(now, was) * change
    return {part: exp(change) for part, change in parts.items()}


def relative_errors(past: list[Any], actuals: Any) -> list[float]:
    """Of each member: its root mean squared error in a cell over the mean of all members' there, over the cells."""
    top, bottom = [0.0] * len(past), 0.0
    for cell in range(len(actuals[0])):
        squares, volume, months = [0.0] * len(past), 0.0, 0
        for k, forecasts in enumerate(actuals):
            for h, actual in enumerate(forecasts[cell]):
                means = [member[k][cell][h] for member in past]
                if isnan(actual) or any(isnan(mean) for mean in means):
                    continue
                months += 1
                volume += sum(means) / len(means)
                squares = [square + (mean - actual) ** 2 for square, mean in zip(squares, means, strict=True)]
        if not months or not any(squares):
            continue
        errors = [sqrt(square / months) for square in squares]
        weight = sqrt(volume / months)
        top = [t + weight * error * len(errors) / sum(errors) for t, error in zip(top, errors, strict=True)]
        bottom += weight
    return [t / bottom for t in top]


def nearest(lon: list[float], lat: list[float], k: int) -> tuple[list[int], list[float]]:
    """The other points by their distance from point k, and the distances in degrees of latitude."""
    placed = [n for n in range(len(lon)) if not isnan(lon[n])]
    stretch = cos(sum(lat[n] for n in placed) / len(placed) * pi / 180)
    apart = {n: sqrt(((lon[n] - lon[k]) * stretch) ** 2 + (lat[n] - lat[k]) ** 2) for n in placed if n != k}
    order = sorted(apart, key=lambda n: apart[n])
    return order, [apart[n] for n in order]


def mixture_median(mean: list[float], variance: list[float]) -> int:
    """Least k with an average P(Y <= k) of at least one half, counting upwards."""
    k, below = -1, 0.0
    while below < 0.5:
        k += 1
        for mu, var in zip(mean, variance, strict=True):
            below += _mass(k, mu, var) / len(mean)
    return k


def _mass(k: int, mu: float, var: float) -> float:
    """P(Y = k), NegBin or Poisson, each factor in turn."""
    if mu == 0:
        return float(k == 0)
    if var <= mu:
        return exp(k * log(mu) - mu - sum(log(n) for n in range(1, k + 1)))
    size = mu**2 / (var - mu)
    start = size * log(size / (size + mu)) + k * log(mu / (size + mu))
    return exp(start + sum(log((size + n - 1) / n) for n in range(1, k + 1)))
