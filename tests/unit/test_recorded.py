"""State recorded by earlier runs: who takes part in an increment."""

from __future__ import annotations

from sync.pull.recorded import increment_teams
from tests.support.match_world import Q3, Q4, capability, increment, labelled, rule, team, workspace


def test_a_team_takes_part_in_an_increment_by_owning_or_by_feeding_one_of_its_capabilities() -> None:
    world = workspace(
        increment("q3", Q3, capability("old")),
        increment("q4", Q4, capability("features", team="owners")),
        teams=(
            team("owners"),
            team("feeders", rule("f", "features", labelled("f")), rule("o", "old", labelled("o"))),
            team("others", rule("o", "old", labelled("o"))),
        ),
    )
    assert increment_teams(world, "q4") == {"owners", "feeders"}
    assert increment_teams(world, "q3") == {"science", "feeders", "others"}
    assert increment_teams(world, "q9") == frozenset()
