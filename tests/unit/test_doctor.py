"""Checks of each connector for ``doctor``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.check_result import CheckResult
from connectors.errors import Unavailable
from connectors.github.auth import GithubApp
from connectors.github.connect import open_github
from connectors.model import Source
from connectors.sandbox.core.faults import Fault
from connectors.sandbox.server import Sandbox
from connectors.testing import MemoryCache
from tests.contract.jira_server import JiraServer, project, serve_jira
from tests.support.memory_tracker import MemoryTracker

CHURN = Source(tracker="github", container="acme/churn")
REPO = "*/repos/acme/churn"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    seed = {
        "kind": "github",
        "accounts": [{"login": "sync", "token": "ghp_x"}],
        "apps": [{"id": 7, "slug": "sync-app", "installations": [{"id": 70, "account": "acme"}]}],
        "repos": {"acme/churn": {"permissions": {"sync": "write", "sync-app[bot]": "write"}}},
    }
    with Sandbox.from_seed({"now": "2026-11-20T09:00:00Z", "trackers": {"github": seed}}) as box:
        yield box


def of_github(box: Sandbox, *labels: str, **credentials: Any) -> list[CheckResult]:
    reader, _ = open_github(
        tracker="github",
        url=box.url("github"),
        cache=MemoryCache(),
        now=box.clock.now,
        sleep=lambda seconds: None,
        on_wait=lambda wait: None,
        **(credentials or {"token": "ghp_x"}),
    )
    return list(reader.diagnose([CHURN], {"acme/churn": labels}))


def the(findings: list[CheckResult], check: str) -> CheckResult:
    (only,) = [finding for finding in findings if finding.check == check]
    return only


def answering(box: Sandbox, path: str, body: Mapping[str, Any], **headers: str) -> None:
    """GitHub says something else than the sandbox would."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    box.faults.add(Fault(kind="status", status=200, path=path, body=dict(body), headers=names, times=None))


def repository(**facts: Any) -> dict[str, Any]:
    roles = {"admin": False, "push": True, "triage": True, "pull": True}
    return {"id": 1, "full_name": "acme/churn", "has_issues": True, "permissions": roles} | facts


# ---- GitHub


@pytest.mark.parametrize(
    ("scopes", "private", "level"),
    [
        ("repo, read:org", True, "ok"),
        ("public_repo", False, "ok"),
        ("public_repo", True, "problem"),
        ("read:org", False, "problem"),
        ("", False, "problem"),
    ],
)
def test_classic_token_scopes_must_allow_writing(
    box: Sandbox, scopes: str, private: bool, level: str
) -> None:
    answering(box, REPO, repository(private=private), X_OAuth_Scopes=scopes)
    assert the(of_github(box), "rights").level == level


@pytest.mark.parametrize(
    ("scopes", "warned"),
    [
        ("repo", None),
        ("public_repo, read:org", None),
        ("repo, admin:org, delete_repo", "admin:org, delete_repo"),
        ("repo, workflow", "workflow"),
    ],
)
def test_excess_scopes_of_a_classic_token_are_a_warning(
    box: Sandbox, scopes: str, warned: str | None
) -> None:
    answering(box, "*/user", {"id": 1, "login": "sync-robot"}, X_OAuth_Scopes=scopes)
    found = [each.text for each in of_github(box) if "more than is needed" in each.text]
    assert [text.partition("(")[2].partition(")")[0] for text in found] == ([warned] if warned else [])


def test_rights_of_a_fine_grained_token_stay_unknown(box: Sandbox) -> None:
    assert "also needs Issues: write" in the(of_github(box), "rights").text


def test_a_response_without_roles_is_a_warning(box: Sandbox) -> None:
    answering(box, REPO, {"id": 1, "has_issues": True})
    assert the(of_github(box), "rights").level == "warning"


@pytest.fixture(scope="module")
def app() -> GithubApp:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return GithubApp(app_id="7", private_key=pem, installation_id=70)


def test_app_rights_come_from_its_installation(box: Sandbox, app: GithubApp) -> None:
    findings = of_github(box, app=app)
    assert "sync-app[bot]" in the(findings, "account").text
    assert the(findings, "rights").level == "ok"
    answering(box, "*/app/installations/70", {"id": 70, "permissions": {"issues": "read"}})
    refused = the(of_github(box, app=app), "rights")
    assert refused.level == "problem"
    assert "granted issues: read" in refused.text


def test_excess_rights_of_an_app_are_a_warning(box: Sandbox, app: GithubApp) -> None:
    granted = {"issues": "write", "metadata": "read", "contents": "write", "administration": "read"}
    answering(box, "*/app/installations/70", {"id": 70, "permissions": granted})
    (warning,) = [each for each in of_github(box, app=app) if each.level == "warning"]
    assert "more than is needed (contents: write)" in warning.text


