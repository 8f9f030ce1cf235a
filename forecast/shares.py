"""Some of all -> the share with its interval."""

import numpy as np

Array = np.ndarray


def wilson(yes: Array, of: Array, confidence: float) -> tuple[Array, Array]:
    """Interval of a share.

    Args:
        yes: (n,) 0..`of`; sums of parts of 1 will do, their interval is then wider than needed.
        of: (n,) numbers; 0 or NaN gives NaN.
        confidence: 0..1.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA 22, eq. 5.
    """
    from scipy import stats

    z = float(stats.norm.ppf((1 + confidence) / 2))
    n = np.where(of > 0, of, np.nan)
    middle = (yes + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(np.maximum(yes * (n - yes), 0) / n + z**2 / 4)
    share = np.clip(yes / n, 0, 1)
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
