"""CEL conditions: compiled when the mapping is loaded, evaluated on issues, without access to any I/O.

Import this module only for mappings that use ``cel``: the CEL library is slow to import.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

import cel

from connectors.model import Issue, IssueRef
from connectors.text import normalize_text, show_invisible
from mappings.rules.cel_syntax import FUNCTIONS, MAX_ENTRIES, CelInvalid, ParsedCel, Token, parse_cel
from mappings.rules.fields import CEL_FIELDS, FIELDS
from mappings.rules.patterns import PatternInvalid, compile_pattern, to_bytes
from mappings.rules.subject import FIELD_PREFIX, RuleSubject

MAX_TEXT: Final = 500
MAX_BODY: Final = 10_000

_READERS: Final = {name: attrgetter(each.path) for name, each in CEL_FIELDS.items()}

# The built-in `matches` compiles its pattern on every call and is not bounded; methods of texts cannot be replaced.
# Both names have the same length, so that positions in messages stay correct.
_SAFE_MATCHES, _BUILTIN_MATCHES = "re2find", "matches"
_ERROR_POSITION: Final = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDEFINED_NAME: Final = "Undefined variable or function"
_CONVERSION_ERRORS: Final = ("Function 'int'", "Function 'double'")
_UNDEFINED_FUNCTION: Final = re.compile(r"Undefined variable or function: '(\w+)'")


class _PatternSearch:
    """RE2 implementation of ``text.matches(pattern)`` for the patterns of one expression."""

    def __init__(self, patterns: Mapping[str, Any]) -> None:
        self._patterns = patterns
        self._results: dict[tuple[str, str], bool] = {}

    def clear(self) -> None:
        self._results.clear()

    def __call__(self, text: object, pattern: str) -> object:
        # The library prints exceptions of functions, so this one raises none.
        if not isinstance(text, str):
            return None
        known = self._results.get((text, pattern))
        if known is None:
            known = self._patterns[pattern].search(to_bytes(text)) is not None
            self._results[text, pattern] = known
        return known


@dataclass(kw_only=True, slots=True)
class CelCondition:
    """Boolean expression over an issue. An expression that fails on an issue does not hold for it."""

    text: str
    names: frozenset[str]
    fields: tuple[str, ...]
    _program: cel.Program
    _search: _PatternSearch
    failures: int = 0
    first_failed: IssueRef | None = None
    """First issue on which it failed, with the reason."""
    reason: str = ""
    key: str = field(default="cel", init=False)

    @property
    def expected(self) -> str:
        return f"is true: {self.text}"

    def holds(self, subject: RuleSubject) -> bool:
        answer = self.try_evaluate(subject)
        if isinstance(answer, bool):
            return answer
        if not self.failures:
            self.first_failed, self.reason = subject.issue.ref, answer
        self.failures += 1
        return False

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        """Return the values that the expression uses, and the reason for a failure, as text."""
        values = values_for(subject, self.names, self.fields)
        used = [f"{name} {format_value(values[name])}" for name in sorted(values)]
        answer = self.try_evaluate(subject)
        return tuple(used) if isinstance(answer, bool) else (*used, f"no answer: {answer}")

    def try_evaluate(self, subject: RuleSubject) -> bool | str:
        """Return the result, or the reason for a failure as text."""
        try:
            answer = self.evaluate(subject)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # an error inside the library is not an Exception
            return failure_reason(error)
        return answer if isinstance(answer, bool) else _wrong_type_message(answer)

    def evaluate(self, subject: RuleSubject) -> Any:
        """Return the value of the expression. Raises whatever the library raises."""
        self._search.clear()
        values = values_for(subject, self.names, self.fields)
        return self._program.execute(cel.Context(values, {_SAFE_MATCHES: self._search}))


def compile_cel(text: str) -> CelCondition:
    """Compile an expression and try it on sample issues.

    Raises CelInvalid with a message and the position in the expression."""
    read = parse_cel(text)
    condition = _compile_program(read)
    failures: list[str | None] = []
    wrong_type = None
    for subject in sample_subjects(read.fields):
        try:
            answer = condition.evaluate(subject)
        except Exception as error:
            if isinstance(error, TypeError) or str(error).startswith(_UNDEFINED_NAME):
                raise _fails_on_issues(failure_reason(error)) from None
            # Other issues may have the missing value, such as a third label.
            by_data = isinstance(error, LookupError) or str(error).startswith(_CONVERSION_ERRORS)
            failures.append(None if by_data else failure_reason(error))
        else:
            failures.append(None)
            wrong_type = wrong_type or (None if isinstance(answer, bool) else _wrong_type_message(answer))
    if failures[0] is not None and failures.count(failures[0]) == len(failures):
        raise _fails_on_issues(failures[0])
    if wrong_type is not None:
        raise CelInvalid(f"{wrong_type}; compare it with something.")
    return condition


def _fails_on_issues(reason: str) -> CelInvalid:
    return CelInvalid(f"this fails on issues: {reason}; correct it.")


def _compile_program(read: ParsedCel) -> CelCondition:
    patterns = dict(_compile_literal(literal) for _, literal in read.patterns)
    source = read.text
    for call, _ in read.patterns:
        source = f"{source[: call.offset]}{_SAFE_MATCHES}{source[call.offset + len(_SAFE_MATCHES) :]}"
    try:
        program = cel.compile(source)
    except ValueError as error:
        raise _syntax_error(error) from None
    return CelCondition(
        text=read.text,
        names=read.names,
        fields=read.fields,
        _program=program,
        _search=_PatternSearch(patterns),
    )


def _compile_literal(literal: Token) -> tuple[str, Any]:
    """Return the text of a literal and the pattern compiled from it."""
    try:
        text = cel.evaluate(literal.text)
        return text, compile_pattern(text)
    except PatternInvalid as error:
        raise literal.error(str(error)) from None
    except ValueError:
        raise literal.error(
            "this text has an escape sequence that CEL does not support; write it as r'...'."
        ) from None


def _syntax_error(error: ValueError) -> CelInvalid:
    found = _ERROR_POSITION.search(str(error))
    if found is None:
        return CelInvalid(f"this is not a CEL expression ({_shorten(str(error))}); correct it.")
    reason = _shorten(found[3].removeprefix("Syntax error: "))
    return CelInvalid(
        f"this is not a CEL expression ({reason}); correct it.", line=int(found[1]), column=int(found[2])
    )


def _shorten(reason: str) -> str:
    """Cut the list of expected tokens off a parser message."""
    return reason.split(" expecting ")[0].replace(_SAFE_MATCHES, _BUILTIN_MATCHES)[:160]


def failure_reason(error: BaseException) -> str:
    """Return the reason of a failure in a few words."""
    text = str(error).replace(_SAFE_MATCHES, _BUILTIN_MATCHES).split("\n")[0]
    missing = _UNDEFINED_FUNCTION.match(text)
    if missing is not None and missing[1] in FUNCTIONS:
        return f"`{missing[1]}` does not fit the value that it is used on"
    if isinstance(error, KeyError):
        return f"there is no entry {text.strip(chr(39))!r}"
    text = text.split(". Check ")[0].split(". CEL does not ")[0].rstrip(".")
    return text[:160] or type(error).__name__


def _wrong_type_message(answer: object) -> str:
    return f"the expression returns {_TYPE_NAMES.get(type(answer), 'something else')}, not true or false"


_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a map",
    type(None): "nothing",
}


def values_for(subject: RuleSubject, names: frozenset[str], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the variables that an expression uses. ``fields``: names of the custom fields that it reads."""
    values: dict[str, Any] = {}
    for name in names:
        if CEL_FIELDS[name].comparison == "custom":
            values[name] = {each: _texts(subject.values(f"{FIELD_PREFIX}{each}")) for each in fields}
        else:
            values[name] = _bounded(name, _READERS[name](subject))
    return values


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if isinstance(value, tuple):
        return _texts(value)
    text = _text(value, MAX_BODY if name == "body" else MAX_TEXT)
    return text if CEL_FIELDS[name].comparison == "pattern" else text.strip()


