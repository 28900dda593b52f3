"""Whatever a connector raises, it concerns its tracker only, and after a write nobody knows its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from connectors.errors import AuthFailed, Gone, OutcomeUnknown, Unavailable
from connectors.guard import open_guarded
from connectors.guarded_spec import guard_spec
from connectors.http.retry import RetryPolicy
from connectors.http.usage import RequestStats
from connectors.model import FailedSource, FieldSelection, IssueRef, PulledSource, Source
from connectors.ports import IssueReader, IssueWriter
from connectors.registry import spec_or_stand_in
from connectors.spec import ConnectorSpec, CredentialPart, CredentialSpec, OpenArguments
from sync.store import StoreError
from tests.support.memory_tracker import MemoryTracker
from tests.support.plain_connector import SPEC

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GARDEN, ORCHARD = (Source(tracker="plain", container=name) for name in ("garden", "orchard"))
REF = IssueRef(tracker="plain", id="1", key="garden-1")
NAMED = "plain: the connector plain failed with KeyError: 'id'; report it to those who made it"


class _NoCache:
    def get(self, key: str) -> None:
        return None

    def put(self, key: str, value: object, *, days: float = 30) -> None:
        return None


ARGUMENTS = OpenArguments(
    tracker="plain",
    kind="plain",
    url=None,
    options={},
    credentials={},
    cache=_NoCache(),
    policy=RetryPolicy(),
    overlap=timedelta(0),
    rate_limiter=None,
    now=lambda: NOW,
    sleep=lambda _: None,
    on_wait=lambda _: None,
    on_smaller_page=lambda *_: None,
    request_stats=RequestStats(),
)


def opened(client: object) -> tuple[IssueReader, IssueWriter]:
    spec = replace(SPEC, open=lambda _: cast("Any", (client, client)))
    return open_guarded(spec, ARGUMENTS, (StoreError,))


class Broken(MemoryTracker):
    """Tracker whose methods raise what is in ``error``; ``pull`` after its first source."""

    def __init__(self, error: Exception) -> None:
        super().__init__("plain", ["garden", "orchard"], now=lambda: NOW)
        self.error = error

    def whoami(self) -> Any:
        raise self.error

    def pull(self, sources: Any, selection: Any) -> Iterator[Any]:
        yield from super().pull(sources[:1], selection)
        raise self.error

    def diagnose(self, sources: Any, labels: Any) -> Iterator[Any]:
        yield from super().diagnose(sources, labels)
        raise self.error

    def change_labels(self, ref: Any, add: Any, remove: Any) -> None:
        raise self.error

    def create_comment(self, ref: Any, body: Any, marker: Any) -> Any:
        raise self.error


def test_a_foreign_exception_of_a_read_names_the_connector() -> None:
    reader, _ = opened(Broken(KeyError("id")))
    with pytest.raises(Unavailable) as raised:
        reader.whoami()
    assert str(raised.value) == NAMED


def test_sources_that_were_read_before_the_exception_stay_read() -> None:
    reader, _ = opened(Broken(KeyError("id")))
    first, second = reader.pull([(GARDEN, None), (ORCHARD, None)], FieldSelection())
    assert isinstance(first, PulledSource) and first.source == GARDEN
    assert isinstance(second, FailedSource) and (second.source, second.reason) == (ORCHARD, NAMED)


def test_a_source_without_a_result_has_failed() -> None:
    tracker = MemoryTracker("plain", ["garden"], now=lambda: NOW)
    tracker.census = lambda *_: iter(())  # type: ignore[method-assign]
    reader, _ = opened(tracker)
    (failed,) = reader.census([GARDEN], FieldSelection())
    assert isinstance(failed, FailedSource) and "the connector plain gave no result" in failed.reason


@pytest.mark.parametrize(
    "write",
    [
        lambda writer: writer.change_labels(REF, ["a"], []),
        lambda writer: writer.create_comment(REF, "text", {}),
    ],
)
def test_after_a_foreign_exception_of_a_write_its_outcome_is_unknown(write: Callable[[Any], None]) -> None:
    _, writer = opened(Broken(KeyError("id")))
    with pytest.raises(OutcomeUnknown) as raised:
        write(writer)
    assert str(raised.value) == NAMED


@pytest.mark.parametrize("error", [Gone("gone"), AuthFailed("no"), StoreError("the store is locked")])
def test_errors_that_a_connector_may_raise_and_those_of_the_program_pass(error: Exception) -> None:
    reader, writer = opened(Broken(error))
    for call in (reader.whoami, lambda: writer.change_labels(REF, [], [])):
        with pytest.raises(type(error)) as raised:
            call()
        assert raised.value is error


def test_a_diagnosis_that_breaks_off_says_so_at_its_end() -> None:
    reader, _ = opened(Broken(KeyError("id")))
    *_, last = reader.diagnose([GARDEN], {})
    assert (last.level, last.text) == ("problem", NAMED)


def test_a_method_that_a_client_lacks_is_a_failure_of_the_tracker() -> None:
    reader, writer = opened(object())
    (failed,) = reader.pull([(GARDEN, None)], FieldSelection())
    assert isinstance(failed, FailedSource) and "AttributeError" in failed.reason
    with pytest.raises(OutcomeUnknown, match="AttributeError"):
        writer.delete_comment(REF, "1")


@pytest.mark.parametrize("result", ["nothing", None, ()])
def test_open_that_returns_something_else_closes_the_tracker(result: object) -> None:
    reader, writer = open_guarded(replace(SPEC, open=lambda _: cast("Any", result)), ARGUMENTS)
    (failed,) = reader.pull([(GARDEN, None)], FieldSelection())
    assert isinstance(failed, FailedSource) and "the connector plain failed with" in failed.reason
    with pytest.raises(Unavailable):
        writer.change_labels(REF, ["a"], [])


def test_a_stand_in_fails_with_the_reason() -> None:
    spec = spec_or_stand_in("nowhere")
    reader, _ = open_guarded(spec, ARGUMENTS)
    assert list(reader.histories([], FieldSelection())) == []
    (failed,) = reader.census([GARDEN], FieldSelection())
    assert isinstance(failed, FailedSource)
    assert failed.reason.startswith("plain: no installed connector has the kind 'nowhere'")


# ---- functions of a specification


def _fail(*_: object) -> Any:
    raise KeyError("id")


def _guarded() -> ConnectorSpec:
    (option,) = SPEC.source.options
    part = CredentialPart(name="token", check=_fail)
    return guard_spec(
        replace(
            SPEC,
            keys=replace(SPEC.keys, normalize=_fail, container=_fail, find_in_url=_fail, web_host=_fail),
            markup=replace(SPEC.markup, escape=_fail, table_header=_fail),
            source=replace(SPEC.source, options=(replace(option, normalize=_fail, check=_fail),)),
            credentials=CredentialSpec(parts=(part,)),
        )
    )


def test_keys_are_read_without_the_functions_that_fail() -> None:
    keys = _guarded().keys
    assert (keys.normalize(" garden-1 "), keys.container("garden-1")) == ("garden-1", "garden")
    assert (keys.find_in_url("https://h/garden-1"), keys.web_host("h")) == (None, "h")


def test_a_text_that_cannot_be_escaped_loses_every_sign() -> None:
    markup = _guarded().markup
    assert markup.escape("*a* [b](c) @ada #7 <x> {y} `z` a_b", 100) == "a bc ada 7 x y z ab"
    assert markup.table_header(["A", "B"]) == ["A B"]


def test_a_check_that_fails_is_a_finding_and_never_quotes_a_secret() -> None:
    spec = _guarded()
    (finding,) = spec.source.container.check("garden")
    assert "the connector plain failed to check it with KeyError: 'id'" in finding.sentence
    assert spec.credentials.parts[0].check("s3cret") == "the connector plain failed to check it with KeyError"
