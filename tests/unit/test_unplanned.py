"""``unplanned``: share, groups, ages and CSV of ad-hoc work."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from connectors.model import Issue
from sync.cli.commands.unplanned import unplanned
from sync.runtime.invocation import Invocation
from tests.support.match_world import issue
from tests.support.offline_world import MAPPING, OfflineWorld, days_ago, done

OPS = """\
team: ops
sources:
  - jira: {project: OPS}
rules: []
"""


def unplanned_json(root: Path, *issues: Issue, **options: Any) -> Any:
    """Return the output of ``unplanned --json``."""
    world = OfflineWorld(root, *issues, **options)
    return world.call(lambda invocation: unplanned(invocation, None), as_json=True).json


def names(groups: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return [(group["name"], *(group[key] for key in keys)) for group in groups]


def test_the_share_of_ad_hoc_work_is_of_what_was_finished_in_the_last_four_weeks(tmp_path: Path) -> None:
    answer = unplanned_json(
        tmp_path,
        done("DS-1", 3),
        done("DS-2", 27),
        done("DS-3", 29),
        done("DS-4", 5, labels=["features"]),
        done("DS-5", 6, labels=["features"]),
        done("DS-6", 40, labels=["features"]),
        issue("DS-7", labels=["features"]),
        issue("DS-8"),
    )
    assert answer["share"] == {
        "since": "2026-10-26 12:00:00+00:00",
        "closed": 4,
        "unplanned": 2,
        "share": 0.5,
    }


def test_dropped_work_is_not_counted_in_the_share(tmp_path: Path) -> None:
    answer = unplanned_json(
        tmp_path,
        done("DS-1", 3),
        done("DS-2", 3, resolution="Won't Do"),
        done("DS-3", 3, resolution="Won't Do", labels=["features"]),
    )
    assert (answer["share"]["closed"], answer["share"]["unplanned"]) == (1, 1)
    assert names(answer["by"]["team"], "issues", "done", "dropped") == [("science", 2, 1, 1)]


def test_the_share_counts_leaves_not_a_parent_with_its_children(tmp_path: Path) -> None:
    answer = unplanned_json(
        tmp_path,
        done("DS-1", 3),
        done("DS-2", 3, labels=["features"]),
        done("DS-3", 3, labels=["features"], parent="DS-2"),
    )
    assert (answer["share"]["closed"], answer["share"]["unplanned"]) == (2, 1)


def test_the_share_begins_with_an_increment_younger_than_four_weeks(tmp_path: Path) -> None:
    plan = "increment: late\nstart: 2026-11-16\nend: 2026-12-31\ngoals: []\n"
    mapping = "team: science\nsources:\n  - jira: {project: DS}\nrules: []\n"
    answer = unplanned_json(tmp_path, done("DS-1", 3), plan=plan, mapping=mapping)
    assert answer["share"]["since"] == "2026-11-16 00:00:00+00:00"


def test_without_finished_work_there_is_no_share(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1"))
    assert (
        world.call(lambda invocation: unplanned(invocation, None), as_json=True).json["share"]["share"]
        is None
    )
    assert "nothing was finished" in world.call(lambda invocation: unplanned(invocation, None)).out


def test_issues_are_grouped_by_team_requester_type_week_and_age(tmp_path: Path) -> None:
    answer = unplanned_json(
        tmp_path,
        issue("DS-1", author="cfo", type="Task", created=days_ago(3)),
        issue("DS-2", author="cfo", type="Bug", created=days_ago(13), category="doing"),
        done("OPS-1", 2, author="ceo", type="Task", created=days_ago(20)),
        issue("OPS-2", author="", created=days_ago(50)),
        more={"mappings/ops.yaml": OPS},
    )
    by = answer["by"]
    assert names(by["team"], "issues", "open", "done") == [("ops", 2, 1, 1), ("science", 2, 2, 0)]
    assert names(by["requester"], "issues", "oldest_waits_days") == [
        ("cfo", 2, 13),
        ("(unknown)", 1, 50),
        ("ceo", 1, None),
    ]
    assert names(by["type"], "issues") == [("Task", 2), ("(none)", 1), ("Bug", 1)]
    assert names(by["week"], "issues") == [
        ("2026-W40", 1),
        ("2026-W45", 1),
        ("2026-W46", 1),
        ("2026-W47", 1),
    ]
    assert names(by["age"], "issues") == [
        ("under 1 week", 1),
        ("1 to 2 weeks", 1),
        ("2 to 4 weeks", 1),
        ("4 to 8 weeks", 1),
    ]


def test_weeks_begin_on_monday_in_the_zone_of_the_settings(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path)
    settings = (tmp_path / "increment-sync.yaml").read_text() + "timezone: Asia/Tokyo\n"
    world.write("increment-sync.yaml", settings)
    sunday_evening = days_ago(1).replace(hour=20)
    world.pull([issue("DS-1", created=sunday_evening)])
    answer = world.call(lambda invocation: unplanned(invocation, None), as_json=True).json
    assert names(answer["by"]["week"]) == [("2026-W48",)]


def test_longest_waiting_issues_come_first_and_the_oldest_is_named(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        issue("DS-1", created=days_ago(4)),
        issue("DS-2", created=days_ago(44), title="Numbers for the board"),
        done("DS-3", 1, created=days_ago(50)),
    )
    answer = world.call(lambda invocation: unplanned(invocation, None), as_json=True).json
    assert [item["issue"] for item in answer["unplanned"]] == ["jira:DS-2", "jira:DS-1", "jira:DS-3"]
    assert answer["oldest"] == {"issue": "jira:DS-2", "waits_days": 44}
    text = world.call(lambda invocation: unplanned(invocation, None)).out
    assert "The oldest has been waiting for 44 days since it was created: DS-2 Numbers for the board" in text


def test_an_issue_that_vanished_does_not_wait(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", created=days_ago(44)))
    from sync.runtime.bootstrap import load_configuration
    from sync.runtime.session import open_workspace_store

    with open_workspace_store(load_configuration(tmp_path), lambda: days_ago(0)) as store:
        store.mark_vanished(issue("DS-1").ref, days_ago(1))
    answer = world.call(lambda invocation: unplanned(invocation, None), as_json=True).json
    assert answer["oldest"] is None
    assert (answer["issues"], answer["open"]) == (1, 0)


def test_one_teams_ad_hoc_work_and_its_share(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path, done("DS-1", 3, labels=["features"]), done("OPS-1", 3), more={"mappings/ops.yaml": OPS}
    )
    text = world.call(lambda invocation: unplanned(invocation, "ops")).out
    assert "100% of what was finished since 2026-10-26 (1 of 1, nothing for the plan)" in text
    assert "OPS-1" in text
    wrong = world.call(lambda invocation: unplanned(invocation, "opps"))
    assert (wrong.code, wrong.err) == (1, 'increment-sync: there is no team "opps"; did you mean "ops"?\n')


def test_a_breakdown_replaces_the_list_of_issues(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", author="cfo", title="Urgent"))
    text = world.call(lambda invocation: unplanned(invocation, None, "requester")).out
    assert "cfo" in text
    assert "requester  issues  open" in text
    assert "DS-1 Urgent" in text  # as the oldest
    assert "By week" not in text


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_the_csv_has_a_row_for_each_issue(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", title='Say "hi", please', created=days_ago(3)))
    header, row = rows(world.call(lambda invocation: unplanned(invocation, None, None, "-")).out)
    assert dict(zip(header, row, strict=True)) | {"url": ""} == {
        "issue": "jira:DS-1",
        "url": "",
        "teams": "science",
        "state": "todo",
        "reason": "no-rule",
        "created": "2026-11-20T12:00:00+00:00",
        "closed": "",
        "age_days": "3",
        "week": "2026-W47",
        "requester": "",
        "type": "",
        "title": 'Say "hi", please',
    }


@pytest.mark.parametrize(
    "title",
    [
        "=HYPERLINK(1)",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r\n=1",
        "\u202e=1",
        "\u200b=1",
        "＝1+1",
        " =1",
    ],
)
def test_no_cell_of_the_csv_is_a_formula(tmp_path: Path, title: str) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", title=title, author=title, type=title))
    header, row = rows(world.call(lambda invocation: unplanned(invocation, None, None, "-")).out)
    cells = dict(zip(header, row, strict=True))
    assert all(cells[name][0] == "'" for name in ("title", "requester", "type"))
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "＝")) for cell in row)


def test_a_csv_file_is_written_and_its_path_is_printed(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path / "here", issue("DS-1", title="Größe"))
    file = tmp_path / "ad-hoc.csv"

    def command(invocation: Invocation) -> int:
        return unplanned(invocation, None, None, str(file))

    answer = world.call(command)
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == f"1 unplanned issue written to {file}\n"
    assert rows(file.read_text(encoding="utf-8"))[1][-1] == "Größe"


def test_text_from_a_tracker_is_harmless_on_the_terminal(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", title="\x1b[31mred\x1b]0;owned\x07", author="a\x1b[2Jb"))
    for by in (None, "requester"):
        text = world.call(lambda invocation, by=by: unplanned(invocation, None, by)).out
        assert "\x1b" not in text
        assert "red" in text


def test_before_the_first_run_the_message_says_what_to_do(tmp_path: Path) -> None:
    answer = OfflineWorld(tmp_path, mapping=MAPPING).call(lambda invocation: unplanned(invocation, None))
    assert (answer.code, answer.out) == (1, "")
    assert "nothing has been read yet" in answer.err