def _text(value: str | None, limit: int = MAX_TEXT) -> str:
    # The library rejects lone surrogates.
    return normalize_text((value or "")[:limit]).encode("utf-8", "replace").decode()


def _texts(values: tuple[str, ...]) -> list[str]:
    return [_text(value).strip() for value in values[:MAX_ENTRIES]]


def sample_subjects(fields: tuple[str, ...]) -> tuple[RuleSubject, RuleSubject]:
    """Return an issue with a value in every field, and an empty one."""
    now = datetime(2026, 11, 16, 9, tzinfo=UTC)
    ref = IssueRef(tracker="main", id="1", key="DS-1")
    empty = Issue(ref=ref, url="", title="", container="DS", status="To Do", created=now, updated=now)
    samples: dict[str, Any] = {
        each.attribute: (each.sample,) if each.many else each.sample
        for each in FIELDS
        if each.attribute and each.sample
    }
    full = replace(empty, **samples, fields=dict.fromkeys(fields, ("1",)))
    return (
        RuleSubject(issue=full, labels=("features",), ancestors=("DS-140",)),
        RuleSubject(issue=empty, labels=()),
    )


def format_value(value: object) -> str:
    """Return a CEL value as text for people."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {format_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return f"[{', '.join(map(show_invisible, value))}]"
    return value.isoformat() if isinstance(value, datetime) else f'"{show_invisible(str(value))}"'
