"""Refusals name what failed and who can mend it, and blame neither the repository nor the url without reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connectors.errors import AuthFailed, BadPayload, ConnectorError, Unreachable
from connectors.model import FailedSource, FieldSelection, HistoryRequest
from tests.unit.jira_connection import DS, SITE, JiraConnection, mock_site
from tests.unit.test_github_defects import API, REPO, SOURCE, GithubConnection, cursor
from tests.unit.test_github_payload import raw_issue


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def github() -> GithubConnection:
    return GithubConnection()


def reason(answer: object) -> str:
    assert isinstance(answer, FailedSource)
    return answer.reason


# ---- GitHub


def test_a_missing_list_of_events_does_not_blame_the_repository(
    net: responses.RequestsMock, github: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json=[raw_issue()])
    net.get(f"{REPO}/issues/events", status=404, json={"message": "Not Found"})
    pulled = github.pull(cursor())
    assert not isinstance(pulled, FailedSource)
    request = HistoryRequest(source=SOURCE, issues=pulled.issues, bookmark=None)
    (failure,) = github.reader.histories([request], FieldSelection())
    assert "/repos/acme/churn/issues/events: not found" in reason(failure)
    assert "although the issues of acme/churn can be read" in reason(failure)
    assert "does not exist" not in reason(failure)


@pytest.mark.parametrize(
    "message", ["Issues are disabled for this repo", "Issues has been disabled in this repository."]
)
def test_disabled_issues_are_named(
    net: responses.RequestsMock, github: GithubConnection, message: str
) -> None:
    net.get(f"{REPO}/issues", status=410, json={"message": message})
    assert reason(github.pull(cursor())) == (
        "github: the issues of acme/churn are disabled; enable them in its settings, or remove it from the mapping"
    )


def test_a_demand_for_single_sign_on_says_where_to_authorize(
    net: responses.RequestsMock, github: GithubConnection
) -> None:
    url = "https://github.com/orgs/acme/sso?authorization_request=AAAA"
    body = {"message": "Resource protected by organization SAML enforcement."}
    net.get(f"{REPO}/issues", status=403, json=body, headers={"X-GitHub-SSO": f"required; url={url}"})
    text = reason(github.pull(cursor()))
    assert "authorize the token for it in GitHub's settings (Developer settings, Configure SSO)" in text
    assert "AAAA" not in text


def test_a_list_of_allowed_addresses_names_the_owner(
    net: responses.RequestsMock, github: GithubConnection
) -> None:
    text = (
        "Although you appear to have the correct authorization credentials, the `acme` organization has an IP "
        "allow list enabled, and your IP address is not permitted to access this resource."
    )
    net.get(f"{REPO}/issues", status=403, json={"message": text})
    assert "ask an owner of the organization to add this machine's address" in reason(github.pull(cursor()))


def test_a_wrong_address_of_the_api_does_not_blame_the_token(
    net: responses.RequestsMock, github: GithubConnection
) -> None:
    net.get(f"{API}/user", status=404, json={"message": "Not Found"})
    with pytest.raises(
        ConnectorError, match=r"no API of GitHub at https://api\.github\.com: check url"
    ) as error:
        github.reader.whoami()
    assert not isinstance(error.value, AuthFailed)


def test_doctor_does_not_blame_the_repository_for_its_labels(
    net: responses.RequestsMock, github: GithubConnection
) -> None:
    net.get(f"{API}/user", json={"id": 41, "login": "increment-sync"})
    net.get(REPO, json={"id": 900, "has_issues": True, "permissions": {"push": True}})
    net.get(f"{REPO}/labels", status=404)
    results = list(github.reader.diagnose([SOURCE], {"acme/churn": ["capability:model"]}))
    assert [each.check for each in results if each.level == "problem"] == ["labels"]
    assert "its labels cannot be listed: github: GET /repos/acme/churn/labels" in results[-1].text
    assert [each.level for each in results if each.check == "source"] == ["ok"]


# ---- Jira


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_captcha_sends_people_to_a_browser(net: responses.RequestsMock, status: int) -> None:
    reader, _ = JiraConnection().open(kind="jira-dc", pat="token")
    headers = {
        "X-Seraph-LoginReason": "AUTHENTICATION_DENIED",
        "X-Authentication-Denied-Reason": f"CAPTCHA_CHALLENGE; login-url={SITE}/login.jsp",
    }
    net.get(f"{SITE}/rest/api/2/myself", status=status, json={}, headers=headers)
    with pytest.raises(AuthFailed, match="log in once as our account in a browser"):
        reader.whoami()


def test_a_missing_search_blames_kind_and_url(net: responses.RequestsMock) -> None:
    mock_site(net)
    net.post(f"{SITE}/rest/api/2/search/jql", status=404)
    reader, _ = JiraConnection().open()
    (failure,) = reader.pull([(DS, None)], FieldSelection())
    assert "search/jql: not found" in reason(failure)
    assert "check kind of the tracker and its url" in reason(failure)


# ---- both


def test_a_web_page_is_called_a_web_page(net: responses.RequestsMock, github: GithubConnection) -> None:
    page: dict[str, Any] = {"body": "<html>Log in</html>", "content_type": "text/html; charset=utf-8"}
    net.get(f"{API}/user", **page)
    with pytest.raises(BadPayload, match=r"with a web page \(to log in, or a proxy's\)"):
        github.reader.whoami()


def test_a_proxy_that_wants_a_password_is_no_refusal_of_the_tracker(
    net: responses.RequestsMock, github: GithubConnection
) -> None:
    net.get(f"{API}/user", status=407)
    with pytest.raises(Unreachable, match="a proxy wants a user name and password"):
        github.reader.whoami()
