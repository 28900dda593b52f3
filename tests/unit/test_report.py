"""The report as HTML, Markdown and JSON: phrases, daily series, the command, hostile text and bounds."""

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
from mappings.model import FlowState
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
from sync.insights.report.phrases import format_completion_dates, format_range, summarize_forecast
from sync.insights.unplanned import ad_hoc_metrics
from sync.model.flow import IssueFlow, StateChange
from sync.model.forecast import QUANTILES, Forecast
from tests.support import rollup_world
from tests.support.match_world import issue
from tests.support.offline_world import OfflineWorld, days_ago, done
from tests.support.report_world import HOSTILE, empty, report_data

ROOT = Path(__file__).parents[2]
BERLIN = ZoneInfo("Europe/Berlin")


@cache
def page(hostile: str = "") -> str:
    """Return the rendered page, once for all tests."""
    return render_html(report_data(hostile))


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2026, 10, number, hour, tzinfo=UTC)


def issue_flow(key: str, created: int, **more: Any) -> IssueFlow:
    states: dict[FlowState, datetime | None] = {
        "todo": day(created),
        "doing": more.get("started"),
        "done": more.get("finished"),
        "dropped": more.get("dropped"),
    }
    shape: dict[str, Any] = {
        "ref": IssueRef(tracker="jira", id=key, key=key),
        "created": day(created),
        "started": None,
        "finished": None,
        "dropped": None,
        "reopened": (),
        "blocked_periods": (),
        "state_changes": tuple(StateChange(at=at, state=state) for state, at in states.items() if at),
        "complete": False,
    }
    return IssueFlow(**shape | more)


# Phrases


@pytest.mark.parametrize(
    ("probability", "phrase"),
    [
        (0.0, "5% or less"),
        (0.074, "5% or less"),
        (0.076, "about 10%"),
        (0.55, "about 55%"),
        (0.574, "about 55%"),
        (0.924, "about 90%"),
        (0.93, "95% or more"),
        (0.9999, "95% or more"),
    ],
)
def test_probabilities_are_shown_in_steps_of_five_and_never_as_certain(
    probability: float, phrase: str
) -> None:
    assert describe_probability(round_probability(probability)) == phrase


def test_completion_dates_are_shown_with_their_probability() -> None:
    dates = ((0.5, date(2026, 12, 4)), (0.7, date(2026, 12, 9)), (0.85, date(2027, 1, 8)), (0.95, None))
    assert format_completion_dates(dates) == "2026-12-04 (50%), 2027-01-08 (85%)"
    assert format_completion_dates(((0.85, None),)) == "no date at 85% confidence"
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


def test_a_summary_adds_done_issues_to_the_forecast() -> None:
    summary = summarize_forecast(forecast(), 10)
    assert (summary.interval_85, summary.median, summary.total) == ((11, 17), 14, 16)
    assert (summary.probability, summary.summary) == (0.3, "about 30%")


def test_a_summary_without_probability_has_the_reason() -> None:
    young = forecast(probability=None, counts=(), reason="not enough history: 3 weeks, at least 4 are needed")
    assert summarize_forecast(young, 1).summary == "not enough history: 3 weeks, at least 4 are needed"
    assert summarize_forecast(young, 1).interval_85 is None
    assert summarize_forecast(None, 1).summary == "no forecast yet"
    assert summarize_forecast(forecast(remaining=0, probability=1.0), 4).summary == "nothing is left to do"


# Daily series


def test_a_burn_up_counts_by_local_day_and_removes_dropped_issues() -> None:
    flows = [
        issue_flow("A", 1, finished=day(3, 23)),
        issue_flow("B", 2, finished=day(3)),
        issue_flow("C", 2, dropped=day(4)),
        issue_flow("D", 4),
    ]
    chart = burn_up(
        flows, date(2026, 10, 1), date(2026, 10, 5), date(2026, 10, 9), BERLIN,
        baseline=3, baseline_at=None, forecast_interval=None,
    )  # fmt: skip
    assert chart.scope == (1, 3, 3, 3, 3)
    assert chart.done == (0, 0, 1, 2, 2), "23:00 in UTC is the next day in Berlin"


def test_earlier_issues_are_in_scope_on_the_first_day() -> None:
    chart = burn_up(
        [issue_flow("A", 1), issue_flow("B", 2, finished=day(3))],
        date(2026, 10, 10), date(2026, 10, 11), date(2026, 10, 12), UTC,
        baseline=None, baseline_at=None, forecast_interval=None,
    )  # fmt: skip
    assert (chart.scope, chart.done) == ((2, 2), (1, 1))


