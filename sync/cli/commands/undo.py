"""``undo RUN``: show what would be taken back, ask, hold it, and write issue by issue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from connectors.model import IssueRef
from sync.apply.executor import Applier
from sync.apply.recover import settle_open_intents
from sync.apply.undo_current import COMMAND, lineage, look_at, request_for
from sync.apply.undo_labels import take_back
from sync.cli.commands.undo_text import Story, show, summary, tell
from sync.cli.issue_lookup import named_issues
from sync.cli.render import summary_line
from sync.diff.limits import check_whole
from sync.model.run import Options
from sync.model.undo import Left, Request, Undoing
from sync.pipeline.impact_estimate import weigh_changes
from sync.pull.recorded import aliases, remember
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, agrees, holder
from sync.runtime.limits import guard_limits
from sync.runtime.run_lock import held
from sync.runtime.session import online_job
from sync.store import OverrideRow

_OFF = (
    "nothing was written: push is switched off in increment-sync.yaml (push.enabled: false); undo writes only where "
    "runs may, and what it takes back stays away when push is on again"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoOptions:
    """What the person asked for."""

    run_id: str
    issues: Sequence[str] = ()
    yes: bool = False
    dry_run: bool = False
    post_again: bool = False
    limits: Options = field(default_factory=Options)
    """``max_removals``, ``max_comments`` and ``max_notifications`` count."""


def undo(ways: Ways, options: UndoOptions) -> int:
    """0 all taken back, 1 something was left, 3 push is off, 4 the guard refused, 6 another run is at work."""
    told = {"run": options.run_id, **({"issues": list(options.issues)} if options.issues else {})}
    with online_job(ways, COMMAND, told, writes=not options.dry_run) as job:
        try:
            with held(job, holder()):
                story = _work(ways, job, options)
        except BaseException as error:
            job.store.finish_run(job.run_id, f"stopped: {type(error).__name__}", 1, {})
            raise
        words = {0: "done", 1: "partly failed", 3: "refused", 4: "refused"}
        job.store.finish_run(job.run_id, words[story.exit_code], story.exit_code, summary(story))
        tell(ways, story)
        return story.exit_code


def _work(ways: Ways, job: Job, options: UndoOptions) -> Story:
    root, takes_back = lineage(job, options.run_id)
    only = _only(job, options)
    still_open = settle_open_intents(job)
    request = request_for(job, options.run_id, only, does_again=not takes_back, post_again=options.post_again)
    story = Story(
        run_id=job.run_id,
        undoes=options.run_id,
        root=root,
        undoing=_look(job, request),
        still_open=still_open,
    )
    lifting = () if takes_back else _held_of(job, root, only)
    if not ways.as_json:
        show(story.undoing, lifting)
    if not len(story.undoing.changes) and not lifting:
        story.why_not = "nothing to take back"
        return story
    changes, limits = story.undoing.changes, guard_limits(job, options.limits)
    weighed = weigh_changes(job, changes, (item.issue for item in job.store.known()))
    story.refusals = check_whole(changes, remember(job).pushed, limits, weighed)
    if story.refusals or options.dry_run:
        return story
    if not job.writers:
        story.off, story.why_not = True, _OFF
        return story
    if not options.yes and not _agreed(ways, job, story.undoing):
        story.why_not = "nothing was written"
        return story
    _carry_out(job, request, root, lifting, story)
    return story


def _only(job: Job, options: UndoOptions) -> frozenset[IssueRef]:
    """The issues that were named, as the run's journal has them."""
    rows = job.store.journal(run_id=options.run_id)
    found = set()
    for text in options.issues:
        named = {(tracker, key.casefold()) for tracker, key in named_issues(job, text)}
        known = [job.store.known_issue(tracker, key) for tracker, key in named_issues(job, text)]
        refs = {each.issue.ref for each in known if each}
        here = {r.ref for r in rows if r.ref in refs or (r.ref.tracker, r.ref.key.casefold()) in named}
        if not here:
            raise LookupError(f"run {options.run_id} wrote nothing on {text}")
        found |= here
    return frozenset(found)


def _look(job: Job, request: Request) -> Undoing:
    refs = sorted({row.ref for row in request.entries if row.outcome not in ("failed", "not-sent")})
    found = {}
    for number, ref in enumerate(refs, start=1):
        job.progress.step(f"read {ref}", number, len(refs))
        found[ref] = look_at(job, request, ref)
    return take_back(request, found)


def _held_of(job: Job, root: str, only: Iterable[IssueRef]) -> tuple[OverrideRow, ...]:
    refs = frozenset(only)
    return tuple(
        row
        for row in job.store.overrides()
        if row.kind in ("held", "comment") and row.run_id == root and (not refs or row.ref in refs)
    )


def _carry_out(job: Job, request: Request, root: str, lifting: Sequence[OverrideRow], story: Story) -> None:
    """Everything is held before the first write: whatever dies in between, no run works against the undo. Each issue
    is read again directly before it is written."""
    undoing = story.undoing
    if not request.does_again:
        note = f"taken back by {job.run_id}"
        job.store.add_overrides(
            OverrideRow(
                ref=hold.ref, kind=hold.kind, label=hold.label, since=job.now(), run_id=root, note=note
            )
            for hold in undoing.holds
        )
        story.held = len(undoing.holds)
    for row in lifting:
        job.store.remove_override(row.ref, row.kind, row.label)
    story.lifted = len(lifting)
    applier = Applier(job, aliases=aliases(job.workspace))
    moving = {removal.ref for removal in undoing.changes.removals}
    refused: list[Left] = list(undoing.refused)
    for ref in sorted(undoing.changes.refs, key=lambda each: (each not in moving, each)):
        fresh = take_back(request, {ref: look_at(job, request, ref)})
        refused += [left for left in fresh.refused if left not in refused]
        applier.apply(fresh.changes, of=len(undoing.changes))
    story.applied = applier.result
    story.undoing = replace(undoing, refused=tuple(refused))


def _agreed(ways: Ways, job: Job, undoing: Undoing) -> bool:
    with job.progress.paused():
        return agrees(ways, f"Take back? {summary_line(undoing.changes)}", otherwise="not taken back")
