"""Hands figures to Prometheus: as a file for node_exporter, or through a Pushgateway.

Both keep what a run did not find out: a run that fails early leaves the figures of the one before standing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sync.cli.metrics.definitions import METRICS, PREFIX, MetricDefinition, MetricValues

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

_SECONDS: Final = 5.0
"""How long a Pushgateway may take."""
_INSTALLATION: Final = "installation"


class MetricsPushFailed(Exception):
    """The Pushgateway did not take them. The sentence says why and quotes nobody."""


class _FixedCollector:
    """What a registry asks for the metrics."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


def write_textfile(path: Path, metrics: MetricValues, installation: str | None) -> None:
    """Replace the file in one step; its folder has to exist. ``installation`` tells two workspaces on one machine
    apart; None when the settings cannot be read. OSError when it cannot be written."""
    from prometheus_client import write_to_textfile

    older = {metric.name: metric for metric in _metrics_in(path)}
    if installation is None:
        installation = _installation_of(older.values())
    told = list(_metrics(metrics, installation))
    known = {metric.name for metric in told}
    ours = {_family_name(meaning) for meaning in METRICS}
    kept = [metric for name, metric in older.items() if name in ours - known]
    write_to_textfile(str(path), _registry([*told, *kept]))


def push_metrics(gateway: str, metrics: MetricValues, installation: str) -> None:
    """Add to what the Pushgateway at this URL holds of the installation, replacing the families that are told.

    PushFailed when it does not take them."""
    from prometheus_client import pushadd_to_gateway

    pushadd_to_gateway(
        gateway,
        job="increment-sync",
        registry=_registry(_metrics(metrics, installation)),
        grouping_key={_INSTALLATION: installation},
        timeout=_SECONDS,
        handler=_push_handler,
    )


def _push_handler(
    url: str, method: str, timeout: float | None, headers: Sequence[tuple[str, str]], data: bytes
) -> Callable[[], None]:
    """Asked for by prometheus-client, whose own way follows redirects without what was to be told, and quotes what
    the other side says."""

    def send() -> None:
        import requests

        from connectors.http.response_errors import iter_causes
        from connectors.http.session import configure_session

        try:
            with configure_session(requests.Session()) as session:
                answer = session.request(
                    method, url, data=data, headers=dict(headers), timeout=timeout, allow_redirects=False
                )
        except (requests.RequestException, ValueError) as error:
            reasons = (cause.strerror for cause in iter_causes(error) if isinstance(cause, OSError))
            reason = next((reason for reason in reasons if reason), type(error).__name__)
            raise MetricsPushFailed(f"it cannot be reached ({reason})") from None
        if not answer.ok or answer.is_redirect:
            raise MetricsPushFailed(f"it answered HTTP {answer.status_code}")

    return send


def _registry(metrics: Iterable[Metric]) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FixedCollector(metrics))
    return registry


def _metrics(figures: MetricValues, installation: str) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for meaning in METRICS:
        if meaning.name not in figures:
            continue
        made = CounterMetricFamily if meaning.name.endswith("_total") else GaugeMetricFamily
        metric = made(_family_name(meaning), meaning.help, labels=(_INSTALLATION, *meaning.labels))
        for labels, value in sorted(figures[meaning.name].items()):
            metric.add_metric((installation, *labels), value)
        yield metric


def _family_name(meaning: MetricDefinition) -> str:
    return PREFIX + meaning.name.removesuffix("_total")


def _metrics_in(path: Path) -> list[Metric]:
    """What a file told before; nothing where there is none, or somebody else's."""
    from prometheus_client.parser import text_string_to_metric_families

    with suppress(OSError, ValueError):
        return list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    return []


def _installation_of(metrics: Iterable[Metric]) -> str:
    found = (sample.labels.get(_INSTALLATION) for metric in metrics for sample in metric.samples)
    return next((name for name in found if name), "")
