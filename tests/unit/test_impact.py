"""``mappings impact``: moved issues, changed roll-ups and planned writes of an edited mapping."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.support.impact_world import MAPPING, PLAN, SETTINGS, Workspace
from tests.support.store_world import START, issue, pull, ref


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work").fill()


@pytest.fixture
def before(here: Workspace, tmp_path: Path) -> Path:
    """The workspace's files as they were, in a folder of their own."""
    target = tmp_path / "before"
    shutil.copytree(here.root, target, ignore=shutil.ignore_patterns(".increment-sync"))
    return target


def moves(result: Any) -> dict[str, tuple[str, str, str]]:
    return {
        each["issue"]: (each["change"], each["before"]["place"], each["after"]["place"])
        for each in result.json["moves"]
    }


def test_the_same_files_change_nothing(here: Workspace, before: Path) -> None:
    result = here.impact(before, detailed=True, format_="json")

    assert result.code == 0
    assert result.json["empty"] is True
    assert (result.json["moves"], result.json["figures"]) == ([], [])
    assert result.json["writes"]["before"] == result.json["writes"]["after"]
    assert "Nothing changes" in here.impact(before).out


def test_comments_and_moved_lines_in_a_mapping_change_nothing(here: Workspace, before: Path) -> None:
    here.write("mappings/science.yaml", f"# by Ada\n\n{MAPPING}")

    assert here.impact(before, detailed=True).code == 0


def test_an_edited_rule_moves_issues_and_changes_the_rollup(here: Workspace, before: Path) -> None:
    here.edit(
        "mappings/science.yaml", "labels: [features]}, assign: features", "type: [Bug]}, assign: features"
    )
    here.edit("mappings/science.yaml", "labels: [model]", "labels: [model, features]")

    result = here.impact(before, detailed=True, format_="json")

    assert result.code == 2
    assert moves(result) == {"jira:DS-1": ("moved", "features", "model")}
    (move,) = result.json["moves"]
    assert (move["before"]["by"], move["after"]["by"]) == ("features of science", "model of science")
    figures = {each["subject"]: each for each in result.json["figures"]}
    assert set(figures) == {"goal:retention", "capability:features", "capability:model"} - {"goal:retention"}
    assert figures["capability:features"]["after"]["state"] == "empty"
    assert figures["capability:model"]["before"]["total"] == 2
    assert figures["capability:model"]["after"]["total"] == 3


def test_a_removed_rule_leaves_its_issues_unplanned(here: Workspace, before: Path) -> None:
    here.edit(
        "mappings/science.yaml", "  - {id: features, when: {labels: [features]}, assign: features}\n", ""
    )

    result = here.impact(before)

    assert "1 issue moves" in result.out
    assert "no rule (before: features of science)" in result.out
    assert "DS-1" in result.out


def test_a_changed_state_is_not_a_move(here: Workspace, before: Path) -> None:
    here.edit("mappings/science.yaml", "rules:", "states:\n  doing: [Open]\nrules:")

    result = here.impact(before, format_="json")

    assert moves(result) == {
        "jira:DS-1": ("reread", "features", "features"),
        "jira:DS-2": ("reread", "model", "model"),
        "jira:DS-3": ("reread", "unplanned", "unplanned"),
    }
    assert {each["subject"]: each["after"]["state"] for each in result.json["figures"]} == {
        "goal:retention": "in-progress",
        "capability:features": "in-progress",
        "capability:model": "in-progress",
    }


def test_a_renamed_rule_moves_nothing_and_is_listed(here: Workspace, before: Path) -> None:
    here.edit("mappings/science.yaml", "{id: model,", "{id: by-label,")

    result = here.impact(before, detailed=True, format_="json")

    assert result.code == 2
    assert moves(result) == {"jira:DS-2": ("rule", "model", "model")}
    assert "0 issues move; 1 issue stays but for rule or state" in here.impact(before).out


def test_a_new_conflict_is_a_move(here: Workspace, before: Path) -> None:
    here.edit(
        "mappings/platform.yaml",
        "  - github: {repo: acme/churn}",
        "  - github: {repo: acme/churn}\n  - jira: {project: DS}",
    )
    here.edit("mappings/platform.yaml", "labels: [model]", "labels: [model, features]")

    result = here.impact(before, format_="json")

    assert moves(result) == {
        "jira:DS-1": ("moved", "features", "claimed for features and model"),
        "jira:DS-3": ("rule", "unplanned", "unplanned"),
    }


