"""Parsing of labels with current, team and former prefixes."""

from __future__ import annotations

import pytest

from mappings.labels import LabelScheme, TeamLabels, is_valid_label

SCHEME = LabelScheme(
    former_prefixes={"capability": ("cap:",)},
    teams={"platform": TeamLabels(prefixes={"capability": "p:"}, former_prefixes={"state": ("status:",)})},
)


@pytest.mark.parametrize(
    ("text", "family", "prefix", "value", "name", "is_former"),
    [
        ("capability:churn", "capability", "capability:", "churn", "capability:churn", False),
        ("Capability:Churn", "capability", "capability:", "churn", "capability:churn", False),
        ("p:churn", "capability", "p:", "churn", "capability:churn", False),
        ("cap:churn", "capability", "cap:", "churn", "capability:churn", True),
        ("status:done", "state", "status:", "done", "state:done", True),
        ("unplanned", "unplanned", "unplanned", "", "unplanned", False),
    ],
)
def test_a_managed_label_is_parsed(
    text: str, family: str, prefix: str, value: str, name: str, is_former: bool
) -> None:
    label = SCHEME.parse_managed(text)
    assert label is not None
    assert (label.text, label.family, label.prefix, label.value) == (text.lower(), family, prefix, value)
    assert (label.canonical_name, label.has_former_prefix) == (name, is_former)


@pytest.mark.parametrize("text", ["bug", "capability:", "unplanned-work", "xcapability:a", ""])
def test_other_labels_are_not_parsed(text: str) -> None:
    assert SCHEME.parse(text) is None
    assert SCHEME.canonical_name(text) == text


def test_the_released_flag_belongs_to_people() -> None:
    released = SCHEME.parse("Flag:Released")
    assert released is not None
    assert not released.is_managed
    assert SCHEME.parse_managed("flag:released") is None
    assert SCHEME.has_released_label(["bug", "flag:released"])
    assert SCHEME.managed(["flag:released", "flag:blocked", "bug"]) == {"flag:blocked"}
    assert SCHEME.unmanaged(["flag:released", "flag:blocked", "bug"]) == {"bug"}


def test_a_former_prefix_is_replaced_by_the_current_one_of_its_owner() -> None:
    assert SCHEME.with_current_prefix("cap:churn") == "capability:churn"
    assert SCHEME.with_current_prefix("Status:Done") == "state:done"
    assert SCHEME.with_current_prefix("p:churn") == "p:churn"


def test_the_longest_prefix_wins() -> None:
    scheme = LabelScheme(former_prefixes={"capability": ("capability:old:",)})
    label = scheme.parse("capability:old:churn")
    assert label is not None
    assert (label.value, label.has_former_prefix) == ("churn", True)


@pytest.mark.parametrize(
    ("label", "valid"),
    [("capability:a-b_c.1", True), ("Capability:a", False), ("a b", False), ("a" * 51, False)],
)
def test_valid_labels_work_on_both_trackers(label: str, valid: bool) -> None:
    assert is_valid_label(label) is valid


def test_every_family_has_a_colour_and_teams_may_have_another() -> None:
    scheme = LabelScheme(teams={"ops": TeamLabels(colors={"state": "000000"})})
    colors = {text: scheme.color(text) for text in ("increment:q4", "capability:a", "state:done", "health:x")}
    colors |= {text: scheme.color(text) for text in ("flag:blocked", "unplanned")}
    assert colors == {
        "increment:q4": "5319e7",
        "capability:a": "1d76db",
        "state:done": "0e8a16",
        "health:x": "fbca04",
        "flag:blocked": "d93f0b",
        "unplanned": "bfd4f2",
    }
    assert (scheme.color("state:done", "ops"), scheme.color("flag:blocked", "ops")) == ("000000", "d93f0b")
