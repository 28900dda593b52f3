"""Large first runs, mails, and the trackers' limits, over HTTP: what one run writes and what it leaves for the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.apply.comments import CommentWriter
from sync.model.changes import CommentChange
from sync.model.run import RunOptions
from tests.support.journey_world import JourneyWorld, github_seed, jira_seed

MakeWorld = Callable[..., JourneyWorld]


def anchored(capabilities: int) -> str:
    """A plan with so many capabilities whose anchors are acme/plan#1, #2..."""
    listed = "\n".join(
        f'      - {{id: c{n:02}, title: C{n}, team: science, anchor: "github:acme/plan#{n}"}}'
        for n in range(1, capabilities + 1)
    )
    return f"""\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    capabilities:
{listed}
"""


MAPPING = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/plan}
rules:
  - {id: c01, when: {labels: [model]}, assign: c01}
"""


def planned(anchors: int, **limits: Any) -> dict[str, Any]:
    seed = github_seed(0) | limits
    seed["repos"]["acme/plan"] = {
        "permissions": {"sync-robot": "write", "ada": "write"},
        "issues": [{"number": n, "title": f"C{n}", "user": "ada"} for n in range(1, anchors + 1)],
    }
    return seed


def with_reporters(issues: int, *, admin: bool = False) -> dict[str, Any]:
    seed = jira_seed(issues)
    for issue in seed["projects"]["DS"]["issues"]:
        issue |= {"reporter": "ada", "watchers": ["ada"]}
    if admin:
        seed["accounts"][0]["permissions"] = ["browse", "edit", "comment", "admin"]
    return seed


def paced(box: Any, *, more: str = "") -> str:
    return (
        f"  jira: {{kind: jira-cloud, url: '{box.url('jira')}', write_spacing: 0}}\n"
        f"  github: {{kind: github, url: '{box.url('github')}'{more}}}"
    )


def of_github(world: JourneyWorld) -> list[str]:
    issues = world.github.repo("acme/plan").issues
    return [body for number in sorted(issues) for body in world.comments(f"acme/plan#{number}")]


# ---- a first run


def test_a_large_first_run_is_spread_over_several_and_says_so(make_world: MakeWorld) -> None:
    world = make_world(
        plan=anchored(25),
        mapping=MAPPING,
        github=planned(25),
        jira=1,
        settings="limits: {new_comments: 10}\n",
    )
    shown = world.preview()
    assert "a first run: at most 10 new comments and mails to 10 people in one run" in shown.out
    first = world.run()
    assert first.code == 0, first.err
    assert (
        "left for the next run: at most 10 comments are posted in one run (limits.new_comments)" in first.out
    )
    assert "this is by design" in first.out
    assert len(of_github(world)) == 10
    assert all(world.labels(f"acme/plan#{n}") for n in range(1, 26)), "labels come first, all of them"
    for so_far in (20, 25):
        assert world.run().code == 0
        assert len(of_github(world)) == so_far
    assert world.run().out.startswith("nothing to change")


def test_a_first_run_that_dies_among_its_comments_is_gone_on_with(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(plan=anchored(15), mapping=MAPPING, github=planned(15), jira=1)
    write = CommentWriter.write

    def die_after_two(writing: CommentWriter, change: CommentChange) -> None:
        if len(of_github(world)) == 2:
            raise KeyboardInterrupt
        write(writing, change)

    with monkeypatch.context() as patched:
        patched.setattr(CommentWriter, "write", die_after_two)
        assert world.run().code == 130
    assert len(of_github(world)) == 2
    result = world.run()
    assert result.code == 0, result.err
    assert len(of_github(world)) == 15


def test_a_jump_where_comments_exist_is_refused_and_can_be_allowed_once(make_world: MakeWorld) -> None:
    world = make_world(plan=anchored(3), mapping=MAPPING, github=planned(20), jira=1)
    assert world.run().code == 0
    world.write("plans/2026-q4.yaml", anchored(20))
    refused = world.run()
    assert refused.code == 4
    assert (
        "refused (new-comments): 17 new comments would be posted, the limit is 10 (limits.new_comments, "
        "limits.new_comment_share); if this is intended, allow it in this run with --max-comments 17"
    ) in refused.err
    assert len(of_github(world)) == 3
    assert world.run(max_comments=17).code == 0
    assert len(of_github(world)) == 20


# ---- mails


def test_the_preview_counts_the_mails_that_are_sent(make_world: MakeWorld) -> None:
    world = make_world(jira=with_reporters(3), github=1)
    result = world._call(lambda: _preview_json(world)).json["attention"]
    world.run()
    to_ada = [mail for mail in world.jira.mails if mail.to == "ada"]
    assert len(to_ada) == 7, "three issues, two anchors, two comments"
    assert result["mails_at_least"] == 7 + 1, "and one for the author of the anchor on GitHub"
    assert result["people_at_least"] == 2
    assert result["mailed_about_every_edit"] == ["jira:DS"]


def test_where_we_may_silence_edits_only_new_comments_are_counted(make_world: MakeWorld) -> None:
    world = make_world(jira=with_reporters(3, admin=True), github=1)
    result = world._call(lambda: _preview_json(world)).json["attention"]
    world.run()
    assert len(world.jira.mails) == 2
    assert result["mails_at_least"] == 2 + 1
    assert result["mailed_about_every_edit"] == []


def _preview_json(world: JourneyWorld) -> int:
    from sync.cli.commands.preview import preview
    from sync.model.run import RunOptions

    return preview(world.invocation(as_json=True), RunOptions(), None, False, "text")


def test_edits_that_mail_one_person_dozens_of_times_are_refused(make_world: MakeWorld) -> None:
    world = make_world(jira=with_reporters(22), github=1)
    first = world.run()
    assert (first.code, len(world.jira.mails)) == (0, 20), first.err
    assert "at most 20 mails to one person in one run (limits.mails_each)" in first.out
    world.run()
    assert "nothing to change" in world.run().out
    world.edit("mappings/science.yaml", "[model]}, assign: model", "[model]}, assign: features")
    refused = world.run()
    assert refused.code == 4
    assert "refused (notified): one person would get at least 2" in refused.err
    assert "--max-notifications 2" in refused.err
    before = len(world.jira.mails)
    some = world.run(max_notifications=5)
    assert some.code == 0, some.err
    assert len(world.jira.mails) == before + 5
    assert "the limit of 5 notifications (--max-notifications) is reached" in some.out


def test_an_undo_that_mails_one_person_dozens_of_times_is_refused(make_world: MakeWorld) -> None:
    world = make_world(jira=with_reporters(6), github=0)
    world.run()
    run_id, mailed = world.last_run(), len(world.jira.mails)
    result = world.undo(run_id, limits=RunOptions(max_removals=100, max_notifications=3))
    assert result.code == 4
    assert "mails would probably be sent, and --max-notifications allows 3" in result.err
    world.edit("increment-sync.yaml", "push:", "limits: {mails_each: 5}\npush:")
    result = world.undo(run_id, limits=RunOptions(max_removals=100))
    assert result.code == 4
    assert "refused (notified): one person would get at least 10 mails, the limit is 5" in result.err
    assert len(world.jira.mails) == mailed
    assert world.undo(run_id, limits=RunOptions(max_removals=100, max_notifications=10)).code == 0
    assert len(world.jira.mails) - mailed == 10, "six issues, two anchors and two comments"


# ---- the trackers' limits


def test_a_run_stops_before_the_hours_quota_of_its_token_and_the_next_goes_on(make_world: MakeWorld) -> None:
    """The server counts as well, and would refuse the eleventh: none of our requests is refused."""
    world = make_world(
        plan=anchored(8),
        mapping=MAPPING,
        jira=0,
        github=planned(8, content_per_hour=10),
        trackers=lambda box: paced(box, more=", content_per_hour: 10"),
    )
    result = [world.run(after=timedelta(minutes=10))]
    assert result[0].code == 0, result[0].err
    assert "the limit of 10 labels and comments per hour on github is used up until 10:" in result[0].out
    assert len(world.writes("github")) == 10
    assert max(world.slept) <= 1
    for _ in range(3):
        result.append(world.run(after=timedelta(minutes=10)))
        assert world.writes("github") == [], "the same hour, another run"
    result.append(world.run(after=timedelta(minutes=40)))
    assert [each.code for each in result] == [0] * 5
    assert 0 < len(world.writes("github")) <= 10
    for _ in range(2):
        assert not [line for line in world.writes("github") if "403" in line]
        world.run(after=timedelta(hours=1, minutes=1))
    assert world.run().out.startswith("nothing to change")
    assert len(of_github(world)) == 8


def test_a_quota_that_the_server_knows_alone_is_a_failure_and_is_told(make_world: MakeWorld) -> None:
    world = make_world(
        plan=anchored(4),
        mapping=MAPPING,
        jira=0,
        github=planned(4, content_per_hour=3, secondary_retry_after=3600),
    )
    result = world.run()
    assert result.code == 1
    assert "the GitHub rate limit is used up until" in result.out
    assert world.slept == [], "not slept through"


def test_writes_keep_the_distance_that_the_tracker_asks_for(make_world: MakeWorld) -> None:
    world = make_world(
        plan=anchored(2), mapping=MAPPING, jira=0, github=planned(2), trackers=lambda box: paced(box)
    )
    world.run()
    assert len(world.slept) == len(world.writes("github")) - 1 > 3
    assert set(world.slept) == {1.0}


def test_the_time_for_a_run_ends_a_wait_and_the_rest_is_left(make_world: MakeWorld) -> None:
    world = make_world(
        plan=anchored(3),
        mapping=MAPPING,
        jira=0,
        github=planned(3),
        trackers=lambda box: paced(box, more=", content_per_minute: 4"),
    )
    result = world.run(max_duration=timedelta(seconds=20))
    assert result.code == 0, result.err
    assert "left for the next run" in result.out
    assert sum(world.slept) < 20
    assert world.run().code == 0
    assert len(of_github(world)) == 3


# ---- saved change sets, and small sources


def test_a_saved_change_set_carries_its_estimate_and_is_guarded_by_it(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    world = make_world(plan=anchored(3), mapping=MAPPING, github=planned(20), jira=1)
    world.run()
    world.write("plans/2026-q4.yaml", anchored(20))
    world.run(max_comments=0)
    file = tmp_path / "changes.json"
    from sync.cli.commands.preview import preview
    from sync.model.run import RunOptions

    world._call(lambda: preview(world.invocation(), RunOptions(max_comments=17), file, False, "text"))
    assert '"mails_at_least": 17' in file.read_text(encoding="utf-8")
    assert world.apply(file).code == 4
    done = world.apply(file, max_comments=17, max_writes=20)
    assert done.code == 0, done.err
    assert "20 of 34 changes written, 14 left for the next run" in done.out


@pytest.mark.parametrize(("held", "gone", "believed"), [(4, 3, False), (3, 1, True)])
def test_small_sources_are_guarded_too(make_world: MakeWorld, held: int, gone: int, believed: bool) -> None:
    world = make_world(jira=1, github=held - 1)
    world.run()
    world.run()
    for number in range(11, 11 + gone):
        world.github.delete_issue("acme/churn", number)
    result = world.run(after=timedelta(hours=25))
    assert result.code == (0 if believed else 1), result.err
    assert ("shrank from 4 to 1 issues" in result.err) is not believed
    assert ("reconcile --accept-shrink" in result.err) is not believed
