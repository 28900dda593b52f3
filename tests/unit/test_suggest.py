"""Rules that ``mappings suggest`` finds, and those that it must not find."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.model import Issue
from mappings.model import Overrides
from mappings.rules.matcher import Matcher
from sync.cli.commands.mappings_suggest import suggest
from sync.mapping_tools.dataset import title_pattern
from sync.mapping_tools.rule_yaml import yaml_scalar
from sync.runtime.bootstrap import load_configuration
from sync.runtime.session import open_workspace_store
from tests.support.match_world import issue
from tests.support.offline_world import MAPPING, NOW, OfflineWorld, days_ago

NO_RULES = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules: []
"""


def suggest_text(world: OfflineWorld, team: str | None = None, min_precision: float = 0.9) -> str:
    result = world.call(lambda invocation: suggest(invocation, team, min_precision))
    assert (result.code, result.err) == (0, "")
    return result.out


def as_json(world: OfflineWorld, min_precision: float = 0.9) -> Any:
    result = world.call(lambda invocation: suggest(invocation, None, min_precision), as_json=True)
    assert (result.code, result.err) == (0, "")
    return result.json["teams"][0]


def suggested(world: OfflineWorld, min_precision: float = 0.9) -> dict[str, tuple[str, int]]:
    """Rule -> capability and how many unplanned issues it takes."""
    found = as_json(world, min_precision)["suggestions"]
    return {each["rule"]: (each["assign"], len(each["takes"])) for each in found}


def many(start: int, count: int, **facts: Any) -> list[Issue]:
    """So many issues with keys from ``start`` on and titles that have nothing in common."""
    return [issue(f"DS-{n}", **{"title": f"thing{n}", **facts}) for n in range(start, start + count)]


def model_and_features() -> list[Issue]:
    """20 issues of the model, half of them of the component Scoring; 20 of the features, half from the warehouse."""
    return [
        *many(1, 10, parent="DS-140", components=("Scoring",)),
        *many(11, 10, parent="DS-140"),
        *many(21, 10, labels=["features", "warehouse"]),
        *many(31, 10, labels=["features"]),
    ]


def assignments_after_pasting(world: OfflineWorld) -> dict[str, str]:
    """Where issues count after everything that was suggested is pasted where it says."""
    found = as_json(world)
    path = world.root / found["file"]
    rules = "".join(each["yaml"] for each in found["suggestions"])
    path.write_text(path.read_text(encoding="utf-8").replace("rules: []", "rules:") + rules, encoding="utf-8")
    if found["capabilities_to_create"]:
        plan = world.root / "plans/2026-q4.yaml"
        more = "".join(each["yaml"] for each in found["capabilities_to_create"])
        plan.write_text(plan.read_text(encoding="utf-8") + more, encoding="utf-8")
    configured = load_configuration(world.root)
    with open_workspace_store(configured, lambda: NOW) as store:
        known = list(store.known_issues())
    matcher = Matcher(configured.workspace, configured.workspace.labels, NOW)
    return {each.ref.key: each.capability for each in matcher.match(known, Overrides()).assignments}


def test_suggests_rules_for_groups_that_resemble_a_capability(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *model_and_features(),
        *many(51, 4, components=("Scoring",)),
        *many(61, 3, labels=["warehouse"]),
    )
    first, second = as_json(world)["suggestions"]
    assert (first["rule"], first["assign"], first["when"]) == (
        "components-scoring",
        "model",
        {"components": {"any": ["Scoring"]}},
    )
    assert first["takes"] == ["jira:DS-51", "jira:DS-52", "jira:DS-53", "jira:DS-54"]
    assert (first["precision"], first["recall"]) == (1.0, 0.5)
    assert first["measured"] == {"right": 10, "wrong": 0, "missed": 10}
    assert first["examples"][0] == {"issue": "jira:DS-51", "title": "thing51"}
    assert (second["rule"], second["assign"], len(second["takes"])) == ("labels-warehouse", "features", 3)
    text = suggest_text(world)
    assert "precision 1.00 (10 of 10), recall 0.50 (10 of 20)" in text
    assert "matches DS-51 thing51" in text
    assert "0 issues of science would be left unplanned." in text


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"labels": ["night"]}, "labels-night"),
        ({"components": ("Scoring",)}, "components-scoring"),
        ({"parent": "DS-300"}, "parent-ds-300"),
        ({"milestone": "Beta"}, "milestone-beta"),
        ({"fix_versions": ("1.10",)}, "fix-version-1-10"),
    ],
)
def test_every_grouping_field_can_become_a_rule(tmp_path: Path, facts: dict[str, Any], rule: str) -> None:
    labelled = {**facts, "labels": ["features", *facts.get("labels", ())]}
    world = OfflineWorld(
        tmp_path,
        *many(1, 8, **labelled),
        *many(11, 8, labels=["features"]),
        *many(21, 16, parent="DS-140"),
        *many(51, 3, **facts),
    )
    assert suggested(world) == {rule: ("features", 3)}
    targets = assignments_after_pasting(world)
    assert [targets[f"DS-{number}"] for number in (51, 52, 53)] == ["features"] * 3


