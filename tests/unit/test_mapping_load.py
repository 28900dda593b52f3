"""A workspace is loaded completely, or all its problems are reported together."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

import mappings
from connectors.model import Source
from connectors.registry import spec_of
from mappings.build import WorkspaceBuilder
from mappings.labels import LabelScheme
from mappings.load import check_workspace, load_workspace, read_yaml
from mappings.model import Anchor, Workspace
from mappings.problems import InvalidWorkspace, Origin, Problem

EXAMPLE = Path(__file__).parents[2] / "examples" / "workspace"
TRACKERS = {"jira": spec_of("jira-cloud"), "github": spec_of("github")}

PLAN = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: goal
    title: A goal
    capabilities:
      - {id: churn-features, title: Features, team: science}
      - {id: churn-model, title: Model, team: science, iterations: [v1, v2]}
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
rules:
  - {id: a, when: {labels: [features]}, assign: churn-features}
"""


def write(root: Path, **files: str) -> Path:
    """Files by name: ``plans__q4`` -> plans/q4.yaml."""
    for name, text in {"plans__q4": PLAN, "mappings__science": MAPPING, **files}.items():
        path = root / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def load(root: Path, timezone: str = "UTC") -> Workspace:
    return load_workspace(root, trackers=TRACKERS, timezone=timezone, labels=LabelScheme())


def problems_of(root: Path) -> list[Problem]:
    with pytest.raises(InvalidWorkspace) as refused:
        load(root)
    return list(refused.value.problems)


def test_the_example_workspace_has_no_problems_at_all() -> None:
    workspace, problems = check_workspace(EXAMPLE, trackers=TRACKERS, timezone="UTC", labels=LabelScheme())

    assert problems == ()
    assert workspace is not None
    assert [team.team for team in workspace.teams] == ["churn-science", "serving"]


def test_the_mappings_shipped_as_data_are_those_of_the_example() -> None:
    shipped = Path(mappings.__file__).parent / "teams"

    for path in (EXAMPLE / "mappings").iterdir():
        editor_header, *rest = path.read_text().splitlines(keepends=True)
        assert editor_header.startswith("# yaml-language-server:")
        assert (shipped / path.name).read_text() == "".join(rest)


def test_plans_and_mappings_become_values_that_know_where_they_were_written() -> None:
    workspace = load(EXAMPLE)

    (increment,) = workspace.increments
    goal = increment.goals[0]
    model = goal.capabilities[1]
    assert (increment.id, increment.timezone, increment.grace_days) == ("2026-q4", "Europe/Berlin", 5)
    assert increment.starts_at == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert goal.anchor == Anchor(tracker="jira", key="DS-100")
    assert goal.capabilities[0].anchor == Anchor(tracker="github", key="acme/churn#12")
    assert model.anchor == Anchor(tracker="jira", key="DS-101")
    assert (model.iterations, model.origin) == (
        ("v1", "v2", "v3"),
        Origin(file="plans/2026-q4.yaml", line=18, column=9),
    )
    science, serving = workspace.teams
    assert science.sources == (
        Source(tracker="jira", container="DS"),
        Source(tracker="github", container="acme/churn"),
    )
    assert serving.sources == (
        Source(tracker="jira", container="PLAT", options=(("jql", "component = Scoring"),)),
    )
    assert science.states["doing"].statuses == {"peer review", "on gpu queue"}
    assert science.states["blocked"].labels == {"blocked"}
    assert (science.label_unplanned, serving.dropped_resolutions) == (True, {"parked"})
    assert science.rules[1].when == {"labels": {"any": ("features", "area/features-*"), "none": ("chore",)}}
    assert science.rules[2].experiment
    assert str(science.rules[0].origin) == "mappings/churn-science.yaml:13:5"


def test_names_keep_their_text_even_when_they_look_like_numbers(tmp_path: Path) -> None:
    rules = "  - {id: b, when: {fix_version: [1.10, 2], sprint: 007, labels: true}, assign: churn-model}\n"
    workspace = load(write(tmp_path, mappings__science=MAPPING + rules))

    assert workspace.teams[0].rules[1].when == {
        "labels": {"any": ("true",)},
        "fix_version": {"any": ("1.10", "2")},
        "sprint": {"any": ("007",)},
    }


def test_days_of_conditions_begin_in_the_settings_zone(tmp_path: Path) -> None:
    rules = (
        "  - {id: b, when: {created: {after: 2026-10-01, before: '2026-12-01T00:00:00Z'},"
        " updated: {after: 2026-11-01T08:00:00}}, assign: churn-model}\n"
    )
    workspace = load(write(tmp_path, mappings__science=MAPPING + rules), timezone="Europe/Berlin")

    when = workspace.teams[0].rules[1].when
    assert when["created"]["after"] == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert when["created"]["before"] == datetime(2026, 12, 1, tzinfo=UTC)
    assert when["updated"]["after"] == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_both_endings_are_read_by_name_and_hidden_files_are_not(tmp_path: Path) -> None:
    write(tmp_path, mappings__zebra=MAPPING.replace("science", "zebra"))
    (tmp_path / "mappings" / "ant.yml").write_text(MAPPING.replace("science", "ant"))
    (tmp_path / "mappings" / ".draft.yaml").write_text("not: [valid")

    assert [team.team for team in load(tmp_path).teams] == ["ant", "science", "zebra"]


def test_the_digest_changes_with_any_text_and_only_then(tmp_path: Path) -> None:
    first = load(write(tmp_path)).digest
    again = load(write(tmp_path)).digest
    changed = load(write(tmp_path, plans__q4=PLAN + "# a comment\n")).digest

    assert first == again != changed


