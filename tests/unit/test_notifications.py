"""Estimated notifications and cost of a change set, and the write budget of one run."""

from __future__ import annotations

from connectors.http.rate_limiter import WriteLimits
from connectors.model import IssueRef
from sync.cli.run_output import notification_lines
from sync.diff.notifications import TrackerWriteCost, estimate_cost
from sync.diff.write_budget import WriteBudget
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange, Reason
from sync.model.limits import Audience, ChangeCost, GuardLimits, ImpactEstimate

WHY = Reason(text="why")
DS, CHURN = (
    IssueRef(tracker="jira", id="1", key="DS-1"),
    IssueRef(tracker="github", id="2", key="acme/churn#1"),
)
LIMITS = GuardLimits(removals=10, removal_share=0.2, new_comments=40, overrides=10, override_share=0.1)


def audience(*, noisy: bool = False) -> Audience:
    return Audience(
        people_by_issue={DS: frozenset({"jira:ada", "jira:bo"}), CHURN: frozenset({"github:cy"})},
        notifying_trackers=frozenset({"jira"}),
        mailed_edits={DS: "jira:DS"} if noisy else {},
        people_known=5,
    )


def comment(ref: IssueRef, subject: str = "goal:g", comment_id: str | None = None) -> CommentChange:
    return CommentChange(
        ref=ref,
        subject=subject,
        body="b",
        urgent_hash="u",
        full_hash="f",
        reason=WHY,
        comment_id=comment_id,
    )


def label(ref: IssueRef, *add: str, remove: tuple[str, ...] = ()) -> LabelChange:
    container = "DS" if ref is DS else "acme/churn"
    return LabelChange(
        ref=ref, container=container, add=dict.fromkeys(add, WHY), remove=dict.fromkeys(remove, WHY)
    )


def removal(ref: IssueRef) -> CommentRemoval:
    return CommentRemoval(ref=ref, subject="goal:g", comment_id="7", reason=WHY)


def mailed(change: Change, *, noisy: bool = False) -> set[str]:
    return set(audience(noisy=noisy).recipients(change))


def test_github_mails_about_new_comments_only() -> None:
    assert mailed(comment(CHURN)) == {"github:cy"}
    for quiet in (comment(CHURN, comment_id="7"), label(CHURN, "a"), removal(CHURN)):
        assert mailed(quiet, noisy=True) == set()


def test_jira_mails_about_everything_that_we_may_not_silence() -> None:
    for change in (comment(DS, comment_id="7"), label(DS, "a")):
        assert mailed(change, noisy=True) == {"jira:ada", "jira:bo"}
        assert mailed(change) == set()
    for loud in (comment(DS), removal(DS)):
        assert mailed(loud) == {"jira:ada", "jira:bo"}


def test_people_count_once_and_mails_each_time_and_requests_with_their_reads() -> None:
    changes = ChangeSet(
        labels=(label(DS, "a", "b", remove=("c",)), label(CHURN, "a", "b", remove=("c", "d"))),
        comments=(comment(DS), comment(CHURN), comment(DS, "goal:other", "7")),
    )
    costs = {
        "jira": TrackerWriteCost(limits=WriteLimits(spacing=0.2), labels_in_one_write=True),
        "github": TrackerWriteCost(
            limits=WriteLimits(spacing=1.0), missing_labels=frozenset({("acme/churn", "a")})
        ),
    }
    found = estimate_cost(changes, audience(noisy=True), costs)
    assert (found.people, found.mails, found.most_mails) == (3, 7, 3)
    jira, github = 1 + 2 + 2, 1 + 1 + 2 + 2
    assert found.requests == jira + github
    assert found.seconds == 0.2 * 3 + 1.0 * 5
    assert found.notifying_containers == ("jira:DS",)