def test_people_do_not_become_a_rule(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 8, labels=["features"], reporter="mona"),
        *many(21, 16, parent="DS-140"),
        *many(51, 3, reporter="mona"),
    )
    assert suggested(world) == {}


def test_title_words_can_become_a_rule(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *(issue(f"DS-{n}", parent="DS-140", title=f"Measure the Uplift of {n}") for n in range(1, 9)),
        *many(11, 8, labels=["features"]),
        *(issue(f"DS-{n}", title=f"uplift, again {n}") for n in range(51, 54)),
    )
    (found,) = as_json(world)["suggestions"]
    assert found["when"] == {"title": r"(?i)\buplift\b"}
    assert (found["assign"], len(found["takes"])) == ("model", 3)
    assert assignments_after_pasting(world)["DS-51"] == "model"


def test_combines_two_conditions_when_one_is_not_precise(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 10, parent="DS-140", components=("Api",), labels=["night"]),
        *many(11, 10, labels=["features"], components=("Api",)),
        *many(21, 10, labels=["features", "night"]),
        *many(51, 4, components=("Api",), labels=["night"]),
    )
    (found,) = as_json(world)["suggestions"]
    assert found["when"] == {"components": {"any": ["Api"]}, "labels": {"any": ["night"]}}
    assert (found["assign"], found["precision"], len(found["takes"])) == ("model", 1.0, 4)


def test_a_rule_can_exclude_a_feature(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 12, parent="DS-140", components=("Api",)),
        *many(21, 12, labels=["features", "night"], components=("Api",)),
        *many(51, 3, components=("Api",)),
        *many(61, 3, labels=["night"]),
    )
    found = {each["assign"]: each for each in as_json(world)["suggestions"]}
    assert found["model"]["when"] == {"components": {"any": ["Api"]}, "labels": {"none": ["night"]}}
    assert found["features"]["when"] == {"labels": {"any": ["night"]}}
    assert assignments_after_pasting(world)["DS-51"] == "model"


def mixed(wrong: int) -> list[Issue]:
    """10 issues of the model in Scoring, and some of the features there, too."""
    return [
        *many(1, 10, parent="DS-140", components=("Scoring",)),
        *many(21, wrong, labels=["features"], components=("Scoring",)),
        *many(31, 20, labels=["features"]),
        *many(61, 3, components=("Scoring",)),
    ]


def test_suggests_nothing_below_the_requested_precision(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, *mixed(wrong=3))
    assert suggested(world) == {}
    assert "Nothing to suggest with a precision of 0.9 or more." in suggest_text(world)
    (found,) = as_json(world, 0.7)["suggestions"]
    assert found["measured"] == {"right": 10, "wrong": 3, "missed": 0}
    assert found["precision"] == pytest.approx(10 / 13)
    assert found["wrong"] == ["jira:DS-21", "jira:DS-22", "jira:DS-23"]
    assert "but DS-21 thing21 counts towards features" in suggest_text(world, min_precision=0.7)


def test_vetoed_issues_count_against_a_rule(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, *mixed(wrong=0))
    assert suggested(world) == {"components-scoring": ("model", 3)}
    with open_workspace_store(load_configuration(tmp_path), lambda: NOW) as store:
        for number in (1, 2, 3):
            ref = issue(f"DS-{number}").ref
            store.add_override(ref, "veto", "capability:model", since=days_ago(1), run_id="r")
    assert suggested(world) == {}


def test_learns_from_pinned_issues(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 5, components=("Scoring",)),
        *many(31, 10, labels=["features"]),
        *many(61, 3, components=("Scoring",)),
    )
    assert suggested(world) == {}
    with open_workspace_store(load_configuration(tmp_path), lambda: NOW) as store:
        for number in range(1, 6):
            ref = issue(f"DS-{number}").ref
            store.add_override(ref, "pin", "capability:model", since=days_ago(1), run_id="r")
    assert suggested(world) == {"components-scoring": ("model", 3)}


