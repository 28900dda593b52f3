"""Export of metrics to Prometheus: a textfile for node_exporter, or a Pushgateway.

Both keep the metrics that a run did not measure: after a run that fails early they hold the values of the run before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from connectors.regular_file import read_regular_file
from sync.cli.metrics.definitions import METRICS, PREFIX, MetricDefinition, MetricValues

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

_SECONDS: Final = 5.0
"""Time for the whole response of a Pushgateway."""
_MAX_BYTES: Final = 1 << 20
"""Size of the response."""
_MAX_FILE_BYTES: Final = 10_000_000
_INSTALLATION: Final = "installation"


class MetricsPushFailed(Exception):
    """The Pushgateway did not accept the metrics. The message says why, without text from the Pushgateway."""


class _FixedCollector:
    """Collector of a fixed list of metrics, as a registry wants it."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


def write_textfile(path: Path, metrics: MetricValues, installation: str | None) -> None:
    """Replace the file atomically. Raises OSError when it cannot be written, for example in a missing folder.

    ``installation`` is None when the settings cannot be read; then the one in the file stays.
    """
    from prometheus_client import write_to_textfile

    older = {metric.name: metric for metric in _metrics_in(path)}
    if installation is None:
        installation = _installation_of(older.values())
    new = list(_metrics(metrics, installation))
    not_measured = {_metric_name(each) for each in METRICS} - {metric.name for metric in new}
    kept = [metric for name, metric in older.items() if name in not_measured]
    write_to_textfile(str(path), _registry([*new, *kept]))


def push_metrics(gateway: str, metrics: MetricValues, installation: str) -> None:
    """Replace these metrics of the installation on the Pushgateway at this URL; its other metrics stay.

    Raises MetricsPushFailed when the Pushgateway does not accept them.
    """
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
    """Return a function that sends the metrics, as prometheus-client wants it.

    The handler of prometheus-client follows redirects without the body, and its errors quote the response.
    """

    def send() -> None:
        import requests

        from connectors.http.bounded_adapter import BoundedAdapter, ResponseLimits
        from connectors.http.lost_responses import iter_causes
        from connectors.http.session import configure_session

        try:
            adapter = BoundedAdapter(ResponseLimits(seconds=_SECONDS, max_bytes=_MAX_BYTES))
            with configure_session(requests.Session(), adapter) as session:
                response = session.request(
                    method, url, data=data, headers=dict(headers), timeout=timeout, allow_redirects=False
                )
        except (OSError, ValueError) as error:
            reasons = (cause.strerror for cause in iter_causes(error) if isinstance(cause, OSError))
            reason = next((reason for reason in reasons if reason), type(error).__name__)
            raise MetricsPushFailed(f"it cannot be reached ({reason})") from None
        if not response.ok or response.is_redirect:
            raise MetricsPushFailed(f"it answered HTTP {response.status_code}")

    return send


def _registry(metrics: Iterable[Metric]) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FixedCollector(metrics))
    return registry


def _metrics(values: MetricValues, installation: str) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for each in METRICS:
        if each.name not in values:
            continue
        family = CounterMetricFamily if each.name.endswith("_total") else GaugeMetricFamily
        metric = family(_metric_name(each), each.help, labels=(_INSTALLATION, *each.labels))
        for labels, value in sorted(values[each.name].items()):
            metric.add_metric((installation, *labels), value)
        yield metric


def _metric_name(definition: MetricDefinition) -> str:
    """Return the name as prometheus-client wants it: it adds ``_total`` to counters itself."""
    return PREFIX + definition.name.removesuffix("_total")


def _metrics_in(path: Path) -> list[Metric]:
    """Return the metrics of an existing file; none when it is missing or not a metrics file."""
    from prometheus_client.parser import text_string_to_metric_families

    with suppress(OSError, ValueError):
        return list(text_string_to_metric_families(read_regular_file(path, _MAX_FILE_BYTES).decode()))
    return []


def _installation_of(metrics: Iterable[Metric]) -> str:
    found = (sample.labels.get(_INSTALLATION) for metric in metrics for sample in metric.samples)
    return next((name for name in found if name), "")
