"""Flow states of issues for a team."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.model import StateRule
from mappings.rules.flow_state import state_of
from tests.support.match_world import issue, team


def names(*statuses: str, labels: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> StateRule:
    return StateRule(statuses=frozenset(statuses), labels=frozenset(labels), types=frozenset(types))


PLAIN = team("plain")
OWN_WORDS = team(
    "own-words",
    states={
        "doing": names("Peer review", labels=("wip",)),
        "done": names("Shipped"),
        "dropped": names("Won't do", types=("Idea",), labels=("parked",)),
        "blocked": names("Waiting", labels=("Blocked",)),
    },
    dropped_resolutions=frozenset({"on ice"}),
)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"category": "todo"}, "todo"),
        ({"category": "doing"}, "doing"),
        ({"category": "done"}, "done"),
        ({"category": "done", "resolution": "Done"}, "done"),
        ({"category": "done", "resolution": "completed"}, "done"),
        ({"category": "done", "resolution": "not_planned"}, "dropped"),
        ({"category": "done", "resolution": "duplicate"}, "dropped"),
        ({"category": "done", "resolution": "Won\u2019t Do"}, "dropped"),
        ({"category": "done", "resolution": "CANNOT REPRODUCE"}, "dropped"),
        ({"category": "doing", "resolution": "Won't Do"}, "doing"),
        ({"category": "todo", "resolution": "reopened"}, "todo"),
    ],
)
def test_the_trackers_own_class_decides_when_the_team_says_nothing(facts: dict[str, Any], state: str) -> None:
    found = state_of(issue(**facts), PLAIN)

    assert (found.state, found.known) == (state, True)


def test_a_status_of_no_class_counts_as_todo_and_says_so() -> None:
    found = state_of(issue(status="Limbo", category=None), PLAIN)

    assert (found.state, found.known) == ("todo", False)
    assert '"Limbo"' in found.because


def test_the_teams_words_win_over_the_trackers_class() -> None:
    review = state_of(issue(status="PEER REVIEW", category="todo"), OWN_WORDS)
    shipped = state_of(issue(status="shipped", category=None), OWN_WORDS)

    assert (review.state, review.because) == ("doing", 'states.doing: "PEER REVIEW"')
    assert (shipped.state, shipped.known) == ("done", True)
    assert state_of(issue(type="idea", category="doing"), OWN_WORDS).state == "dropped"
    assert state_of(issue(labels=["Parked"], category="doing"), OWN_WORDS).state == "dropped"
    assert state_of(issue(category="done", resolution="On Ice"), OWN_WORDS).state == "dropped"


def test_a_status_tells_more_than_a_label() -> None:
    assert state_of(issue(status="Shipped", labels=["wip"]), OWN_WORDS).state == "done"


def test_a_label_that_was_left_on_a_closed_issue_does_not_open_it_again() -> None:
    assert state_of(issue(category="todo", labels=["wip"]), OWN_WORDS).state == "doing"
    assert state_of(issue(category="done", labels=["wip"]), OWN_WORDS).state == "done"


@pytest.mark.parametrize(
    "facts",
    [{"flagged": True}, {"labels": ["blocked"]}, {"status": "waiting"}],
    ids=["flag", "label", "status"],
)
def test_open_work_is_blocked_by_flag_label_or_status(facts: dict[str, Any]) -> None:
    assert state_of(issue(category="doing", **facts), OWN_WORDS).blocked
    assert not state_of(issue(category="done", **facts), OWN_WORDS).blocked


def test_nothing_is_blocked_without_a_reason() -> None:
    assert not state_of(issue(category="doing"), OWN_WORDS).blocked
    assert not state_of(issue(category="doing", labels=["blocked"]), PLAIN).blocked


@pytest.mark.parametrize("answer", ["confirmed", "rejected", "inconclusive"])
def test_a_closed_experiment_is_done_whatever_its_answer(answer: str) -> None:
    one = issue(category="done", resolution="not_planned", labels=[f"Result:{answer}"])

    found = state_of(one, PLAIN, experiment=True)

    assert (found.state, found.answer) == ("done", answer)
    assert state_of(one, PLAIN).state == "dropped"
    assert state_of(one, PLAIN).answer is None


def test_an_experiment_that_was_closed_without_an_answer() -> None:
    def state(resolution: str | None) -> str:
        return state_of(issue(category="done", resolution=resolution), PLAIN, experiment=True).state

    assert state("not_planned") == "dropped"
    assert state("duplicate") == "dropped"
    assert state("completed") == "done"
    assert state(None) == "done"
    assert state("Rejected") == "done"
    assert state_of(issue(category="done", resolution="Rejected"), PLAIN).state == "dropped"


def test_an_answer_alone_does_not_finish_an_experiment() -> None:
    found = state_of(issue(category="doing", labels=["result:confirmed"]), PLAIN, experiment=True)

    assert (found.state, found.answer) == ("doing", "confirmed")


def test_two_answers_are_none_but_still_an_end() -> None:
    one = issue(category="done", resolution="not_planned", labels=["result:confirmed", "result:rejected"])

    found = state_of(one, PLAIN, experiment=True)

    assert (found.state, found.answer) == ("done", None)


def test_a_team_can_name_its_answers() -> None:
    german = team(
        "german", answers={"confirmed": "bestätigt", "rejected": "widerlegt", "inconclusive": "offen"}
    )

    found = state_of(
        issue(category="done", labels=["Widerlegt", "result:confirmed"]), german, experiment=True
    )

    assert found.answer == "rejected"


def test_a_team_can_say_that_a_resolution_means_done() -> None:
    mapping = team("t", done_resolutions=frozenset({"deferred", "on hold"}))

    for name in ("Deferred", " On  Hold"):
        found = state_of(issue(category="done", resolution=name), mapping)
        assert (found.state, "resolution" in found.because) == ("done", True)
    assert state_of(issue(category="todo", resolution="Deferred"), mapping).state == "todo"
