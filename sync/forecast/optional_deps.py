"""Whether the libraries are there that forecasts calculate with."""

from __future__ import annotations

from importlib.util import find_spec


class ForecastDependenciesMissing(LookupError):
    """numpy or scipy is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "forecasts need numpy and scipy; install them with `pip install 'increment-sync[forecast]'`"
        )


def require_forecast_dependencies() -> None:
    """Raises NumbersMissing. To be called before anything that calculates is imported."""
    if not (find_spec("numpy") and find_spec("scipy")):
        raise ForecastDependenciesMissing
