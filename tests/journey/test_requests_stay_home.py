"""Requests go only to the hosts, paths and projects of the settings, whatever mappings and plans name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.journey_world import MAPPING, PLAN, JourneyWorld, jira_seed


@pytest.mark.parametrize(
    "repo",
    [
        "acme/..",
        "../user",
        "./churn",
        "acme/../../user",
        "acme/churn/../../../user",
        "acme/churn%2f..%2f..",
        "acme/churn?since=1",
        "acme/churn#1",
        "//evil.example/x",
        "https://evil.example/acme/churn",
        "@evil.example/x",
        "x@evil.example/churn",
        "acme/churn\\r\\nX-Evil: 1",
        "acme/churn ",
        "acmé/churn",
    ],
)
def test_a_repository_that_is_more_than_a_name_is_refused_before_any_request(
    tmp_path: Path, repo: str
) -> None:
    mapping = MAPPING.replace("{repo: acme/churn}", f'{{repo: "{repo}"}}')
    with JourneyWorld(tmp_path, mapping=mapping) as world:
        result = world.run()
    assert result.code == 3
    assert "is not a repository; write it as owner/name" in result.err
    assert world.requests == ()


@pytest.mark.parametrize(
    "anchor", ["github:acme/..#1", "github:../user#1", "jira:../myself", "jira:DS-1/../x", "x@h#1"]
)
def test_an_anchor_that_is_more_than_a_key_is_refused_before_any_request(tmp_path: Path, anchor: str) -> None:
    with JourneyWorld(tmp_path, plan=PLAN.replace('"github:acme/churn#1"', f'"{anchor}"')) as world:
        result = world.run()
    assert (result.code, world.requests) == (3, ())
    assert "not an issue key" in result.err


@pytest.mark.parametrize(
    "project", ['DS\\" OR project = \\"OPS', "DS) OR (project = OPS", "../OPS", "DS OR 1=1"]
)
def test_a_project_cannot_hold_a_condition(tmp_path: Path, project: str) -> None:
    with JourneyWorld(
        tmp_path, mapping=MAPPING.replace("{project: DS}", f'{{project: "{project}"}}')
    ) as world:
        result = world.run()
    assert (result.code, world.requests) == (3, ())


@pytest.mark.parametrize(
    "jql",
    [
        "labels = model) OR (project = OPS",
        r'summary ~ a\") OR (project = OPS AND text ~ "x" AND summary ~ b\"',
        r'labels = "model\") OR (project = OPS) OR (labels = "x"',
        "labels = 'model') OR project in ('OPS'",
    ],
)
def test_a_jql_that_leaves_its_brackets_is_refused_before_any_request(tmp_path: Path, jql: str) -> None:
    mapping = MAPPING.replace("{project: DS}", "{project: DS, jql: " + json.dumps(jql) + "}")
    with JourneyWorld(tmp_path, mapping=mapping) as world:
        result = world.run()
    assert (result.code, world.requests) == (3, ())
    assert "Jira cannot read this `jql`" in result.err


@pytest.mark.parametrize("jql", ["labels = model OR project = OPS", "project = OPS OR project != DS"])
def test_no_jql_leaves_the_project_of_its_source(tmp_path: Path, jql: str) -> None:
    seed = jira_seed(2)
    seed["projects"]["OPS"] = {"issues": [{"key": "OPS-1", "summary": "Not theirs", "labels": ["model"]}]}
    mapping = MAPPING.replace("{project: DS}", "{project: DS, jql: " + json.dumps(jql) + "}")
    with JourneyWorld(tmp_path, jira=seed, mapping=mapping) as world:
        result = world.run()
        with world.opened_store() as store:
            known = {item.issue.ref.key for item in store.known_issues()}
    assert not {key for key in known if key.startswith("OPS")}, result
