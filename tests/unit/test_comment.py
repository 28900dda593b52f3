"""Content and markup of status comments, and the search for our block in a comment."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from markdown_it import MarkdownIt

from connectors.github.spec import SPEC as GITHUB
from connectors.jira.spec import SPEC as JIRA
from connectors.model import IssueRef
from connectors.sandbox.github.references import find_mentions, find_references
from connectors.spec import Markup
from sync.diff.comment_content import capability_comment, goal_comment
from sync.diff.comment_markup import (
    add_unreadable_notice,
    find_block,
    remove_block,
    render_comment,
    replace_block,
    wrap_block,
)
from sync.model.comments import CommentContent
from sync.model.rollup import CapabilityRollup, Rollup
from tests.support.rollup_world import baseline, capability, goal, increment, issue, roll_up_plan, workspace

NASTY = "@dana fixes #12 | `x` <b> [l](http://evil.test) {code} h1. !img! acme/churn#7 ||a|| $x$ *b*"
BLOCKED = {"blocked": True}


def rich() -> Rollup:
    plan = workspace(
        increment(
            goal(
                capability("features"),
                capability("serving", required=False, released=date(2026, 11, 3)),
                capability("later"),
                capability("off", cancelled=True),
            )
        )
    )
    return roll_up_plan(
        issue("DS-1", "done"),
        issue("DS-2", "doing", status=BLOCKED),
        issue("DS-3", "doing"),
        issue("DS-4", "todo"),
        issue("DS-5", "dropped"),
        issue("DS-9", "todo", status={"known": False}),
        issue("DS-10", "done", assigned={"experiment": True, "iteration": "v1"}),
        issue("DS-11", "todo", reopened=1),
        issue("acme/churn#3", "done", capability="serving", tracker="github"),
        plan=plan,
        baselines=baseline("DS-1", "DS-2", "DS-5"),
    )


def markup(kind: str) -> Markup:
    return {"github": GITHUB, "jira": JIRA}[kind].markup


def goal_text(rollup: Rollup, kind: str) -> str:
    document = goal_comment(next(iter(rollup.goals)), increment(), overrides=1, instance="acme")
    return render_comment(document, markup(kind)).body


def capability_text(found: CapabilityRollup | None, kind: str, title: str = "A goal") -> str:
    assert found is not None
    return render_comment(
        capability_comment(found, title, increment(), overrides=1, instance="acme"), markup(kind)
    ).body


def test_a_goal_on_github_opens_with_its_state_and_shows_a_row_for_each_capability() -> None:
    assert goal_text(rich(), "github").split("\n") == [
        "**A goal** (committed goal of increment 2026-q4, due 2026-12-31)",
        "",
        "**In progress: 0 of 2 required capabilities done, 3 of 8 issues done**",
        "",
        "- Blocked in Features: `DS-2`",
        "- Experiments: 1 closed without a result",
        "- 1 issue added or removed by manual overrides",
        "",
        "| Capability | State | Issues done | Scope since the start |",
        "| --- | --- | --- | --- |",
        "| Features | In progress | 2 of 7 | 3 → 7 (+5 -1) |",
        "| Serving (optional) | Done, released 2026-11-03 | 1 of 1 |   |",
        "| Later | Empty | no issues |   |",
        "| Off | Cancelled | no issues |   |",
        "",
        (
            "<sub>Kept up to date by increment-sync (acme). "
            "Change the issues, the plan or the mapping, not this text.</sub>"
        ),
    ]


def test_a_capability_on_jira_says_where_its_issues_are() -> None:
    assert capability_text(rich().capability("features"), "jira").split("\n")[:9] == [
        "*Features* (capability of A goal, increment 2026-q4, due 2026-12-31)",
        "",
        "*In progress: 2 of 7 issues done*",
        "",
        "* 2 in progress, 2 to do, 1 with an unmapped status (counted as to do), 1 dropped (not counted)",
        "* Blocked: {{DS-2}}",
        "* Scope since the start: 3 → 7 issues, \\+5 added, \\-1 dropped",
        "* Reopened: {{DS-11}}",
        "* Iteration v1: 1 of 1 done; experiments: 1 closed without a result",
    ]


def test_late_figures_say_since_when() -> None:
    late = baseline("DS-1", at=datetime(2026, 10, 20, tzinfo=UTC))
    found = roll_up_plan(issue("DS-1"), issue("DS-2"), baselines=late)
    assert "Scope since 2026-10-20: 1 → 2 issues" in capability_text(found.capability("features"), "jira")
    assert "1 → 2 (+1 since 2026-10-20)" in goal_text(found, "github")


def test_the_day_of_late_figures_is_that_of_the_plan() -> None:
    late = baseline("DS-1", at=datetime(2026, 10, 20, 22, 30, tzinfo=UTC))
    plan = increment(timezone="Europe/Berlin")
    found = roll_up_plan(issue("DS-1"), issue("DS-2"), baselines=late, plan=workspace(plan))
    of_goal = goal_comment(next(iter(found.goals)), plan, overrides=0, instance="acme")
    features = found.capability("features")
    assert features is not None
    of_features = capability_comment(features, "A goal", plan, overrides=0, instance="acme")

    assert "1 → 2 (+1 since 2026-10-21)" in render_comment(of_goal, GITHUB.markup).body
    assert "Scope since 2026-10-21: 1 → 2 issues" in render_comment(of_features, GITHUB.markup).body


def test_an_empty_capability_is_neither_at_0_nor_at_100_percent() -> None:
    text = capability_text(roll_up_plan().capability("features"), "github")
    assert "**Empty: no issues yet**" in text
    assert "0 of 0" not in text


def test_the_baseline_is_no_news() -> None:
    before = roll_up_plan(issue("DS-1"))
    after = roll_up_plan(issue("DS-1"), baselines=baseline("DS-1"))
    for kind in ("github", "jira"):
        assert goal_text(before, kind) == goal_text(after, kind)
        assert capability_text(before.capability("features"), kind) == capability_text(
            after.capability("features"), kind
        )


def test_as_rendered_the_table_is_a_table_and_keys_are_code() -> None:
    html = MarkdownIt("commonmark").enable("table").render(goal_text(rich(), "github"))
    assert html.count("<tr>") == 5
    assert html.count("<td>") == 16
    assert "<code>DS-2</code>" in html
    assert "<strong>In progress: 0 of 2 required" in html


@pytest.mark.parametrize("kind", ["github", "jira"])
def test_hostile_titles_and_keys_do_nothing(kind: str) -> None:
    plan = workspace(increment(goal(capability("features"))))
    first = plan.increments[0].goals[0]
    document = CommentContent(
        heading=NASTY,
        context=NASTY,
        state=NASTY,
        lines=(NASTY, (NASTY, (IssueRef(tracker="github", id="1", key="acme/churn#1`}} @dana"),))),
        header=("Capability", "State"),
        rows=((NASTY, NASTY), (first.title, "Done")),
        footer=NASTY,
    )
    text = render_comment(document, markup(kind)).body
    if kind == "github":
        assert find_references(text, "https://github.com") == set()
        assert find_mentions(text) == set()
        html = MarkdownIt("commonmark").enable("table").render(text)
        assert "<a " not in html and "<b>" not in html
        assert html.count("<tr>") == 3
        assert html.count("<td>") == 4
    else:
        rows = [line for line in text.split("\n") if line.startswith("|")]
        assert [row.count("|") for row in rows] == [6, 3, 3]
        assert "\n{code}" not in text and " {code}" not in text
        assert "[~" not in text


@pytest.mark.parametrize("kind", ["github", "jira"])
def test_500_capabilities_fit_and_say_what_is_left_out(kind: str) -> None:
    names = [f"cap-{n}" for n in range(500)]
    plan = workspace(increment(goal(*(capability(name) for name in names))))
    entries = [issue(f"DS-{n}", "doing", capability=name, status=BLOCKED) for n, name in enumerate(names)]
    text = goal_text(roll_up_plan(*entries, plan=plan), kind)
    assert len(text) < 8_000
    assert "and 460 more capabilities" in text
    assert "Blocked issues in 492 more capabilities" in text


@pytest.mark.parametrize("kind", ["github", "jira"])
def test_whatever_the_titles_a_comment_stays_below_the_limit_and_whole(kind: str) -> None:
    document = CommentContent(
        heading="$" * 300,
        context="x",
        state="x",
        lines=tuple("$" * 300 for _ in range(30)),
        header=("A", "B"),
        rows=tuple(("$" * 300, "|" * 300) for _ in range(40)),
        footer="The end",
    )
    text = render_comment(document, markup(kind)).body
    assert len(text) <= {"github": 60_000, "jira": 30_000}[kind]
    assert "The end" in text.split("\n")[-1]
    if kind == "github":
        assert "and 40 more capabilities" in text
        assert not [line for line in text.split("\n") if line.startswith("|")]


def test_states_make_an_edit_urgent_and_counts_do_not() -> None:
    def hashes(*entries: object) -> tuple[str, str]:
        found = roll_up_plan(*entries)  # type: ignore[arg-type]
        result = render_comment(
            goal_comment(next(iter(found.goals)), increment(), overrides=0, instance="a"), JIRA.markup
        )
        return result.urgent_hash, result.full_hash

    one = hashes(issue("DS-1", "done"), issue("DS-2", "doing"), issue("DS-3"))
    two = hashes(issue("DS-1", "done"), issue("DS-2", "doing"), issue("DS-3", "done"))
    blocked = hashes(issue("DS-1", "done"), issue("DS-2", "doing", status=BLOCKED), issue("DS-3"))
    assert one[0] == two[0] and one[1] != two[1]
    assert one[0] != blocked[0]


@pytest.mark.parametrize("kind", ["github", "jira"])
def test_the_notice_stands_once_and_leaves_the_figures(kind: str) -> None:
    body, since = goal_text(rich(), kind), datetime(2026, 11, 2, 9, tzinfo=UTC)
    once = add_unreadable_notice(body, {"jira:DS": since}, markup(kind))
    assert add_unreadable_notice(once, {"jira:DS": since}, markup(kind)) == once
    both = add_unreadable_notice(once, {"jira:DS": since, "github:acme/churn": since}, markup(kind))
    assert both.count("Unreadable since 2026-11-02 09:00 UTC") == 2
    assert [line for line in both.split("\n") if "Unreadable" not in line and line] == [
        line for line in body.split("\n") if line
    ]


def test_our_text_is_found_between_its_markers_also_after_a_browser_saved_it() -> None:
    text = f"Before\r\n\r\n{wrap_block('One', 'acme', 'goal:x')}\r\n\r\nAfter".replace("One\n", "One\r\n")
    assert find_block(text, "acme", "goal:x") is not None
    assert find_block(text, "other", "goal:x") is None
    assert find_block(text, "acme", "goal:y") is None
    replaced = replace_block(text, "Two", "acme", ("goal:x",))
    assert replaced.startswith("Before\r\n") and replaced.endswith("\r\nAfter")
    assert find_block(replaced, "acme", "goal:x") == "Two"
    assert remove_block(text, "acme", ("goal:x",)) == "Before\r\n\r\n\r\n\r\nAfter"


def test_a_quoted_block_is_not_ours() -> None:
    quoted = "> " + wrap_block("One", "acme", "goal:x").replace("\n", "\n> ")
    assert find_block(quoted, "acme", "goal:x") is None


def test_a_renamed_subject_gets_its_new_name_in_the_marker() -> None:
    text = wrap_block("One", "acme", "goal:old") + "\n\nMine"
    replaced = replace_block(text, "Two", "acme", ("goal:new", "goal:old"))
    assert find_block(replaced, "acme", "goal:new") == "Two"
    assert replaced.endswith("\n\nMine")
