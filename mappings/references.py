"""Parse issue references (``DS-100``, ``acme/churn#12``, ``jira:DS-1``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mappings.model import Anchor
from mappings.problems import suggestion

JIRA_KEY: Final = re.compile(r"[A-Z][A-Z0-9_]+-[1-9][0-9]*")
JIRA_PROJECT: Final = re.compile(r"[A-Z][A-Z0-9_]+")
# Not ``.`` or ``..``, which would change the path of a request.
_NAME: Final = r"(?!\.{1,2}(?![A-Za-z0-9._-]))[A-Za-z0-9._-]+"
GITHUB_REPO: Final = re.compile(f"{_NAME}/{_NAME}")
GITHUB_KEY: Final = re.compile(f"{_NAME}/{_NAME}#[1-9][0-9]*")

_PREFIXED: Final = re.compile(r"([A-Za-z0-9_.-]+):(.+)", re.DOTALL)


class InvalidReference(ValueError):
    """Text is not a valid issue reference; the message says what to write instead."""


def is_jira(kind: str) -> bool:
    """Return True for the tracker kinds ``jira-cloud`` and ``jira-dc``."""
    return kind.startswith("jira")


def resolve_reference(text: str, trackers: Mapping[str, str]) -> Anchor:
    """Parse a reference into tracker and key; ``trackers`` maps tracker names to kinds.

    The short form is accepted if exactly one tracker has the kind that the key looks like.
    Raises InvalidReference.
    """
    prefixed = _PREFIXED.fullmatch(text)
    if prefixed is None:
        return Anchor(tracker=_infer_tracker(text, trackers), key=text)
    tracker, key = prefixed.groups()
    if tracker not in trackers:
        raise InvalidReference(
            f'unknown tracker "{tracker}"; {suggestion(tracker, trackers, kind="trackers")}'
        )
    pattern, example = (JIRA_KEY, "DS-100") if is_jira(trackers[tracker]) else (GITHUB_KEY, "owner/repo#12")
    if not pattern.fullmatch(key):
        raise InvalidReference(
            f'"{key[:60]}" is not an issue key of the tracker {tracker}; write it as {tracker}:{example}.'
        )
    return Anchor(tracker=tracker, key=key)


def _infer_tracker(key: str, trackers: Mapping[str, str]) -> str:
    of_jira = JIRA_KEY.fullmatch(key) is not None
    if not of_jira and not GITHUB_KEY.fullmatch(key):
        raise InvalidReference(
            f'"{key[:60]}" is not an issue key; write it as DS-100, owner/repo#12 or tracker:key.'
        )
    fitting = sorted(name for name, kind in trackers.items() if is_jira(kind) == of_jira)
    if not fitting:
        raise InvalidReference(f'no tracker in the settings fits "{key}"; add one there or correct the key.')
    if len(fitting) > 1:
        forms = " or ".join(f"{name}:{key}" for name in fitting)
        raise InvalidReference(f'"{key}" could be in several trackers; write {forms}.')
    return fitting[0]
