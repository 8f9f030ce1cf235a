"""Means of the Theta model."""

from math import isnan, log, nan
from typing import Any


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