def test_a_removal_alone_is_one_request_on_every_tracker_and_creates_nothing() -> None:
    costs = {
        "jira": TrackerWriteCost(limits=WriteLimits(spacing=1.0, per_hour=1), labels_in_one_write=True),
        "github": TrackerWriteCost(limits=WriteLimits(spacing=1.0, per_hour=1), recent_content=1),
    }
    for ref, requests in ((DS, 1), (CHURN, 1)):
        found = estimate_cost(ChangeSet(labels=(label(ref, remove=("c",)),)), audience(), costs)
        assert (found.requests, found.seconds) == (requests, 1.0)
    found = estimate_cost(ChangeSet(removals=(removal(CHURN),)), audience(), costs)
    assert (found.requests, found.seconds) == (2, 1.0)


def test_what_was_made_in_the_last_hour_counts_for_the_time() -> None:
    costs = {"github": TrackerWriteCost(limits=WriteLimits(spacing=1.0, per_hour=500), recent_content=500)}
    assert estimate_cost(ChangeSet(comments=(comment(CHURN),)), audience(), costs).seconds == 3600


def test_the_estimate_in_words() -> None:
    attention = ChangeCost(
        people=3,
        mails=7,
        most_mails=3,
        people_known=5,
        notifying_containers=("jira:DS",),
        new_comments=41,
        requests=45,
        seconds=130,
    )
    impact = ImpactEstimate(cost=attention, audience=audience(), existing_comments=0, in_rollout=True)
    assert notification_lines(impact, LIMITS) == [
        (
            "attention: at least 3 people would probably be mailed (7 mails); 45 requests, about 2 min under the "
            "trackers' write limits"
        ),
        "  every edit in jira:DS is mailed: our account may not silence it there",
        (
            "  a first run: at most 40 new comments and mails to 10 people in one run, 20 mails each; the rest is "
            "left for the runs after it"
        ),
    ]


def test_labels_come_before_comments_and_goals_before_capabilities() -> None:
    changes = ChangeSet(
        labels=(label(DS, "a"),),
        comments=(comment(DS, "capability:a"), comment(CHURN, "goal:g"), comment(DS, "capability:z", "7")),
        removals=(removal(CHURN),),
    )
    assert [change.describe().partition("  ")[2] for change in changes.changes] == [
        "+a",
        "delete status comment of goal:g",
        "edit status comment of capability:z",
        "create status comment of goal:g",
        "create status comment of capability:a",
    ]


def waits(budget: WriteBudget, *changes: Change) -> list[str | None]:
    found = []
    for change in changes:
        found.append(budget.reason_to_wait(change))
        if found[-1] is None:
            budget.spend(change)
    return found


def test_a_run_posts_at_most_the_limit_of_comments_and_continues_with_silent_changes() -> None:
    budget = WriteBudget(audience=audience(), max_comments=1)
    first, second, edit = waits(budget, comment(DS), comment(CHURN), comment(CHURN, comment_id="7"))
    assert (first, edit) == (None, None)
    assert second == "at most 1 comment is posted in one run (limits.new_comments)"


def test_a_run_mails_a_limited_number_of_people_and_each_a_limited_number_of_times() -> None:
    people = WriteBudget(audience=audience(), max_people=2)
    assert waits(people, comment(DS), comment(CHURN), comment(DS)) == [
        None,
        "at most 2 people are mailed in one run (limits.notified)",
        None,
    ]
    each = WriteBudget(audience=audience(), max_mails_per_person=1)
    assert waits(each, comment(DS), comment(DS), comment(CHURN)) == [
        None,
        "at most 1 mail to one person in one run (limits.mails_each)",
        None,
    ]
    mails = WriteBudget(audience=audience(), max_mails=2)
    assert waits(mails, comment(DS), comment(CHURN)) == [
        None,
        "the limit of 2 notifications (--max-notifications) is reached",
    ]


def test_a_small_first_run_says_nothing_of_others() -> None:
    attention = ChangeCost(
        people=1, mails=1, most_mails=1, people_known=5, new_comments=1, requests=2, seconds=2
    )
    impact = ImpactEstimate(cost=attention, audience=audience(), existing_comments=0, in_rollout=True)
    assert notification_lines(impact, LIMITS) == [
        (
            "attention: at least 1 person would probably be mailed (1 mail); 2 requests, about 2 s under the trackers' "
            "write limits"
        )
    ]
