"""From the GitHub part of a seed to a ``GithubState``. The keys are described in ``seed.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.core.seed import SeedError, expect, parse_time
from connectors.sandbox.core.tracker import Clock
from connectors.sandbox.github.model import (
    LEVELS,
    AccessToken,
    App,
    Event,
    GithubAccount,
    GithubComment,
    GithubIssue,
    Repo,
)
from connectors.sandbox.github.references import find_mentions
from connectors.sandbox.github.state import GithubState

_KEYS = {
    "tracker": {
        *("kind", "accounts", "apps", "repos", "server", "label_bumps_updated", "search_lag", "rate_limit"),
        *("anonymous_rate_limit", "content_per_minute", "content_per_hour", "secondary_retry_after"),
    },
    "account": {"login", "id", "token", "expires", "type", "admin"},
    "app": {"id", "slug", "installations"},
    "repo": {
        *("id", "private", "archived", "has_issues", "permissions", "watchers", "labels", "previously"),
        "issues",
    },
    "issue": {
        *("id", "number", "title", "body", "user", "assignees", "milestone", "type", "parent", "labels"),
        *("state", "state_reason", "created", "updated", "closed", "locked", "pull_request", "comments"),
        "closed_by",
    },
    "comment": {"id", "user", "body", "created", "updated"},
    "label": {"name", "color", "description"},
    "put label": {"name", "by", "at"},
}


def build_state(seed: Mapping[str, Any], clock: Clock, name: str = "github") -> GithubState:
    """A fresh world from a seed. SeedError with one sentence when it is broken."""
    return _Builder(seed, clock, f"trackers.{name}").build()


class _Builder:
    def __init__(self, seed: Mapping[str, Any], clock: Clock, where: str) -> None:
        self._seed = seed
        self._where = where
        self._state = GithubState(clock)
        self._now = self._state.now()

    def build(self) -> GithubState:
        seed, where = self._seed, self._where
        _known_keys(seed, "tracker", where)
        self._settings()
        for place, item in _items(seed, "accounts", where):
            self._account(_known_keys(item, "account", place), place)
        for place, item in _items(seed, "apps", where):
            self._app(_known_keys(item, "app", place), place)
        repos = expect(seed.get("repos", {}), dict, f"{where}.repos")
        built = [self._repo(str(name), part, f"{where}.repos.{name}") for name, part in repos.items()]
        for repo, part, place in built:
            for position, item in _items(part, "issues", place):
                self._issue(repo, _known_keys(item, "issue", position), position)
        for repo, part, place in built:
            self._parents(repo, part, place)
        return self._state

    def _settings(self) -> None:
        seed, settings = self._seed, self._state.settings
        server = seed.get("server", "cloud")
        if server not in ("cloud", "enterprise"):
            raise SeedError(f"{self._where}.server is {server!r}; write cloud or enterprise.")
        settings.enterprise = server == "enterprise"
        if settings.enterprise:
            settings.rate_limit = 0
        for key in ("rate_limit", "anonymous_rate_limit", "content_per_minute", "content_per_hour"):
            if key in seed:
                setattr(settings, key, expect(seed[key], int, f"{self._where}.{key}"))
        bumps = seed.get("label_bumps_updated", True)
        settings.label_bumps_updated = expect(bumps, bool, f"{self._where}.label_bumps_updated")
        wait = seed.get("secondary_retry_after", 60)
        named = f"{self._where}.secondary_retry_after"
        settings.secondary_retry_after = None if wait in ("none", None) else expect(wait, int, named)
        lag = expect(seed.get("search_lag", 0), int, f"{self._where}.search_lag")
        self._state.search_lag = timedelta(seconds=lag)

    def _account(self, item: Mapping[str, Any], where: str) -> None:
        login = expect(item.get("login"), str, f"{where}.login")
        account = GithubAccount(
            id=expect(item["id"], int, f"{where}.id") if "id" in item else self._state.new_id(),
            login=login,
            type=expect(item.get("type", "User"), str, f"{where}.type"),
            admin=expect(item.get("admin", False), bool, f"{where}.admin"),
        )
        self._state.accounts[login.lower()] = account
        if item.get("token"):
            expires = (
                parse_time(item["expires"], self._now, f"{where}.expires") if "expires" in item else None
            )
            self._state.tokens[str(item["token"])] = AccessToken(account=account, expires=expires)

    def _app(self, item: Mapping[str, Any], where: str) -> None:
        slug = expect(item.get("slug"), str, f"{where}.slug")
        app_id = expect(item.get("id"), int, f"{where}.id")
        installations = {
            expect(one.get("id"), int, f"{place}.id"): str(one.get("account", ""))
            for place, one in _items(item, "installations", where)
        }
        bot = self._state.person(f"{slug}[bot]", kind="Bot")
        self._state.apps[app_id] = App(id=app_id, slug=slug, bot=bot, installations=installations)

    def _repo(self, name: str, part: object, where: str) -> tuple[Repo, Mapping[str, Any], str]:
        item = _known_keys(expect(part or {}, dict, where), "repo", where)
        owner, slash, short = name.partition("/")
        if not (owner and slash and short) or "/" in short:
            raise SeedError(f"{where}: a repository is named owner/name, not {name!r}.")
        permissions = expect(item.get("permissions", {}), dict, f"{where}.permissions")
        for login, level in permissions.items():
            if level not in LEVELS:
                raise SeedError(
                    f"{where}.permissions.{login} is {level!r}; write one of {', '.join(LEVELS)}."
                )
        repo = Repo(
            id=expect(item["id"], int, f"{where}.id") if "id" in item else self._state.new_id(),
            owner=owner,
            name=short,
            private=expect(item.get("private", False), bool, f"{where}.private"),
            archived=expect(item.get("archived", False), bool, f"{where}.archived"),
            has_issues=expect(item.get("has_issues", True), bool, f"{where}.has_issues"),
            permissions=dict(permissions),
            watchers=_texts(item, "watchers", where),
        )
        self._state.repos[repo.id] = repo
        for former in _texts(item, "previously", where):
            self._state.former_names[former.lower()] = repo.id
        for place, label in _items(item, "labels", where, text="name"):
            _known_keys(label, "label", place)
            named = expect(label.get("name"), str, f"{place}.name")
            color = str(label.get("color", "ededed"))
            self._state.create_label(repo, named, color=color, description=label.get("description"))
        return repo, item, where

    def _issue(self, repo: Repo, item: Mapping[str, Any], where: str) -> None:
        state = self._state
        created = self._time(item, "created", where, self._now)
        closed = self._time(item, "closed", where, None)
        status = item.get("state", "closed" if closed else "open")
        if status not in ("open", "closed"):
            raise SeedError(f"{where}.state is {status!r}; write open or closed.")
        if status == "closed":
            closed = closed or self._time(item, "updated", where, self._now)
        number = expect(item.get("number", repo.next_number), int, f"{where}.number")
        if number in repo.issues:
            raise SeedError(f"{where}.number: {repo.full_name}#{number} is there twice; numbers are unique.")
        issue = GithubIssue(
            id=expect(item["id"], int, f"{where}.id") if "id" in item else state.new_id(),
            number=number,
            title=expect(item.get("title"), str, f"{where}.title"),
            body=item.get("body"),
            user=state.person(str(item.get("user", repo.owner))),
            created=created,
            updated=created,
            state=status,
            state_reason=item.get("state_reason", "completed" if status == "closed" else None),
            assignees=[state.person(login) for login in _texts(item, "assignees", where)],
            type=item.get("type"),
            closed=closed if status == "closed" else None,
            locked=expect(item.get("locked", False), bool, f"{where}.locked"),
            pull_request=expect(item.get("pull_request", False), bool, f"{where}.pull_request"),
        )
        if item.get("milestone"):
            issue.milestone = state.milestone(repo, str(item["milestone"]))
        repo.store_issue(issue)
        self._history(repo, issue, item, where)

    def _history(self, repo: Repo, issue: GithubIssue, item: Mapping[str, Any], where: str) -> None:
        state = self._state
        for place, entry in _items(item, "labels", where, text="name"):
            _known_keys(entry, "put label", place)
            name = expect(entry.get("name"), str, f"{place}.name")
            label = repo.label_named(name) or state.create_label(repo, name)
            issue.labels.append(label)
            by = state.person(str(entry.get("by", issue.user.login)))
            state.add_event(issue, "labeled", by, self._time(entry, "at", place, issue.created), label=label)
        for place, entry in _items(item, "comments", where):
            issue.comments.append(self._comment(_known_keys(entry, "comment", place), place, issue))
        if issue.closed is not None:
            issue.closed_by = state.person(str(item.get("closed_by", issue.user.login)))
            reason = issue.state_reason
            state.add_event(issue, "closed", issue.closed_by, issue.closed, state_reason=reason)
        issue.events.sort(key=_event_time)
        latest = [issue.created, *(event.at for event in issue.events)]
        latest += [comment.updated for comment in issue.comments]
        issue.updated = self._time(item, "updated", where, max(latest))

    def _comment(self, item: Mapping[str, Any], where: str, issue: GithubIssue) -> GithubComment:
        created = self._time(item, "created", where, issue.created)
        author = self._state.person(expect(item.get("user"), str, f"{where}.user"))
        body = expect(item.get("body"), str, f"{where}.body")
        issue.subscribers.setdefault(author.login.lower(), "comment")
        issue.subscribers |= {
            login: "mention" for login in find_mentions(body) if login in self._state.accounts
        }
        return GithubComment(
            id=expect(item["id"], int, f"{where}.id") if "id" in item else self._state.new_id(),
            user=author,
            body=body,
            created=created,
            updated=self._time(item, "updated", where, created),
        )

    def _parents(self, repo: Repo, part: Mapping[str, Any], where: str) -> None:
        for issue, (place, item) in zip(repo.issues.values(), _items(part, "issues", where), strict=True):
            if item.get("parent") is None:
                continue
            name, _, number = str(item["parent"]).rpartition("#")
            home = self._state.find_repo(name) if name else repo
            if home is None or not number.isdigit() or int(number) not in home.issues:
                raise SeedError(f"{place}.parent is {item['parent']!r}, which is no issue of this seed.")
            issue.parent = (home.id, int(number))

    def _time(self, item: Mapping[str, Any], key: str, where: str, default: Any) -> Any:
        return parse_time(item[key], self._now, f"{where}.{key}") if item.get(key) is not None else default


def _event_time(event: Event) -> datetime:
    return event.at


def _known_keys(item: Mapping[str, Any], kind: str, where: str) -> Mapping[str, Any]:
    unknown = sorted(set(map(str, item)) - _KEYS[kind])
    if unknown:
        known = ", ".join(sorted(_KEYS[kind]))
        raise SeedError(f"{where} has the unknown key '{unknown[0]}'; it may have {known}.")
    return item


def _items(
    part: Mapping[str, Any], key: str, where: str, *, text: str | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping of a list with its place; with ``text``, a bare text stands for ``{text: ...}``."""
    for index, item in enumerate(expect(part.get(key, []), list, f"{where}.{key}")):
        place = f"{where}.{key}[{index}]"
        if text and isinstance(item, str):
            yield place, {text: item}
        else:
            yield place, expect(item, dict, place)


def _texts(part: Mapping[str, Any], key: str, where: str) -> list[str]:
    return [str(item) for item in expect(part.get(key, []), list, f"{where}.{key}")]
