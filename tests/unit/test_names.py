"""Names are compared in one normal form, and messages show characters that nobody sees."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from connectors.github.payload import parse_issue as parse_github_issue
from connectors.jira.payload import FieldIds
from connectors.jira.payload import parse_issue as parse_jira_issue
from connectors.model import FieldSelection, Issue
from connectors.scalars import clean_text
from connectors.text import show_invisible
from mappings.model import Evidence, StateRule
from mappings.rules.cel import compile_cel
from mappings.rules.conditions import compile_conditions, field_selection_for
from mappings.rules.flow_state import StateResolver, state_of
from mappings.rules.rule_index import RuleIndex
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import TeamRules
from sync.cli.commands.explain import explain
from sync.cli.commands.mappings_check import check
from sync.cli.commands.mappings_test import run_cases
from sync.cli.commands.unplanned import unplanned
from sync.config.evidence import check_evidence
from sync.forecast.csv_histories import read_histories
from tests.support.findings_world import HEAD, brief, from_issues, write
from tests.support.match_world import at, issue, known, rule, team
from tests.support.offline_world import MAPPING, PLAN, SETTINGS, OfflineWorld


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


COMPOSED = "größe"
DECOMPOSED = decomposed(COMPOSED)

NAMED = {
    "project": "container",
    "type": "type",
    "labels": "labels",
    "components": "components",
    "milestone": "milestone",
    "fix_version": "fix_versions",
    "sprint": "sprint",
    "status": "status",
    "author": "author",
    "reporter": "reporter",
    "assignee": "assignees",
}
"""Key of a rule -> attribute of an issue."""


def holds(when: dict[str, Any], one: Issue) -> bool:
    subject = RuleSubject(issue=one, labels=tuple(sorted(one.labels)))
    return all(condition.holds(subject) for condition in compile_conditions(when))


def issue_with(key: str, value: str) -> Issue:
    many = key in ("labels", "components", "fix_version", "assignee")
    return issue(**{NAMED[key]: (value,) if many else value})


@pytest.mark.parametrize("key", NAMED)
@pytest.mark.parametrize(
    ("written", "sent"), [(DECOMPOSED, COMPOSED), (COMPOSED, f" {DECOMPOSED.upper()}\xa0")]
)
def test_names_of_rules_compare_in_one_normal_form(key: str, written: str, sent: str) -> None:
    one = issue_with(key, sent)
    compiled = TeamRules(team("t", rule("r", "c", {key: {"any": (written,)}})))

    assert holds({key: {"any": (written,)}}, one)
    assert holds({key: {"any": (f"{written[:-1]}*",)}}, one)
    assert not holds({key: {"none": (f"{written} ",)}}, one)
    subject = RuleSubject(issue=one, labels=tuple(one.labels))
    assert RuleIndex([compiled.rules]).first(subject), "found by the index"


@pytest.mark.parametrize("name", [DECOMPOSED, COMPOSED.upper()])
def test_custom_fields_compare_their_names_and_values_in_one_normal_form(name: str) -> None:
    one = issue(fields={COMPOSED: (COMPOSED,)})

    assert holds({"field": {name: {"any": (DECOMPOSED,)}}}, one)
    assert not holds({"field": {name: {"any": ("other",)}}}, one)


@pytest.mark.parametrize("kind", ["statuses", "labels", "types"])
@pytest.mark.parametrize(("written", "sent"), [(DECOMPOSED, COMPOSED), (COMPOSED, f"{DECOMPOSED} ")])
def test_names_of_states_compare_in_one_normal_form(kind: str, written: str, sent: str) -> None:
    one = issue(**{"statuses": {"status": sent}, "labels": {"labels": {sent}}, "types": {"type": sent}}[kind])
    mapping = team("t", states={"doing": StateRule(**{kind: frozenset({written})})})

    assert state_of(one, mapping).state == "doing"
    assert StateResolver(mapping).resolve(one, experiment=False).state == "doing"


def test_blanks_at_the_ends_of_a_status_are_ignored() -> None:
    mapping = team("t", states={"doing": StateRule(statuses=frozenset({"In Review"}))})

    assert state_of(issue(status="In Review "), mapping).state == "doing"


def test_resolutions_and_answers_compare_in_one_normal_form() -> None:
    mapping = team("t", dropped_resolutions=frozenset({DECOMPOSED}), answers={"confirmed": DECOMPOSED})
    dropped = issue(category="done", resolution=f"{COMPOSED} ")
    answered = issue(category="done", labels={COMPOSED})

    assert state_of(dropped, mapping).state == "dropped"
    assert state_of(answered, mapping, experiment=True).answer == "confirmed"


def test_the_history_of_state_labels_is_requested_in_the_normal_form() -> None:
    def labels(written: str) -> frozenset[str]:
        mapping = team("t", states={"doing": StateRule(labels=frozenset({written}))})
        return field_selection_for([mapping]).state_labels

    assert labels(f"{DECOMPOSED} ") == labels(COMPOSED) == {COMPOSED.casefold()}


@pytest.mark.parametrize("text", ['"{}" in labels', 'labels.exists(l, l.startsWith("{}"))', 'status == "{}"'])
def test_expressions_see_values_in_one_normal_form(tmp_path: Path, text: str) -> None:
    for written, sent in ((COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, f"{COMPOSED} ")):
        condition = compile_cel(text.format(written))
        one = issue(labels={sent}, status=sent)
        assert condition.holds(RuleSubject(issue=one, labels=tuple(one.labels)))


@pytest.mark.parametrize("key", ["title", "body"])
def test_patterns_see_texts_in_one_normal_form(key: str) -> None:
    assert holds({key: DECOMPOSED}, issue(**{key: f"Die {COMPOSED}"}))
    assert holds({key: f"^Die {COMPOSED}$"}, issue(**{key: f"Die {DECOMPOSED}"}))


def test_github_sends_names_in_any_form() -> None:
    raw = {
        "number": 1,
        "id": 9,
        "title": DECOMPOSED,
        "state": "open",
        "labels": [{"name": DECOMPOSED}, "K8s"],
        "milestone": {"title": DECOMPOSED},
        "type": {"name": DECOMPOSED},
        "created_at": "2026-10-01T00:00:00Z",
        "updated_at": "2026-10-01T00:00:00Z",
    }
    one = parse_github_issue(
        raw, tracker="github", container="acme/churn", web_url="https://x", selection=FieldSelection()
    )

    assert one.labels == {COMPOSED, "K8s"}
    assert (one.title, one.milestone, one.type) == (COMPOSED, COMPOSED, COMPOSED)


def test_jira_sends_names_in_any_form() -> None:
    named = {"name": DECOMPOSED}
    fields = {
        "summary": DECOMPOSED,
        "status": named,
        "issuetype": named,
        "resolution": named,
        "components": [named],
        "fixVersions": [named],
        "labels": [DECOMPOSED],
        "customfield_1": {"value": DECOMPOSED},
        "created": "2026-10-01T00:00:00.000+0000",
        "updated": "2026-10-01T00:00:00.000+0000",
    }
    ids = FieldIds(custom={"Größe": ("customfield_1",)})
    one = parse_jira_issue(
        {"id": "1", "key": "DS-1", "fields": fields}, tracker="jira", site_url="https://x", field_ids=ids
    )

    assert {one.title, one.status, one.type, one.resolution} == {COMPOSED}
    assert one.components == one.fix_versions == one.fields["Größe"] == (COMPOSED,)
    assert one.labels == {COMPOSED}


def explained(root: Path, written: str, sent: str) -> str:
    mapping = MAPPING.replace("[features]", f'["{written}"]')
    world = OfflineWorld(root, issue("DS-1", labels=[sent]), mapping=mapping)
    result = world.call(lambda invocation: explain(invocation, "DS-1"))
    assert result.code == 0, result.err
    return result.out


def test_explain_matches_a_label_that_was_typed_decomposed(tmp_path: Path) -> None:
    assert "counts towards features (by rule features)" in explained(tmp_path, DECOMPOSED, COMPOSED)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("feat\u200bures", r"feat\u200bures"),
        ("feat\u00adures", r"feat\u00adures"),
        ("\ufefffeatures", r"\ufefffeatures"),
        ("fea\u2060tures", r"fea\u2060tures"),
        ("fea\u200dtures", r"fea\u200dtures"),
        ("fea\u00a0tures", r"fea\u00a0tures"),
        ("fea  tures", r"fea \u0020tures"),
        ("\u202efeatures", r"\u202efeatures"),
        ("features\ufe0f", r"features\ufe0f"),
    ],
)
def test_explain_shows_characters_that_nobody_sees(tmp_path: Path, sent: str, shown: str) -> None:
    text = explained(tmp_path, "features", sent)

    assert f"labels any of features; it has {shown}" in text


def test_mapping_tests_and_team_filters_compare_in_one_normal_form(tmp_path: Path) -> None:
    cases = (
        "tests:\n"
        f"  - {{name: {COMPOSED}, issue: {{key: DS-1, labels: [{COMPOSED}], status: '{COMPOSED} '}},"
        " assign: features, state: doing}\n"
    )
    mapping = (
        MAPPING.replace("[features]", f"[{DECOMPOSED}]").replace("team: science", f"team: {DECOMPOSED}")
        + f"states: {{doing: [{DECOMPOSED}]}}\n"
        + cases
    )
    plan = PLAN.replace("team: science", f"team: {COMPOSED}")
    world = OfflineWorld(tmp_path, issue("DS-2"), mapping=mapping, plan=plan)
    world.write("increment-sync.yaml", f"{SETTINGS}push: {{teams: [{DECOMPOSED}]}}\n")

    tested = world.call(lambda invocation: run_cases(invocation, pattern=f"{DECOMPOSED}$"))
    listed = world.call(lambda invocation: unplanned(invocation, f"{DECOMPOSED.upper()} "))
    checked = world.call(lambda invocation: check(invocation, strict=True))

    assert (tested.code, listed.code) == (0, 0), tested.out + listed.err
    assert "1 passed" in tested.out
    assert "DS-2" in listed.out
    assert "unknown-team" not in checked.out
    assert "push" not in checked.out


def test_a_tracker_can_be_named_in_any_form(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, mapping=MAPPING.replace("- jira:", f"- {DECOMPOSED}:"))
    world.write("increment-sync.yaml", SETTINGS.replace("jira:", f"{COMPOSED}:", 1))
    world.write(
        "plans/2026-q4.yaml", PLAN.replace('"jira:DS-101"', "DS-101").replace("jira:DS-100", "DS-100")
    )

    assert "unknown-tracker" not in world.call(lambda invocation: check(invocation, strict=True)).out


def test_a_failed_case_shows_characters_that_nobody_sees(tmp_path: Path) -> None:
    case = 'tests:\n  - {issue: {key: DS-1, labels: ["feat\\u200bures"]}, assign: features}\n'
    world = OfflineWorld(tmp_path, mapping=MAPPING + case)

    result = world.call(lambda invocation: run_cases(invocation))

    assert r"labels: any of features; it has feat\u200bures" in result.out


def test_findings_show_characters_that_nobody_sees(tmp_path: Path) -> None:
    odd = known("DS-1", labels={"features"}, status="In\u200bReview", category=None)

    (problem,) = (each for each in from_issues(write(tmp_path), odd) if each.check == "status-without-state")

    assert r'the status "In\u200bReview" (1 issue)' in problem.message


def test_a_label_in_another_form_is_not_spelled_differently(tmp_path: Path) -> None:
    mapping = HEAD + f"rules:\n  - {{id: a, when: {{labels: [{DECOMPOSED}]}}, assign: features}}\n"
    root = write(tmp_path, science=mapping)

    assert "label-case" not in dict(brief(from_issues(root, known("DS-1", labels={COMPOSED}))))


@pytest.mark.parametrize("text", ["K8s", "Größe", "👩\u200d💻 team", "❤\ufe0f", "می\u200cخواهم", "a b"])
def test_what_people_see_is_shown_as_it_is(text: str) -> None:
    assert show_invisible(text) == text


def test_the_kelvin_sign_does_not_become_a_letter_of_another_label() -> None:
    """A tracker may tell the two apart, and our own labels are ASCII."""
    assert clean_text("capability:\u212afoo") == "capability:\u212afoo"
    assert clean_text("A\u030angstro\u0308m\x00\ud800") == "Ångström\ufffd"


def test_evidence_finds_its_metric_in_any_form(tmp_path: Path) -> None:
    evidence = Evidence(file="m.json", metric=f"{COMPOSED}.auc", at_least=0.8)
    for name in (COMPOSED, DECOMPOSED):
        for ensure_ascii in (True, False):
            (tmp_path / "m.json").write_text(json.dumps({name: {"auc": 0.9}}, ensure_ascii=ensure_ascii))
            assert check_evidence(tmp_path, evidence).reached


def test_repositories_of_a_history_file_are_one_in_any_form(tmp_path: Path) -> None:
    rows = [f"{COMPOSED},1,2026-10-01,,{DECOMPOSED}|{COMPOSED} ", f" {DECOMPOSED},2,2026-10-01,,"]
    (tmp_path / "h.csv").write_text("\n".join(["repo,issue,created,closed,labels", *rows]), encoding="utf-8")

    (issues,) = read_histories([tmp_path / "h.csv"], at(11, 1)).issues.values()

    assert [each.labels for each in issues] == [(COMPOSED,), ()]
