"""Blockers of issues: parsing, current states, flow states, rules, history and comments."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.errors import AuthFailed, BadPayload, Gone
from connectors.github.dependencies import MAX_READS, BlockerNames
from connectors.github.payload import parse_issue as parse_github_issue
from connectors.jira.links import parse_blockers
from connectors.jira.payload import FieldIds, fields_to_request
from connectors.model import Blocker, FieldSelection, Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import StateRule, TeamMapping
from mappings.rules.conditions import compile_conditions, field_selection_for
from mappings.rules.flow_state import StateResolver, state_of
from mappings.rules.rule_index import RuleIndex
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import TeamRules
from sync.insights.change_causes import fingerprint
from sync.pull.current_sources import with_current_blockers
from tests.support import official_payloads as official
from tests.support.match_world import issue, known, ref, rule, team

ME = IssueRef(tracker="jira", id="10012", key="DS-12")
WANTED = FieldSelection(dependencies=True)
BLOCKS = {"name": "Blocks", "inward": "is blocked by", "outward": "blocks"}


def blocker(key: str, *, is_open: bool = True, link: str = "") -> Blocker:
    return Blocker(ref=ref(key), is_open=is_open, link=link)


def waiting(*links: str) -> TeamMapping:
    """Return a team for which dependencies block, and Jira links of these further types."""
    return team("science", states={"blocked": StateRule(dependencies=frozenset({"", *links}))})


# ---- Jira


def link(key: str = "OPS-1", category: str = "new", kind: Any = BLOCKS, end: str = "inwardIssue") -> Any:
    status = {"name": "Some", "statusCategory": {"key": category}}
    return {"type": kind, end: {"id": key[4:], "key": key, "fields": {"status": status}}}


def read(*links: Any, types: tuple[str, ...] = ()) -> list[tuple[str, bool, str]]:
    return [(each.ref.key, each.is_open, each.link) for each in parse_blockers(list(links), ME, types)]


def test_links_that_say_is_blocked_by_are_read_with_the_state_of_the_blocker() -> None:
    links = [link("OPS-1"), link("OPS-2", "done"), link("OPS-3", "indeterminate")]
    assert read(*links) == [("OPS-1", True, ""), ("OPS-2", False, ""), ("OPS-3", True, "")]
    assert parse_blockers(None, ME, ()) == ()


def test_the_other_end_of_a_link_and_other_types_block_nothing() -> None:
    relates = {"name": "Relates", "inward": "relates to", "outward": "relates to"}
    assert read(link(end="outwardIssue"), link(kind=relates)) == []


@pytest.mark.parametrize(
    "kind", [BLOCKS, {"name": "BLOCKS "}, {"name": "Problem", "inward": "Is blocked by"}]
)
def test_the_type_is_recognised_by_its_name_or_its_text(kind: Any) -> None:
    assert read(link(kind=kind)) == [("OPS-1", True, "")]


def test_further_types_are_recognised_and_told_apart() -> None:
    waits = {"name": "Wait", "inward": "waits for"}
    assert read(link(kind=waits), types=("other", "waits for")) == [("OPS-1", True, "waits for")]
    both = [link(kind=waits), link()]
    assert read(*both, types=("wait",)) == [("OPS-1", True, "")], "each blocker once, by the common type"


@pytest.mark.parametrize(
    "absurd", [None, 7, "x", [], {}, {"type": BLOCKS}, {"type": BLOCKS, "inwardIssue": 7}]
)
def test_a_link_that_cannot_be_used_is_left_out(absurd: Any) -> None:
    assert read(absurd, link()) == [("OPS-1", True, "")]


def test_a_blocker_without_status_counts_as_open() -> None:
    hidden = {"type": BLOCKS, "inwardIssue": {"id": "1", "key": "OPS-1"}}
    assert read(hidden) == [("OPS-1", True, "")]


def test_links_that_are_no_list_are_a_sentence() -> None:
    with pytest.raises(BadPayload, match="issue DS-12 holds 'x' where links belong"):
        parse_blockers("x", ME, ())


def test_links_are_requested_only_if_a_mapping_needs_them() -> None:
    plain = fields_to_request(FieldIds(), FieldSelection(), cloud=True)
    assert [*plain, "issuelinks"] == fields_to_request(FieldIds(), WANTED, cloud=True)


# ---- GitHub


class Server:
    """Answers requests for blockers, and notes them."""

    def __init__(self, *rows: Any) -> None:
        self.rows, self.paths = list(rows), []  # type: ignore[var-annotated]

    def get(self, path: str, params: Any) -> Any:
        self.paths.append(path)
        if self.rows and isinstance(self.rows[0], Exception):
            raise self.rows[0]
        return SimpleNamespace(data=self.rows)


def row(number: int, state: str = "open", repo: str = "acme/ops") -> dict[str, Any]:
    url = f"{official.API}/repos/{repo}/issues/{number}"
    return {"id": 500 + number, "number": number, "url": url, "state": state}


def github_row(count: Any = 2, number: int = 7, updated: str = "2026-11-02T09:30:00Z") -> dict[str, Any]:
    summary = {"blocked_by": count, "total_blocked_by": count}
    same = official.github_issue() | {"id": number, "number": number, "updated_at": updated}
    return same | {"issue_dependencies_summary": summary}


def github_issue(raw: dict[str, Any], selection: FieldSelection = WANTED) -> Issue:
    return parse_github_issue(
        raw, tracker="github", container="acme/churn", web_url="https://github.com", selection=selection
    )


def named(names: BlockerNames, raw: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(each.ref.key, each.is_open) for each in names.name(github_issue(raw), raw).blocked_by]


@pytest.mark.parametrize(
    ("count", "found"), [(2, 2), (0, 0), (-1, 0), ("2", 0), (None, 0), (10**9, 50), (2.5, 0)]
)
def test_a_list_tells_how_many_open_issues_block_one(count: Any, found: int) -> None:
    blockers = github_issue(github_row(count)).blocked_by
    assert len(blockers) == found
    assert all(each.is_open and not each.ref.key for each in blockers)
    assert github_issue(github_row(count), FieldSelection()).blocked_by == ()


def test_an_old_server_tells_nothing() -> None:
    raw = github_row()
    del raw["issue_dependencies_summary"]
    assert github_issue(raw).blocked_by == ()


def test_blockers_are_named_and_those_that_are_hidden_stay_counted() -> None:
    server: Any = Server(row(1, "closed"), row(2), {"id": None}, 7)
    assert named(BlockerNames(server), github_row(2)) == [
        ("acme/ops#1", False),
        ("acme/ops#2", True),
        ("", True),
    ]
    assert server.paths == ["repos/acme/churn/issues/7/dependencies/blocked_by"]


def test_names_are_asked_again_only_after_a_change() -> None:
    server: Any = Server(row(2))
    first = BlockerNames(server)
    named(first, github_row(1))
    again = BlockerNames(server, first.memory)
    assert named(again, github_row(1)) == [("acme/ops#2", True)]
    assert (len(server.paths), again.changed) == (1, False)
    named(again, github_row(1, updated="2026-11-03T09:30:00Z"))
    assert (len(server.paths), again.changed) == (2, True)
    assert named(again, github_row(0)) == []
    assert again.memory == {}


def test_the_requests_of_one_pull_are_bounded() -> None:
    server: Any = Server(row(2))
    names = BlockerNames(server)
    for number in range(1, MAX_READS + 2):
        last = named(names, github_row(1, number))
    assert len(server.paths) == MAX_READS
    assert last == [("", True)]


def test_a_server_that_refuses_is_not_asked_on_and_on() -> None:
    server: Any = Server(Gone("github: GET: 404"))
    names = BlockerNames(server)
    assert [named(names, github_row(1, number)) for number in range(1, 9)] == [[("", True)]] * 8
    assert len(server.paths) == 3


def test_an_error_that_ends_the_work_on_the_tracker_is_raised() -> None:
    server: Any = Server(AuthFailed("github: 401"))
    with pytest.raises(AuthFailed):
        named(BlockerNames(server), github_row(1))


# ---- current state


def settled(*items: KnownIssue) -> list[tuple[str, bool]]:
    current = with_current_blockers({each.issue.ref: each for each in items})
    return [(each.ref.key, each.is_open) for each in current[ref("DS-1")].issue.blocked_by]


@pytest.mark.parametrize(
    ("category", "is_open"), [("todo", True), ("doing", True), ("done", False), (None, True)]
)
def test_a_blocker_that_a_source_holds_has_its_own_state(category: Any, is_open: bool) -> None:
    told = known("DS-1", blocked_by=(blocker("OPS-1", is_open=category in (None, "done")),))
    assert settled(told, known("OPS-1", category=category)) == [("OPS-1", is_open)]


def test_other_blockers_keep_what_their_tracker_reported() -> None:
    told = known("DS-1", blocked_by=(blocker("OPS-1"), blocker("OPS-2"), blocker("OPS-3")))
    dropped = known("OPS-1", category="done", sources=set())
    vanished = replace(known("OPS-2", category="done"), vanished=told.first_seen)
    assert settled(told, dropped, vanished) == [("OPS-1", True), ("OPS-2", True), ("OPS-3", True)]


def test_a_blocker_that_moved_is_named_by_its_current_key() -> None:
    moved = known("OPS-1")
    moved = replace(moved, issue=replace(moved.issue, ref=replace(moved.issue.ref, key="NET-9")))
    assert settled(known("DS-1", blocked_by=(blocker("OPS-1"),)), moved) == [("NET-9", True)]


# ---- flow states and rules


def test_an_open_blocker_blocks_where_the_mapping_says_so() -> None:
    stuck = issue(blocked_by=(blocker("OPS-2"), blocker("OPS-1"), blocker("OPS-3", is_open=False)))
    found = state_of(stuck, waiting())
    assert (found.state, found.blocked) == ("todo", True)
    assert [each.key for each in found.blockers] == ["OPS-2", "OPS-1"]
    assert "states.blocked.dependencies: blocked by OPS-1, OPS-2" in found.because
    silent = state_of(stuck, team("silent", states={"blocked": StateRule(labels=frozenset({"stuck"}))}))
    assert (silent.blocked, silent.blockers) == (False, ())


def test_closed_issues_and_closed_blockers_are_not_blocked() -> None:
    done = state_of(issue(category="done", blocked_by=(blocker("OPS-1"),)), waiting())
    freed = state_of(issue(blocked_by=(blocker("OPS-1", is_open=False),)), waiting())
    assert (done.blocked, done.blockers, freed.blocked) == (False, (), False)


def test_links_of_a_type_that_another_team_named_do_not_count() -> None:
    stuck = issue(blocked_by=(blocker("OPS-1", link="waits for"),))
    assert not state_of(stuck, waiting()).blocked
    assert state_of(stuck, waiting("waits for")).blocked


def test_a_flag_and_a_blocker_are_both_named() -> None:
    found = state_of(issue(flagged=True, blocked_by=(blocker("OPS-1"),)), waiting())
    assert "flagged on the tracker; states.blocked.dependencies: blocked by OPS-1" in found.because


def test_equal_issues_with_other_blockers_have_states_of_their_own() -> None:
    resolver = StateResolver(waiting())
    found = [
        resolver.resolve(issue(blocked_by=(each,)), experiment=False).blockers
        for each in (blocker("OPS-1"), blocker("OPS-2"))
    ]
    assert [each.key for (each,) in found] == ["OPS-1", "OPS-2"]


@pytest.mark.parametrize(
    ("names", "holds"),
    [("*", True), ("ops-1", True), ("jira:OPS-1", True), ("github:OPS-1", False), ("OPS-2", False)],
)
def test_rules_compare_the_keys_of_open_blockers(names: str, holds: bool) -> None:
    subject = RuleSubject(
        issue=issue(blocked_by=(blocker("OPS-1"), blocker("OPS-2", is_open=False))), labels=()
    )
    when = {"blocked_by": {"any": (names,)}}
    assert all(each.holds(subject) for each in compile_conditions(when)) is holds
    index = RuleIndex([TeamRules(team("science", rule("it", "m", when))).rules])
    assert bool(index.first(subject)) is holds


@pytest.mark.parametrize(
    ("mapping", "selection"),
    [
        (team("plain"), FieldSelection()),
        (waiting(), FieldSelection(dependencies=True)),
        (waiting("b", "a"), FieldSelection(dependencies=True, link_types=("a", "b"))),
        (team("t", rule("r", "m", {"blocked_by": {"any": ("*",)}})), FieldSelection(dependencies=True)),
        (team("t", rule("r", "m", {"cel": "size(blocked_by) > 0"})), FieldSelection(dependencies=True)),
    ],
    ids=["nothing", "state", "link types", "rule", "cel"],
)
def test_dependencies_are_read_if_a_state_or_a_rule_needs_them(
    mapping: TeamMapping, selection: FieldSelection
) -> None:
    assert field_selection_for([mapping]) == selection


def test_a_new_blocker_is_a_change_of_the_issue_and_an_issue_without_one_keeps_its_mark() -> None:
    scheme = LabelScheme()
    marks = {fingerprint(issue(blocked_by=each), scheme) for each in [(), (blocker("OPS-1"),)]}
    assert len(marks) == 2
    assert fingerprint(issue(blocked_by=(blocker("OPS-1", is_open=False),)), scheme) in marks
