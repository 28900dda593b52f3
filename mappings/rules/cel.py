"""CEL conditions: compiled when the mapping is loaded, evaluated on issues, without access to any I/O.

Import this module only for mappings that use ``cel``: the CEL library is slow to import.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cel

from connectors.model import IssueRef
from mappings.rules.cel_syntax import FUNCTIONS, CelInvalid, ParsedCel, Token, parse_cel
from mappings.rules.cel_values import format_value, sample_subjects, values_for
from mappings.rules.patterns import PatternInvalid, compile_pattern, to_bytes
from mappings.rules.subject import RuleSubject

# The built-in `matches` compiles its pattern on every call and is not bounded; methods of texts cannot be replaced.
# Both names have the same length, so that positions in messages stay correct.
_SAFE_MATCHES, _BUILTIN_MATCHES = "re2find", "matches"
_ERROR_POSITION: Final = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDEFINED_NAME: Final = "Undefined variable or function"
_CONVERSION_ERRORS: Final = ("Function 'int'", "Function 'double'")
_UNDEFINED_FUNCTION: Final = re.compile(r"Undefined variable or function: '(\w+)'")


@dataclass(frozen=True, kw_only=True, slots=True)
class CelFailure:
    """Reason why an expression gave no boolean for an issue."""

    ref: IssueRef
    reason: str


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
    first_failure: CelFailure | None = None
    failures: int = 0
    key: str = field(default="cel", init=False)

    @property
    def expected(self) -> str:
        return f"is true: {self.text}"

    def holds(self, subject: RuleSubject) -> bool:
        answer = self.try_evaluate(subject)
        if isinstance(answer, bool):
            return answer
        self.failures += 1
        if self.first_failure is None:
            self.first_failure = CelFailure(ref=subject.issue.ref, reason=answer)
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

    def reset_failures(self) -> None:
        """Reset the failure count."""
        self.failures, self.first_failure = 0, None


def compile_cel(text: str) -> CelCondition:
    """Compile an expression and try it on sample issues.

    Raises CelInvalid with a message and the position in the expression."""
    read = parse_cel(text)
    condition = _compile_program(read)
    answers = [_evaluate_sample(condition, subject) for subject in sample_subjects(read.fields)]
    errors = [each for each in answers if isinstance(each, _SampleError)]
    certain = [each for each in errors if each.permanent]
    same_error = len(errors) == len(answers) and len(set(errors)) == 1 and not errors[0].depends_on_data
    if certain or same_error:
        raise CelInvalid(f"this fails on issues: {(certain or errors)[0].reason}; correct it.")
    for answer in answers:
        if not isinstance(answer, bool | _SampleError):
            raise CelInvalid(f"{_wrong_type_message(answer)}; compare it with something.")
    return condition


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _SampleError:
    """Failure of an expression on a sample issue."""

    reason: str
    permanent: bool
    """True if it fails on every issue: an unknown name, or types that do not fit."""
    depends_on_data: bool = False
    """True if other issues may have the missing value, such as a third label."""


def _evaluate_sample(condition: CelCondition, subject: RuleSubject) -> Any:
    try:
        return condition.evaluate(subject)
    except TypeError as error:
        return _SampleError(reason=failure_reason(error), permanent=True)
    except Exception as error:
        by_data = isinstance(error, LookupError) or str(error).startswith(_CONVERSION_ERRORS)
        certain = str(error).startswith(_UNDEFINED_NAME)
        return _SampleError(reason=failure_reason(error), permanent=certain, depends_on_data=by_data)


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
