"""Everything that is derived from the table of fields knows every field of it, without a list of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.model import Issue
from mappings.labels import LabelScheme
from mappings.rules.cel import compile_cel
from mappings.rules.cel_syntax import VARIABLES
from mappings.rules.conditions import compile_conditions
from mappings.rules.fields import CEL_FIELDS, CONDITION_FIELDS, EDITABLE_ATTRIBUTES, FIELDS, RuleField
from mappings.rules.rule_index import RuleIndex
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import TeamRules
from mappings.schema.cases import CASE_FIELDS, CaseIssue
from mappings.schema.when import When
from sync.cli.commands.mappings_schema import schema_reference
from sync.insights.change_causes import fingerprint
from tests.support.match_world import issue, rule, team

NAMED = [each for each in CONDITION_FIELDS.values() if each.comparison == "names" and each.attribute]
TEXTS = [each for each in FIELDS if each.attribute and each.comparison in ("names", "pattern")]


def with_value(field: RuleField, value: str) -> RuleSubject:
    assert field.attribute
    made = replace(issue(), **{field.attribute: (value,) if field.many else value})
    return RuleSubject(issue=made, labels=())


def holds(when: dict[str, Any], subject: RuleSubject) -> bool:
    return all(condition.holds(subject) for condition in compile_conditions(when))


def ids(field: RuleField) -> str:
    return field.key


def test_no_key_and_no_variable_is_there_twice() -> None:
    assert len({each.key for each in FIELDS}) == len({each.cel_name for each in FIELDS}) == len(FIELDS)
    ranks = [each.selectivity for each in FIELDS if each.selectivity is not None]
    assert sorted(ranks) == list(range(1, len(ranks) + 1))


def test_the_schema_of_rules_has_every_key() -> None:
    assert list(When.model_fields) == [*CONDITION_FIELDS, "cel"]


@pytest.mark.parametrize("field", NAMED, ids=ids)
def test_a_rule_that_names_a_value_matches_issues_with_it_and_is_indexed(field: RuleField) -> None:
    compiled = TeamRules(team("science", rule("it", "m", {field.key: {"any": ("some value",)}}))).rules
    index = RuleIndex([compiled])

    assert [found.id for found in index.first(with_value(field, "Some Value")).values()] == ["it"]
    assert index.first(with_value(field, "other")) == {}
    assert index.first(RuleSubject(issue=issue(), labels=())) == {}


@pytest.mark.parametrize("field", TEXTS, ids=ids)
def test_cel_reads_it(field: RuleField) -> None:
    text = f'"xyz" in {field.cel_name}' if field.many else f'{field.cel_name} == "xyz"'

    assert compile_cel(text).holds(with_value(field, "xyz"))
    assert not compile_cel(text).holds(with_value(field, "other"))


def test_cel_and_its_documentation_have_every_variable() -> None:
    assert set(VARIABLES) == set(CEL_FIELDS)
    text = schema_reference()
    for name in [*CEL_FIELDS, *CONDITION_FIELDS]:
        assert f"| `{name}` |" in text


def test_the_sample_of_a_field_is_its_first_example_and_a_text() -> None:
    samples = {field.key: field.sample for field in FIELDS}
    assert (samples["type"], samples["project"], samples["sprint"]) == ("Experiment", "DS", "Blue 12")
    assert (samples["labels"], samples["created"]) == ("", "")
    assert CaseIssue.model_json_schema()["properties"]["type"]["examples"] == ["Experiment"]


@pytest.mark.parametrize("field", CASE_FIELDS, ids=ids)
def test_a_case_sets_it_under_the_key_of_the_condition(field: RuleField) -> None:
    case = CaseIssue.model_validate({"key": "DS-1", field.key: "x"})

    assert case.value(field) == (("x",) if field.many else "x")


@pytest.mark.parametrize("name", EDITABLE_ATTRIBUTES)
def test_an_edit_of_it_changes_the_fingerprint_of_an_issue(name: str) -> None:
    plain = issue()
    changed: Any = {"Team": ("blue",)} if name == "fields" else "changed"

    before = fingerprint(plain, LabelScheme())
    assert fingerprint(replace(plain, **{name: changed}), LabelScheme()) != before
    touched = replace(plain, updated=plain.updated + timedelta(hours=1))
    assert fingerprint(touched, LabelScheme()) == before


def test_every_attribute_is_one_of_an_issue() -> None:
    assert set(EDITABLE_ATTRIBUTES) <= set(Issue.__dataclass_fields__)


def test_the_reporter_is_not_the_author() -> None:
    made = RuleSubject(issue=issue(author="robot", reporter="Mona"), labels=())

    assert holds({"reporter": {"any": ("mona",)}}, made)
    assert not holds({"reporter": {"any": ("robot",)}}, made)
    assert holds({"author": {"any": ("robot",)}}, made)
    assert compile_cel('reporter == "Mona" && author == "robot"').holds(made)
