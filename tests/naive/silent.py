"""Is an estate silent, and by how much do siblings follow one another."""

from math import exp, lgamma, log, pi, sqrt


def under_reporting(
    seen: list[int], expected: list[float], shape: list[float], share: float, spread: float, reports: float
) -> float:
    """Posterior of the silent group: its share times how likely the counts are there, against both groups.

    The factor of the estate is log-normal with mean `level` in the usual group and `reports` times that in the
    silent one; `level` makes the mean of all 1. Summed in small steps of the log factor.
    """
    level = 1 / (1 - share * (1 - reports))
    usual = _likelihood(seen, expected, shape, level, spread)
    silent = _likelihood(seen, expected, shape, level * reports, spread)
    return share * silent / (share * silent + (1 - share) * usual)


def _likelihood(seen: list[int], expected: list[float], shape: list[float], mean: float, spread: float) -> float:
    total, step = 0.0, 0.01
    for k in range(-600, 601):
        z = k * step
        factor = mean * exp(spread * z - spread**2 / 2)
        density = exp(-(z**2) / 2) / sqrt(2 * pi) * step
        for y, m, a in zip(seen, expected, shape, strict=True):
            density *= exp(_log_mass(y, m * factor, a))
        total += density
    return total


def _log_mass(y: int, mu: float, a: float) -> float:
    choose = lgamma(a + y) - lgamma(a) - lgamma(y + 1)
    return choose + a * log(a / (a + mu)) + y * log(mu / (a + mu))


def sibling_factor(
    counts: list[list[int]], batch: list[int], strength: float, assumed: float, least: int, times: float
) -> float:
    """Incidents after a sibling's confirmed window ÷ what was usual, against all others, drawn towards `assumed`.

    counts: estate by window, the latest first. batch: of each estate.
    """
    estates, windows = range(len(counts)), range(len(counts[0]))
    city = [sum(counts[i][t] for i in estates) for t in windows]
    own = [sum(row) / sum(city) for row in counts]
    sure = [[counts[i][t] >= max(least, times * own[i] * city[t]) for t in windows] for i in estates]
    came = foretold = others = usually = 0.0
    for i in estates:
        for t in windows[:-1]:
            if any(sure[j][t + 1] and batch[j] == batch[i] and j != i for j in estates):
                came, foretold = came + counts[i][t], foretold + own[i] * city[t]
            else:
                others, usually = others + counts[i][t], usually + own[i] * city[t]
    level = others / usually if others > 0 else 1.0
    return (strength * assumed + came) / (strength + foretold * level)
