"""Grid + means -> what level and season explain of them: what every model can say of itself."""

import numpy as np

from forecast.explain import Explained
from forecast.models import _climate
from forecast.models._climate import Climate, Fit
from forecast.panel import Grid


def of_climate(climate: Climate, grid: Grid, means: np.ndarray, cells: np.ndarray, rest: str = "trend") -> Explained:
    """Means (n, H) against level x season; what is left is `rest`."""
    return Explained(means, logs(_climate.fit(climate, grid), grid, means.shape[1], cells), rest)


def logs(fit: Fit, grid: Grid, horizon: int, cells: np.ndarray) -> dict[str, np.ndarray]:
    """Logs (k, H) of level, in requests a month, and of season, of the chosen cells."""
    season = fit.index[cells][:, _climate.month_of_year(grid.future(horizon))]
    return {"level": np.broadcast_to(np.log(fit.level[cells])[:, None], season.shape), "season": np.log(season)}


def usual(grid: Grid, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) requests in a month like any other > 0, and (n,) those of level x season over the months ahead."""
    climate = Climate()
    category, area = _climate.codes(grid)
    fit = _climate.fit(climate, grid)
    season = fit.index[:, _climate.month_of_year(grid.months)]
    slow, _ = _climate.usual(climate, grid.y, season, category, area)
    return slow[:, -1], _climate.project(fit, grid.future(horizon)).sum(1)
