"""Connector contract for Jira Cloud and Data Center, and Jira's particularities of writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from connectors.errors import OutcomeUnknown, Rejected
from connectors.jira.spec import SPEC
from connectors.model import FieldSelection, IssueRef
from connectors.sandbox.core.faults import Fault
from connectors.testing import ConnectorSuite, TrackerHarness
from tests.contract.jira_server import JiraServer, Kind, project, serve_jira

MARKER = {"instance": "acme", "anchor": "churn-model"}
EMPTY = {"DS": {}, "OPS": {}}


class JiraFixture(TrackerHarness):
    def __init__(self, jira: JiraServer) -> None:
        self.spec, self.jira = SPEC, jira
        self.reader, self.writer = jira.reader, jira.writer
        self.source, self.missing = project("DS"), project("NOPE")

    def add_issue(self, title: str, *, labels: tuple[str, ...] = (), body: str = "") -> str:
        return self.jira.state.add_issue("DS", title, by="dana", labels=labels, description=body or None)

    def label(self, key: str, name: str) -> None:
        self.jira.state.label(key, name, "dana")

    def unlabel(self, key: str, name: str) -> None:
        self.jira.state.unlabel(key, name, "dana")

    def close(self, key: str) -> None:
        self.jira.state.set_status(key, "Done", "dana", resolution="Done")

    def reopen(self, key: str) -> None:
        self.jira.state.set_status(key, "To Do", "dana")

    def comment(self, key: str, body: str) -> str:
        return str(self.jira.state.comment(key, body, "dana"))

    def comments_of(self, key: str) -> list[str]:
        return [comment.body for comment in self.jira.state.require_issue(key).comments]

    def delete(self, key: str) -> None:
        self.jira.state.delete(key)

    def move(self, key: str) -> str:
        return self.jira.state.move(key, "OPS", "dana")

    def pass_minutes(self, minutes: float) -> None:
        self.jira.advance(minutes=minutes)

    def lose_next_response_to_new_comment(self) -> None:
        self.jira.sandbox.faults.add(Fault(kind="reset_after", method="POST", path="*/comment"))

    def requests(self) -> int:
        return self.jira.sandbox.log.count()


class TestJiraCloud(ConnectorSuite):
    @pytest.fixture
    def world(self) -> Iterator[TrackerHarness]:
        with serve_jira("jira-cloud", projects=EMPTY) as jira:
            yield JiraFixture(jira)


class TestJiraDataCenter(ConnectorSuite):
    @pytest.fixture
    def world(self) -> Iterator[TrackerHarness]:
        with serve_jira("jira-dc", projects=EMPTY, robot={"timezone": "America/New_York"}) as jira:
            yield JiraFixture(jira)


class TestJiraCloudBehindTheGateway(ConnectorSuite):
    """Scoped token, account in a distant time zone, and self links with the gateway."""

    @pytest.fixture
    def world(self) -> Iterator[TrackerHarness]:
        robot = {"scoped": True, "timezone": "Australia/Sydney"}
        switches = {"self_links": "gateway"}
        with serve_jira("jira-cloud", projects=EMPTY, robot=robot, cloud_id="c-1", switches=switches) as jira:
            jira.reader, jira.writer = jira.connect(cloud_id="c-1", gateway_url=f"{jira.url}/gateway")
            yield JiraFixture(jira)


@pytest.fixture(params=get_args(Kind))
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def jira(kind: Kind) -> Iterator[JiraServer]:
    with serve_jira(kind) as sandbox:
        yield sandbox


def ref(jira: JiraServer, key: str) -> IssueRef:
    return jira.reader.read(key, FieldSelection()).ref


def test_relabelling_costs_one_request_per_issue_once_permissions_are_cached(jira: JiraServer) -> None:
    refs = [ref(jira, f"DS-{number}") for number in range(1, 6)]
    jira.writer.change_labels(refs[0], ["capability:x"], [])
    jira.requests()
    for each in refs:
        jira.writer.change_labels(each, ["capability:y"], ["capability:x"])
    assert [request.split()[0] for request in jira.requests()] == ["PUT"] * 5
    assert set(jira.state.require_issue("DS-1").labels) == {"theirs", "capability:y"}


def test_a_marker_survives_edits_and_marks_only_our_comment(jira: JiraServer) -> None:
    issue = ref(jira, "DS-1")
    jira.state.comment("DS-1", "a person's", "dana")
    ours = jira.writer.create_comment(issue, "state: planned", MARKER)
    jira.writer.edit_comment(issue, ours.id, "state: done", MARKER | {"revision": "2"})
    markers = [comment.marker for comment in jira.reader.comments(issue)]
    assert markers == [None, MARKER | {"revision": "2"}]
    assert jira.reader.comment(issue, ours.id).marker == MARKER | {"revision": "2"}


def test_a_lost_comment_is_found_again_by_its_marker(jira: JiraServer) -> None:
    issue = ref(jira, "DS-1")
    jira.sandbox.faults.add(Fault(kind="reset_after", method="POST", path="*/comment"))
    with pytest.raises(OutcomeUnknown):
        jira.writer.create_comment(issue, "state: planned", MARKER)
    assert [comment.marker for comment in jira.reader.comments(issue)] == [MARKER]


def test_service_desk_customers_do_not_see_our_comment(kind: Kind) -> None:
    issues = {"issues": [{"summary": "Request"}]}
    with serve_jira(kind, projects={"HELP": {"service_management": True, **issues}}) as jira:
        issue = ref(jira, "HELP-1")
        ours = jira.writer.create_comment(issue, "state: planned", MARKER)
        jira.writer.edit_comment(issue, ours.id, "state: done", MARKER)
        assert [comment.public for comment in jira.state.require_issue("HELP-1").comments] == [False]


@pytest.mark.parametrize("admin", [True, False])
def test_watchers_get_no_mail_about_labels_if_we_may_suppress_it(kind: Kind, admin: bool) -> None:
    rights = ["browse", "edit", "comment", *(["admin"] if admin else [])]
    issues = {"issues": [{"summary": "Watched", "watchers": ["dana"]}]}
    with serve_jira(kind, robot={"permissions": rights}, projects={"DS": issues}) as jira:
        jira.writer.change_labels(ref(jira, "DS-1"), ["capability:x"], [])
        assert "capability:x" in jira.state.require_issue("DS-1").labels
        assert bool(jira.state.mails) is not admin


def test_labels_missing_on_the_edit_screen_are_rejected_with_instructions(kind: Kind) -> None:
    screenless = {"labels_on_edit_screen": False, "issues": [{"summary": "one"}]}
    with serve_jira(kind, projects={"DS": screenless}) as jira:
        issue = ref(jira, "DS-1")
        with pytest.raises(Rejected, match="put the Labels field on the project's edit screen"):
            jira.writer.change_labels(issue, ["capability:x"], [])


def test_a_text_that_is_too_long_is_rejected_and_not_written(jira: JiraServer) -> None:
    issue = ref(jira, "DS-1")
    with pytest.raises(Rejected, match="too long"):
        jira.writer.create_comment(issue, "x" * 70_000, MARKER)
    assert jira.state.require_issue("DS-1").comments == ()


def test_an_edit_without_permission_is_rejected(kind: Kind) -> None:
    with serve_jira(kind, robot={"permissions": ["browse"]}) as jira:
        issue = ref(jira, "DS-1")
        with pytest.raises(Rejected):
            jira.writer.change_labels(issue, ["capability:x"], [])
        with pytest.raises(Rejected):
            jira.writer.create_comment(issue, "state: planned", MARKER)


def test_labels_missing_in_a_truncated_changelog_have_no_origin() -> None:
    """Cloud truncates the oldest entries. The origin of ``early`` is then unknown, not another account."""
    with serve_jira("jira-cloud") as jira:
        jira.state.label("DS-1", "early", "dana")
        for number in range(150):
            jira.advance(minutes=1)
            jira.state.label("DS-1", f"late-{number}", "dana")
        events = jira.reader.label_origins(ref(jira, "DS-1"))
        assert "early" not in events and "theirs" not in events
        assert events["late-149"].author_id == "dana"


def test_a_status_comment_costs_one_request_to_create_and_two_to_edit_on_cloud() -> None:
    with serve_jira("jira-cloud") as jira:
        issue = ref(jira, "DS-1")
        jira.writer.change_labels(issue, ["capability:x"], [])
        jira.requests()
        ours = jira.writer.create_comment(issue, "state: planned", MARKER)
        assert len(jira.requests()) == 1
        jira.reader.comment(issue, ours.id)
        jira.writer.edit_comment(issue, ours.id, "state: done", MARKER)
        assert [request.split()[0] for request in jira.requests()] == ["POST", "PUT"]
