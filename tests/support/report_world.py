"""A sample report with all kinds of content, and hostile text wherever text comes from people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sync.insights.report.chart_data import AdHocWeek, BurnUp, CumulativeFlow, CyclePoint
from sync.insights.report.model import (
    VERSION,
    AgingRow,
    CapabilityRow,
    ChangePart,
    ChangeRow,
    ExperimentRow,
    FindingRow,
    ForecastSummary,
    GoalRow,
    IssueLink,
    IterationRow,
    OverrideRow,
    PredictabilityRow,
    ReportData,
    SourceRow,
    TeamRow,
    UnplannedRow,
)

HOSTILE = '<script>alert(1)</script> "><img src=https://evil.test/x> \x1b[31mred\x1b[0m \u202egnp @ada #12 | `x` [a](b)'
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
START, TODAY, END = date(2026, 10, 1), date(2026, 11, 25), date(2026, 12, 31)
DAYS = tuple(START + timedelta(days=n) for n in range((TODAY - START).days + 1))

NO_FORECAST = ForecastSummary(
    probability=None,
    summary="not enough history: 3 weeks, at least 4 are needed",
    interval_85=None,
    median=None,
    total=None,
    completion_dates=(),
    assumptions=(),
)


def forecast_summary(probability: float, low: int, median: int, high: int) -> ForecastSummary:
    return ForecastSummary(
        probability=probability,
        summary=f"about {probability:.0%}",
        interval_85=(low, high),
        median=median,
        total=high + 1,
        completion_dates=(
            (0.5, date(2026, 12, 9)),
            (0.7, date(2026, 12, 19)),
            (0.85, date(2027, 1, 7)),
            (0.95, None),
        ),
        assumptions=("no issue is added", "holidays are days off"),
        track_record="of 14 earlier forecasts of 70% or more, 11 came true",
    )


def issue(key: str, title: str = "Sessionise the event stream") -> IssueLink:
    return IssueLink(ref=f"jira:{key}", key=key, title=title, url=f"https://tracker.test/browse/{key}")


def capability(name: str, title: str, **more: Any) -> CapabilityRow:
    shape: dict[str, Any] = {
        "id": name,
        "title": title,
        "team": "churn-science",
        "teams": ("churn-science",),
        "state": "in-progress",
        "health": None,
        "released": False,
        "required": True,
        "target": END,
        "done": 5,
        "scope": 12,
        "doing": 3,
        "dropped": 1,
        "baseline": 9,
        "added": 4,
        "removed": 1,
        "blocked": False,
        "blocked_issues": (),
        "evidence": None,
        "evidence_missing": False,
        "forecast": NO_FORECAST,
        "iterations": (),
        "warnings": (),
        "uncertain": (),
    }
    return CapabilityRow(**shape | more)


def burn_up(done: int, scope: int, forecast_interval: tuple[int, int, int] | None) -> BurnUp:
    last = len(DAYS) - 1
    return BurnUp(
        days=DAYS,
        scope=tuple(max(0, scope - 8 + round(8 * n / last)) for n in range(last + 1)),
        done=tuple(round(done * n / last) for n in range(last + 1)),
        baseline=max(0, scope - 5),
        baseline_at=date(2026, 10, 3),
        end=END,
        forecast_interval=forecast_interval,
    )


def goals(hostile: str) -> tuple[GoalRow, ...]:
    experiments = (
        ExperimentRow(
            issue=issue("DS-71", "Does recency beat frequency? " + hostile), outcome="rejected", days=6.0
        ),
        ExperimentRow(issue=issue("DS-72", "Do sessions help?"), outcome="confirmed", days=12.5),
        ExperimentRow(issue=issue("DS-73", "Does weather matter?"), outcome="open", days=None),
        ExperimentRow(issue=issue("DS-74", "Do holidays?"), outcome="missing", days=None),
    )
    iterations = (
        IterationRow(name="v1", state="done", done=5, scope=5, experiments=experiments[:2], median_days=9.2),
        IterationRow(
            name="v2", state="in-progress", done=2, scope=6, experiments=experiments, median_days=9.2
        ),
        IterationRow(name="v3", state="empty", done=0, scope=0, experiments=(), median_days=None),
    )
    first = (
        capability(
            "features",
            "Churn feature set",
            state="done",
            done=9,
            scope=9,
            released=True,
            added=0,
            removed=0,
            evidence="auc is 0.84 (metrics/churn.json)",
        ),
        capability(
            "model",
            "Churn model in production",
            health="at-risk",
            iterations=iterations,
            forecast=forecast_summary(0.55, 8, 9, 11),
            blocked_issues=(issue("DS-151"),),
        ),
        capability(
            "scoring",
            f"Scores within 50 ms {hostile}",
            team="serving",
            teams=("serving", "churn-science"),
            health="off-track",
            forecast=forecast_summary(0.15, 6, 7, 9),
            blocked=True,
            blocked_issues=tuple(issue(f"PLAT-{n}") for n in range(40, 49)),
            uncertain=("jira:PLAT",),
        ),
        capability(
            "evaluation",
            "Offline evaluation",
            state="done",
            done=7,
            scope=7,
            evidence_missing=True,
            evidence="auc is 0.71, at least 0.8 is needed (metrics/evaluation.json)",
        ),
        capability(
            "dashboard",
            "Dashboard",
            state="empty",
            done=0,
            scope=0,
            doing=0,
            baseline=None,
            added=0,
            removed=0,
        ),
    )
    return (
        GoalRow(
            id="retention-model",
            title="Recommendations that keep subscribers",
            commitment="committed",
            state="in-progress",
            health="at-risk",
            released=False,
            required_done=2,
            required_total=5,
            done=26,
            scope=40,
            forecast=forecast_summary(0.55, 30, 34, 38),
            capabilities=first,
            burn_up=burn_up(26, 40, (30, 34, 38)),
            change_summary="3 delivered, 2 added, 1 remapped",
            warnings=(),
        ),
        GoalRow(
            id="long",
            title="A goal with a title that goes on and on because somebody wanted to say everything in it, "
            "even Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen, " + hostile,
            commitment="committed",
            state="in-progress",
            health="on-track",
            released=False,
            required_done=0,
            required_total=1,
            done=2,
            scope=3,
            forecast=replace(forecast_summary(0.95, 3, 3, 3), summary="95% or more"),
            capabilities=(
                capability(
                    "quick",
                    "Quick win",
                    health="on-track",
                    done=2,
                    scope=3,
                    baseline=3,
                    added=0,
                    removed=0,
                    forecast=replace(forecast_summary(0.95, 3, 3, 3), summary="95% or more"),
                ),
            ),
            burn_up=burn_up(2, 8, (3, 3, 3)),
            change_summary="nothing changed",
            warnings=(),
        ),
        GoalRow(
            id="uplift",
            title="Know which offers change minds",
            commitment="stretch",
            state="planned",
            health=None,
            released=False,
            required_done=0,
            required_total=0,
            done=0,
            scope=1,
            forecast=NO_FORECAST,
            capabilities=(
                capability(
                    "autumn",
                    "Uplift of the autumn offers",
                    state="planned",
                    required=False,
                    done=0,
                    scope=1,
                    baseline=1,
                    added=0,
                    removed=0,
                ),
            ),
            burn_up=burn_up(0, 1, None),
            change_summary="nothing changed",
            warnings=(),
        ),
        GoalRow(
            id="nothing",
            title="A goal of which nobody has written an issue yet",
            commitment="stretch",
            state="planned",
            health=None,
            released=False,
            required_done=0,
            required_total=1,
            done=0,
            scope=0,
            forecast=replace(NO_FORECAST, summary="no work mapped yet"),
            capabilities=(),
            burn_up=None,
            change_summary="nothing changed",
            warnings=(),
        ),
    )


def teams(hostile: str) -> tuple[TeamRow, ...]:
    count = len(DAYS)
    aging = tuple(
        AgingRow(
            issue=issue(
                f"DS-{200 + n}", "Label the edge cases " + hostile if n == 1 else "Label the edge cases"
            ),
            days=90.0 - 9 * n,
            percentile=99.0 - 6 * n,
            band="old" if n < 1 else "aging" if n < 3 else "normal",
            state="doing" if n % 2 else "todo",
            blocked=n == 1,
            subject="model" if n % 3 else "unplanned",
        )
        for n in range(8)
    )
    points = tuple(
        CyclePoint(
            finished=TODAY - timedelta(days=150 - n),
            days=round(1 + (n * 37 % 61) ** 1.2 / 3, 2),
            key=f"DS-{n}",
        )
        for n in range(0, 150, 2)
    )
    weeks = tuple(AdHocWeek(week=f"2026-W{40 + n}", planned=n * 3 % 7, unplanned=n * 2 % 4) for n in range(9))
    return (
        TeamRow(
            name="churn-science",
            flow="kanban",
            cumulative_flow=CumulativeFlow(
                days=DAYS,
                todo=tuple(20 - n // 6 for n in range(count)),
                doing=tuple(4 + n % 3 for n in range(count)),
                done=tuple(n // 3 for n in range(count)),
            ),
            cycle_times=points,
            percentiles=((50, 9.5), (85, 31.0), (95, 43.2)),
            aging_wip=aging,
            no_aging_reason="",
            unplanned_open=3,
            unplanned_share=0.28,
            ad_hoc_weeks=weeks,
            forecast=forecast_summary(0.5, 12, 16, 21),
            unanswered=(issue("DS-77", "Does recency beat frequency?"),),
            conflicts=(issue("DS-78"),),
        ),
        TeamRow(
            name="serving",
            flow="scrum",
            cumulative_flow=None,
            cycle_times=(),
            percentiles=(),
            aging_wip=(),
            no_aging_reason="No issue is open.",
            unplanned_open=0,
            unplanned_share=None,
            ad_hoc_weeks=tuple(replace(each, planned=0, unplanned=0) for each in weeks),
            forecast=NO_FORECAST,
            unanswered=(),
            conflicts=(),
        ),
    )


def report_data(hostile: str = "", **more: Any) -> ReportData:
    """``hostile`` stands in titles, names, notes and evidence."""
    shape: dict[str, Any] = {
        "version": VERSION,
        "instance": "acme-ds",
        "increment": "2026-q4",
        "start": START,
        "end": END,
        "phase": "active",
        "timezone": "Europe/Berlin",
        "today": TODAY,
        "read_at": NOW,
        "headline": "0 of 2 committed goals done, 1 at risk, 1 blocked capability",
        "summary": f"Least probable to be done in time: Recommendations that keep subscribers {hostile}: about 55%.",
        "committed_done": 0,
        "committed_total": 2,
        "stretch_done": 0,
        "stretch_total": 2,
        "goals": goals(hostile),
        "teams": teams(hostile),
        "changed_since": NOW - timedelta(days=7),
        "changes": (
            ChangeRow(
                subject="goal:retention-model",
                title="Recommendations that keep subscribers",
                done_before=23,
                scope_before=38,
                done_after=26,
                scope_after=40,
                parts=(
                    ChangePart(name="delivered", issues=3, keys=("DS-11", "DS-12", "acme/churn#7")),
                    ChangePart(name="added", issues=12, keys=tuple(f"DS-{n}" for n in range(300, 308))),
                ),
            ),
        ),
        "unplanned": (
            UnplannedRow(
                issue=issue("DS-400", "Numbers for the board " + hostile),
                teams=("churn-science",),
                requester="ada " + hostile,
                state="doing",
                days=31.0,
                reason="no-rule",
            ),
        ),
        "unplanned_open": 1,
        "unplanned_share": 0.28,
        "sources": (
            SourceRow(name="jira:DS", last_whole=NOW, failing_since=None),
            SourceRow(
                name="jira:PLAT", last_whole=NOW - timedelta(days=2), failing_since=NOW - timedelta(days=1)
            ),
        ),
        "overrides": (
            OverrideRow(
                key="acme/churn#8",
                kind="veto",
                label="capability:churn-features",
                since=NOW,
                note="a person removed the label " + hostile,
            ),
        ),
        "data_quality": ("2 issues have an unknown status: counted as to do", f"odd: {hostile}"),
        "findings": (
            FindingRow(
                kind="stalled",
                subject="goal:long",
                title="A goal that looks good " + hostile,
                text="in-progress, 3 of 4 issues done, and no issue has changed its state since 2026-11-02",
                evidence=("DS-13 is open (2026-11-02)",),
                more_evidence=2,
            ),
        ),
        "predictability": (
            PredictabilityRow(
                increment="2026-q3",
                so_far=False,
                committed_done=2,
                committed_total=3,
                stretch_done=1,
                stretch_total=1,
                share=0.9,
                carried_over=4,
                ad_hoc=0.31,
            ),
            PredictabilityRow(
                increment="2026-q4",
                so_far=True,
                committed_done=0,
                committed_total=2,
                stretch_done=0,
                stretch_total=2,
                share=0.0,
                carried_over=14,
                ad_hoc=None,
            ),
        ),
    }
    return ReportData(**shape | more)


def crowded(capabilities: int) -> ReportData:
    """A report with this number of capabilities in ten goals."""
    goal = goals("")[0]
    made = [
        capability(
            f"c-{n}",
            f"Capability number {n}",
            team=f"team-{n % 7}",
            teams=(f"team-{n % 7}",),
            forecast=forecast_summary(0.55, 6, 8, 11),
            health="at-risk",
        )
        for n in range(capabilities)
    ]
    split = [tuple(made[n::10]) for n in range(10)]
    many = tuple(
        replace(goal, id=f"goal-{n}", title=f"Goal number {n}", capabilities=each)
        for n, each in enumerate(split)
    )
    return report_data(goals=many)


def empty() -> ReportData:
    """A report of an empty increment."""
    return report_data(
        headline="0 of 0 committed goals done",
        summary="", goals=(), teams=(), changed_since=None, changes=(), unplanned=(),
        unplanned_open=0, unplanned_share=None, sources=(), overrides=(), data_quality=(), findings=(),
        predictability=(), read_at=None, stretch_total=0, committed_total=0,
    )  # fmt: skip
