"""JQL that the sandbox's full parser accepts is never refused by the check of syntax."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jql_syntax import without_order
from connectors.sandbox.jira.jql_parser import JqlError, parse_jql

WORDS = st.sampled_from(
    ["labels", "status", "a", "-2w", "1.10", "cf[10020]", "cf [ 1 ]", "DS-1", "border", "EMPTY"]
)
TEXTS = st.sampled_from(
    ['"a b"', "'it''s'", r'"a \" AND ( b"', "'order by x'", '")"', "f()", "f( )", "not", "in"]
)
SIGNS = st.sampled_from(
    [
        "=",
        "!=",
        "~",
        "<=",
        " in ",
        " not in ",
        " is ",
        " IS NOT ",
        " and ",
        " OR ",
        "&&",
        "||",
        "(",
        ")",
        ",",
        "!",
        " ",
    ]
)
ORDERS = st.sampled_from(["", " ORDER BY key", " order\nby a DESC, b"])


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS | TEXTS | SIGNS, min_size=1, max_size=9).map("".join), ORDERS)
def test_no_jql_that_a_parser_accepts_is_refused(condition: str, order: str) -> None:
    try:
        parse_jql(condition + order)
    except JqlError:
        return
    assert without_order(condition + order) == condition.strip()


CLAUSES = st.sampled_from(
    ["a = b", 'labels in (a, "b c")', "not c ~ 'd'", "x is not EMPTY", "s in f()", "cf[1] != 2", "!(a = 1)"]
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(CLAUSES, min_size=1, max_size=4),
    st.sampled_from([" AND ", " or ", "&&", " | "]),
    st.booleans(),
    ORDERS,
)
def test_joined_clauses_are_accepted(clauses: list[str], join: str, nested: bool, order: str) -> None:
    condition = join.join(f"({clause})" if nested else clause for clause in clauses)
    parse_jql(condition + order)
    assert without_order(condition + order) == condition