def test_a_cumulative_flow_counts_each_issue_once_a_day() -> None:
    flows = [
        issue_flow("A", 1, started=day(2), finished=day(4)),
        issue_flow("B", 2),
        issue_flow("C", 2, dropped=day(3)),
        issue_flow("old", 1, finished=day(1)),
    ]
    flow = cumulative_flow(flows, date(2026, 10, 2), date(2026, 10, 5), UTC)
    assert flow is not None
    assert flow.todo == (2, 1, 1, 1)
    assert flow.doing == (1, 1, 0, 0)
    assert flow.done == (0, 0, 1, 1)
    assert cumulative_flow([], date(2026, 10, 2), date(2026, 10, 5), UTC) is None


def test_cycle_times_begin_at_the_start_or_the_creation_and_reach_half_a_year_back() -> None:
    flows = [issue_flow("A", 1, started=day(3), finished=day(5)), issue_flow("B", 1, finished=day(11))]
    points = cycle_points([*flows, replace(flows[0], finished=day(5) - timedelta(days=300))], day(20), UTC)
    assert [(point.key, point.days) for point in points] == [("A", 2.0), ("B", 10.0)]
    assert cycle_time_percentiles(points) == ()
    assert cycle_time_percentiles(points * 5) == ((50, 2.0), (85, 10.0), (95, 10.0))


def test_weeks_without_finished_issues_are_included() -> None:
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
def document(world: OfflineWorld) -> dict[str, Any]:
    """Return the report as JSON."""
    answer = world.call(lambda invocation: report(invocation, None, None, "json", None))
    assert answer.code == 0, answer.err
    found: dict[str, Any] = answer.json
    return found


def test_the_report_has_the_numbers_of_status(world: OfflineWorld, document: dict[str, Any]) -> None:
    (increment,) = world.call(lambda invocation: status(invocation, None), as_json=True).json["increments"]
    for goal, line in zip(increment["goals"], document["goals"], strict=True):
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


def test_the_last_day_of_a_burn_up_equals_the_counts_of_the_goal(document: dict[str, Any]) -> None:
    (goal,) = document["goals"]
    assert goal["burn_up"]["scope"][-1] == goal["scope"] == 16
    assert goal["burn_up"]["done"][-1] == goal["done"] == 13
    assert goal["burn_up"]["days"][-1] == document["today"] == "2026-11-23"


def built(now: datetime, *entries: Any, flow: dict[IssueRef, IssueFlow] | None = None) -> ReportData:
    """Build a report from a roll-up of these issues, without other data."""
    plan = rollup_world.workspace()
    known = {each.issue.ref: each for _, each in entries}
    rollup = rollup_world.roll_up_plan(
        *entries, plan=plan, now=now, baselines=rollup_world.baseline("A", "B")
    )
    (increment,) = plan.increments
    return build_report(
        ReportInputs(
            instance="x", workspace=plan, increment=increment, rollup=rollup, known=known, flow=flow or {}, owners={},
            forecasts={}, no_forecast="no forecast yet", aging=(), differences=(), changed_since=None, sources=(),
            overrides=(), read_at=None, now=now,
            ad_hoc=ad_hoc_metrics(rollup, known, [increment], [], now=now, zone=UTC),
        )
    )  # fmt: skip


def test_a_burn_up_ends_in_the_counts_of_the_goal_despite_a_wrong_history() -> None:
    made, now = rollup_world.issue, rollup_world.MIDWAY
    entries = (
        made("A", "done"),
        made("B", "doing"),
        made("C", "dropped"),
        made("D", "done", vanished=now - timedelta(days=20)),
        made("E", "todo", status={"known": False}),
        made("F", "todo"),
    )
    wrong = {entries[5][1].issue.ref: issue_flow("F", 1, finished=day(2))}
    (goal,) = built(now, *entries, flow=wrong).goals
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
def test_future_and_past_increments_have_a_report(now: datetime, phase: str, last: date) -> None:
    data = built(now, rollup_world.issue("A", "done"), rollup_world.issue("B"))
    assert (data.phase, data.goals[0].burn_up.days[-1]) == (phase, last)  # type: ignore[union-attr]
    assert render_html(data) and render_markdown(data)


def test_the_summary_says_why_there_is_no_probability() -> None:
    data = built(rollup_world.MIDWAY, rollup_world.issue("A"))
    assert data.summary == "No probability is available: no forecast yet."


def test_the_same_data_give_the_same_file() -> None:
    again = render_html(report_data(HOSTILE))
    assert again == page(HOSTILE)
    names = re.findall(r'id="(c[0-9a-f]{10}-\d+)"', again)
    assert len(names) == len(set(names)) > 0
    assert set(re.findall(r"url\(#([^)]+)\)", again)) <= set(names)