def test_common_words_are_no_evidence_when_all_issues_share_a_capability(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 20, labels=["features"], components=("Data",), type="Task"),
        *many(51, 20, components=("Data",), type="Task"),
    )
    assert suggested(world, 0.0) == {}


def test_a_type_alone_is_never_a_rule(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 10, parent="DS-140", type="Experiment"),
        *many(21, 10, labels=["features"], type="Task"),
        *many(51, 3, type="Experiment"),
    )
    assert suggested(world, 0.0) == {}


def test_random_words_become_no_rule(tmp_path: Path) -> None:
    dice = random.Random(7)
    words = [f"word{n}" for n in range(40)]

    def noise(n: int, **facts: Any) -> Issue:
        return issue(f"DS-{n}", title=" ".join(dice.sample(words, 6)), **facts)

    world = OfflineWorld(
        tmp_path,
        *(noise(n, parent="DS-140") for n in range(1, 31)),
        *(noise(n, labels=["features"]) for n in range(31, 61)),
        *(noise(n) for n in range(61, 91)),
    )
    assert suggested(world) == {}


def test_precision_is_measured_on_unseen_issues(tmp_path: Path) -> None:
    """Two issues make a rule that is right about itself; without either of them nobody would have found it."""
    world = OfflineWorld(
        tmp_path,
        *many(1, 2, parent="DS-140", components=("Rare",)),
        *many(3, 20, parent="DS-140"),
        *many(31, 20, labels=["features"]),
        *many(61, 3, components=("Rare",)),
    )
    assert suggested(world, 0.0) == {}


def test_suggestions_do_not_depend_on_the_order_of_issues(tmp_path: Path) -> None:
    issues = [
        *model_and_features(),
        *many(51, 4, components=("Scoring",)),
        *many(61, 3, labels=["warehouse"]),
    ]
    texts = set()
    for number in range(3):
        random.Random(number).shuffle(issues)
        texts.add(suggest_text(OfflineWorld(tmp_path / str(number), *issues)))
    assert len(texts) == 1


def test_each_issue_is_matched_by_one_suggestion_only(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *many(1, 10, parent="DS-140", components=("Scoring",), labels=["score"]),
        *many(21, 10, labels=["features"]),
        *many(51, 4, components=("Scoring",), labels=["score"]),
        *many(55, 1, components=("Scoring",)),
    )
    (found,) = as_json(world)["suggestions"]
    assert (found["rule"], len(found["takes"])) == ("components-scoring", 5)


def test_copies_iteration_and_experiment_when_all_issues_agree(tmp_path: Path) -> None:
    mapping = MAPPING.replace("iteration: v2}", "iteration: v2, experiment: true}")
    world = OfflineWorld(tmp_path, *mixed(wrong=0), mapping=mapping)
    (found,) = as_json(world)["suggestions"]
    assert (found["iteration"], found["experiment"]) == ("v2", True)
    assert found["yaml"] == (
        "  - id: components-scoring\n"
        "    when: {components: [Scoring]}\n"
        "    assign: model\n"
        "    iteration: v2\n"
        "    experiment: true\n"
    )


def test_pasted_rules_assign_the_listed_issues(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        *model_and_features(),
        *many(51, 4, components=("Scoring",)),
        *many(61, 3, labels=["warehouse"]),
    )
    promised = {key: each["assign"] for each in as_json(world)["suggestions"] for key in each["takes"]}
    targets = assignments_after_pasting(world)
    assert {f"jira:{key}": target for key, target in targets.items() if f"jira:{key}" in promised} == promised


def test_a_suggested_rule_gets_an_unused_id(tmp_path: Path) -> None:
    mapping = MAPPING.replace("{id: model,", "{id: components-scoring,")
    world = OfflineWorld(tmp_path, *mixed(wrong=0), mapping=mapping)
    assert list(suggested(world)) == ["components-scoring-2"]


def test_issues_of_other_teams_are_mismatches(tmp_path: Path) -> None:
    plan_of_two = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    capabilities:
      - {id: features, title: Churn features, team: science}
      - {id: model, title: Churn model, team: science, iterations: [v1, v2]}
      - {id: api, title: An API, team: ops}
"""
    ops = """\
team: ops
sources:
  - jira: {project: DS}
rules:
  - {id: api, when: {components: [Api]}, assign: api}
