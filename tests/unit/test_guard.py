"""What the guard refuses, and what it tells people to do about it."""

from __future__ import annotations

from connectors.model import IssueRef
from sync.changes import ChangeSet, CommentChange, CommentRemoval, LabelChange, Reason
from sync.compare import Suspicion, SuspicionKind
from sync.guard import GuardLimits, Refusal, check_changes, check_overrides

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
        "11 of our labels (20 in all) and comments would be removed without others taking their place, "
        "the limit is 10 (limits.removals, limits.removal_share); if that is right, allow it once with "
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
) -> list[Suspicion]:
    return [Suspicion(ref=ref(n, repo), kind=kind, label="capability:x", **more) for n in range(count)]


def test_a_tenth_of_the_labelled_issues_may_be_decided_by_people_at_once() -> None:
    pushed = labelled(300)
    assert check_overrides(suspicions(30), pushed, limits(), pushed) == ()
    assert rules(check_overrides(suspicions(31), pushed, limits(), pushed)) == ["overrides"]


def test_what_the_history_proves_is_not_new() -> None:
    assert check_overrides(suspicions(31, "pin", needs_history=True), {}, limits(), ()) == ()


def test_a_label_gone_everywhere_is_told_by_name_and_place() -> None:
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


def test_issues_that_nobody_looked_at_prove_nothing() -> None:
    pushed = labelled(4)
    looked_at = [ref(n) for n in range(3)]
    assert rules(check_overrides(suspicions(3), pushed, limits(), looked_at)) == ["label-gone"]
