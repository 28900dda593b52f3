"""GitHub beyond the common contract: budgets, pull requests, moves, rate limits and faults over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.errors import AuthFailed, Gone, NotConfirmed, OutcomeUnknown, RateLimitExceeded, Rejected
from connectors.github.auth import GithubApp
from connectors.model import FailedSource, FieldSelection, PulledSource, Source
from connectors.sandbox.core.faults import Fault
from connectors.sandbox.server import Sandbox
from connectors.testing import MemoryCache, titles
from tests.contract.test_connectors import GithubFixture, seed


@pytest.fixture
def world() -> Iterator[GithubFixture]:
    with Sandbox.from_seed(seed()) as sandbox:
        yield GithubFixture(sandbox)


def fill(world: GithubFixture, issues: int, pull_requests: int = 0) -> None:
    for number in range(issues):
        world.state.add_issue("acme/churn", f"issue {number}", by="dana")
    for number in range(pull_requests):
        world.state.add_issue("acme/churn", f"pull request {number}", by="dana", pull_request=True)


def statuses(world: GithubFixture) -> list[tuple[str, int]]:
    return [(entry.path.removeprefix("/api/v3"), entry.status) for entry in world.sandbox.log.entries]


def failure(
    world: GithubFixture, source: Source | None = None, before: PulledSource | None = None
) -> FailedSource:
    pair = (source or world.source, before.cursor if before else None)
    (answer,) = world.reader.pull([pair], FieldSelection())
    assert isinstance(answer, FailedSource), answer
    return answer


# ---- budgets


def test_a_full_pull_costs_its_pages_and_one_repository_request(world: GithubFixture) -> None:
    fill(world, 190, 60)
    pulled = world.pull()
    assert len(pulled.issues) == 190
    assert world.requests() == 3 + 1
    world.pull()
    assert world.requests() == 4 + 3, "facts about the repository are cached"


def test_pull_requests_come_only_for_sources_that_want_them(world: GithubFixture) -> None:
    fill(world, 2, 3)
    asking = Source(tracker="github", container="acme/churn", options=(("pull_requests", True),))
    (answer,) = world.reader.pull([(asking, None)], FieldSelection())
    assert isinstance(answer, PulledSource)
    assert sum(issue.is_pull_request for issue in answer.issues) == 3
    assert titles(world.pull()) == {"issue 0", "issue 1"}


def test_a_newer_pull_request_moves_the_watermark(world: GithubFixture) -> None:
    fill(world, 1)
    world.pass_minutes(60)
    fill(world, 0, 1)
    assert world.pull().cursor.watermark == world.sandbox.clock.now()


def test_unchanged_runs_settle_on_304(world: GithubFixture) -> None:
    fill(world, 150)
    world.pass_minutes(60)
    pulled = world.pull()
    found = []
    for _ in range(3):
        world.pass_minutes(60)
        world.sandbox.log.clear()
        pulled = world.pull(pulled)
        assert pulled.issues == ()
        found += statuses(world)
    assert [status for _, status in found] == [200, 304, 304]
    assert pulled.unchanged


def test_after_one_change_the_next_unchanged_run_is_a_304_again(world: GithubFixture) -> None:
    fill(world, 3)
    world.pass_minutes(60)
    pulled = world.pull(world.pull())
    world.pass_minutes(60)
    world.close("acme/churn#2")
    pulled = world.pull(pulled)
    assert titles(pulled) == {"issue 1"}
    world.pass_minutes(60)
    assert world.pull(pulled).unchanged


def test_the_run_after_writing_on_m_issues_costs_their_pages(world: GithubFixture) -> None:
    fill(world, 130)
    world.pass_minutes(60)
    pulled = world.pull()
    for issue in pulled.issues:
        world.writer.change_labels(issue.ref, ["increment:2026-q4"], [])
    world.sandbox.log.clear()
    after = world.pull(pulled)
    assert len(after.issues) == 130
    assert world.requests() == 2
    world.pass_minutes(60)
    settled = world.pull(after)
    world.pass_minutes(60)
    assert world.pull(settled).unchanged or world.pull(settled).issues == ()


def test_another_token_ignores_the_etag_and_reads_again(world: GithubFixture) -> None:
    fill(world, 1)
    world.pass_minutes(60)
    pulled = world.pull(world.pull())
    assert pulled.cursor.etag
    other, _ = world.connect(token="ghp_dana")
    (answer,) = other.pull([(world.source, pulled.cursor)], FieldSelection())
    assert isinstance(answer, PulledSource)
    assert not answer.unchanged


def test_relabelling_costs_one_add_and_one_request_per_removed_label(world: GithubFixture) -> None:
    key = world.add_issue("one", labels=("a", "b", "c"))
    ref = world.ref(key)
    world.sandbox.log.clear()
    world.writer.change_labels(ref, ["d", "e"], ["a", "b"])
    assert world.requests() == 3


def test_a_label_is_created_once_with_its_colour_and_found_again(world: GithubFixture) -> None:
    for _ in range(3):
        world.writer.ensure_label("acme/churn", "capability:churn", "1d76db", "d" * 300)
    assert world.requests() == 1
    label = world.state.repo("acme/churn").find_label("capability:churn")
    assert (label.color, len(label.description)) == ("1d76db", 100)
    _, other_writer = world.connect()
    other_writer._cache = MemoryCache()
    other_writer.ensure_label("acme/churn", "CAPABILITY:churn", "ffffff", "")
    assert world.state.repo("acme/churn").find_label("capability:churn").color == "1d76db"


def test_a_rename_costs_one_request_and_keeps_colour_and_issues(world: GithubFixture) -> None:
    world.writer.ensure_label("acme/churn", "capability:old", "1d76db", "Ours")
    keys = [world.add_issue(title, labels=("capability:old",)) for title in ("one", "two")]
    world.sandbox.log.clear()
    assert world.writer.rename_label("acme/churn", "capability:old", "capability:new")
    assert world.requests() == 1
    assert world.state.repo("acme/churn").find_label("capability:new").color == "1d76db"
    assert all(world.issue(key).labels == {"capability:new"} for key in keys)
    world.writer.ensure_label("acme/churn", "capability:new", "1d76db", "Ours")
    assert world.requests() == 1 + 2, "it is known to exist (two requests read the issues)"


def test_a_label_is_not_renamed_to_one_that_exists(world: GithubFixture) -> None:
    for name in ("capability:old", "Capability:New"):
        world.writer.ensure_label("acme/churn", name, "1d76db", "Ours")
    assert not world.writer.rename_label("acme/churn", "capability:old", "capability:new")
    assert world.state.repo("acme/churn").find_label("capability:old") is not None


def test_a_read_costs_one_request_and_a_comment_edit_one_more(world: GithubFixture) -> None:
    ref = world.ref(world.add_issue("one"))
    made = world.writer.create_comment(ref, "status", {})
    world.sandbox.log.clear()
    world.reader.comment(ref, made.id)
    world.writer.edit_comment(ref, made.id, "new status", {})
    assert world.requests() == 2


def test_repositories_are_read_in_parallel() -> None:
    part = seed()["trackers"]["github"]
    names = ["acme/a", "acme/b", "acme/c", "acme/d"]
    part["repos"] = {name: {"permissions": {"increment-sync": "write"}} for name in names}
    with Sandbox.from_seed({"now": "2026-11-20T09:00:00Z", "trackers": {"github": part}}) as sandbox:
        sandbox.faults.add(Fault(kind="latency", seconds=0.1))
        world = GithubFixture(sandbox)
        began = time.monotonic()
        answers = list(
            world.reader.pull(
                [(Source(tracker="github", container=name), None) for name in names], FieldSelection()
            )
        )
        elapsed = time.monotonic() - began
    assert [answer.source.container for answer in answers] == names
    assert elapsed < 0.5, "eight requests of 100 ms, four at a time"


# ---- moves


def test_a_renamed_repository_fails_with_its_new_name(world: GithubFixture) -> None:
    fill(world, 1)
    before = world.pull()
    world.state.rename_repo("acme/churn", "acme/retention")
    for pulled in (before, None):
        failed = failure(world, before=pulled)
        assert failed.kind == "missing"
        assert failed.reason.endswith(
            "acme/churn was renamed or moved to acme/retention; write the new name in the mapping"
        )


def test_an_issue_of_a_renamed_repository_is_still_read(world: GithubFixture) -> None:
    key = world.add_issue("one")
    world.state.rename_repo("acme/churn", "acme/retention")
    assert world.issue(key).ref.key == "acme/retention#1"


def test_writes_to_a_renamed_repository_are_rejected(world: GithubFixture) -> None:
    ref = world.ref(world.add_issue("one"))
    world.state.rename_repo("acme/churn", "acme/retention")
    with pytest.raises(Rejected, match="nothing was written"):
        world.writer.create_comment(ref, "status", {})
    with pytest.raises(Rejected, match="nothing was written"):
        world.writer.change_labels(ref, ["mine"], [])


def test_comments_and_label_origins_of_a_moved_issue_are_found(world: GithubFixture) -> None:
    key = world.add_issue("one", labels=("kept",))
    world.comment(key, "hello")
    ref = world.ref(key)
    world.move(key)
    assert [comment.body for comment in world.reader.comments(ref)] == ["hello"]
    assert set(world.reader.label_origins(ref)) == {"kept"}


def test_a_key_of_another_tracker_is_gone_without_a_request(world: GithubFixture) -> None:
    with pytest.raises(Gone, match="owner/repo#number"):
        world.reader.read("DS-12", FieldSelection())
    assert world.requests() == 0


def test_a_source_that_is_no_repository_is_missing_without_a_request(world: GithubFixture) -> None:
    assert failure(world, Source(tracker="github", container="churn")).kind == "missing"
    assert world.requests() == 0


# ---- permissions


def test_a_wrong_token_fails_every_source_with_the_same_message(world: GithubFixture) -> None:
    reader, _ = world.connect(token="ghp_wrong")
    answers = list(reader.pull([(world.source, None), (world.missing, None)], FieldSelection()))
    assert [answer.kind for answer in answers] == ["auth", "auth"]
    assert "credentials" in answers[0].reason
    assert "ghp_wrong" not in answers[0].reason
    with pytest.raises(AuthFailed):
        reader.whoami()


def test_a_token_without_write_access_is_rejected_per_issue(world: GithubFixture) -> None:
    key = world.add_issue("one")
    world.state.repo("acme/churn").permissions["increment-sync"] = "read"
    with pytest.raises(Rejected):
        world.writer.change_labels(world.ref(key), ["mine"], [])


def test_an_archived_repository_is_readable_and_rejects_writes(world: GithubFixture) -> None:
    key = world.add_issue("one")
    world.state.archive("acme/churn")
    assert titles(world.pull()) == {"one"}
    with pytest.raises(Rejected, match="archived"):
        world.writer.change_labels(world.ref(key), ["mine"], [])


def test_an_app_signs_once_and_its_comments_are_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # By default, requests replaces our Authorization header by the credentials in this file.
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    apps = [{"id": 7, "slug": "plan-sync", "installations": [{"id": 70, "account": "acme"}]}]
    part = seed(apps=apps)
    for repo in part["trackers"]["github"]["repos"].values():
        repo["permissions"] = repo["permissions"] | {"plan-sync[bot]": "write"}
    with Sandbox.from_seed(part) as sandbox:
        app = GithubApp(app_id="7", private_key=pem, installation_id=70)
        world = GithubFixture(sandbox, token=None, app=app)
        ref = world.ref(world.add_issue("one"))
        made = world.writer.create_comment(ref, "status", {})
        assert world.reader.whoami().name == "plan-sync[bot]"
        assert made.author_id == world.reader.whoami().id
        assert sandbox.log.count("POST", "*/access_tokens") == 1
        world.pass_minutes(120)
        world.pull()
        assert sandbox.log.count("POST", "*/access_tokens") == 2, "tokens live for an hour"
        wrong = GithubApp(app_id="7", private_key=pem, installation_id=71)
        with pytest.raises(AuthFailed, match="INSTALLATION_ID"):
            world.connect(app=wrong)[0].read(ref.key, FieldSelection())


# ---- faults


@pytest.mark.parametrize("kind", ["truncated", "reset_before", "reset_after", "timeout"])
def test_a_temporary_error_between_pages_is_retried(world: GithubFixture, kind: Any) -> None:
    fill(world, 150)
    world.sandbox.faults.add(Fault(kind=kind, path="*/issues", nth=2))
    assert len(world.pull().issues) == 150
    assert len(world.waits) == 1


@pytest.mark.parametrize("kind", ["truncated", "repeat_page", "empty_page"])
def test_a_page_that_stays_broken_fails_the_whole_source(world: GithubFixture, kind: Any) -> None:
    fill(world, 250)
    world.sandbox.faults.add(Fault(kind=kind, path="*/issues", nth=2, times=None))
    failed = failure(world)
    assert failed.kind == "payload"


def test_a_source_that_is_down_does_not_block_the_others(world: GithubFixture) -> None:
    world.sandbox.faults.add(Fault(kind="status", status=502, path="*/acme/ops*", times=None))
    ops = Source(tracker="github", container="acme/ops")
    down, fine = world.reader.pull([(ops, None), (world.source, None)], FieldSelection())
    assert isinstance(down, FailedSource)
    assert down.kind == "unavailable"
    assert isinstance(fine, PulledSource)


def test_a_rate_limited_comment_is_created_once_after_the_wait(world: GithubFixture) -> None:
    key = world.add_issue("one")
    ref = world.ref(key)
    fault = Fault(kind="status", method="POST", status=429, retry_after=43, retry_after_form="date")
    world.sandbox.faults.add(fault)
    world.writer.create_comment(ref, "status", {})
    assert world.comments_of(key) == ["status"]
    assert world.waits == [43]


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_create_that_ends_in_a_server_error_is_sent_once(
    world: GithubFixture, status: int, carried_out: bool
) -> None:
    key = world.add_issue("one")
    ref = world.ref(key)
    world.sandbox.faults.add(Fault(kind="status", method="POST", status=status, carried_out=carried_out))
    with pytest.raises(OutcomeUnknown):
        world.writer.create_comment(ref, "status", {})
    assert world.comments_of(key) == ["status"] * carried_out
    assert world.sandbox.log.count("POST") == 1


def test_a_404_does_not_prove_that_a_label_is_removed(world: GithubFixture) -> None:
    ref = world.ref(world.add_issue("one", labels=("old",)))
    world.sandbox.faults.add(Fault(kind="status", status=404, method="DELETE"))
    with pytest.raises(NotConfirmed):
        world.writer.change_labels(ref, [], ["old"])
    world.sandbox.faults.add(Fault(kind="status", status=404, path="*/issues/*", times=None))
    with pytest.raises(Gone):
        world.writer.change_labels(ref, [], ["old"])
    world.sandbox.faults.clear()
    world.writer.change_labels(ref, [], ["old"])
    world.writer.change_labels(ref, [], ["old"])
    assert world.issue(ref.key).labels == frozenset()


def test_a_404_does_not_prove_that_a_comment_is_deleted(world: GithubFixture) -> None:
    ref = world.ref(world.add_issue("one"))
    ours = world.writer.create_comment(ref, "status", {})
    world.sandbox.faults.add(Fault(kind="status", status=404, method="DELETE"))
    with pytest.raises(NotConfirmed):
        world.writer.delete_comment(ref, ours.id)
    world.sandbox.faults.add(Fault(kind="status", status=404, times=None))
    with pytest.raises(Gone):
        world.writer.delete_comment(ref, ours.id)
    assert world.comments_of(ref.key) == ["status"]


def test_an_empty_first_page_of_several_fails_the_source(world: GithubFixture) -> None:
    fill(world, 150)
    world.sandbox.faults.add(Fault(kind="empty_page", path="*/issues", times=None))
    assert failure(world).kind == "payload"


def test_issues_of_another_repository_fail_the_source(
    world: GithubFixture,
) -> None:
    world.state.add_issue("acme/ops", "Rotate the keys", by="ada")
    list(world.reader.pull([(Source(tracker="github", container="acme/ops"), None)], FieldSelection()))
    world.sandbox.faults.add(Fault(kind="repeat_page", path="*/issues"))
    found = failure(world)
    assert found.kind == "payload"
    assert "issues of acme/ops" in found.reason


def test_lost_responses_to_label_changes_are_retried(world: GithubFixture) -> None:
    key = world.add_issue("one", labels=("old",))
    ref = world.ref(key)
    world.sandbox.faults.add(Fault(kind="reset_after", method="POST"))
    world.sandbox.faults.add(Fault(kind="reset_after", method="DELETE"))
    world.writer.change_labels(ref, ["new"], ["old"])
    assert world.issue(key).labels == {"new"}


def test_a_used_up_rate_limit_fails_every_source_with_its_end() -> None:
    with Sandbox.from_seed(seed(rate_limit=2)) as sandbox:
        world = GithubFixture(sandbox)
        world.pull()
        failed = failure(world)
        assert failed.kind == "rate_limit"
        assert "until 2026-11-20 10:00 UTC" in failed.reason
        with pytest.raises(RateLimitExceeded):
            world.reader.whoami()


def test_the_content_limit_without_a_time_waits_a_minute() -> None:
    limits = {"content_per_minute": 3, "secondary_retry_after": "none"}
    with Sandbox.from_seed(seed(**limits)) as sandbox:
        world = GithubFixture(sandbox)
        ref = world.ref(world.add_issue("one"))
        for number in range(4):
            world.writer.create_comment(ref, f"comment {number}", {})
        assert world.comments_of(ref.key) == [f"comment {number}" for number in range(4)]
        assert world.waits == [60]


def test_a_change_hidden_by_a_lagging_list_comes_with_a_later_pull(world: GithubFixture) -> None:
    fill(world, 1)
    world.pass_minutes(60)
    pulled = world.pull(world.pull())
    world.state.search_lag = timedelta(minutes=3)
    found = set()
    for number in range(6):
        key = world.add_issue(f"late {number}")
        world.pass_minutes(1)
        world.close(key)
        pulled = world.pull(pulled)
        found |= {(issue.title, issue.status) for issue in pulled.issues}
    world.pass_minutes(4)
    found |= {(issue.title, issue.status) for issue in world.pull(pulled).issues}
    assert {(f"late {number}", "closed") for number in range(6)} <= found


def test_a_change_that_appears_after_a_later_one_is_not_lost(world: GithubFixture) -> None:
    fill(world, 2)
    world.pass_minutes(60)
    world.close("acme/churn#2")
    pulled = world.pull()
    world.pass_minutes(-2)
    world.close("acme/churn#1")
    world.pass_minutes(4)
    assert ("issue 0", "closed") in {(issue.title, issue.status) for issue in world.pull(pulled).issues}
