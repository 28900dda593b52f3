"""Inheritance from ``defaults.yaml``, overrides by teams, and the origin of each value."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.registry import spec_of
from mappings.labels import LabelScheme
from mappings.load import check_workspace, load_workspace, read_workspace
from mappings.model import IssueState, TeamMapping
from mappings.problems import InvalidWorkspace, Problem
from mappings.rules.flow_state import state_of
from sync.config.settings import load_settings
from tests.support.match_world import issue

DEFAULTS = """\
states:
  doing: ["Peer review", "In QA"]
  dropped: {statuses: [Parked], labels: [wontfix]}
  blocked: {labels: [blocked]}
answers:
  confirmed: outcome-yes
  rejected: outcome-no
dropped_resolutions: [Later]
unplanned_label: true
labels:
  capability: {prefix: "cap:", color: "123456"}
  state: {color: abcdef}
"""
PLAN = """\
increment: q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: goal
    title: A goal
    capabilities: [{id: model, title: Model, team: science}]
"""
MAPPING = """\
team: science
sources: [{jira: {project: DS}}]
rules: [{id: a, when: {title: model}, assign: model}]
"""
SETTINGS = """\
instance: acme
trackers: {jira: {kind: jira-cloud, url: "https://acme.example"}}
"""


def write(
    root: Path, *, defaults: str | None = DEFAULTS, mapping: str = MAPPING, settings: str = SETTINGS
) -> Path:
    files = {"plans/q4.yaml": PLAN, "mappings/science.yaml": mapping, "increment-sync.yaml": settings}
    if defaults is not None:
        files["defaults.yaml"] = defaults
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return root


def team_of(root: Path) -> TeamMapping:
    workspace = load_workspace(
        root,
        trackers={"jira": spec_of("jira-cloud")},
        timezone="UTC",
        labels=load_settings(root).label_scheme,
    )
    return workspace.teams[0]


def problems_of(root: Path) -> list[Problem]:
    _, problems = check_workspace(
        root, trackers={"jira": spec_of("jira-cloud")}, timezone="UTC", labels=LabelScheme()
    )
    return list(problems)


def state(team: TeamMapping, **facts: object) -> IssueState:
    return state_of(issue(**facts), team)


def test_a_team_that_says_nothing_inherits_everything(tmp_path: Path) -> None:
    team = team_of(write(tmp_path))

    assert state(team, status="In QA").state == "doing"
    assert state(team, status="parked").state == "dropped"
    assert state(team, status="x", labels=["wontfix"]).state == "dropped"
    assert state(team, status="x", labels=["blocked"]).blocked
    assert team.answers == {
        "confirmed": "outcome-yes",
        "rejected": "outcome-no",
        "inconclusive": "result:inconclusive",
    }
    assert team.label_unplanned
    assert state(team, status="x", category="done", resolution="Later").state == "dropped"


def test_without_the_file_nothing_changes(tmp_path: Path) -> None:
    team = team_of(write(tmp_path, defaults=None))

    assert state(team, status="In QA").state == "todo"
    assert not team.label_unplanned
    assert team.origins == {}


def test_a_state_of_the_team_replaces_the_inherited_one_whole_and_only_that_one(tmp_path: Path) -> None:
    team = team_of(write(tmp_path, mapping=MAPPING + 'states: {doing: ["On GPU queue"]}\n'))

    assert state(team, status="On GPU queue").state == "doing"
    assert state(team, status="In QA").state == "todo"
    assert state(team, status="Parked").state == "dropped"


def test_an_empty_state_of_the_team_switches_the_inherited_one_off(tmp_path: Path) -> None:
    team = team_of(write(tmp_path, mapping=MAPPING + "states: {dropped: []}\n"))

    assert state(team, status="Parked").state == "todo"


def test_a_name_that_the_team_moves_leaves_the_state_that_it_inherited(tmp_path: Path) -> None:
    team = team_of(write(tmp_path, mapping=MAPPING + 'states: {done: ["in qa"]}\n'))

    assert state(team, status="In QA").state == "done"
    assert state(team, status="Peer review").state == "doing"


def test_the_flag_blocked_shares_names_with_states(tmp_path: Path) -> None:
    team = team_of(write(tmp_path, mapping=MAPPING + "states: {doing: {labels: [blocked]}}\n"))

    seen = state(team, status="x", labels=["blocked"])

    assert (seen.state, seen.blocked) == ("doing", True)


def test_answers_are_overridden_one_by_one_and_lists_whole(tmp_path: Path) -> None:
    own = "answers: {confirmed: ours-yes}\ndropped_resolutions: []\nunplanned_label: false\n"
    team = team_of(write(tmp_path, mapping=MAPPING + own))

    assert team.answers["confirmed"] == "ours-yes"
    assert team.answers["rejected"] == "outcome-no"
    assert team.dropped_resolutions == frozenset()
    assert not team.label_unplanned


def test_it_says_which_file_and_line_decided(tmp_path: Path) -> None:
    own = "states:\n  done:\n    - Shipped\n    - Live\nanswers: {confirmed: ours-yes}\n"
    team = team_of(write(tmp_path, mapping=MAPPING + own))
    answered = state_of(issue(status="x", category="done", labels=["outcome-no"]), team, experiment=True)

    assert state(team, status="In QA").because == 'states.doing: "In QA" (defaults.yaml:2:26)'
    assert state(team, status="Live").because == 'states.done: "Live" (mappings/science.yaml:7:7)'
    assert state(team, status="x", labels=["wontfix"]).because == (
        'states.dropped.labels: "wontfix" (defaults.yaml:3:42)'
    )
    assert state(team, status="x", labels=["blocked"]).because == (
        'status category todo; states.blocked.labels: "blocked" (defaults.yaml:4:22)'
    )
    assert state(team, status="x", category="done", resolution="later").because == (
        'resolution "later" (defaults.yaml:8:1)'
    )
    assert answered.because == 'status category done; answers.rejected: "outcome-no" (defaults.yaml:7:3)'
    assert str(team.origins["answers.confirmed"]) == "mappings/science.yaml:8:11"
    assert str(team.origins["unplanned_label"]) == "defaults.yaml:9:1"


def test_labels_of_the_defaults_hold_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    settings = SETTINGS + "labels: {capability: {color: '654321'}, flag: {prefix: 'mark:'}}\n"

    scheme = load_settings(write(tmp_path, settings=settings)).label_scheme

    assert scheme.prefixes["capability"] == "cap:"
    assert scheme.colors["capability"] == "654321"
    assert scheme.colors["state"] == "abcdef"
    assert scheme.prefixes["flag"] == "mark:"
    assert scheme.capability_of("cap:model") == "model"


def test_a_prefix_of_the_defaults_that_clashes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, defaults="labels: {capability: {prefix: 'state:x'}}\n")

    with pytest.raises(InvalidWorkspace, match="also starts"):
        load_settings(tmp_path)


def test_rules_may_not_name_labels_that_the_defaults_make_ours(tmp_path: Path) -> None:
    write(tmp_path, mapping=MAPPING.replace("title: model", "labels: 'cap:model'"))

    with pytest.raises(InvalidWorkspace, match="a label that increment-sync manages"):
        team_of(tmp_path)


@pytest.mark.parametrize(
    ("defaults", "message"),
    [
        ("state: {}\n", 'defaults.yaml:1:1: error: state: unknown key "state"; did you mean "states"?'),
        ("states: {doin: [a]}\n", 'unknown key "doin"; did you mean "doing"?'),
        ("labels: {capabilty: {prefix: a}}\n", "unknown family 'capabilty'"),
        ("labels: {capability: {prefix: 'A B'}}\n", "not a legal label"),
        (
            "states: {doing: [A], done: [a]}\n",
            'defaults.yaml:1:22: error: states.done: "a" is already under `doing`',
        ),
        ("states: {doing: {labels: ['state:x']}}\n", "a label that increment-sync manages"),
        ("answers: {confirmed: 'capability:x'}\n", "a label that increment-sync manages"),
        ("rules: []\n", 'unknown key "rules"'),
        ("", "the file is empty"),
    ],
)
def test_mistakes_in_the_defaults_are_reported_with_their_place(
    tmp_path: Path, defaults: str, message: str
) -> None:
    problems = problems_of(write(tmp_path, defaults=defaults))

    assert len(problems) == 1
    assert problems[0].origin.file == "defaults.yaml"
    assert message in str(problems[0])


def test_teams_are_not_judged_by_broken_defaults(tmp_path: Path) -> None:
    root = write(tmp_path, defaults="states: {doin: [a]}\n")

    reading = read_workspace(
        root, trackers={"jira": spec_of("jira-cloud")}, timezone="UTC", labels=LabelScheme()
    )

    assert reading.workspace is None
    assert reading.valid_part.teams == ()
    assert [each.id for each in reading.valid_part.increments] == ["q4"]


def test_a_link_out_of_the_workspace_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("states: {doing: [TopSecret]}\n")
    root = tmp_path / "workspace"
    root.mkdir()
    write(root, defaults=None)
    (root / "defaults.yaml").symlink_to(tmp_path / "secret")

    problems = problems_of(root)

    assert [each.check for each in problems] == ["outside"]
    assert "TopSecret" not in str(problems)


def test_a_change_of_the_defaults_changes_the_digest(tmp_path: Path) -> None:
    def digest() -> str:
        settings = load_settings(tmp_path)
        trackers = {"jira": spec_of("jira-cloud")}
        return load_workspace(
            tmp_path, trackers=trackers, timezone="UTC", labels=settings.label_scheme
        ).digest

    write(tmp_path, defaults=None)
    without = digest()
    write(tmp_path)
    before = digest()
    write(tmp_path, defaults=DEFAULTS.replace("In QA", "In test"))

    assert len({without, before, digest()}) == 3


@pytest.mark.parametrize(
    ("own", "links"),
    [
        ("", frozenset({""})),
        ("states: {blocked: {dependencies: [Waits For, Blocks]}}\n", frozenset({"", "waits for", "blocks"})),
        ("states: {blocked: {dependencies: false}}\n", None),
        ("states: {blocked: {labels: [stuck]}}\n", None),
        ("states: {blocked: [Waiting]}\n", None),
    ],
    ids=["inherited", "link types", "no", "other names", "short form"],
)
def test_dependencies_are_inherited_until_a_team_says_what_blocks(
    tmp_path: Path, own: str, links: frozenset[str] | None
) -> None:
    defaults = "states: {blocked: {dependencies: true}}\n"
    rule = team_of(write(tmp_path, defaults=defaults, mapping=MAPPING + own)).states["blocked"]
    assert rule.dependencies == links
    origin = rule.origins.get(("dependencies", ""))
    place = None if links is None else "mappings/science.yaml" if own else "defaults.yaml"
    assert (origin.file if origin else None) == place


@pytest.mark.parametrize(
    "states",
    [
        "blocked: {dependencies: maybe}",
        "blocked: {dependencies: ['']}",
        "blocked: {dependencies: {}}",
        "doing: {dependencies: true}",
    ],
)
def test_dependencies_are_a_switch_or_link_types_of_blocked_only(tmp_path: Path, states: str) -> None:
    found = problems_of(write(tmp_path, mapping=f"{MAPPING}states: {{{states}}}\n"))
    assert [each.origin.line for each in found if each.severity == "error"] == [4]