def test_a_missing_installation_is_a_credentials_problem(box: Sandbox, app: GithubApp) -> None:
    gone = GithubApp(app_id="7", private_key=app.private_key, installation_id=71)
    (finding,) = of_github(box, app=gone)
    assert (finding.level, finding.check) == ("problem", "credentials")
    assert "check GITHUB_APP_ID and GITHUB_APP_INSTALLATION_ID" in finding.text


def test_a_malformed_response_is_one_result_without_traceback(box: Sandbox) -> None:
    box.faults.add(Fault(kind="truncated", path="*/user", times=None))
    (finding,) = of_github(box)
    assert (finding.level, finding.check) == ("problem", "tracker")


def test_labels_are_read_from_every_page(box: Sandbox) -> None:
    state: Any = box.trackers["github"].state  # type: ignore[attr-defined]
    for number in range(150):
        state.create_label(state.repo("acme/churn"), f"a{number:03}")
    state.create_label(state.repo("acme/churn"), "state:done")
    assert the(of_github(box, "state:done", "a149"), "labels").text == "all 2 labels exist"


# ---- Jira


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_valid_jira_sites_of_both_kinds_pass(kind: Any) -> None:
    with serve_jira(kind) as jira:
        findings = of_jira(jira, project("DS"), project("OPS", "summary ~ Request"))
        assert {finding.level for finding in findings} == {"ok"}
        assert [finding.subject for finding in findings if finding.check == "rights"] == [
            "jira:DS",
            "jira:OPS (summary ~ Request)",
        ]


def of_jira(jira: JiraServer, *sources: Source) -> list[CheckResult]:
    return list(jira.reader.diagnose(sources, {}))


def permissions(**held: bool) -> dict[str, Any]:
    return {"permissions": {name: {"havePermission": has} for name, has in held.items()}}


def test_permission_names_of_old_data_centers_are_accepted() -> None:
    old = permissions(BROWSE=True, EDIT_ISSUE=True, COMMENT_ISSUE=False, COMMENT_EDIT_OWN=True)
    with serve_jira("jira-dc") as jira:
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/mypermissions", body=old))
        assert "lacks Add Comments" in the(of_jira(jira, project("DS")), "rights").text


def test_an_unreported_permission_is_a_warning() -> None:
    results = permissions(BROWSE_PROJECTS=True, EDIT_ISSUES=True, ADD_COMMENTS=True)
    with serve_jira("jira-cloud") as jira:
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/mypermissions", body=results))
        finding = the(of_jira(jira, project("DS")), "rights")
        assert finding.level == "warning"
        assert "Edit Own Comments" in finding.text


def test_a_jira_administrator_account_is_a_warning() -> None:
    needed = ("BROWSE_PROJECTS", "EDIT_ISSUES", "ADD_COMMENTS", "EDIT_OWN_COMMENTS", "ADMINISTER")
    results = permissions(**dict.fromkeys(needed, True))
    with serve_jira("jira-cloud") as jira:
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/mypermissions", body=results))
        (warning,) = [each for each in of_jira(jira, project("DS")) if each.level == "warning"]
    assert "may administer all of Jira" in warning.text


def test_renamed_and_archived_projects_are_named() -> None:
    renamed = {"id": "1", "key": "CHURN", "name": "Churn"}
    with serve_jira("jira-cloud") as jira:
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/project/DS", body=renamed))
        assert "is called CHURN on Jira" in the(of_jira(jira, project("DS")), "source").text
        archived = {"id": "1", "key": "OPS", "archived": True}
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/project/OPS", body=archived))
        levels = {f.text: f.level for f in of_jira(jira, project("OPS")) if f.check == "rights"}
        assert any("is archived" in text and level == "problem" for text, level in levels.items())


def test_a_hidden_time_zone_is_a_warning() -> None:
    with serve_jira("jira-cloud") as jira:
        me = {"accountId": "robot", "displayName": "Robot"}
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/myself", body=me))
        accounts = [f for f in of_jira(jira) if f.check == "account"]
        assert [finding.level for finding in accounts] == ["ok", "warning"]


def test_an_anonymous_response_is_a_credentials_problem() -> None:
    with serve_jira("jira-dc") as jira:
        headers = {"X-AUSERNAME": "anonymous"}
        jira.sandbox.faults.add(Fault(kind="status", status=200, path="*/myself", body={}, headers=headers))
        (finding,) = of_jira(jira, project("DS"))
        assert (finding.level, finding.check) == ("problem", "credentials")


# ---- memory


def test_the_memory_tracker_reports_present_and_missing_parts() -> None:
    tracker = MemoryTracker("memory", ["DS", "OPS"], now=lambda: datetime(2026, 11, 20, tzinfo=UTC))
    tracker.failing["OPS"] = Unavailable("memory: OPS is asleep")
    sources = [Source(tracker="memory", container=key) for key in ("DS", "OPS", "NOPE")]
    findings = [f for f in tracker.diagnose(sources, {}) if f.check == "source"]
    assert [finding.level for finding in findings] == ["ok", "problem", "problem"]
    assert findings[1].text == "memory: OPS is asleep"
