"""One repository is one source, however its name is written."""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.support.journey_world import MAPPING, JourneyWorld, github_seed, jira_seed

OTHER = """\
team: other
sources:
  - github: {repo: Acme/CHURN}
rules:
  - {id: more, when: {labels: [more]}, assign: features}
"""


def lists_of_issues(world: JourneyWorld) -> list[int]:
    """Return the status of each list of the repository's issues in the last command."""
    return [each.status for each in world.requests if each.path.lower().endswith("/acme/churn/issues")]


def source_names(world: JourneyWorld) -> list[str]:
    with world.opened_store() as store:
        return [state.name for state in store.source_states()]


def test_two_mappings_that_write_one_repository_differently_share_its_source(tmp_path: Path) -> None:
    seed = github_seed(2)
    seed["repos"]["acme/churn"]["issues"][1]["labels"] = ["more"]
    with JourneyWorld(tmp_path, github=seed, more_mappings={"other": OTHER}) as world:
        first, reads = world.run(), len(lists_of_issues(world))
        labels = {key: world.labels(key) for key in ("acme/churn#11", "acme/churn#12")}
        second = world.run()
        names, writes = source_names(world), [each for each in world.requests if each.method != "GET"]

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert reads == 1
    assert names == ["github:acme/churn", "jira:DS"]
    assert {"capability:features"} <= labels["acme/churn#11"] & labels["acme/churn#12"]
    assert [each.path for each in writes if each.tracker == "github"] == []


def test_another_spelling_in_the_mapping_reads_nothing_again(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path) as world:
        world.run()
        world.run()
        world.edit("mappings/science.yaml", "acme/churn", "Acme/Churn")
        result = world.run(after=timedelta(minutes=10))
        names, statuses = source_names(world), lists_of_issues(world)

    assert result.code == 0, result.err
    assert names == ["github:acme/churn", "jira:DS"]
    assert statuses == [304]


def test_a_repository_that_the_tracker_spells_with_capitals_is_the_same(tmp_path: Path) -> None:
    seed = github_seed(2)
    seed["repos"]["Acme/Churn"] = seed["repos"].pop("acme/churn")
    with JourneyWorld(tmp_path, github=seed) as world:
        result = world.run()
        labels = world.labels("Acme/Churn#11")
        again = world.run()

    assert (result.code, again.code) == (0, 0), result.err
    assert "capability:features" in labels


def test_a_store_that_knows_another_spelling_loses_nothing(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path) as world:
        world.edit("mappings/science.yaml", "acme/churn", "Acme/Churn")
        world.run()
        before = world.labels("acme/churn#11")
        with closing(sqlite3.connect(tmp_path / ".increment-sync" / "state.db")) as store, store:
            for table, column in (
                ("sources", "name"),
                ("memberships", "source"),
                ("history_marks", "source"),
            ):
                store.execute(
                    f"update {table} set {column} = 'github:Acme/Churn' where {column} like 'github:%'"
                )
        result = world.run()
        writes = [each for each in world.requests if each.method not in ("GET", "POST")]
        after = world.labels("acme/churn#11")

    assert result.code == 0, result.err
    assert "capability:features" in before == after
    assert writes == []


def test_labels_of_any_form_are_matched_kept_and_written_once(tmp_path: Path) -> None:
    composed, decomposed = "größe", unicodedata.normalize("NFD", "größe")
    jira, github = jira_seed(1), github_seed(1)
    jira["projects"]["DS"]["issues"][2]["labels"] = [composed]
    github["repos"]["acme/churn"]["labels"] = [decomposed]
    github["repos"]["acme/churn"]["issues"][1]["labels"] = [decomposed]
    mapping = MAPPING.replace("[model]", f"[{decomposed}]").replace("[features]", f"[{composed}]")
    mapping = mapping.replace("model, when: {", "model, when: {tracker: jira, ")
    with JourneyWorld(tmp_path, jira=jira, github=github, mapping=mapping) as world:
        first = world.run()
        before = world.snapshot()
        second = world.run()
        writes = [each for each in world.requests if each.method not in ("GET", "POST")]
        after = world.snapshot()
        labels = {key: world.labels(key) for key in ("DS-11", "acme/churn#11")}

    assert (first.code, second.code) == (0, 0), first.err
    assert labels == {
        "DS-11": {composed, "capability:model", "increment:2026-q4"},
        "acme/churn#11": {decomposed, "capability:features", "increment:2026-q4"},
    }
    assert (writes, before) == ([], after)
