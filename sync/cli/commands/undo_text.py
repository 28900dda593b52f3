"""What ``undo`` says, to people and to programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync.cli.render import change_json, changes_text, summary_line
from sync.config.escape import neutral_terminal
from sync.model.limits import Refusal
from sync.model.run import Applied
from sync.model.undo import Left, Undoing
from sync.runtime.invocation import Ways, complain, counted, say, say_json
from sync.store import OverrideRow

_SHOWN: Final = 50
_LONGEST: Final = 400


@dataclass(kw_only=True, slots=True)
class Story:
    """What came of an undo."""

    run_id: str
    undoes: str
    root: str
    """The run whose writes are taken back, or done again, in the end."""

    undoing: Undoing
    still_open: Sequence[str] = ()
    refusals: Sequence[Refusal] = ()
    applied: Applied | None = None
    held: int = 0
    lifted: int = 0
    why_not: str = ""
    """Why nothing was written, when nothing was."""
    off: bool = False

    @property
    def exit_code(self) -> int:
        if self.off:
            return 3
        if self.refusals:
            return 4
        failed = self.applied and (self.applied.failed or self.applied.left or self.applied.notes)
        return 1 if failed or self.undoing.refused or self.still_open else 0


def show(undoing: Undoing, lifting: Sequence[OverrideRow]) -> None:
    """What would be written."""
    for line in changes_text(undoing.changes):
        say(line)
    if lifting:
        say(f"{counted(len(lifting), 'hold')} of the undo let go: runs write there again")
    if len(undoing.changes):
        say(summary_line(undoing.changes))


def tell(ways: Ways, story: Story) -> None:
    """What was left, and what was written."""
    if ways.as_json:
        say_json(_as_json(story))
        return
    for line in _beside(story):
        complain(neutral_terminal(line, _LONGEST))
    if story.why_not:
        say(story.why_not)
    if story.applied is not None:
        _tell_applied(story, story.applied)


def _beside(story: Story) -> Iterator[str]:
    undoing = story.undoing
    yield from (f"left: {left.ref}: {left.text}" for left in undoing.refused)
    yield from (f"already so: {left.ref}: {left.text}" for left in undoing.already[:_SHOWN])
    if len(undoing.already) > _SHOWN:
        yield f"already so: {len(undoing.already) - _SHOWN} more; --json shows all"
    yield from (f"note: {note}" for note in undoing.notes)
    yield from story.still_open
    yield from (f"refused ({refusal.rule}): {refusal.text}" for refusal in story.refusals)


def _tell_applied(story: Story, applied: Applied) -> None:
    say(f"{counted(applied.done, 'change')} written by run {story.run_id}")
    for what, why in applied.failed:
        complain(neutral_terminal(f"failed: {what}: {why}", _LONGEST))
    for note in applied.notes:
        complain(neutral_terminal(f"note: {note}", _LONGEST))
    if applied.left:
        why = "; ".join(applied.left_because)
        say(f"{counted(applied.left, 'change')} left, run the same command again: {why}")
    if story.held:
        say(f"runs leave this as it is until: increment-sync overrides clear --run {story.root}")


def summary(story: Story) -> dict[str, Any]:
    """For the row of the run."""
    applied = story.applied
    return {
        "changes": story.undoing.changes.summary(),
        "written": applied.done if applied else 0,
        "failed": len(applied.failed) if applied else 0,
        "refused": len(story.undoing.refused),
    }


def _as_json(story: Story) -> Mapping[str, Any]:
    undoing, applied = story.undoing, story.applied

    def listed(lefts: Iterable[Left]) -> list[dict[str, str]]:
        return [{"issue": str(left.ref), "why": left.text} for left in lefts]

    return {
        "version": 1,
        "run": story.run_id,
        "undoes": story.undoes,
        "exit_code": story.exit_code,
        "why_not": story.why_not,
        "summary": undoing.changes.summary(),
        "changes": [change_json(change) for change in undoing.changes.changes],
        "left": listed(undoing.refused),
        "already": listed(undoing.already),
        "notes": list(undoing.notes),
        "open": list(story.still_open),
        "refusals": [{"rule": each.rule, "text": each.text} for each in story.refusals],
        "held": story.held,
        "let_go": story.lifted,
        "applied": None
        if applied is None
        else {
            "done": applied.done,
            "left": applied.left,
            "failed": [{"change": what, "reason": why} for what, why in applied.failed],
            "notes": applied.notes,
        },
    }