def test_planned_writes_follow_from_the_pushed_labels(here: Workspace, before: Path) -> None:
    with here.store() as store:
        labels = ["capability:features", "increment:2026-q4"]
        here.more(store, 1, labels=frozenset({"features", *labels}))
        store.record_pushed_labels(ref(1), labels, [], "run-1", START)
    here.edit(
        "mappings/science.yaml", "labels: [features]}, assign: features", "labels: [features]}, assign: model"
    )

    writes = here.impact(before, format_="json").json["writes"]

    assert writes["before"]["labels_removed"] == 0
    assert writes["after"]["labels_removed"] == 1
    assert writes["after"]["labels_added"] == writes["before"]["labels_added"] + 1


def test_labels_written_after_the_last_pull_count_as_present(here: Workspace, before: Path) -> None:
    with here.store() as store:
        for label in ("capability:features", "increment:2026-q4"):
            at = here.clock.forward(minutes=1)
            entry = store.journal_intent(
                run_id="run-1",
                at=at,
                ref=ref(1),
                op="add-label",
                payload={"label": label},
                before={},
                rule=None,
                why="",
            )
            store.complete_write(entry, at, ref=ref(1), added=[label])
    here.edit(
        "mappings/science.yaml", "labels: [features]}, assign: features", "labels: [features]}, assign: model"
    )

    result = here.impact(before, format_="json").json

    assert result["writes"]["after"]["labels_removed"] == 1
    assert result["notes"] == []


def test_a_renamed_capability_moves_its_issues_and_writes_no_new_comment(
    here: Workspace, before: Path
) -> None:
    with here.store() as store:
        store.save_baseline("model", START, [ref(2)])
        store.add_override(ref(3), "pin", "capability:model", since=START, run_id="run-1")
    here.edit("plans/2026-q4.yaml", "{id: model,", "{id: churn-model, previously: [model],")
    for name in ("science", "platform"):
        here.edit(f"mappings/{name}.yaml", "assign: model", "assign: churn-model")

    result = here.impact(before, format_="json")

    assert moves(result)["jira:DS-3"] == ("moved", "model", "churn-model")
    figures = {each["subject"]: each for each in result.json["figures"]}
    assert figures["capability:model"]["after"] is None
    assert figures["capability:churn-model"]["before"] is None
    assert figures["capability:churn-model"]["after"]["total"] == 3


# ---- what it is compared with


def test_the_working_tree_is_compared_with_the_last_commit(here: Workspace) -> None:
    commit = here.commit()
    here.edit("mappings/science.yaml", "labels: [model]", "labels: [model, features]")
    here.edit("mappings/science.yaml", "labels: [features]", "labels: [nothing]")

    result = here.impact(format_="json")

    assert moves(result) == {"jira:DS-1": ("moved", "features", "model")}
    assert result.json["against"] == f"HEAD ({commit[:8]})"


def test_any_revision_is_compared_without_a_checkout(here: Workspace) -> None:
    first = here.commit()
    here.edit("mappings/science.yaml", "labels: [features]", "labels: [nothing]")
    here.commit()

    assert moves(here.impact(first[:10], format_="json")) == {"jira:DS-1": ("moved", "features", "unplanned")}
    assert here.impact("HEAD", detailed=True).code == 0
    assert here.git("status", "--porcelain", "--untracked-files=no") == ""


def test_a_workspace_in_a_subfolder_is_found(tmp_path: Path) -> None:
    top = Workspace(tmp_path)
    for name in ("increment-sync.yaml", "plans", "mappings"):
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / name).rename(tmp_path / "deep" / name)
    deep = Workspace(tmp_path / "deep").fill()
    top.git("init", "-q", "-b", "main")
    top.git("add", "-A", "deep/plans", "deep/mappings", "deep/increment-sync.yaml")
    top.git("-c", "user.name=Ada", "-c", "user.email=ada@acme.invalid", "commit", "-q", "-m", "before")
    deep.edit("mappings/science.yaml", "labels: [features]", "labels: [nothing]")

    assert moves(deep.impact(format_="json")) == {"jira:DS-1": ("moved", "features", "unplanned")}