def test_open_issues_are_compared_with_finished_ones_of_their_team(document: dict[str, Any]) -> None:
    (team,) = document["teams"]
    assert team["percentiles"] and team["cumulative_flow"]["done"][-1] == 14
    oldest = team["aging_wip"][0]
    assert (oldest["issue"]["key"], oldest["subject"], oldest["band"]) == ("DS-50", "features", "old")
    assert [each["issue"]["key"] for each in document["unplanned"]] == ["DS-60"]
    assert document["unplanned_open"] == 1
    assert team["forecast"]["interval_85"]


def test_the_json_matches_its_schema(document: dict[str, Any]) -> None:
    schema = json.loads(schema_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for each in (document, json.loads(render_json(report_data(HOSTILE))), json.loads(render_json(empty()))):
        assert [error.message for error in validator.iter_errors(each)] == []
    assert list(validator.iter_errors({**document, "goals": [{"id": 3}]}))


def test_the_published_schema_is_up_to_date() -> None:
    published = (ROOT / "schemas" / "report.json").read_text(encoding="utf-8")
    assert published == schema_text(), "run `make reference` and commit the result"


def test_a_page_is_written_into_a_file_and_the_rest_to_stdout(world: OfflineWorld, tmp_path: Path) -> None:
    target = tmp_path / "new" / "page.html"
    written = world.call(lambda invocation: report(invocation, None, target, "html", None))
    assert (written.code, written.out) == (0, "")
    assert str(target) in written.err
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    shown = world.call(lambda invocation: report(invocation, "2026-q4", None, "markdown", None))
    assert shown.out.startswith("# 2026-q4: ")


def test_an_unknown_increment_is_reported(world: OfflineWorld) -> None:
    result = world.call(lambda invocation: report(invocation, "2031-q1", None, "json", None))
    assert result.code == 1
    assert "2026-q4" in result.err


@pytest.mark.parametrize("missing", ["altair", "vl_convert", "jinja2"])
def test_without_the_extra_the_message_says_what_to_install(
    world: OfflineWorld, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sync.insights.report.html", "sync.insights.report.charts", missing):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    result = world.call(lambda invocation: report(invocation, None, None, "html", None))
    assert result.code == 1
    assert "increment-sync[report]" in result.err and "--format markdown" in result.err
    assert world.call(lambda invocation: report(invocation, None, None, "markdown", None)).code == 0


def test_without_numpy_the_report_says_why_there_is_no_forecast(
    world: OfflineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.forecast.prerequisites.find_spec", lambda name: None)
    (goal,) = world.call(lambda invocation: report(invocation, None, None, "json", None)).json["goals"]
    assert goal["forecast"]["probability"] is None
    assert "increment-sync[forecast]" in goal["forecast"]["summary"]


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


def test_urls_of_other_schemes_are_no_links() -> None:
    data = report_data(goals=(), teams=())
    bad = replace(data.unplanned[0].issue, url="javascript:alert(1)")
    assert "javascript:" not in render_html(replace(data, unplanned=(replace(data.unplanned[0], issue=bad),)))


def test_the_content_security_policy_allows_embedded_content_only() -> None:
    found = next(each for tag, each in _Page(page()).tags if tag == "meta" and "http-equiv" in each)
    policy = found["content"]
    assert (
        policy and "default-src 'none'" in policy and "'unsafe-inline'" not in policy.split("script-src")[1]
    )
    assert not re.search(r"""(src|@import|url\()\s*=?["']?\s*https?:""", page())


def test_hostile_text_has_no_effect_in_markdown() -> None:
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


def test_lists_keep_their_commas_and_dates_do_not_break() -> None:
    text = re.sub(r"<[^>]+>", "", page())
    assert "3 delivered: DS-11, DS-12, acme/churn#7" in text
    assert "completed by 2026-12-09\u00a0(50%), 2027-01-07\u00a0(85%)" in text


def test_an_empty_increment_is_described_in_words() -> None:
    page_text, text = render_html(empty()), render_markdown(empty())
    for sentence in (
        "The plan has no goal yet.",
        "The plan has no capability yet.",
        "No team has a mapping yet.",
    ):
        assert sentence in page_text
    assert "There are no earlier numbers to compare with yet." in text


def test_the_number_of_charts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.insights.report.html.MAX_CHARTS", 2)
    data = report_data(teams=())
    assert [bool(svg) for svg in render_charts(data).burn_up.values()] == [True, True, False, False]
    assert "Charts are shown for the first 2 goals" in render_html(data)


def test_old_numbers_are_marked_in_every_format() -> None:
    data = report_data()
    assert "Old numbers:" in page() and "Old numbers:" in render_markdown(data)
