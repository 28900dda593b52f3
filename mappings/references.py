"""Parse issue references (``DS-100``, ``acme/churn#12``, ``tracker:DS-1``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.spec import ConnectorSpec
from mappings.model import Anchor
from mappings.problems import suggestion

_PREFIXED: Final = re.compile(r"([A-Za-z0-9_.-]+):(.+)", re.DOTALL)


class InvalidReference(ValueError):
    """Text is not a valid issue reference; the message says what to write instead."""


def resolve_reference(text: str, trackers: Mapping[str, ConnectorSpec]) -> Anchor:
    """Parse a reference into tracker and key; ``trackers`` are those of the settings, by name.

    The short form is accepted if the key looks like those of exactly one tracker. Raises InvalidReference.
    """
    prefixed = _PREFIXED.fullmatch(text)
    if prefixed is None:
        return Anchor(tracker=_infer_tracker(text, trackers), key=text)
    tracker, key = prefixed.groups()
    if tracker not in trackers:
        raise InvalidReference(
            f'unknown tracker "{tracker}"; {suggestion(tracker, trackers, kind="trackers")}'
        )
    spec = trackers[tracker]
    if not spec.unusable and not spec.keys.pattern.fullmatch(key):
        example = f"{tracker}:{spec.keys.example}"
        raise InvalidReference(
            f'"{key[:60]}" is not an issue key of the tracker {tracker}; write it as {example}.'
        )
    return Anchor(tracker=tracker, key=key)


def _infer_tracker(key: str, trackers: Mapping[str, ConnectorSpec]) -> str:
    """Return the tracker whose keys look like this one; a tracker that cannot be used if no other one has such keys."""
    unusable = sorted(name for name, spec in trackers.items() if spec.unusable)
    fitting = sorted(
        name for name, spec in trackers.items() if not spec.unusable and spec.keys.pattern.fullmatch(key)
    )
    if not fitting and not unusable:
        examples = dict.fromkeys(spec.keys.example for _, spec in sorted(trackers.items()))
        forms = " or ".join([", ".join(examples), "tracker:key"])
        raise InvalidReference(
            f'"{key[:60]}" is not an issue key of a tracker in the settings; write it as {forms}.'
        )
    if len(fitting) > 1:
        forms = " or ".join(f"{name}:{key}" for name in fitting)
        raise InvalidReference(f'"{key}" could be in several trackers; write {forms}.')
    return (fitting or unusable)[0]