def test_a_workspace_without_files_says_what_to_write(tmp_path: Path) -> None:
    assert [problem.message.split(";")[0] for problem in problems_of(tmp_path)] == [
        "there is no mapping yet",
        "there is no plan yet",
    ]


BROKEN_PLAN = """\
increment: 2026 Q4
start: 2026-12-31
end: 2026-10-01
graze_days: 3
goals:
  - id: goal
    title: A goal
    anchor: nowhere:DS-1
    capabilities:
      - id: churn-features
        team: sciense
      - {id: churn-model, title: Model, team: science, continues: churn-modle, anchor: DS-2}
      - {id: churn-model, title: Again, team: science, anchor: jira:DS-2}
  - {id: lonely, title: Without anything}
"""
BROKEN_MAPPING = """\
team: science
flow: kanbn
sources:
  - jirra: {project: DS}
  - github: {project: DS}
rules:
  - id: a
    when: {lables: [x]}
    assign: churn-modell
  - id: a
    when: {title: "(oops", labels: "capability:*"}
    assign: churn-features
  - id: c
    when: {tracker: jirra}
    assign: churn-model
    iteration: v9
"""


def test_everything_wrong_in_all_files_is_reported_at_once_in_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        plans__q4=BROKEN_PLAN,
        mappings__science=BROKEN_MAPPING,
        mappings__tabs="team: tabs\nsources:\n\t- jira: {project: X}\n",
    )

    report = [
        (
            f"{each.origin.file}:{each.origin.line}:{each.origin.column}",
            each.severity,
            each.path,
            each.message,
        )
        for each in problems_of(tmp_path)
    ]

    mapping, tabs, plan = "mappings/science.yaml", "mappings/tabs.yaml", "plans/q4.yaml"
    expected = [
        (f"{mapping}:2:7", "error", "flow", 'did you mean "kanban"?'),
        (f"{mapping}:4:5", "error", "sources[0].jirra", 'did you mean "jira"?'),
        (f"{mapping}:5:5", "error", "sources[1].github", "needs a repository"),
        (f"{mapping}:5:14", "error", "sources[1].github.project", "is for Jira"),
        (f"{mapping}:8:12", "error", "rules[0].when.lables", 'did you mean "labels"?'),
        (f"{mapping}:9:13", "error", "rules[0].assign", 'did you mean "churn-model"?'),
        (f"{mapping}:10:9", "error", "rules[1].id", f"is already defined at {mapping}:7:9"),
        (f"{mapping}:11:19", "error", "rules[1].when.title", "not an RE2 pattern (missing ): (oops)"),
        (f"{mapping}:11:36", "error", "rules[1].when.labels", "use a label of the team instead"),
        (f"{mapping}:14:21", "error", "rules[2].when.tracker", 'did you mean "jira"?'),
        (f"{mapping}:16:16", "error", "rules[2].iteration", 'has no iteration "v9"'),
        (f"{tabs}:3:1", "error", "", "a tab is used where YAML needs spaces"),
        (f"{plan}:1:12", "error", "increment", "lower-case letters"),
        (f"{plan}:3:6", "error", "end", "ends before it starts"),
        (f"{plan}:4:1", "error", "graze_days", 'did you mean "grace_days"?'),
        (f"{plan}:8:13", "error", "goals[0].anchor", 'unknown tracker "nowhere"'),
        (f"{plan}:10:9", "error", "goals[0].capabilities[0]", 'the key "title" is missing'),
        (f"{plan}:12:67", "error", "goals[0].capabilities[0].continues", 'did you mean "churn-model"?'),
        (f"{plan}:13:14", "error", "goals[0].capabilities[1].id", f"is already defined at {plan}:12:14"),
        (f"{plan}:13:64", "error", "goals[0].capabilities[1].anchor", f"already the anchor at {plan}:12:88"),
    ]
    assert len(report) == len(expected), "\n".join(map(str, report))
    for (place, severity, path, message), (want_place, want_severity, want_path, part) in zip(
        report, expected, strict=True
    ):
        assert (place, severity, path) == (want_place, want_severity, want_path)
        assert part in message


def test_an_unreadable_plan_does_not_make_its_capabilities_unknown(tmp_path: Path) -> None:
    (problem,) = problems_of(write(tmp_path, plans__q4="increment: ["))

    assert problem.check == "yaml"


class Settings(BaseModel):
    """Stands for any other file that is read the same way."""

    push: bool
    limit: int = 3


def test_any_model_can_be_read_with_positions(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("push: false\nlimit: 7\n")

    settings, problems, positions = read_yaml(path, Settings, file="settings.yaml")

    assert settings == Settings(push=False, limit=7)
    assert problems == []
    assert str(positions.value_origin(("limit",))) == "settings.yaml:2:8"


def test_a_copy_of_the_example_can_be_edited_into_a_warning(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "w")
    plan = tmp_path / "w" / "plans" / "2026-q4.yaml"
    plan.write_text(plan.read_text().replace("team: serving", "team: servin"))

    workspace, problems = check_workspace(
        tmp_path / "w", trackers=TRACKERS, timezone="UTC", labels=LabelScheme()
    )

    assert workspace is not None
    assert load(tmp_path / "w") == workspace
    assert [(each.severity, each.message) for each in problems] == [
        ("warning", 'no mapping file is for the team "servin"; did you mean "serving"?')
    ]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Adak"])
@pytest.mark.parametrize(
    "moment", ["0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_the_first_and_the_last_day_of_time_limit_nothing(zone: str, moment: str) -> None:
    """People write them for "always"; in some zones they have no instant."""
    builder = WorkspaceBuilder(trackers={}, timezone=zone)
    at = builder.to_utc(datetime.fromisoformat(moment) if "T" in moment else date.fromisoformat(moment))

    assert at.year in (1, 9999)
    assert at - timedelta(days=1) < at < at + timedelta(days=1)
