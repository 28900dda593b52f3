"""Limits of the guard and the texts of its refusals."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.model import IssueRef
from sync.config.sections import Limits
from sync.diff.guard import check_changes, check_overrides, write_budget_for
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, LabelChange, Reason
from sync.model.labels import SuspectedOverride, SuspicionKind
from sync.model.limits import Audience, ChangeCost, GuardLimits, ImpactEstimate, Refusal
from sync.pull.missing import allowed_shrinkage

WHY = Reason(text="why")


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
    assert check_overrides(suspicions(30), pushed, limits(), pushed) == ()
    assert rules(check_overrides(suspicions(31), pushed, limits(), pushed)) == ["overrides"]


def test_what_the_history_proves_is_not_new() -> None:
    assert check_overrides(suspicions(31, "pin", needs_history=True), {}, limits(), ()) == ()


def test_a_label_gone_everywhere_is_reported_with_its_name_and_container() -> None:
    pushed = labelled(3, repo="acme/churn") | labelled(3, repo="acme/other")
    (refusal,) = check_overrides(suspicions(3, repo="acme/churn"), pushed, limits(), pushed)
    assert refusal.rule == "label-gone"
    assert "capability:x is gone from all 3 issues of github:acme/churn" in refusal.text
    assert "--restore-labels" in refusal.text


def test_two_issues_that_lost_a_label_are_people() -> None:
    pushed = labelled(2)
    assert check_overrides(suspicions(2), pushed, limits(), pushed) == ()


def test_one_that_kept_it_says_that_the_label_is_still_there() -> None:
    pushed = labelled(4)
    assert check_overrides(suspicions(3), pushed, limits(), pushed) == ()


def test_unread_issues_do_not_count_as_lost_labels() -> None:
    pushed = labelled(4)
    looked_at = [ref(n) for n in range(3)]
    assert rules(check_overrides(suspicions(3), pushed, limits(), looked_at)) == ["label-gone"]


# ---- small teams


def test_all_labels_of_a_small_team_are_not_taken_away_at_once() -> None:
    assert check_changes(removing(6), labelled(8), limits()) == ()
    (refusal,) = check_changes(removing(7), labelled(8), limits())
    assert "the limit is 6 " in refusal.text
    assert check_changes(removing(7), labelled(8), limits(max_removals=7)) == ()


@pytest.mark.parametrize(
    ("known", "allowed"), [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4), (10, 5), (40, 5), (100, 10)]
)
def test_of_a_small_source_at_most_half_may_be_missing(known: int, allowed: int) -> None:
    assert allowed_shrinkage(Limits(), known) == allowed


# ---- new comments and mail


def impact(*, spreading: bool = False, comments: int = 100, **attention: Any) -> ImpactEstimate:
    audience = Audience(
        people_by_issue={}, jira_trackers=frozenset(), notifying_projects=frozenset(), people_known=0
    )
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
    attention = impact(people=2, mails=31, most_mails=21, people_known=5, notifying_projects=("jira:DS",))
    (refusal,) = check_changes(ChangeSet(), {}, limits(), attention)
    assert refusal.text == (
        "one person would get at least 21 mails, the limit is 20 (limits.mails_each); every edit in jira:DS is "
        "mailed unless our account has the project administrator role; if this is intended, allow it in this run with "
        "--max-notifications 31"
    )
