"""The file that the sandbox starts from.

::

    now: 2026-11-20T09:00:00Z        # optional: the clock stands here; without it, it follows the real one
    trackers:
      github: {kind: github, ...}    # keys: below
      jira: {kind: jira-cloud, ...}  # or jira-dc; keys: see jira.py

Times are ISO 8601 (UTC where no zone is given), a date, or relative to now: ``3d ago``, ``2h ago``,
``30m ago``, ``1w ago``, ``in 5d``.

Keys of a GitHub tracker::

    accounts:
      - login: dana                  # needed; lower and upper case are the same person
        id: 42                       # default: counted up
        token: ghp_dana              # none: a person who does not use the API
        expires: in 30d              # of the token; never by default
        type: User                   # or Bot
        admin: false                 # true: admin on every repository
    apps:
      - id: 7                        # what the JWT's ``iss`` has to be
        slug: increment-sync         # acts as ``increment-sync[bot]``
        installations: [{id: 70, account: acme}]
    repos:
      acme/churn:
        id: 900                      # default: counted up
        private: true                # default false
        archived: false
        has_issues: true
        permissions: {dana: write, "increment-sync[bot]": write}   # read, triage, write, admin
        labels: [{name: features, color: 0e8a16, description: ...}]  # or just names
        previously: [acme/old-name]  # former names, answered with a redirect
        issues:
          - number: 12               # default: counted up
            title: Churn feature set # needed
            body, user, assignees, milestone, type, parent (number or owner/repo#number)
            labels: [features]
            state: closed            # default open; also ``state_reason``: completed, not_planned, duplicate
            created, updated, closed # times
            locked: false
            pull_request: false
            comments: [{user: dana, body: ..., created: ...}]
    server: cloud                    # or ``enterprise``: no sub-issues, no issue types
    label_bumps_updated: true        # does a label change move ``updated_at``?
    search_lag: 0                    # seconds
    rate_limit: 5000                 # requests an hour and token
    content_per_minute: 80
    content_per_hour: 500
    secondary_retry_after: 60        # seconds, or ``none``: the answer does not say
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

KINDS = ("github", "jira-cloud", "jira-dc")
_RELATIVE = re.compile(r"(?:(?P<ahead>in) )?(?P<n>\d+(?:\.\d+)?) ?(?P<unit>[mhdw])(?P<back> ago)?")
_TYPE_NAMES: Mapping[type, str] = {
    dict: "a mapping",
    list: "a list",
    str: "text",
    int: "a whole number",
    bool: "true or false",
}
_T = TypeVar("_T")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class SeedError(Exception):
    """The seed is broken; ``str(error)`` is one sentence that says where and what to do."""


def read_seed(source: Mapping[str, Any] | str | Path) -> Mapping[str, Any]:
    """A seed from a YAML file (or given as a mapping), with its outer shape checked. SeedError."""
    data = source if isinstance(source, Mapping) else _parse_yaml(Path(source))
    trackers = expect(data.get("trackers"), dict, "trackers")
    unknown = sorted(set(data) - {"now", "trackers"})
    if unknown:
        raise SeedError(f"The seed has the unknown key '{unknown[0]}'; it may have 'now' and 'trackers'.")
    for name, part in trackers.items():
        part = expect(part, dict, f"trackers.{name}")
        if part.get("kind") not in KINDS:
            raise SeedError(f"trackers.{name}.kind is {part.get('kind')!r}; write one of {', '.join(KINDS)}.")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", str(name)):
            raise SeedError(
                f"The tracker name '{name}' becomes part of a URL; use small letters, digits and hyphens."
            )
    return data


def _parse_yaml(path: Path) -> Mapping[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            data = YAML(typ="safe", pure=True).load(file)
    except (OSError, UnicodeDecodeError) as error:
        raise SeedError(f"The seed {path} cannot be read: {error}.") from error
    except YAMLError as error:
        reason = " ".join(str(error).split())
        raise SeedError(f"The seed {path} is not valid YAML: {reason}.") from error
    if not isinstance(data, Mapping):
        raise SeedError(f"The seed {path} has to be a mapping with the key 'trackers'.")
    return data


def parse_time(value: object, now: datetime, place: str = "time") -> datetime:
    """A time of the seed, aware and in UTC, whole seconds. ``place`` names the key in a SeedError."""
    if isinstance(value, str) and (found := _RELATIVE.fullmatch(value.strip())):
        if bool(found["ahead"]) != bool(found["back"]):
            distance = timedelta(**{_UNITS[found["unit"]]: float(found["n"])})
            moment = now + distance if found["ahead"] else now - distance
            return moment.replace(microsecond=0)
    elif isinstance(value, datetime):
        return _utc(value)
    elif isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, str):
        try:
            return _utc(datetime.fromisoformat(value.strip()))
        except ValueError:
            pass
    raise SeedError(
        f"{place} is {value!r}, which is no time; write ISO 8601 like 2026-11-20T09:00:00Z or '3d ago'."
    )


def _utc(value: datetime) -> datetime:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)


def expect(value: object, kind: type[_T], where: str) -> _T:
    """The value, if it is of the kind; otherwise a SeedError that names the place."""
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    given = "is missing" if value is None else f"is {value!r}"
    raise SeedError(f"{where} {given}; it has to be {_TYPE_NAMES.get(kind, kind.__name__)}.")