def test_symlinks_of_a_revision_are_not_followed(here: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(MAPPING.replace("science", "outsiders"))
    (here.root / "mappings" / "linked.yaml").symlink_to(tmp_path / "outside.yaml")
    here.commit()
    (here.root / "mappings" / "linked.yaml").unlink()

    assert here.impact(detailed=True).code == 0


@pytest.mark.parametrize("name", ["nowhere", "--output=stolen", "HEAD~99", ""])
def test_an_unknown_revision_is_named(here: Workspace, name: str) -> None:
    here.commit()

    result = here.impact(name)

    assert result.code == 1
    assert f"git knows no revision {name}".strip() in result.err
    assert not (here.root / "stolen").exists()


def test_outside_a_git_checkout_a_folder_is_required(here: Workspace) -> None:
    result = here.impact()

    assert result.code == 1
    assert "is not in a git checkout" in result.err
    assert "--against a folder" in result.err


def test_a_folder_without_a_workspace_is_rejected(here: Workspace, tmp_path: Path) -> None:
    here.commit()
    (tmp_path / "empty").mkdir()

    result = here.impact(tmp_path / "empty")

    assert result.code == 1
    assert "is no workspace" in result.err


def test_a_revision_without_the_workspace_is_rejected(here: Workspace) -> None:
    here.git("init", "-q", "-b", "main")
    here.git(
        "-c", "user.name=A", "-c", "user.email=a@b.invalid", "commit", "-q", "--allow-empty", "-m", "none"
    )

    result = here.impact()

    assert result.code == 1
    assert "there is no increment-sync.yaml of this workspace in HEAD" in result.err


def test_problems_of_the_other_revision_name_it(here: Workspace) -> None:
    here.edit("mappings/science.yaml", "assign: model", "assign: modle")
    commit = here.commit()
    here.write("mappings/science.yaml", MAPPING)

    result = here.impact()

    assert result.code == 3
    assert f"HEAD ({commit[:8]}): mappings/science.yaml:" in result.err


def test_problems_of_the_working_tree_are_a_configuration_error(here: Workspace, before: Path) -> None:
    here.edit("mappings/science.yaml", "assign: model", "assign: modle")

    result = here.impact(before)

    assert result.code == 3
    assert "mappings/science.yaml:6" in result.err


# ---- what is looked at


def test_an_empty_store_is_reported_with_advice(tmp_path: Path, before: Path) -> None:
    result = Workspace(tmp_path / "fresh").impact(before)

    assert result.code == 1
    assert "nothing has been read yet" in result.err


def test_an_exported_snapshot_gives_the_same_impact(here: Workspace, before: Path, tmp_path: Path) -> None:
    here.export(tmp_path / "snap.jsonl.gz")
    elsewhere = Workspace(tmp_path / "elsewhere")
    for place in (here, elsewhere):
        place.edit("mappings/science.yaml", "labels: [model]", "labels: [model, features]")
        place.edit("mappings/science.yaml", "labels: [features]", "labels: [nothing]")

    from_file = elsewhere.impact(before, snapshot=tmp_path / "snap.jsonl.gz", format_="json")

    assert moves(from_file) == {"jira:DS-1": ("moved", "features", "model")}
    assert from_file.json == here.impact(before, format_="json").json
    assert not (elsewhere.root / ".increment-sync").exists()


def test_an_imported_snapshot_gives_the_same_impact(here: Workspace, before: Path, tmp_path: Path) -> None:
    here.export(tmp_path / "snap.jsonl")
    elsewhere = Workspace(tmp_path / "elsewhere")
    elsewhere.edit("mappings/science.yaml", "labels: [features]", "labels: [nothing]")

    assert elsewhere.load(tmp_path / "snap.jsonl").code == 0

    assert moves(elsewhere.impact(before, format_="json")) == {
        "jira:DS-1": ("moved", "features", "unplanned")
    }


def test_a_filled_store_is_replaced_only_with_the_replace_option(here: Workspace, tmp_path: Path) -> None:
    here.export(tmp_path / "snap.jsonl")
    with here.store() as store:
        here.more(store, 7)

    refused = here.load(tmp_path / "snap.jsonl")
    assert refused.code == 1
    assert "7 issues" in refused.err
    assert "--replace" in refused.err

    assert here.load(tmp_path / "snap.jsonl", replace=True).code == 0
    with here.store() as store:
        assert "DS-7" not in {item.issue.ref.key for item in store.known_issues()}


def test_a_snapshot_of_another_instance_is_not_imported(here: Workspace, tmp_path: Path) -> None:
    here.export(tmp_path / "snap.jsonl")
    other = Workspace(tmp_path / "other")
    other.write("increment-sync.yaml", SETTINGS.replace("instance: acme", "instance: rival"))

    result = other.load(tmp_path / "snap.jsonl")

    assert result.code == 1
    assert "exported from the instance acme, and this workspace is rival" in result.err


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (("{project: DS}", "{project: NEW}"), "jira:NEW was never read"),
        (("when: {labels: [model]}", "when: {body: churn}"), "Rules test the text of issues"),
        (("when: {labels: [model]}", "when: {field: {Squad: blue}}"), "No stored issue has the field Squad"),
    ],
)
def test_limits_of_the_stored_issues_are_noted(
    here: Workspace, before: Path, edit: tuple[str, str], sentence: str
) -> None:
    here.edit("mappings/science.yaml", *edit)

    assert any(sentence in note for note in here.impact(before, format_="json").json["notes"])
    assert "note: " in here.impact(before).out


