"""Limits of the guard and the texts of its refusals."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.github.spec import SPEC as GITHUB
from connectors.jira.spec import SPEC as JIRA
from connectors.model import IssueRef
from sync.config.sections import Limits
from sync.diff.guard import (
    check_atomic_changes,
    check_changes,
    check_overrides,
    deleted_labels,
    max_overrides,
    write_budget_for,
)
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, LabelChange, Reason
from sync.model.labels import SuspectedOverride, SuspicionKind
from sync.model.limits import Audience, ChangeCost, GuardLimits, ImpactEstimate, Refusal
from sync.pull.missing import allowed_shrinkage

WHY = Reason(text="why")
SPECS = {"github": GITHUB, "jira": JIRA}


def limits(**changed: float) -> GuardLimits:
    values = {
        "removals": 10,
        "removal_share": 0.2,
        "new_comments": 40,
        "overrides": 10,
        "override_share": 0.1,
    }
    return GuardLimits(**{**values, **changed})  # type: ignore[arg-type]


def ref(number: int, repo: str | None = None) -> IssueRef:
    key = f"{repo}#{number}" if repo else f"DS-{number}"
    return IssueRef(tracker="github" if repo else "jira", id=f"{repo}{number}", key=key)


def removing(count: int, *, pure: bool = True) -> ChangeSet:
    return ChangeSet(
        labels=tuple(
            LabelChange(
                ref=ref(n),
                container="DS",
                remove={"capability:x": WHY},
                pure_removals=("capability:x",) * pure,
            )
            for n in range(count)
        )
    )


def labelled(
    count: int, label: str = "capability:x", repo: str | None = None
) -> dict[IssueRef, frozenset[str]]:
    return {ref(n, repo): frozenset({label}) for n in range(count)}


def rules(found: tuple[Refusal, ...]) -> list[str]:
    return [refusal.rule for refusal in found]


def test_ten_removals_are_fine_and_eleven_of_twenty_are_not() -> None:
    assert check_changes(removing(10), labelled(20), limits()) == ()
    (refusal,) = check_changes(removing(11), labelled(20), limits())
    assert refusal.text == (
        "11 managed labels and comments would be removed without a replacement (of 20 managed labels), "
        "the limit is 10 (limits.removals, limits.removal_share); if this is intended, allow it in this run with "
        "--max-removals 11"
    )


def test_of_many_labels_a_share_may_go() -> None:
    assert check_changes(removing(20), labelled(100), limits()) == ()
    assert rules(check_changes(removing(21), labelled(100), limits())) == ["removals"]


def test_swaps_and_renames_are_no_removals() -> None:
    assert check_changes(removing(50, pure=False), labelled(50), limits()) == ()


def test_a_deleted_comment_is_a_removal() -> None:
    gone = tuple(
        CommentRemoval(ref=ref(n), subject=f"capability:{n}", comment_id="1", reason=WHY) for n in range(2)
    )
    changes = ChangeSet(labels=removing(9).labels, removals=gone)
    assert rules(check_changes(changes, labelled(20), limits())) == ["removals"]


def test_many_new_comments_are_refused_and_edits_are_not() -> None:
    def comments(edited: str | None) -> ChangeSet:
        return ChangeSet(
            comments=tuple(
                CommentChange(
                    ref=ref(n),
                    subject=f"goal:{n}",
                    body="b",
                    urgent_hash="u",
                    full_hash="f",
                    reason=WHY,
                    comment_id=edited,
                )
                for n in range(41)
            )
        )

    assert rules(check_changes(comments(None), {}, limits())) == ["new-comments"]
    assert check_changes(comments("7"), {}, limits()) == ()


def suspicions(
    count: int, kind: SuspicionKind = "veto", repo: str | None = None, **more: bool
) -> list[SuspectedOverride]:
    return [
        SuspectedOverride(ref=ref(n, repo), kind=kind, label="capability:x", **more) for n in range(count)
    ]


def test_a_tenth_of_the_labelled_issues_may_be_decided_by_people_at_once() -> None:
    pushed = labelled(300)
    assert check_overrides(suspicions(30), pushed, limits(), pushed, SPECS) == ()
    assert rules(check_overrides(suspicions(31), pushed, limits(), pushed, SPECS)) == ["overrides"]


def test_what_the_history_proves_is_not_new() -> None:
    assert check_overrides(suspicions(31, "pin", needs_history=True), {}, limits(), (), SPECS) == ()


def test_a_label_gone_everywhere_is_reported_with_its_name_and_container() -> None:
    pushed = labelled(3, repo="acme/churn") | labelled(3, repo="acme/other")
    (refusal,) = check_overrides(suspicions(3, repo="acme/churn"), pushed, limits(), pushed, SPECS)
    assert refusal.rule == "label-gone"
    assert "capability:x is gone from all 3 issues of github:acme/churn" in refusal.text
    assert "--restore-labels" in refusal.text


def test_two_issues_that_lost_a_label_are_people() -> None:
    pushed = labelled(2)
    assert check_overrides(suspicions(2), pushed, limits(), pushed, SPECS) == ()


def test_one_that_kept_it_says_that_the_label_is_still_there() -> None:
    pushed = labelled(4)
    assert check_overrides(suspicions(3), pushed, limits(), pushed, SPECS) == ()


def test_unread_issues_do_not_count_as_lost_labels() -> None:
    pushed = labelled(4)
    looked_at = [ref(n) for n in range(3)]
    assert rules(check_overrides(suspicions(3), pushed, limits(), looked_at, SPECS)) == ["label-gone"]


# ---- small teams


def test_all_labels_of_a_small_team_are_not_taken_away_at_once() -> None:
    assert check_changes(removing(6), labelled(8), limits()) == ()
    (refusal,) = check_changes(removing(7), labelled(8), limits())
    assert "the limit is 6 " in refusal.text
    assert check_changes(removing(7), labelled(8), limits(max_removals=7)) == ()


@pytest.mark.parametrize(("limit", "may_go"), [(10, 4), (2, 2), (0, 0)])
def test_the_last_four_labels_of_a_small_team_may_go_unless_the_settings_allow_fewer(
    limit: int, may_go: int
) -> None:
    may_lose = limits(removals=limit)
    assert check_changes(removing(may_go), labelled(may_go), may_lose) == ()
    assert rules(check_changes(removing(may_go + 1), labelled(may_go + 1), may_lose)) == ["removals"]


def test_settings_may_allow_every_label_to_go() -> None:
    assert check_changes(removing(8), labelled(8), limits(removal_share=1.0)) == ()


def test_an_option_replaces_the_settings_in_both_directions() -> None:
    assert rules(check_changes(removing(3), labelled(20), limits(max_removals=2))) == ["removals"]
    assert rules(check_changes(removing(1), labelled(20), limits(max_removals=0))) == ["removals"]
    assert check_changes(removing(2), labelled(20), limits(max_removals=2)) == ()


@pytest.mark.parametrize(
    ("known", "allowed"), [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4), (10, 5), (40, 5), (100, 10)]
)
def test_of_a_small_source_at_most_half_may_be_missing(known: int, allowed: int) -> None:
    assert allowed_shrinkage(Limits(), known) == allowed


# ---- new comments and mail


def impact(*, spreading: bool = False, comments: int = 100, **attention: Any) -> ImpactEstimate:
    audience = Audience(people_by_issue={}, notifying_trackers=frozenset(), mailed_edits={}, people_known=0)
    return ImpactEstimate(
        cost=ChangeCost(**attention), audience=audience, existing_comments=comments, in_rollout=spreading
    )


def creating(count: int) -> ChangeSet:
    return ChangeSet(
        comments=tuple(
            CommentChange(
                ref=ref(n), subject=f"goal:{n}", body="b", urgent_hash="u", full_hash="f", reason=WHY
            )
            for n in range(count)
        )
    )


@pytest.mark.parametrize(("there", "may_come"), [(1, 10), (15, 15), (60, 40), (1000, 100)])
def test_new_comments_are_measured_by_those_that_there_are(there: int, may_come: int) -> None:
    there_are = impact(comments=there)
    assert check_changes(creating(may_come), {}, limits(), there_are) == ()
    (refusal,) = check_changes(creating(may_come + 1), {}, limits(), there_are)
    assert refusal.text == (
        f"{may_come + 1} new comments would be posted, the limit is {may_come} (limits.new_comments, "
        f"limits.new_comment_share); if this is intended, allow it in this run with --max-comments {may_come + 1}"
    )
    assert check_changes(creating(may_come + 1), {}, limits(max_comments=may_come + 1), there_are) == ()


def test_a_first_run_is_not_refused_for_its_size() -> None:
    first = impact(spreading=True, people=500, most_mails=90, people_known=500)
    assert check_changes(creating(400), {}, limits(), first) == ()
    budget = write_budget_for(first, limits())
    assert budget is not None
    assert (budget.max_comments, budget.max_people, budget.max_mails_per_person) == (40, 250, 20)


@pytest.mark.parametrize(("team", "may_be_mailed"), [(3, 10), (20, 20), (40, 30), (200, 100)])
def test_people_are_measured_by_the_team(team: int, may_be_mailed: int) -> None:
    def found(people: int, **changed: Any) -> tuple[Refusal, ...]:
        attention = impact(people=people, mails=people + 5, most_mails=2, people_known=team)
        return check_changes(ChangeSet(), {}, limits(**changed), attention)

    assert found(may_be_mailed) == ()
    (refusal,) = found(may_be_mailed + 1)
    assert refusal.text == (
        f"at least {may_be_mailed + 1} people would probably be mailed, the limit is {may_be_mailed} "
        "(limits.notified, limits.notified_share); if this is intended, allow it in this run with --max-notifications "
        f"{may_be_mailed + 6}"
    )
    assert found(may_be_mailed + 1, max_notifications=1) == (), "the run does what fits and leaves the rest"


def test_mails_to_one_person_are_limited() -> None:
    attention = impact(people=2, mails=31, most_mails=21, people_known=5, notifying_containers=("jira:DS",))
    (refusal,) = check_changes(ChangeSet(), {}, limits(), attention)
    assert refusal.text == (
        "one person would get at least 21 mails, the limit is 20 (limits.mails_each); every edit in jira:DS is mailed "
        "unless our account may silence it there (docs/rights.md); if this is intended, allow it in this run with "
        "--max-notifications 31"
    )


def test_as_many_mails_as_one_person_may_get_are_no_reason_to_refuse() -> None:
    assert check_changes(ChangeSet(), {}, limits(), impact(people=2, most_mails=20, people_known=5)) == ()


def test_few_comments_may_always_be_posted_unless_the_settings_allow_fewer() -> None:
    assert check_changes(creating(4), {}, limits(new_comments=4), impact(comments=1)) == ()
    assert rules(check_changes(creating(5), {}, limits(new_comments=4), impact(comments=1))) == [
        "new-comments"
    ]


def test_a_limit_of_comments_for_this_run_holds_in_a_rollout_too() -> None:
    for rollout in (impact(spreading=True), impact(comments=0)):
        assert rules(check_changes(creating(3), {}, limits(max_comments=2), rollout)) == ["new-comments"]
        assert write_budget_for(rollout, limits(max_comments=2)).max_comments == 2


def test_a_run_after_the_rollout_has_no_budget_unless_one_is_given() -> None:
    ordinary = write_budget_for(impact(people=50, people_known=50), limits())
    assert (ordinary.max_comments, ordinary.max_people, ordinary.max_mails_per_person) == (None, None, None)
    assert ordinary.max_mails is None
    given = write_budget_for(impact(spreading=True), limits(max_notifications=7))
    assert (given.max_mails, given.max_people, given.max_mails_per_person) == (7, None, None)


# ---- an undo, which is written completely or not at all


def test_an_undo_is_refused_where_a_rollout_would_be_spread() -> None:
    """Nothing of it can wait for the next run."""

    def refused(changes: ChangeSet, estimate: ImpactEstimate, labels: int = 100, **changed: Any) -> list[str]:
        return rules(check_atomic_changes(changes, labelled(labels), limits(**changed), estimate))

    rollout = impact(spreading=True, people=31, people_known=5)
    assert refused(ChangeSet(), rollout) == ["notified"]
    assert refused(creating(41), impact(spreading=True, comments=0)) == ["new-comments"]
    assert refused(removing(7), impact(), labels=8) == ["removals"]
    assert refused(creating(40), impact()) == []


def test_an_undo_mails_as_many_people_as_its_option_allows() -> None:
    def found(allowed: int) -> tuple[Refusal, ...]:
        estimate = impact(people=500, mails=12, people_known=5)
        return check_atomic_changes(ChangeSet(), {}, limits(max_notifications=allowed), estimate)

    assert found(12) == ()
    (refusal,) = found(11)
    assert (refusal.rule, refusal.text) == (
        "notified",
        "at least 12 mails would probably be sent, and --max-notifications allows 11",
    )


# ---- deleted labels


def test_only_issues_with_labels_count_as_labelled() -> None:
    """An issue whose labels were all removed keeps an empty entry."""
    bare = {ref(n): frozenset[str]() for n in range(1000, 2000)}
    assert max_overrides(labelled(300) | bare, limits()) == 30
    assert max_overrides(labelled(300), limits(overrides=50)) == 50


def test_a_label_that_nobody_removed_while_it_was_wanted_is_not_reported_as_deleted() -> None:
    pushed = labelled(3)
    gone = suspicions(3, "gone")
    assert check_overrides(gone, pushed, limits(), pushed, SPECS) == ()
    mixed = [*suspicions(1, "veto"), *gone[1:]]
    (refusal,) = check_overrides(mixed, pushed, limits(), pushed, SPECS)
    assert "capability:x is gone from all 3 issues of jira " in refusal.text
    assert deleted_labels(mixed, pushed, pushed, SPECS) == mixed[:1], (
        "what was not wanted any more is not restored"
    )
    assert deleted_labels(mixed, pushed, (), SPECS) == []


def test_a_person_who_puts_a_label_deletes_none() -> None:
    pushed = labelled(3)
    assert check_overrides(suspicions(3, "pin"), pushed, limits(), pushed, SPECS) == ()
