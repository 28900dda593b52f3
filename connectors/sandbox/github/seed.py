"""Builds the state of the GitHub sandbox from its part of a seed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.sandbox.core.seed import SeedError, validate_seed
from connectors.sandbox.core.tracker import Clock
from connectors.sandbox.github.model import (
    AccessToken,
    App,
    GithubAccount,
    GithubComment,
    GithubIssue,
    GithubSettings,
    Repo,
)
from connectors.sandbox.github.references import find_mentions
from connectors.sandbox.github.seed_model import (
    GithubAccountSeed,
    GithubCommentSeed,
    GithubIssueSeed,
    GithubSeed,
    RepoSeed,
)
from connectors.sandbox.github.state import GithubState


def build_state(seed: Mapping[str, Any], clock: Clock, name: str = "github") -> GithubState:
    """Return a new state with everything that the seed names. SeedError for the first invalid place."""
    state, place = GithubState(clock), f"trackers.{name}"
    parsed = validate_seed(GithubSeed, seed, place=place, now=state.now())
    return _StateBuilder(state, place).build(parsed)


class _StateBuilder:
    """Fills an empty state; ``place`` is the path of the tracker in the seed, for error messages."""

    def __init__(self, state: GithubState, place: str) -> None:
        self._state = state
        self._place = place

    def build(self, seed: GithubSeed) -> GithubState:
        state = self._state
        state.search_lag = timedelta(seconds=seed.search_lag)
        state.settings = GithubSettings(**seed.model_dump(include=set(GithubSettings.model_fields)))
        for account in seed.accounts:
            self._add_account(account)
        for app in seed.apps:
            bot = state.account_for(f"{app.slug}[bot]", kind="Bot")
            installations = {each.id: each.account for each in app.installations}
            state.apps[app.id] = App(id=app.id, slug=app.slug, bot=bot, installations=installations)
        repos = {name: repo or RepoSeed() for name, repo in seed.repos.items()}
        built = {name: self._add_repo(name, repo) for name, repo in repos.items()}
        for name, repo in repos.items():
            for index, issue in enumerate(repo.issues):
                self._add_issue(built[name], issue, f"{self._place}.repos.{name}.issues[{index}]")
        for name, repo in repos.items():
            self._link_issues(built[name], repo, f"{self._place}.repos.{name}")
        return state

    def _add_account(self, seed: GithubAccountSeed) -> None:
        account = GithubAccount(
            id=seed.id or self._state.new_id(), login=seed.login, type=seed.type, admin=seed.admin
        )
        self._state.accounts[seed.login.lower()] = account
        if seed.token:
            self._state.tokens[seed.token] = AccessToken(account=account, expires=seed.expires)

    def _add_repo(self, full_name: str, seed: RepoSeed) -> Repo:
        owner, _, name = full_name.partition("/")
        if not (owner and name) or "/" in name:
            raise SeedError(f"{self._place}.repos.{full_name}: write the name of a repository as owner/name.")
        repo = Repo(
            id=seed.id or self._state.new_id(),
            owner=owner,
            name=name,
            **seed.model_dump(include={"private", "archived", "has_issues", "permissions", "watchers"}),
        )
        self._state.repos[repo.id] = repo
        for former_name in seed.previously:
            self._state.former_names[former_name.lower()] = repo.id
        for label in seed.labels:
            self._state.create_label(repo, **label.model_dump())
        return repo

    def _add_issue(self, repo: Repo, seed: GithubIssueSeed, place: str) -> None:
        state = self._state
        created = seed.created or state.now()
        is_closed = (seed.state or ("closed" if seed.closed else "open")) == "closed"
        number = repo.next_number if seed.number is None else seed.number
        if number in repo.issues:
            raise SeedError(
                f"{place}.number is {number}, which another issue of {repo.full_name} has; "
                "give every issue its own number."
            )
        issue = GithubIssue(
            **seed.model_dump(include={"title", "body", "type", "locked", "pull_request"}),
            id=seed.id or state.new_id(),
            number=number,
            user=state.account_for(seed.user or repo.owner),
            created=created,
            updated=created,
            state="closed" if is_closed else "open",
            state_reason=_state_reason(seed, is_closed),
            assignees=[state.account_for(login) for login in seed.assignees],
            closed=(seed.closed or seed.updated or state.now()) if is_closed else None,
        )
        if seed.milestone:
            issue.milestone = state.milestone(repo, seed.milestone)
        repo.store_issue(issue)
        self._add_history(repo, issue, seed)

    def _add_history(self, repo: Repo, issue: GithubIssue, seed: GithubIssueSeed) -> None:
        state = self._state
        for applied in seed.labels:
            label = repo.find_label(applied.name) or state.create_label(repo, applied.name)
            issue.labels.append(label)
            by = state.account_for(applied.by or issue.user.login)
            state.add_event(issue, "labeled", by, applied.at or issue.created, label=label)
        issue.comments += [self._add_comment(comment, issue) for comment in seed.comments]
        if issue.closed is not None:
            issue.closed_by = state.account_for(seed.closed_by or issue.user.login)
            state.add_event(issue, "closed", issue.closed_by, issue.closed, state_reason=issue.state_reason)
        issue.events.sort(key=lambda event: event.at)
        moments = [event.at for event in issue.events] + [comment.updated for comment in issue.comments]
        issue.updated = seed.updated or max([issue.created, *moments])

    def _add_comment(self, seed: GithubCommentSeed, issue: GithubIssue) -> GithubComment:
        state = self._state
        created = seed.created or issue.created
        author = state.account_for(seed.user)
        issue.subscribers.setdefault(author.login.lower(), "comment")
        mentioned = find_mentions(seed.body) & state.accounts.keys()
        issue.subscribers |= dict.fromkeys(mentioned, "mention")
        return GithubComment(
            id=seed.id or state.new_id(),
            user=author,
            body=seed.body,
            created=created,
            updated=seed.updated or created,
        )

    def _link_issues(self, repo: Repo, seed: RepoSeed, place: str) -> None:
        """Set parents and blockers, which may stand below in the file."""
        for index, (issue, item) in enumerate(zip(repo.issues.values(), seed.issues, strict=True)):
            at = f"{place}.issues[{index}]"
            if item.parent is not None:
                owner, parent = self._named_issue(repo, item.parent, f"{at}.parent")
                issue.parent = (owner.id, parent.number)
            for name in item.blocked_by:
                issue.blocked_by.append(self._named_issue(repo, str(name), f"{at}.blocked_by")[1].id)

    def _named_issue(self, repo: Repo, text: str, place: str) -> tuple[Repo, GithubIssue]:
        name, _, number = text.rpartition("#")
        owner = self._state.find_repo(name) if name else repo
        if owner is None or not number.isdigit() or int(number) not in owner.issues:
            raise SeedError(
                f"{place} is {text}, which is not an issue of this seed; add it or correct the number."
            )
        return owner, owner.issues[int(number)]


def _state_reason(seed: GithubIssueSeed, is_closed: bool) -> str | None:
    if "state_reason" in seed.model_fields_set:
        return seed.state_reason
    return "completed" if is_closed else None
