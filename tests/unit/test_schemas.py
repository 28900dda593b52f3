"""The published schemas accept exactly what the loader accepts, and every key is described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mappings.load import read_yaml
from mappings.yaml.tree import read_tree
from sync.cli.commands.mappings_schema import schema_reference
from sync.cli.main import app, invoke
from sync.cli.schemas import KINDS, MODELS, Kind, editor_header, json_schema, schema_text

ROOT = Path(__file__).parents[2]

GOOD: dict[Kind, str] = {
    "settings": """\
instance: acme-ds
timezone: Europe/Berlin
trackers:
  jira: {kind: jira-cloud, url: https://acme.atlassian.net}
  github: {kind: github, write_spacing: 0.5}
push: {enabled: true, teams: [science]}
labels: {capability: {prefix: "cap:", color: 123456}}
limits: {removals: 3, removal_share: 0.1}
census_every: 12h
""",
    "plan": """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
grace_days: 3
holidays: [2026-12-25]
goals:
  - id: goal
    title: 42
    value: 8
    anchor:
    capabilities:
      - {id: model, title: Model, team: science, iterations: [1, v2], target: 2026-12-11, released: 2026-12-12}
""",
    "mapping": """\
team: science
flow: scrum
sources: [{jira: {project: DS, jql: component = X}}, {github: {repo: acme/churn, pull_requests: true}}]
states:
  doing: Peer review
  done: [Live, Shipped]
  dropped: {statuses: [Parked], labels: [wontfix], types: [Spike]}
answers: {confirmed: yes-it-is}
unplanned_label: true
rules:
  - id: a
    when:
      labels: features
      type: [Task, Bug]
      fix_version: 1.10
      components: {any: Scoring, none: [Old]}
      field: {Team: blue, Size: {all: [L, XL]}}
      created: {after: 2026-10-01, before: 2026-10-02T09:00:00Z}
      title: '(?i)churn'
      cel: size(assignees) == 0
    assign: model
    experiment: true
tests:
  - issue: {key: DS-1, labels: features}
    assign: model
""",
    "tests": """\
team: science
tests:
  - {name: a case, issue: {key: DS-1, parent: DS-2, created: 2026-11-02}, unplanned: true, now: 2026-11-15T12:00}
""",
    "defaults": """\
states: {doing: [Review], blocked: {labels: [blocked]}}
answers: {rejected: outcome-no}
dropped_resolutions: [Later]
unplanned_label: false
labels: {state: {prefix: "is:", color: abcdef}}
""",
}

BROKEN: list[tuple[Kind, str, str]] = [
    ("settings", "instance: acme-ds", "instance: Acme DS"),
    ("settings", "instance: acme-ds\n", ""),
    ("settings", "kind: github", "kind: gitlab"),
    ("settings", "https://acme.atlassian.net", "acme.atlassian.net"),
    ("settings", "enabled: true", "enabled: perhaps"),
    ("settings", "timezone:", "timzone:"),
    ("settings", "capability:", "capabilty:"),
    ("settings", "removal_share: 0.1", "removal_share: 7"),
    ("settings", "12h", "12 hours"),
    ("plan", "start: 2026-10-01", "start: October"),
    ("plan", "end: 2026-12-31\n", ""),
    ("plan", "grace_days: 3", "grace_days: many"),
    ("plan", "grace_days: 3", "grace_days: 99"),
    ("plan", "team: science, ", ""),
    ("plan", "    title: 42\n", "    title: 42\n    commitment: perhaps\n"),
    ("plan", "iterations: [1, v2]", "iterations: v2"),
    ("plan", "goals:", "goal:"),
    ("mapping", "flow: scrum", "flow: waterfall"),
    ("mapping", "team: science\n", ""),
    ("mapping", "sources: [{", "sources: [3, {"),
    ("mapping", "doing: Peer review", "doin: Peer review"),
    ("mapping", "{statuses: [Parked]", "{status: [Parked]"),
    ("mapping", "labels: features\n", "labels: []\n"),
    ("mapping", "labels: features\n", "labels:\n"),
    ("mapping", "labels: features\n", "labels: {}\n"),
    ("mapping", "{any: Scoring", "{some: Scoring"),
    ("mapping", "type: [Task, Bug]", "typ: [Task, Bug]"),
    ("mapping", "after: 2026-10-01", "after: yesterday"),
    ("mapping", "after: 2026-10-01", "since: 2026-10-01"),
    ("mapping", "field: {Team: blue", "field: {Team: "),
    ("mapping", "cel: size(assignees) == 0", "cel: '" + "x" * 501 + "'"),
    ("mapping", "title: '(?i)churn'", "title: [churn]"),
    ("mapping", "    assign: model\n    experiment", "    experiment"),
    ("mapping", "experiment: true", "experiment: maybe"),
    ("mapping", "key: DS-1", "kee: DS-1"),
    ("tests", "unplanned: true", "unplaned: true"),
    ("tests", "now: 2026-11-15T12:00", "now: noon"),
    ("tests", "team: science\n", ""),
    ("defaults", "states:", "state:"),
    ("defaults", "labels: {state:", "labels: {stat:"),
    ("defaults", "color: abcdef", "color: red"),
    ("defaults", "rejected:", "refused:"),
]


def as_an_editor_reads(path: Path) -> Any:
    """YAML 1.2 with its numbers, true, false and null; days stay texts."""
    tree, problems = read_tree(path, path.name)
    assert tree is not None, problems

    def value(node: Any) -> Any:
        if isinstance(node.value, dict):
            return {key: value(each) for key, each in node.value.items()}
        if isinstance(node.value, list):
            return [value(each) for each in node.value]
        if node.value is None or node.text_column != node.column:  # quoted
            return node.value
        if node.value in ("true", "false"):
            return node.value == "true"
        for number in (int, float):
            try:
                return number(node.value)
            except ValueError:
                continue
        return node.value

    return value(tree)


def found_by_schema(kind: Kind, path: Path) -> list[str]:
    validator = Draft202012Validator(json_schema(kind))
    return [error.message for error in validator.iter_errors(as_an_editor_reads(path))]


def found_by_loader(kind: Kind, path: Path) -> list[str]:
    _, problems, _ = read_yaml(path, MODELS[kind])
    return [str(each) for each in problems]


@pytest.mark.parametrize("kind", KINDS)
def test_every_schema_is_one_of_draft_2020_12(kind: Kind) -> None:
    schema = json_schema(kind)

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_file_is_good_for_the_editor_too(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(GOOD[kind])

    assert found_by_loader(kind, path) == []
    assert found_by_schema(kind, path) == []


@pytest.mark.parametrize(("kind", "good", "bad"), BROKEN)
def test_a_broken_file_is_broken_for_the_editor_too(kind: Kind, good: str, bad: str, tmp_path: Path) -> None:
    assert good in GOOD[kind]
    path = tmp_path / "file.yaml"
    path.write_text(GOOD[kind].replace(good, bad, 1))

    assert found_by_loader(kind, path) != []
    assert found_by_schema(kind, path) != []


def test_a_source_has_the_options_of_the_installed_connectors_for_the_editor(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(GOOD["mapping"].replace("project: DS", "projekt: DS", 1))

    assert found_by_schema("mapping", path) != []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "workspace").rglob("*.yaml")), ids=lambda p: p.name
)
def test_the_examples_are_good_and_name_their_schema(path: Path) -> None:
    kinds: dict[str, Kind] = {"plans": "plan", "mappings": "mapping", "tests": "tests"}
    kind = kinds.get(path.parent.name, "defaults" if path.name == "defaults.yaml" else "settings")

    assert found_by_schema(kind, path) == []
    first = path.read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == ROOT / "schemas" / f"{kind}.json"


def _keys(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in {"": schema, **schema.get("$defs", {})}.items():
        for key, entry in part.get("properties", {}).items():
            yield f"{name}.{key}", entry


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described_with_an_example_where_one_helps(kind: Kind) -> None:
    explained = {"default", "examples", "enum", "$ref"}
    for name, entry in _keys(json_schema(kind)):
        assert entry.get("description", "").endswith((".", "`")), name
        holds_keys = "$ref" in entry.get("items", {})
        assert holds_keys or explained & entry.keys(), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_of_keys_fit_their_schema(kind: Kind) -> None:
    schema = json_schema(kind)
    for name, entry in _keys(schema):
        validator = Draft202012Validator({**entry, "$defs": schema.get("$defs", {})})
        for example in [*entry.get("examples", ()), *([entry["default"]] if "default" in entry else ())]:
            assert list(validator.iter_errors(example)) == [], f"{name}: {example}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_published_schema_is_that_of_the_code(kind: Kind) -> None:
    published = (ROOT / "schemas" / f"{kind}.json").read_text(encoding="utf-8")

    assert published == schema_text(kind), "run `make reference` and commit the result"


def test_the_published_reference_is_that_of_the_code() -> None:
    published = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")

    assert published == schema_reference(), "run `make reference` and commit the result"


def test_the_reference_names_every_key() -> None:
    text = schema_reference()
    for kind in KINDS:
        for name, _ in _keys(json_schema(kind)):
            assert f"| `{name.rpartition('.')[2]}` |" in text, f"{kind} {name}"


# The command


def run(*arguments: str) -> int:
    return invoke(lambda: app(list(arguments), standalone_mode=False))


def test_one_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mappings", "schema", "--kind", "plan") == 0

    assert json.loads(capsys.readouterr().out) == json_schema("plan")


def test_all_schemas_are_printed_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mappings", "schema") == 0

    assert json.loads(capsys.readouterr().out) == {kind: json_schema(kind) for kind in KINDS}


def test_schemas_are_written_into_a_folder(tmp_path: Path) -> None:
    assert run("mappings", "schema", "--out", str(tmp_path / "new" / "folder")) == 0

    written = {path.stem: path.read_text() for path in (tmp_path / "new" / "folder").iterdir()}
    assert written == {kind: schema_text(kind) for kind in KINDS}


def test_an_unknown_kind_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mappings", "schema", "--kind", "rules") == 64
    assert "settings" in capsys.readouterr().err


def test_init_writes_schemas_and_each_file_names_its_own(tmp_path: Path) -> None:
    assert run("init", str(tmp_path / "workspace"), "--team", "science") == 0

    root = tmp_path / "workspace"
    for name, kind in {"increment-sync.yaml": "settings", "mappings/science.yaml": "mapping"}.items():
        first = (root / name).read_text().splitlines()[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert ((root / name).parent / named).resolve() == (root / "schemas" / f"{kind}.json").resolve()
        assert found_by_schema(kind, root / name) == []  # type: ignore[arg-type]
    (plan,) = (root / "plans").iterdir()
    assert plan.read_text().startswith(editor_header("plan", depth=1))
    assert "schemas" not in (root / ".gitignore").read_text()
    for kind in KINDS:
        assert (root / "schemas" / f"{kind}.json").read_text() == schema_text(kind)
