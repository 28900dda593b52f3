"""Untrusted text in every place of our documents: no references, and an unchanged layout."""

from __future__ import annotations

from hypothesis import example, given, settings

from connectors.github.spec import SPEC as GITHUB
from connectors.jira.spec import SPEC as JIRA
from connectors.model import IssueRef
from mappings.model import Assignment, IssueState, Unplanned
from sync.cli.commands.mappings_impact_output import Comparison, impact_markdown
from sync.cli.run_output import changes_markdown
from sync.diff.comment_markup import render_comment
from sync.insights.report.markdown import render_markdown
from sync.mapping_tools.impact import Impact, IssueMove, SubjectDifference, SubjectStatus
from sync.model.changes import ChangeSet, LabelChange, Reason
from sync.model.comments import CommentContent
from sync.model.limits import ChangeCost
from sync.model.rollup import Counts
from tests.support.jira_wiki import cells_of, tokens_of
from tests.support.report_world import report_data
from tests.support.untrusted_text import TEXTS, github_texts, matched_github_rules, recognized_github_markup


def comment(kind, text):
    """Return a comment with the text in every place for text from people."""
    keys = (f"DS-1{text}", "acme/churn#7")
    refs = tuple(IssueRef(tracker="there", id=key, key=key) for key in keys)
    document = CommentContent(
        heading=f"Title {text}",
        context=f"capability of {text}, increment {text}, due never",
        state=f"State {text}",
        lines=(f"Line {text}", f"{text} line", (f"Blocked {text}", refs)),
        header=("one", f"two {text}"),
        rows=((f"first {text}", f"{text} second"), ("third", "fourth")),
        footer=f"Kept by ({text})",
    )
    return render_comment(document, {"github": GITHUB, "jira": JIRA}[kind].markup).body


def layout_on_jira(body):
    """Return the kinds of markup in each line and cell, including bold text, without plain text and issue links."""
    lines = [
        cell
        for line in body.split("\n")
        for cell in (cells_of(line) if line.startswith("|") else [tokens_of(line)])
    ]
    return [[each for token in line for each in kinds_of(token)] for line in lines]


def kinds_of(token):
    inside = tokens_of(token.text[1:-1]) if token.kind == "effect" else []
    kinds = [token.kind, *(each for inner in inside for each in kinds_of(inner))]
    return [kind for kind in kinds if kind not in ("text", "issue key")]


@given(TEXTS)
@example(":tada")
@example("`@alice` #1")
def test_a_github_comment_references_nothing_and_keeps_its_layout(text):
    body = comment("github", text)
    assert not matched_github_rules(body)
    assert recognized_github_markup(body) == recognized_github_markup(comment("github", "word"))
    assert len(github_texts(body)) == len(github_texts(comment("github", "word")))


@given(TEXTS)
@example("-")
def test_a_jira_comment_keeps_its_layout(text):
    assert layout_on_jira(comment("jira", text)) == layout_on_jira(comment("jira", "word"))


def test_the_layout_parser_recognizes_a_comment():
    layout = layout_on_jira(comment("jira", "word"))
    assert ["effect"] in layout
    assert ["list", "monospaced", "monospaced"] in layout
    assert layout_on_jira("*bold @alice*") == [["effect", "mention"]]


@settings(max_examples=20)
@given(TEXTS)
def test_a_report_pasted_into_github_references_nothing_and_keeps_its_layout(text):
    report, harmless = render_markdown(report_data(f" {text}")), render_markdown(report_data(" word"))
    assert not matched_github_rules(report)
    assert recognized_github_markup(report) == recognized_github_markup(harmless)
    assert len(github_texts(report)) == len(github_texts(harmless))


def change_set(text):
    change = LabelChange(
        ref=IssueRef(tracker="there", id="7", key=f"acme/churn#7{text}"),
        container="acme/churn",
        add={f"capability:{text}": Reason(text=f"because of {text}", rule=text)},
        remove={f"{text}-old": Reason(text=text)},
    )
    return changes_markdown(ChangeSet(labels=(change,)), ChangeCost())


@given(TEXTS)
@example("\n\n@bob #1")
def test_a_change_set_in_a_pull_request_references_nothing_and_keeps_its_layout(text):
    table, harmless = change_set(text), change_set("word")
    assert not matched_github_rules(table)
    assert recognized_github_markup(table) == recognized_github_markup(harmless)
    assert len(github_texts(table)) == len(github_texts(harmless))


def impact_comment(text):
    ref = IssueRef(tracker="there", id="7", key=f"acme/churn#7{text}")
    todo = IssueState(state="todo")
    before = Unplanned(ref=ref, teams=(text, f"team {text}"), state=todo)
    after = Assignment(ref=ref, team=f"team {text}", capability=f"a {text}", state=todo, rule=f"rule {text}")
    standing = SubjectStatus(
        state=f"on {text}", health=None, blocked=False, finished=0, total=1, counts=Counts(todo=1)
    )
    impact = Impact(
        moves=(IssueMove(ref=ref, title=text, before=before, after=after),),
        subjects=(SubjectDifference(subject=f"capability:{text}", before=None, after=standing),),
        writes_before=ChangeSet(),
        writes_after=ChangeSet(),
        issues=1,
    )
    return impact_markdown(impact, Comparison(against=f"branch {text}", as_of=None, notes=(f"note {text}",)))


@given(TEXTS)
@example("\n\n@bob #1")
@example("`@bob` #1")
def test_a_mapping_impact_in_a_pull_request_references_nothing_and_keeps_its_layout(text):
    impact, harmless = impact_comment(text), impact_comment("word")
    assert not matched_github_rules(impact)
    assert recognized_github_markup(impact) == recognized_github_markup(harmless)
    assert len(github_texts(impact)) == len(github_texts(harmless))