def test_a_narrowed_source_keeps_its_issues_until_it_is_read(here: Workspace, before: Path) -> None:
    here.edit("mappings/science.yaml", "{project: DS}", "{project: DS, jql: type = Bug}")
    here.edit("mappings/science.yaml", "labels: [features]", "labels: [nothing]")

    result = here.impact(before, format_="json")

    assert moves(result) == {"jira:DS-1": ("moved", "features", "unplanned")}
    assert "jira:DS (type = Bug) was never read" in result.json["notes"][0]


def test_disabled_push_and_unread_anchors_are_noted(here: Workspace, before: Path) -> None:
    here.edit("increment-sync.yaml", "push: {enabled: true}", "push: {enabled: false}")
    here.edit("plans/2026-q4.yaml", "jira:DS-101", "jira:DS-999")

    notes = " ".join(here.impact(before, format_="json").json["notes"])

    assert "Writing is switched off" in notes
    assert "jira:DS-999" in notes


# ---- how it is told


def test_markdown_contains_no_links_and_no_mentions(here: Workspace, before: Path) -> None:
    here.edit("mappings/platform.yaml", "labels: [model]", "labels: [nothing]")
    here.edit("mappings/science.yaml", "labels: [features]}", "labels: {none: [model]}}")

    result = here.impact(before, format_="markdown")

    html = MarkdownIt("gfm-like", {"linkify": False}).render(result.out)
    assert "<table>" in html
    assert "<code>acme/churn#4</code>" in html
    assert "<code>DS-3</code>" in html
    outside_code = MarkdownIt().parse(result.out)
    texts = "".join(
        child.content for token in outside_code for child in token.children or () if child.type == "text"
    )
    assert "acme/churn#4" not in texts
    assert "@ada" not in result.out


def test_thousands_of_moves_fit_into_a_comment(here: Workspace, tmp_path: Path) -> None:
    rules = "\n".join(
        f"  - {{id: a-rule-with-quite-a-long-name-{n}, when: {{labels: [label-{n}]}}, assign: model}}"
        for n in range(120)
    )
    with here.store() as store:
        issues = [issue(n, labels=frozenset({f"label-{n % 120}"})) for n in range(1000, 4000)]
        pull(store, *issues, full=False)
    before = tmp_path / "before"
    shutil.copytree(here.root, before, ignore=shutil.ignore_patterns(".increment-sync"))
    here.write("mappings/science.yaml", MAPPING + rules + "\n")

    markdown, text = here.impact(before, format_="markdown").out, here.impact(before).out

    assert len(markdown) < 65_536
    assert "and 17 more" in markdown
    assert "and 80 more; --format json shows all" in markdown
    assert len(text.splitlines()) < 120
    assert len(here.impact(before, format_="json").json["moves"]) == 3000


def test_a_removed_capability_shows_its_issues(here: Workspace, before: Path) -> None:
    lines = [line for line in PLAN.splitlines() if "id: features" not in line]
    here.write("plans/2026-q4.yaml", "\n".join(lines) + "\n")
    here.edit(
        "mappings/science.yaml", "  - {id: features, when: {labels: [features]}, assign: features}\n", ""
    )

    result = here.impact(before)

    assert "capability:features" in result.out
    assert "not in the plan" in result.out
