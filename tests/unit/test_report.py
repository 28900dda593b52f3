"""The report: one value, three forms, nothing in it that does something."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt

from connectors.model import Issue, IssueRef
from sync.cli.commands.report import report
from sync.cli.commands.status import status
from sync.forecast.probability import describe_probability, round_probability
from sync.insights.report.build import build_report
from sync.insights.report.document import render_json, schema_text
from sync.insights.report.flows import (
    ad_hoc_weeks,
    burn_up,
    cumulative_flow,
    cycle_points,
    cycle_time_percentiles,
)
from sync.insights.report.html import render_charts, render_html
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.markdown import render_markdown
from sync.insights.report.model import ReportData
from sync.insights.report.phrases import build_outlook, format_completion_dates, format_range
from sync.insights.unplanned import ad_hoc_metrics
from sync.model.flow import IssueFlow
from sync.model.forecast import QUANTILES, Forecast
from tests.support import rollup_world
from tests.support.match_world import issue
from tests.support.offline_world import OfflineWorld, days_ago, done
from tests.support.report_world import HOSTILE, empty, report_data

ROOT = Path(__file__).parents[2]
BERLIN = ZoneInfo("Europe/Berlin")


@cache
def page(hostile: str = "") -> str:
    """Drawn once for all tests."""
    return render_html(report_data(hostile))


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2026, 10, number, hour, tzinfo=UTC)


def way(key: str, created: int, **more: Any) -> IssueFlow:
    shape: dict[str, Any] = {
        "ref": IssueRef(tracker="jira", id=key, key=key),
        "created": day(created),
        "started": None,
        "finished": None,
        "dropped": None,
        "reopened": (),
        "blocked": (),
        "moves": (),
        "complete": False,
    }
    return IssueFlow(**shape | more)


# Words


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.0, "5 % or less"),
        (0.074, "5 % or less"),
        (0.076, "about 10 %"),
        (0.55, "about 55 %"),
        (0.574, "about 55 %"),
        (0.924, "about 90 %"),
        (0.93, "95 % or more"),
        (0.9999, "95 % or more"),
    ],
)
def test_chances_are_told_in_steps_of_five_and_never_as_certain(chance: float, words: str) -> None:
    assert describe_probability(round_probability(chance)) == words


def test_days_are_told_with_how_sure_they_are() -> None:
    finish = ((0.5, date(2026, 12, 4)), (0.7, date(2026, 12, 9)), (0.85, date(2027, 1, 8)), (0.95, None))
    assert format_completion_dates(finish, 2026) == "4 Dec (50 %), 8 Jan 2027 (85 %)"
    assert format_completion_dates(((0.5, None),), 2026) == "open end (50 %)"
    assert (format_range((3, 5)), format_range((3, 3))) == ("3 to 5", "3")


def forecast(**more: Any) -> Forecast:
    shape: dict[str, Any] = {
        "subject": "capability:x",
        "at": day(1),
        "until": day(31),
        "remaining": 6,
        "counts": tuple(zip(QUANTILES, range(9), strict=True)),
        "probability": 0.31,
    }
    return Forecast(**shape | more)


def test_an_outlook_adds_what_is_done_to_what_is_expected() -> None:
    told = build_outlook(forecast(), 10)
    assert (told.likely, told.middle, told.most, told.probability, told.words) == (
        (11, 17),
        14,
        16,
        0.3,
        "about 30 %",
    )


def test_without_a_chance_the_outlook_says_why() -> None:
    thin = forecast(probability=None, counts=(), reason="thin history: 3 weeks, at least 4 are needed")
    assert build_outlook(thin, 1).words == "thin history: 3 weeks, at least 4 are needed"
    assert build_outlook(thin, 1).likely is None
    assert build_outlook(None, 1).words == "no forecast yet"
    assert build_outlook(forecast(remaining=0, probability=1.0), 4).words == "nothing is left to do"


# Day by day


def test_a_burn_up_counts_by_the_day_of_the_zone_and_lets_dropped_work_go() -> None:
    ways = [
        way("A", 1, finished=day(3, 23)),
        way("B", 2, finished=day(3)),
        way("C", 2, dropped=day(4)),
        way("D", 4),
    ]
    drawn = burn_up(
        ways, date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 9), BERLIN, baseline=3, baseline_at=None, fan=None
    )  # fmt: skip
    assert drawn.scope == (1, 3, 3, 3, 3)
    assert drawn.done == (0, 0, 1, 2, 2), "23:00 in UTC is the next day in Berlin"


def test_work_from_before_the_first_day_is_in_scope_on_it() -> None:
    drawn = burn_up(
        [way("A", 1), way("B", 2, finished=day(3))], date(2026, 10, 10), date(2026, 10, 11), date(2026, 10, 12), UTC,
        baseline=None, baseline_at=None, fan=None,
    )  # fmt: skip
    assert (drawn.scope, drawn.done) == ((2, 2), (1, 1))


def test_a_cumulative_flow_holds_each_issue_once_a_day() -> None:
    ways = [
        way("A", 1, started=day(2), finished=day(4)),
        way("B", 2),
        way("C", 2, dropped=day(3)),
        way("old", 1, finished=day(1)),
    ]
    flow = cumulative_flow(ways, date(2026, 10, 2), date(2026, 10, 5), UTC)
    assert flow is not None
    assert flow.todo == (2, 1, 1, 1)
    assert flow.doing == (1, 1, 0, 0)
    assert flow.done == (0, 0, 1, 1)
    assert cumulative_flow([], date(2026, 10, 2), date(2026, 10, 5), UTC) is None


def test_cycle_times_begin_at_the_start_or_the_creation_and_reach_half_a_year_back() -> None:
    ways = [way("A", 1, started=day(3), finished=day(5)), way("B", 1, finished=day(11))]
    points = cycle_points([*ways, replace(ways[0], finished=day(5) - timedelta(days=300))], day(20), UTC)
    assert [(point.key, point.days) for point in points] == [("A", 2.0), ("B", 10.0)]
    assert cycle_time_percentiles(points) == ()
    assert cycle_time_percentiles(points * 5) == ((50, 2.0), (85, 10.0), (95, 10.0))


def test_weeks_without_anything_are_weeks_too() -> None:
    weeks = ad_hoc_weeks([day(1)], [day(15), day(16)], date(2026, 10, 1), date(2026, 10, 18), UTC)
    assert [(each.week, each.planned, each.unplanned) for each in weeks] == [
        ("2026-W40", 1, 0),
        ("2026-W41", 0, 0),
        ("2026-W42", 0, 2),
    ]


# The command


def issues() -> tuple[Issue, ...]:
    finished = [done(f"DS-{n}", ago=n, created=days_ago(n + 8), labels=["features"]) for n in range(1, 40, 3)]
    return (
        *finished,
        issue("DS-50", labels=["features"], created=days_ago(80)),
        issue("DS-51", labels=["features"], created=days_ago(9), title=f"Title {HOSTILE}"),
        issue("DS-60", title="Numbers for the board", created=days_ago(31)),
        done("DS-61", ago=2),
        issue("DS-62", parent="DS-140", created=days_ago(20)),
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> OfflineWorld:
    return OfflineWorld(tmp_path_factory.mktemp("report"), *issues())


@pytest.fixture(scope="module")
def told(world: OfflineWorld) -> dict[str, Any]:
    """The report as JSON."""
    answer = world.call(lambda ways: report(ways, None, None, "json", None))
    assert answer.code == 0, answer.err
    found: dict[str, Any] = answer.json
    return found


def test_the_report_has_the_figures_of_status(world: OfflineWorld, told: dict[str, Any]) -> None:
    (increment,) = world.call(lambda ways: status(ways, None), as_json=True).json["increments"]
    for goal, line in zip(increment["goals"], told["goals"], strict=True):
        assert (line["id"], line["state"]) == (goal["id"], goal["state"])
        for capability, each in zip(goal["capabilities"], line["capabilities"], strict=True):
            counts = capability["counts"]
            assert (each["id"], each["state"], each["done"], each["doing"]) == (
                capability["id"],
                capability["state"],
                counts["done"],
                counts["doing"],
            )
            assert each["scope"] == counts["todo"] + counts["doing"] + counts["done"] + counts["unknown"]


def test_the_last_day_of_a_burn_up_is_what_the_goal_says(told: dict[str, Any]) -> None:
    (goal,) = told["goals"]
    assert goal["burn_up"]["scope"][-1] == goal["scope"] == 16
    assert goal["burn_up"]["done"][-1] == goal["done"] == 13
    assert goal["burn_up"]["days"][-1] == told["today"] == "2026-11-23"


def drawn(now: datetime, *entries: Any, flow: dict[IssueRef, IssueFlow] | None = None) -> ReportData:
    """Built from a roll-up of these issues, with nothing else known."""
    plan = rollup_world.workspace()
    known = {each.issue.ref: each for _, each in entries}
    rollup = rollup_world.roll_up_plan(
        *entries, plan=plan, now=now, baselines=rollup_world.baseline("A", "B")
    )
    (increment,) = plan.increments
    return build_report(
        ReportInputs(
            instance="x", workspace=plan, increment=increment, rollup=rollup, known=known, flow=flow or {}, owners={},
            forecasts={}, no_forecast="no forecast yet", ageing=(), differences=(), changed_since=None, sources=(),
            overrides=(), read_at=None, now=now,
            ad_hoc=ad_hoc_metrics(rollup, known, [increment], [], now=now, zone=UTC),
        )
    )  # fmt: skip


def test_a_burn_up_ends_in_the_goal_s_figures_whatever_the_history_says() -> None:
    made, now = rollup_world.issue, rollup_world.MIDWAY
    entries = (
        made("A", "done"),
        made("B", "doing"),
        made("C", "dropped"),
        made("D", "done", vanished=now - timedelta(days=20)),
        made("E", "todo", status={"known": False}),
        made("F", "todo"),
    )
    wrong = {entries[5][1].issue.ref: way("F", 1, finished=day(2))}
    (goal,) = drawn(now, *entries, flow=wrong).goals
    assert goal.burn_up is not None
    assert (goal.burn_up.scope[-1], goal.burn_up.done[-1]) == (goal.scope, goal.done) == (4, 1)


@pytest.mark.parametrize(
    ("now", "phase", "last"),
    [
        (rollup_world.START - timedelta(days=9), "not-started", date(2026, 9, 22)),
        (rollup_world.END + timedelta(days=2), "grace", date(2026, 12, 31)),
        (rollup_world.CLOSE + timedelta(days=200), "closed", date(2026, 12, 31)),
    ],
)
def test_increments_to_come_and_gone_are_told_too(now: datetime, phase: str, last: date) -> None:
    data = drawn(now, rollup_world.issue("A", "done"), rollup_world.issue("B"))
    assert (data.phase, data.goals[0].burn_up.days[-1]) == (phase, last)  # type: ignore[union-attr]
    assert render_html(data) and render_markdown(data)


def test_the_summary_is_about_the_least_likely_of_the_committed_goals() -> None:
    data = drawn(rollup_world.MIDWAY, rollup_world.issue("A"))
    assert data.summary == "No chance can be given: no forecast yet."


def test_the_same_data_give_the_same_file() -> None:
    again = render_html(report_data(HOSTILE))
    assert again == page(HOSTILE)
    names = re.findall(r'id="(c[0-9a-f]{10}-\d+)"', again)
    assert len(names) == len(set(names)) > 0
    assert set(re.findall(r"url\(#([^)]+)\)", again)) <= set(names)


def test_open_work_is_held_against_what_its_team_finished(told: dict[str, Any]) -> None:
    (team,) = told["teams"]
    assert team["percentiles"] and team["cumulative"]["done"][-1] == 14
    oldest = team["ageing"][0]
    assert (oldest["issue"]["key"], oldest["subject"], oldest["band"]) == ("DS-50", "features", "old")
    assert [each["issue"]["key"] for each in told["unplanned"]] == ["DS-60"]
    assert told["unplanned_open"] == 1
    assert team["outlook"]["likely"]


def test_the_json_is_as_its_schema_says(told: dict[str, Any]) -> None:
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for each in (told, json.loads(render_json(report_data(HOSTILE))), json.loads(render_json(empty()))):
        assert [error.message for error in validator.iter_errors(each)] == []
    assert list(validator.iter_errors({**told, "goals": [{"id": 3}]}))


def test_the_published_schema_is_the_code_s() -> None:
    published = (ROOT / "schemas" / "report.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run `make reference` and commit the result"


def test_a_page_is_written_into_a_file_and_the_rest_to_stdout(world: OfflineWorld, tmp_path: Path) -> None:
    target = tmp_path / "new" / "page.html"
    written = world.call(lambda ways: report(ways, None, target, "html", None))
    assert (written.code, written.out) == (0, "")
    assert str(target) in written.err
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    shown = world.call(lambda ways: report(ways, "2026-q4", None, "markdown", None))
    assert shown.out.startswith("# 2026-q4: ")


def test_an_increment_that_no_plan_has_is_said(world: OfflineWorld) -> None:
    told = world.call(lambda ways: report(ways, "2031-q1", None, "json", None))
    assert told.code == 1
    assert "2026-q4" in told.err


@pytest.mark.parametrize("missing", ["altair", "vl_convert", "jinja2"])
def test_without_the_extra_the_page_says_what_to_install(
    world: OfflineWorld, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sync.insights.report.html", "sync.insights.report.charts", missing):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    told = world.call(lambda ways: report(ways, None, None, "html", None))
    assert told.code == 1
    assert "increment-sync[report]" in told.err and "--format markdown" in told.err
    assert world.call(lambda ways: report(ways, None, None, "markdown", None)).code == 0


def test_without_numpy_the_report_says_why_there_is_no_forecast(
    world: OfflineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.forecast.prerequisites.find_spec", lambda name: None)
    (goal,) = world.call(lambda ways: report(ways, None, None, "json", None)).json["goals"]
    assert goal["outlook"]["probability"] is None
    assert "increment-sync[forecast]" in goal["outlook"]["words"]


# Hostile text


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_hostile_text_adds_no_element_to_the_page() -> None:
    plain, hostile = (_Page(page(text)).tags for text in ("", HOSTILE))
    assert [tag for tag, _ in plain] == [tag for tag, _ in hostile]
    assert not any(name.startswith("on") for _, attributes in hostile for name in attributes)
    assert not set(page(HOSTILE)) & {"\x1b", "\u202e"}


def test_addresses_that_are_not_of_the_web_are_no_links() -> None:
    data = report_data(goals=(), teams=())
    bad = replace(data.unplanned[0].issue, url="javascript:alert(1)")
    assert "javascript:" not in render_html(replace(data, unplanned=(replace(data.unplanned[0], issue=bad),)))


def test_the_page_allows_nothing_but_what_is_in_it() -> None:
    found = next(each for tag, each in _Page(page()).tags if tag == "meta" and "http-equiv" in each)
    policy = found["content"]
    assert (
        policy and "default-src 'none'" in policy and "'unsafe-inline'" not in policy.split("script-src")[1]
    )
    assert not re.search(r"""(src|@import|url\()\s*=?["']?\s*https?:""", page())


def test_hostile_text_does_nothing_in_markdown() -> None:
    text = render_markdown(report_data(HOSTILE))
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert {tag for tag, _ in _Page(rendered).tags} <= {
        "h1", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "br", "span",
    }  # fmt: skip
    assert "@ada" not in text and "#12 " not in text
    assert not set(text) & {"\x1b", "\u202e"}
    widths = {row.count("|") for row in re.findall(r"^\| Recommendations.*$", text, re.MULTILINE)}
    assert widths == {9}, "no text breaks a table"


# Bounds


def test_lists_keep_their_commas_and_days_stay_together() -> None:
    text = re.sub(r"<[^>]+>", "", page())
    assert "3 delivered: DS-11, DS-12, acme/churn#7" in text
    assert "the rest by 9\u00a0Dec\u00a0(50\u00a0%), 7\u00a0Jan\u00a02027\u00a0(85\u00a0%)" in text


def test_an_increment_without_anything_is_told_in_words() -> None:
    told, text = render_html(empty()), render_markdown(empty())
    for sentence in (
        "The plan has no goal yet.",
        "The plan has no capability yet.",
        "No team has a mapping yet.",
    ):
        assert sentence in told
    assert "There are no earlier figures to compare with yet." in text


def test_drawings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.insights.report.html.MAX_CHARTS", 2)
    data = report_data(teams=())
    assert [bool(svg) for svg in render_charts(data).burn_up.values()] == [True, True, False, False]
    assert "Drawings are of the first 2 goals" in render_html(data)


def test_old_figures_are_named_in_every_form() -> None:
    data = report_data()
    assert "Old figures:" in page() and "Old figures:" in render_markdown(data)