"""
    world = OfflineWorld(
        tmp_path,
        *mixed(wrong=0),
        *many(81, 3, components=("Api", "Scoring")),
        plan=plan_of_two,
        more={"mappings/zz-ops.yaml": ops},
    )
    result = world.call(lambda invocation: suggest(invocation, "science", 0.7), as_json=True).json
    (science,) = result["teams"]
    (found,) = science["suggestions"]
    assert found["takes"] == ["jira:DS-61", "jira:DS-62", "jira:DS-63"]
    assert found["wrong"] == ["jira:DS-81", "jira:DS-82", "jira:DS-83"]
    wrong = world.call(lambda invocation: suggest(invocation, "sciense", 0.9))
    assert (wrong.code, wrong.err) == (
        1,
        'increment-sync: there is no team "sciense"; did you mean "science"?\n',
    )


def test_managed_labels_and_state_labels_are_no_features(tmp_path: Path) -> None:
    mapping = MAPPING.replace("rules:", "states:\n  blocked: {labels: [stuck]}\nrules:")
    world = OfflineWorld(
        tmp_path,
        *many(1, 10, parent="DS-140", labels=["stuck", "state:done", "result:rejected"]),
        *many(21, 10, labels=["features"]),
        *many(51, 4, labels=["stuck", "state:done", "result:rejected"]),
        mapping=mapping,
    )
    assert suggested(world, 0.0) == {}


# ---- a first mapping


def new_team(root: Path, *issues: Issue, **options: Any) -> OfflineWorld:
    return OfflineWorld(root, *issues, mapping=NO_RULES, **options)


def test_a_team_without_rules_gets_a_first_mapping(tmp_path: Path) -> None:
    world = new_team(
        tmp_path,
        issue("DS-300", type="Epic", title="Pricing study: autumn!"),
        *many(1, 4, parent="DS-300"),
        *many(11, 3, milestone="Beta"),
        *many(21, 3, components=("Scoring",)),
        *many(31, 3, labels=["features", "bug"]),
        *many(41, 3),
    )
    found = as_json(world)
    assert found["first_mapping"] is True
    assert {each["rule"]: (each["assign"], len(each["takes"])) for each in found["suggestions"]} == {
        "parent-ds-300": ("pricing-study-autumn", 4),
        "milestone-beta": ("beta", 3),
        "components-scoring": ("scoring", 3),
        "labels-features": ("features", 3),
    }
    assert all(each["precision"] is None for each in found["suggestions"])
    assert [(each["id"], each["title"], each["anchor"]) for each in found["capabilities_to_create"]] == [
        ("pricing-study-autumn", "Pricing study: autumn!", "jira:DS-300"),
        ("beta", "Beta", None),
        ("scoring", "Scoring", None),
    ]
    assert found["left"] == 3
    text = suggest_text(world)
    assert "nothing can be measured" in text
    assert "Create first, under `capabilities:` of a goal in plans/2026-q4.yaml:" in text
    targets = assignments_after_pasting(world)
    assert (targets["DS-1"], targets["DS-11"], targets["DS-31"]) == (
        "pricing-study-autumn",
        "beta",
        "features",
    )
    assert "DS-41" not in targets


def test_text_output_can_be_pasted_into_a_file_without_rules(tmp_path: Path) -> None:
    world = new_team(tmp_path, *many(1, 4, labels=["features"]), *many(11, 4))
    path = world.root / as_json(world)["file"]
    bare = path.read_text(encoding="utf-8").replace("rules: []\n", "")
    path.write_text(bare, encoding="utf-8")
    printed = suggest_text(world).partition("Paste at the end of ")[2]
    yaml = printed.partition("\n\n")[2].partition("\n\n")[0]
    path.write_text(f"{bare}{yaml}\n", encoding="utf-8")
    (rule,) = load_configuration(world.root).workspace.teams[0].rules
    assert (rule.id, rule.assign) == ("labels-features", "features")


def test_first_mapping_prefers_epics_to_other_ancestors(tmp_path: Path) -> None:
    world = new_team(
        tmp_path,
        issue("DS-400", type="Initiative", title="The whole year"),
        issue("DS-401", type="Epic", title="First", parent="DS-400"),
        issue("DS-402", type="Epic", title="Second", parent="DS-400"),
        issue("DS-411", type="Story", parent="DS-401"),
        *many(1, 2, parent="DS-411"),
        *many(11, 3, parent="DS-402"),
    )
    assert suggested(world) == {"parent-ds-401": ("first", 3), "parent-ds-402": ("second", 3)}


def test_first_mapping_reuses_capabilities_of_the_plan(tmp_path: Path) -> None:
    world = new_team(
        tmp_path,
        *many(1, 3, parent="DS-101"),
        *many(11, 3, labels=["churn-features"]),
        *many(21, 3, parent="DS-100"),
        *many(31, 3, components=("The churn model",)),
        *many(41, 3, milestone="Churn"),
    )
    found = as_json(world)
    assert {each["rule"]: each["assign"] for each in found["suggestions"]} == {
        "parent-ds-101": "model",
        "components-the-churn-model": "model",
        "milestone-churn": "churn",
        "labels-churn-features": "features",
    }
    # "Churn" is as much like "Churn model" as like "Churn features".
    assert [each["id"] for each in found["capabilities_to_create"]] == ["churn"]


def test_reports_when_issues_share_nothing(tmp_path: Path) -> None:
    assert "share no epic, milestone, version, component or label" in suggest_text(
        new_team(tmp_path, *many(1, 3))
    )


def test_reports_when_no_issue_is_unplanned(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, *many(1, 3, labels=["features"]))
    assert "Nothing to suggest: no issue is unplanned." in suggest_text(world)


# ---- what trackers may hold

NASTY = [
    "a: b",
    "a #b",
    "it's",
    '"quoted"',
    "{x}",
    "[y]",
    "&anchor",
    "!tag",
    "yes",
    "null",
    "1.10",
    "- dash",
    "größe",
    "日本",
    "a\\b",
    "🚀 rocket",
    "%percent",
    "@at",
    "trailing:",
]


@pytest.mark.parametrize("label", NASTY)
def test_rules_for_unusual_labels_are_valid_yaml(tmp_path: Path, label: str) -> None:
    world = new_team(tmp_path, *many(1, 3, labels=[label]), *many(11, 3))
    assert set(assignments_after_pasting(world)) == {"DS-1", "DS-2", "DS-3"}


def test_wildcard_characters_in_labels_become_no_rule(tmp_path: Path) -> None:
    world = new_team(tmp_path, *many(1, 3, labels=["*"]), *many(11, 3, labels=["wh?t"]))
    assert suggested(world) == {}


@pytest.mark.parametrize("title", [*NASTY, "\x1b[31mred", "line\nbreak", "x" * 250, "…", "-"])
def test_capabilities_for_unusual_titles_are_valid_yaml(tmp_path: Path, title: str) -> None:
    world = new_team(tmp_path, issue("DS-300", type="Epic", title=title), *many(1, 3, parent="DS-300"))
    targets = assignments_after_pasting(world)
    assert set(targets) == {"DS-1", "DS-2", "DS-3"}
    assert re.fullmatch(r"[a-z0-9-]{1,39}", targets["DS-1"])


@pytest.mark.parametrize("text", NASTY)
def test_yaml_scalars_are_read_back_by_other_parsers(text: str) -> None:
    assert YAML(typ="safe").load(f"[{yaml_scalar(text)}]") == [text]


def test_names_with_invisible_characters_become_no_rule(tmp_path: Path) -> None:
    world = new_team(tmp_path, *many(1, 3, labels=["a\u200bb"]), *many(11, 3, components=("x\x1b[31m",)))
    assert suggested(world) == {}


def test_text_from_trackers_is_escaped(tmp_path: Path) -> None:
    world = new_team(
        tmp_path, *many(1, 3, labels=["fine"], title="\x1b[31mred\x07"), *many(11, 3), *many(21, 3)
    )
    text = suggest_text(world)
    assert "matches DS-1 red" in text
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize(
    ("words", "title", "found"),
    [
        ("churn", "Churn!", True),
        ("churn", "churns", False),
        ("churn model", "a CHURN-model", True),
        ("churn model", "churn the model", False),
        ("größe", "Die Größe zählt", True),
        ("größe", "Größen", False),
        ("日本", "日本", True),
        ("日本", "日本語", False),
    ],
)
def test_title_pattern_matches_whole_words(words: str, title: str, found: bool) -> None:
    from mappings.rules.patterns import compile_pattern, to_bytes

    assert (compile_pattern(title_pattern(words)).search(to_bytes(title)) is not None) is found


def test_needs_no_numerical_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("sklearn", "numpy", "scipy"):
        for name in [each for each in sys.modules if each.split(".")[0] == library]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)
    assert suggested(OfflineWorld(tmp_path, *mixed(wrong=0))) == {"components-scoring": ("model", 3)}
    assert suggested(new_team(tmp_path / "new", *many(1, 3, labels=["x1"]), *many(11, 3))) == {
        "labels-x1": ("x1", 3)
    }
