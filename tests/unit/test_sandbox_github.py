"""GitHub sandbox over HTTP: what a synchronising client has to cope with."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from connectors.sandbox.core.seed import SeedError
from connectors.sandbox.github.references import IssueReference, find_mentions, find_references
from connectors.sandbox.server import Sandbox

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CHURN = {
    "id": 900,
    "permissions": {"sync": "write", "tess": "triage", "rhea": "read", "increment-sync[bot]": "write"},
    "watchers": ["wim"],
    "labels": [{"name": "features", "color": "0e8a16", "description": "Feature work"}],
    "previously": ["acme/old-churn"],
    "issues": [
        {
            "number": 1,
            "title": "Sessionise events",
            "user": "dana",
            "labels": [{"name": "features", "by": "tess", "at": "6d ago"}],
            "assignees": ["rhea"],
            "milestone": "Q4",
            "type": "Task",
            "parent": 3,
            "created": "9d ago",
            "updated": "5d ago",
        },
        {
            "number": 2,
            "title": "Drop it",
            "created": "8d ago",
            "closed": "4d ago",
            "state_reason": "not_planned",
        },
        {"number": 3, "title": "Feature set", "created": "7d ago"},
        {"number": 4, "title": "A pull request", "created": "3d ago", "pull_request": True},
        {"number": 5, "title": "Locked", "created": "2d ago", "locked": True},
    ],
}
SEED = {
    "now": NOW,
    "trackers": {
        "github": {
            "kind": "github",
            "accounts": [
                {"login": "sync", "id": 42, "token": "sync-token"},
                {"login": "tess", "token": "tess-token"},
                {"login": "rhea", "token": "rhea-token"},
                {"login": "stranger", "token": "stranger-token"},
                {"login": "late", "token": "late-token", "expires": "in 1h"},
                {"login": "dana"},
            ],
            "apps": [{"id": 7, "slug": "increment-sync", "installations": [{"id": 70, "account": "acme"}]}],
            "repos": {
                "acme/churn": CHURN,
                "acme/secret": {
                    "private": True,
                    "permissions": {"sync": "write"},
                    "issues": [{"title": "x"}],
                },
                "acme/attic": {
                    "archived": True,
                    "permissions": {"sync": "admin"},
                    "issues": [{"title": "x"}],
                },
                "acme/wiki": {"has_issues": False, "permissions": {"sync": "write"}},
                "acme/new-home": {"permissions": {"sync": "write"}, "labels": ["features"]},
            },
        }
    },
}


OURS = "sync-token"


class Api:
    """A simple client: no redirects, one session, one token."""

    def __init__(self, base: str, token: str | None) -> None:
        self.base = base
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, json=None, headers=None, **params):
        url = path if path.startswith("http") else self.base + path
        return self.session.request(
            method, url, json=json, params=params, headers=headers, timeout=5, allow_redirects=False
        )

    def get(self, path, **params):
        return self("GET", path, **params)

    def post(self, path, body):
        return self("POST", path, json=body)


@pytest.fixture
def box():
    with Sandbox.from_seed(SEED) as sandbox:
        yield sandbox


@pytest.fixture
def state(box):
    return box.trackers["github"].state


@pytest.fixture
def client(box):
    opened = []

    def connect(token: str | None = OURS) -> Api:
        opened.append(Api(box.url("github"), token))
        return opened[-1]

    yield connect
    for api in opened:
        api.session.close()


@pytest.fixture
def api(client):
    return client()


def numbers(answer):
    assert answer.status_code == 200, answer.text
    return [issue["number"] for issue in answer.json()]


def problem(answer):
    return answer.status_code, answer.json()["errors"][0]["code"]


ISSUES = "/repos/acme/churn/issues"


# ---- who may see and do what


def test_a_token_authenticates_and_an_unknown_one_is_rejected(client, box):
    assert client().get("/user").json()["id"] == 42
    wrong = client("nonsense").get("/user")
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")
    assert client(None).get("/user").status_code == 401
    late = client("late-token")
    assert late.get("/user").status_code == 200
    box.clock.advance(timedelta(hours=1))
    assert late.get("/user").status_code == 401


def test_a_private_repository_is_invisible_without_access(client):
    assert client().get("/repos/acme/secret").json()["permissions"]["push"] is True
    assert client("stranger-token").get("/repos/acme/secret/issues").status_code == 404
    assert client(None).get("/repos/acme/secret").status_code == 404
    public = client(None).get("/repos/acme/churn")
    assert (public.status_code, public.headers["X-RateLimit-Limit"]) == (200, "60")


def test_an_error_names_the_missing_permission(client):
    add = client("rhea-token").post(f"{ISSUES}/1/labels", ["x"])
    assert (add.status_code, add.headers["X-Accepted-GitHub-Permissions"]) == (403, "issues=write")
    assert client("tess-token").post(f"{ISSUES}/1/labels", ["x"]).status_code == 200
    assert client("tess-token").post("/repos/acme/churn/labels", {"name": "y"}).status_code == 403
    assert client(None).post(f"{ISSUES}/1/labels", ["x"]).status_code == 401


def test_an_app_gets_a_token_for_an_hour_and_acts_as_its_bot(client, box):
    def jwt(app_id):
        part = base64.urlsafe_b64encode(json.dumps({"iss": app_id}).encode()).decode().rstrip("=")
        return f"e30.{part}.c2ln"

    assert client(jwt(8)).get("/app").status_code == 401
    app = client(jwt("7"))
    assert app.get("/app").json()["slug"] == "increment-sync"
    assert app.post("/app/installations/71/access_tokens", {}).status_code == 404
    made = app.post("/app/installations/70/access_tokens", {}).json()
    assert made["expires_at"] == "2026-11-20T10:00:00Z"
    bot = client(made["token"])
    assert bot.get("/user").status_code == 403
    comment = bot.post(f"{ISSUES}/1/comments", {"body": "hi"}).json()
    assert comment["user"]["login"] == "increment-sync[bot]"
    assert comment["performed_via_github_app"]["slug"] == "increment-sync"
    assert bot.get("/users/increment-sync[bot]").json()["id"] == comment["user"]["id"]
    box.clock.advance(timedelta(hours=1))
    assert bot.get(ISSUES).status_code == 401


def test_archived_repositories_and_disabled_issues_reject_writes(api):
    assert api.get("/repos/acme/attic/issues/1").status_code == 200
    assert api.post("/repos/acme/attic/issues/1/comments", {"body": "x"}).status_code == 403
    assert api.post("/repos/acme/attic/issues/1/labels", ["x"]).status_code == 403
    assert api.get("/repos/acme/wiki").json()["has_issues"] is False
    assert api.get("/repos/acme/wiki/issues").status_code == 410


# ---- lists


def test_a_list_has_open_issues_and_pull_requests_newest_first(api):
    answer = api.get(ISSUES)
    assert numbers(answer) == [5, 4, 3, 1]
    assert [("pull_request" in issue) for issue in answer.json()] == [False, True, False, False]


def test_an_issue_has_the_shape_that_clients_read(api, box):
    issue = api.get(f"{ISSUES}/1").json()
    assert issue["html_url"] == f"{box.base_url}/github/acme/churn/issues/1"
    assert issue["url"] == f"{box.url('github')}{ISSUES}/1"
    assert (issue["state"], issue["state_reason"], issue["closed_at"]) == ("open", None, None)
    assert [label["name"] for label in issue["labels"]] == ["features"]
    assert (issue["user"]["login"], issue["assignees"][0]["login"]) == ("dana", "rhea")
    assert (issue["milestone"]["title"], issue["type"]["name"]) == ("Q4", "Task")
    assert (issue["created_at"], issue["updated_at"]) == ("2026-11-11T09:00:00Z", "2026-11-15T09:00:00Z")
    assert issue["parent_issue_url"].endswith("/repos/acme/churn/issues/3")
    assert "closed_by" not in api.get(ISSUES).json()[0]
    assert api.get(f"{ISSUES}/2").json()["closed_by"]["login"] == "acme"
    assert api.get(f"{ISSUES}/3").json()["sub_issues_summary"]["total"] == 1


def test_an_enterprise_server_has_no_sub_issues_and_no_rate_limits():
    seed = {"trackers": {"ghes": SEED["trackers"]["github"] | {"server": "enterprise"}}}
    with Sandbox.from_seed(seed) as box:
        answer = requests.get(box.url("ghes") + f"{ISSUES}/1", timeout=5)
    assert not {"parent_issue_url", "type", "sub_issues_summary"} & set(answer.json())
    assert "X-RateLimit-Limit" not in answer.headers
    assert answer.headers["X-GitHub-Enterprise-Version"]


def test_since_is_inclusive_and_to_the_second(api):
    def changed(since):
        return numbers(api.get(ISSUES, state="all", since=since, sort="updated", direction="asc"))

    assert changed("2026-11-15T09:00:00Z") == [1, 2, 4, 5]
    assert changed("2026-11-15T09:00:01Z") == [2, 4, 5]
    assert changed("2026-11-15T10:00:01+01:00") == [2, 4, 5]
    assert api.get(ISSUES, since="yesterday").status_code == 422


def test_lists_can_be_filtered_and_sorted(api):
    assert numbers(api.get(ISSUES, state="closed")) == [2]
    assert numbers(api.get(ISSUES, state="all", labels="FEATURES")) == [1]
    assert numbers(api.get(ISSUES, state="all", sort="created", direction="asc")) == [1, 2, 3, 4, 5]
    assert problem(api.get(ISSUES, sort="colour")) == (422, "invalid")


def test_the_next_page_has_a_cursor_and_the_repository_id(api, box):
    first = api.get(ISSUES, state="all", per_page=2, sort="updated", direction="asc")
    link = first.links["next"]["url"]
    assert link.startswith(f"{box.url('github')}/repositories/900/issues?")
    assert "after=" in link
    second = api.get(link)
    third = api.get(second.links["next"]["url"])
    assert numbers(first) + numbers(second) + numbers(third) == [3, 1, 2, 4, 5]
    assert "next" not in third.links
    assert numbers(api.get(first.links["last"]["url"].split("&after")[0])) == [5]


def test_a_cursor_neither_skips_nor_repeats_when_issues_change_while_paging(api, state):
    first = api.get(ISSUES, state="all", per_page=2, sort="updated", direction="asc")
    state.close("acme/churn", 3)
    rest = api.get(first.links["next"]["url"], per_page=None)
    seen = numbers(rest)
    while "next" in rest.links:
        rest = api.get(rest.links["next"]["url"])
        seen += numbers(rest)
    assert numbers(first) == [3, 1]
    assert seen == [2, 4, 5, 3]


def test_pages_have_thirty_rows_by_default_and_end_at_ten_thousand_rows(api, state):
    for number in range(120):
        state.add_issue("acme/new-home", f"issue {number}")
    new_home = "/repos/acme/new-home/issues"
    assert len(api.get(new_home).json()) == 30
    assert len(api.get(new_home, per_page=500).json()) == 100
    assert len(api.get(new_home, per_page=100, page=2).json()) == 20
    assert api.get(new_home, per_page=100, page=100).json() == []
    assert api.get(new_home, per_page=100, page=101).status_code == 422


def test_a_matching_etag_of_the_same_token_is_free(api, client, state):
    first = api.get(ISSUES)
    assert first.headers["ETag"].startswith('W/"')
    known = {"If-None-Match": first.headers["ETag"]}
    again = api("GET", ISSUES, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Used"] == first.headers["X-RateLimit-Used"]
    assert client("tess-token")("GET", ISSUES, headers=known).status_code == 200
    state.comment("acme/churn", 1, "news", by="dana")
    assert api("GET", ISSUES, headers=known).status_code == 200


def test_lists_lag_behind_while_direct_reads_do_not(api, box, state):
    box.trackers["github"].search_lag = timedelta(minutes=1)
    state.close("acme/churn", 1)
    fresh = state.add_issue("acme/churn", "fresh", labels=["features"])
    assert numbers(api.get(ISSUES)) == [5, 4, 3, 1]
    assert api.get(f"{ISSUES}/1").json()["state"] == "closed"
    assert api.get(f"{ISSUES}/{fresh}").status_code == 200
    box.clock.advance(timedelta(minutes=1))
    assert numbers(api.get(ISSUES)) == [fresh, 5, 4, 3]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{ISSUES}?since=0001-01-01T00:00:00%2B23:00", 422),
        (f"{ISSUES}?after=bm90", 422),
        (f"{ISSUES}?per_page=%C2%B2&page=-1", 200),
        (f"{ISSUES}?page=99999999999999999999999", 422),
        (f"{ISSUES}/{'9' * 5000}", 404),
        ("/repositories/77/issues", 404),
        ("/graphql", 404),
    ],
)
def test_invalid_requests_get_the_matching_error(api, path, status):
    assert api.get(path).status_code == status


# ---- things that move


def test_a_renamed_repository_redirects_reads_and_writes_to_its_id(api, state, box):
    state.rename_repo("acme/churn", "acme/retention")
    read = api.get(ISSUES, state="all", per_page=100)
    by_id = f"{box.url('github')}/repositories/900"
    assert (read.status_code, read.headers["Location"]) == (301, f"{by_id}/issues?state=all&per_page=100")
    assert len(numbers(api.get(read.headers["Location"]))) == 5
    write = api.post(f"{ISSUES}/1/comments", {"body": "lost"})
    assert (write.status_code, write.headers["Location"]) == (307, f"{by_id}/issues/1/comments")
    assert state.issue("acme/retention", 1).comments == []
    assert api.get("/repos/acme/old-churn").headers["Location"] == by_id
    assert api.post("/repositories/900/issues/1/labels", ["x"]).status_code == 200


def test_a_transferred_issue_keeps_its_id_and_the_old_address_redirects(api, state, client):
    before = api.get(f"{ISSUES}/1").json()
    moved_to = state.transfer("acme/churn", 1, "acme/new-home")
    answer = api.get(f"{ISSUES}/1")
    assert answer.status_code == 301
    after = api.get(answer.headers["Location"]).json()
    assert (after["id"], after["number"]) == (before["id"], moved_to)
    assert [label["name"] for label in after["labels"]] == ["features"]
    assert api.post(f"{ISSUES}/1/comments", {"body": "x"}).status_code == 307
    state.transfer("acme/churn", 3, "acme/secret")
    assert client("stranger-token").get(f"{ISSUES}/3").status_code == 404
    assert numbers(api.get(ISSUES)) == [5, 4]


def test_a_deleted_issue_is_gone_and_its_number_is_not_used_again(api, state, client):
    state.delete_issue("acme/churn", 5)
    assert api.get(f"{ISSUES}/5").status_code == 410
    assert api.get(f"{ISSUES}/99").status_code == 404
    assert state.add_issue("acme/churn", "next") == 6
    state.delete_issue("acme/secret", 1)
    assert client("stranger-token").get("/repos/acme/secret/issues/1").status_code == 404


# ---- labels


def test_labels_are_added_to_the_present_ones(api, state, box):
    box.clock.advance(timedelta(minutes=5))
    answer = api.post(f"{ISSUES}/1/labels", {"labels": ["new", {"name": "FEATURES"}]})
    assert [label["name"] for label in answer.json()] == ["features", "new"]
    assert answer.json()[1]["color"] == "ededed"
    assert api.get(f"{ISSUES}/1").json()["updated_at"] == "2026-11-20T09:05:00Z"
    added = [e for e in state.issue("acme/churn", 1).events if e.event == "labeled"]
    assert [(e.actor.login, e.data["label"].name) for e in added] == [("tess", "features"), ("sync", "new")]
    assert state.notifications == []


def test_a_label_change_bumps_updated_only_where_configured(api, state):
    state.settings.label_bumps_updated = False
    api.post(f"{ISSUES}/1/labels", ["new"])
    assert api.get(f"{ISSUES}/1").json()["updated_at"] == "2026-11-15T09:00:00Z"


def test_a_label_with_a_slash_is_removed_once(api):
    api.post(f"{ISSUES}/1/labels", ["area/features", "a b"])
    left = api("DELETE", f"{ISSUES}/1/labels/area%2Ffeatures")
    assert [label["name"] for label in left.json()] == ["features", "a b"]
    assert api("DELETE", f"{ISSUES}/1/labels/area/features").status_code == 404
    assert api("DELETE", f"{ISSUES}/1/labels/a%20b").status_code == 200


def test_put_replaces_all_labels(api):
    assert [one["name"] for one in api("PUT", f"{ISSUES}/1/labels", json=["mine"]).json()] == ["mine"]


def test_an_issue_has_a_hundred_labels_at_most(api):
    assert api.post(f"{ISSUES}/1/labels", [f"l{n}" for n in range(99)]).status_code == 200
    assert problem(api.post(f"{ISSUES}/1/labels", ["one-more"])) == (422, "custom")
    assert len(api.get(f"{ISSUES}/1").json()["labels"]) == 100


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "Features"}, "already_exists"),
        ({"name": "x" * 51}, "custom"),
        ({"name": "x", "color": "#ffffff"}, "invalid"),
        ({"name": "x", "description": "x" * 101}, "custom"),
        ({"color": "ffffff"}, "missing_field"),
    ],
)
def test_an_invalid_label_is_rejected(api, body, code):
    assert problem(api.post("/repos/acme/churn/labels", body)) == (422, code)
    assert [one["name"] for one in api.get("/repos/acme/churn/labels").json()] == ["features"]


def test_renaming_or_deleting_a_label_changes_its_issues(api):
    labels = "/repos/acme/churn/labels"
    made = api.post(labels, {"name": "capability:old", "color": "1d76db", "description": "d"})
    assert (made.status_code, made.json()["description"]) == (201, "d")
    api.post(f"{ISSUES}/1/labels", ["capability:old"])
    assert problem(api("PATCH", f"{labels}/capability:old", json={"new_name": "features"}))[0] == 422
    renamed = api("PATCH", f"{labels}/capability:old", json={"new_name": "capability:new"}).json()
    assert (renamed["name"], renamed["color"]) == ("capability:new", "1d76db")
    assert "capability:new" in [one["name"] for one in api.get(f"{ISSUES}/1/labels").json()]
    assert api("DELETE", f"{labels}/capability:new").status_code == 204
    assert [one["name"] for one in api.get(f"{ISSUES}/1/labels").json()] == ["features"]
    assert api.get(f"{labels}/capability:new").status_code == 404


# ---- comments


def test_comments_are_created_listed_edited_and_deleted(api, box):
    comments = f"{ISSUES}/1/comments"
    ids = [api.post(comments, {"body": f"number {n}"}).json()["id"] for n in range(3)]
    page = api.get(comments, per_page=2)
    assert [one["id"] for one in page.json() + api.get(page.links["next"]["url"]).json()] == ids
    box.clock.advance(timedelta(minutes=1))
    edited = api("PATCH", f"{ISSUES}/comments/{ids[0]}", json={"body": "other"}).json()
    assert (edited["body"], edited["updated_at"]) == ("other", "2026-11-20T09:01:00Z")
    assert [one["id"] for one in api.get(comments, since="2026-11-20T09:01:00Z").json()] == ids[:1]
    assert api("DELETE", f"{ISSUES}/comments/{ids[0]}").status_code == 204
    assert api.get(f"{ISSUES}/comments/{ids[0]}").status_code == 404
    assert api.get(f"{ISSUES}/1").json()["comments"] == 2
    assert len(api.get(f"{ISSUES}/comments").json()) == 2


def test_a_comment_has_a_limit_and_needs_a_text(api):
    assert api.post(f"{ISSUES}/1/comments", {"body": "x" * 65_536}).status_code == 201
    assert problem(api.post(f"{ISSUES}/1/comments", {"body": "x" * 65_537})) == (422, "custom")
    assert problem(api.post(f"{ISSUES}/1/comments", {"body": " "})) == (422, "missing_field")
    assert api.post(f"{ISSUES}/1/comments", None).status_code == 400


def test_comments_of_others_and_locked_issues_need_write_access(api, client, state):
    theirs = state.comment("acme/churn", 1, "mine", by="dana")
    rhea = client("rhea-token")
    assert rhea("PATCH", f"{ISSUES}/comments/{theirs}", json={"body": "x"}).status_code == 403
    assert api("PATCH", f"{ISSUES}/comments/{theirs}", json={"body": "x"}).status_code == 200
    assert rhea.post(f"{ISSUES}/5/comments", {"body": "x"}).status_code == 403
    assert api.post(f"{ISSUES}/5/comments", {"body": "x"}).status_code == 201


def test_a_comment_mails_subscribers_and_an_edit_only_new_mentions(api, state):
    made = api.post(f"{ISSUES}/1/comments", {"body": "hello @tess, `@stranger`"}).json()["id"]
    mails = {(mail.login, mail.reason) for mail in state.notifications}
    assert mails == {("dana", "author"), ("rhea", "assign"), ("wim", "subscribed"), ("tess", "mention")}
    state.notifications.clear()
    api("PATCH", f"{ISSUES}/comments/{made}", json={"body": "hello @tess and @stranger"})
    assert [(mail.login, mail.issue) for mail in state.notifications] == [("stranger", "acme/churn#1")]


def test_a_reference_in_a_comment_leaves_a_backlink_and_code_does_not(api, state):
    api.post(
        f"{ISSUES}/1/comments",
        {"body": "see `#3`, acme/new-home and https://redirect.github.com/a/b/issues/3"},
    )
    assert api.get(f"{ISSUES}/3/timeline").json() == []
    made = api.post(f"{ISSUES}/1/comments", {"body": "see #3"}).json()["id"]
    api("PATCH", f"{ISSUES}/comments/{made}", json={"body": "see #3 again, and #5"})
    (link,) = api.get(f"{ISSUES}/3/timeline").json()
    assert (link["event"], link["actor"]["login"], link["source"]["issue"]["number"]) == (
        "cross-referenced",
        "sync",
        1,
    )
    assert len(api.get(f"{ISSUES}/5/timeline").json()) == 1
    assert api.get(f"{ISSUES}/3/events").json() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#12", {(None, 12)}),
        ("fixes GH-12.", {(None, 12)}),
        ("(acme/churn#7)", {("acme/churn", 7)}),
        ("https://github.com/acme/churn/issues/7#x", {("acme/churn", 7)}),
        ("[text](http://box/github/acme/churn/pull/7)", {("acme/churn", 7)}),
        ("&#35;12", {(None, 12)}),
        ("#\u200b12 and a#12 and #x", set()),
        ("`#12` and ``a ` #12``", set()),
        ("```\n#12\n```\nafter", set()),
        ("<!-- #12 --> <code>#12</code>", set()),
        ("[#12](https://redirect.github.com/acme/churn/issues/12)", set()),
    ],
)
def test_what_counts_as_a_reference(text, found):
    expected = {IssueReference(repo=repo, number=number) for repo, number in found}
    assert find_references(text, "http://box/github") == expected


def test_what_counts_as_a_mention():
    text = "@Dana, `@rhea` mail@example.com @\u200btess (@wim) <!-- @late --> @acme/team"
    assert find_mentions(text) == {"dana", "wim"}


# ---- history


def test_the_timeline_names_actors(api, state):
    state.close("acme/churn", 1, "completed", by="dana")
    state.reopen("acme/churn", 1, by="dana")
    state.retitle("acme/churn", 1, "Sessions", by="rhea")
    state.comment("acme/churn", 1, "why?", by="tess")
    state.unlabel("acme/churn", 1, "features", by="tess")
    events = api.get(f"{ISSUES}/1/events").json()
    assert [(one["event"], one["actor"]["login"]) for one in events] == [
        ("labeled", "tess"),
        ("closed", "dana"),
        ("reopened", "dana"),
        ("renamed", "rhea"),
        ("unlabeled", "tess"),
    ]
    assert events[0]["label"]["name"] == "features"
    assert events[0]["created_at"] == "2026-11-14T09:00:00Z"
    assert "commented" in [one["event"] for one in api.get(f"{ISSUES}/1/timeline").json()]
    newest = api.get(f"{ISSUES}/events", per_page=1).json()[0]
    assert (newest["event"], newest["issue"]["number"]) == ("unlabeled", 1)


# ---- limits


def test_the_hourly_rate_limit_gives_403_until_its_reset(api, box, state):
    state.settings.rate_limit = 2
    assert [api.get(ISSUES).status_code for _ in range(3)] == [200, 200, 403]
    refused = api.get(ISSUES)
    assert "API rate limit exceeded" in refused.json()["message"]
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    reset = datetime.fromtimestamp(int(refused.headers["X-RateLimit-Reset"]), UTC)
    assert reset == NOW + timedelta(hours=1)
    box.clock.advance(timedelta(hours=1))
    assert api.get(ISSUES).headers["X-RateLimit-Remaining"] == "1"


@pytest.mark.parametrize(("wait", "header"), [(60, "60"), (None, None)])
def test_too_much_content_in_a_minute_meets_the_secondary_rate_limit(api, box, state, wait, header):
    state.settings.content_per_minute = 2
    state.settings.secondary_retry_after = wait
    answers = [api.post(f"{ISSUES}/1/comments", {"body": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 403]
    assert "secondary rate limit" in answers[2].json()["message"]
    assert answers[2].headers.get("Retry-After") == header
    assert int(answers[2].headers["X-RateLimit-Remaining"]) > 0
    assert len(state.issue("acme/churn", 1).comments) == 2
    assert api.get(ISSUES).status_code == 200
    box.clock.advance(timedelta(minutes=1))
    assert api.post(f"{ISSUES}/1/comments", {"body": "x"}).status_code == 201


# ---- people who try things, and the seed


def test_issues_can_be_opened_and_closed(api):
    made = api.post(ISSUES, {"title": "New", "body": "text", "labels": ["features"]}).json()
    path = f"{ISSUES}/{made['number']}"
    closed = api("PATCH", path, json={"state": "closed", "state_reason": "not_planned"}).json()
    assert (closed["state"], closed["state_reason"]) == ("closed", "not_planned")
    assert api("PATCH", path, json={"state": "open", "title": "Newer"}).json()["title"] == "Newer"
    assert api("PATCH", path, json={"state": "ajar"}).status_code == 422


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"repo": {}}, "trackers.github has the unknown key 'repo'"),
        ({"accounts": [{"token": "x"}]}, r"trackers.github.accounts\[0\].login is missing"),
        ({"repos": {"churn": {}}}, "repos.churn: write the name of a repository as owner/name"),
        ({"repos": {"a/b": {"permissions": {"x": "push"}}}}, "permissions.x is 'push'; write one of"),
        ({"repos": {"a/b": {"issues": [{"number": 1}]}}}, r"issues\[0\].title is missing"),
        ({"repos": {"a/b": {"issues": [{"title": "x", "created": "soon"}]}}}, "created is 'soon'"),
        ({"repos": {"a/b": {"issues": [{"title": "x", "parent": 9}]}}}, "parent is 9"),
        (
            {"repos": {"a/b": {"issues": [{"title": "x", "number": 1}] * 2}}},
            "1, which another issue of a/b has",
        ),
        ({"server": "ghe"}, "server is 'ghe'; write cloud or enterprise"),
    ],
)
def test_an_invalid_seed_is_rejected_with_place_and_remedy(part, sentence):
    with pytest.raises(SeedError, match=sentence):
        Sandbox.from_seed({"trackers": {"github": {"kind": "github"} | part}})
