"""A rule's ``cel``: compiled when the mapping is loaded, evaluated on issues, never able to do input or output.

Only import this where a mapping uses ``cel``: the library behind it takes a noticeable time to start.
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
from mappings.rules.conditions import PatternInvalid, RuleSubject, compile_pattern, to_bytes

# The library's own `matches` compiles its pattern on every call and is not bounded by us; methods of texts cannot
# be replaced. The name is as long as the other, so that positions in messages stay right.
_SAFE_MATCHES, _BUILTIN_MATCHES = "re2find", "matches"
_ERROR_POSITION: Final = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDEFINED_NAME: Final = "Undefined variable or function"
_CONVERSION_ERRORS: Final = ("Function 'int'", "Function 'double'")
_UNDEFINED_FUNCTION: Final = re.compile(r"Undefined variable or function: '(\w+)'")


@dataclass(frozen=True, kw_only=True, slots=True)
class CelFailure:
    """Why an expression could not say yes or no about an issue."""

    ref: IssueRef
    reason: str


class _PatternSearch:
    """``text.matches(pattern)`` for the patterns of one expression, in RE2."""

    def __init__(self, patterns: Mapping[str, Any]) -> None:
        self._patterns = patterns
        self._results: dict[tuple[str, str], bool] = {}

    def clear(self) -> None:
        self._results.clear()

    def __call__(self, text: object, pattern: str) -> object:
        # The library prints what a function raises, so this one raises nothing.
        if not isinstance(text, str):
            return None
        known = self._results.get((text, pattern))
        if known is None:
            known = self._patterns[pattern].search(to_bytes(text)) is not None
            self._results[text, pattern] = known
        return known


@dataclass(kw_only=True, slots=True)
class CelCondition:
    """An expression over an issue that is true or false. One that fails on an issue does not hold there."""

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
        return f"says {self.text}"

    def holds(self, subject: RuleSubject) -> bool:
        answer = self.try_evaluate(subject)
        if isinstance(answer, bool):
            return answer
        self.failures += 1
        if self.first_failure is None:
            self.first_failure = CelFailure(ref=subject.issue.ref, reason=answer)
        return False

    def actual(self, subject: RuleSubject) -> tuple[str, ...]:
        """The values that were looked at, and why there was no answer, for people."""
        values = values_for(subject, self.names, self.fields)
        looked_at = [f"{name} {format_value(values[name])}" for name in sorted(values)]
        answer = self.try_evaluate(subject)
        return tuple(looked_at) if isinstance(answer, bool) else (*looked_at, f"no answer: {answer}")

    def try_evaluate(self, subject: RuleSubject) -> bool | str:
        """The answer, or the reason why there is none."""
        try:
            answer = self.evaluate(subject)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a fault inside the library is no Exception
            return failure_reason(error)
        return answer if isinstance(answer, bool) else _wrong_type_message(answer)

    def evaluate(self, subject: RuleSubject) -> Any:
        """What the expression gives; raises whatever the library raises."""
        self._search.clear()
        values = values_for(subject, self.names, self.fields)
        return self._program.execute(cel.Context(values, {_SAFE_MATCHES: self._search}))

    def reset_failures(self) -> None:
        """Forget the failures so far."""
        self.failures, self.first_failure = 0, None


def compile_cel(text: str) -> CelCondition:
    """An expression ready to be asked. Raises CelInvalid with a sentence and the place in the expression."""
    read = parse_cel(text)
    condition = _compile_program(read)
    answers = [_evaluate_sample(condition, subject) for subject in sample_subjects(read.fields)]
    faults = [each for each in answers if isinstance(each, _SampleError)]
    certain = [each for each in faults if each.permanent]
    alike = len(faults) == len(answers) and len(set(faults)) == 1 and not faults[0].depends_on_data
    if certain or alike:
        raise CelInvalid(f"this fails on issues: {(certain or faults)[0].reason}; correct it.")
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
    """What a literal says, and the pattern made of it."""
    try:
        text = cel.evaluate(literal.text)
        return text, compile_pattern(text)
    except PatternInvalid as error:
        raise literal.error(str(error)) from None
    except ValueError:
        raise literal.error("this text has an escape that CEL does not know; write it as r'...'.") from None


def _syntax_error(error: ValueError) -> CelInvalid:
    found = _ERROR_POSITION.search(str(error))
    if found is None:
        return CelInvalid(f"this is no CEL expression ({_shorten(str(error))}); correct it.")
    reason = _shorten(found[3].removeprefix("Syntax error: "))
    return CelInvalid(
        f"this is no CEL expression ({reason}); correct it.", line=int(found[1]), column=int(found[2])
    )


def _shorten(reason: str) -> str:
    """Without the list of all that could stand there."""
    return reason.split(" expecting ")[0].replace(_SAFE_MATCHES, _BUILTIN_MATCHES)[:160]


@dataclass(frozen=True, kw_only=True, slots=True)
class _SampleError:
    """What went wrong with an expression on a sample."""

    reason: str
    permanent: bool
    """Nothing that an issue says could change it: a name that does not exist, or kinds that do not go together."""
    depends_on_data: bool = False
    """Another issue may well have what was missing here, such as a third label."""


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
    """Why an expression failed, in a few words."""
    text = str(error).replace(_SAFE_MATCHES, _BUILTIN_MATCHES).split("\n")[0]
    missing = _UNDEFINED_FUNCTION.match(text)
    if missing is not None and missing[1] in FUNCTIONS:
        return f"`{missing[1]}` does not fit the value that it is used on"
    if isinstance(error, KeyError):
        return f"there is no entry {text.strip(chr(39))!r}"
    text = text.split(". Check ")[0].split(". CEL does not ")[0].rstrip(".")
    return text[:160] or type(error).__name__


def _wrong_type_message(answer: object) -> str:
    return f"the expression gives {_TYPE_NAMES.get(type(answer), 'something else')}, not true or false"


_TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a map",
    type(None): "nothing",
}
