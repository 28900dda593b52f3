"""Change sets and their cost as text, Markdown and JSON. All text from trackers is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync.cli.output import pluralize
from sync.config.escape import escape_github, escape_terminal
from sync.diff.guard import write_budget_for
from sync.model.changes import Change, ChangeSet, CommentRemoval, LabelChange

if TYPE_CHECKING:
    from sync.model.limits import ChangeCost, GuardLimits, ImpactEstimate

MAX_CHANGES_SHOWN = 200


def change_summary(changes: ChangeSet) -> str:
    """``9 changes on 8 issues: 12 labels to add, 1 to remove, 2 comments to create, 0 to edit``."""
    if not len(changes):
        return "nothing to change"
    deleted = f", {len(changes.removals)} to delete" if changes.removals else ""
    return (
        f"{pluralize(len(changes), 'change')} on {pluralize(len(changes.refs), 'issue')}: "
        f"{pluralize(changes.added, 'label')} to add, {changes.removed} to remove, "
        f"{pluralize(changes.created_comments, 'comment')} to create, {changes.edited_comments} to edit{deleted}"
    )


def change_lines(changes: ChangeSet) -> list[str]:
    """List each change with its reasons, labels before comments."""
    lines = []
    for change in changes.changes[:MAX_CHANGES_SHOWN]:
        lines.append(escape_terminal(change.describe()))
        lines += [f"    {escape_terminal(reason)}" for reason in _reasons(change)]
    if len(changes) > MAX_CHANGES_SHOWN:
        lines.append(f"and {len(changes) - MAX_CHANGES_SHOWN} more; --json shows all")
    return lines


def notification_lines(impact: ImpactEstimate, limits: GuardLimits) -> list[str]:
    """Describe the notification mails and requests that a change set causes; nothing for an empty one."""
    cost = impact.cost
    if not cost.requests:
        return []
    lines = [notification_summary(cost)]
    if cost.notifying_projects and cost.mails:
        projects = ", ".join(cost.notifying_projects)
        lines.append(f"  every edit in {projects} is mailed: our account may not silence it there")
    budget = write_budget_for(impact, limits)
    if budget is not None and impact.in_rollout and budget.is_exceeded_by(cost):
        lines.append(
            f"  a first run: at most {budget.max_comments} new comments and mails to {budget.max_people} people "
            f"in one run, {budget.max_mails_per_person} mails each; the rest is left for the runs after it"
        )
    return lines


def notification_summary(cost: ChangeCost) -> str:
    """``attention: at least 3 people would probably be mailed (7 mails); 45 requests, about 2 min of writing``."""
    mailed = "as far as we know, nobody would be mailed"
    if cost.mails:
        people = "1 person" if cost.people == 1 else f"{cost.people} people"
        mailed = f"at least {people} would probably be mailed ({pluralize(cost.mails, 'mail')})"
    requests = pluralize(cost.requests, "request")
    return f"attention: {mailed}; {requests}, {_duration(cost.seconds)} under the trackers' write limits"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {round(seconds / 3600, 1):g} h"


def changes_markdown(changes: ChangeSet, cost: ChangeCost) -> str:
    """Format a change set as a table for a pull request or a job summary."""
    lines = [f"**{change_summary(changes)}**"]
    if len(changes):
        lines += ["", escape_github(notification_summary(cost))]
        lines += ["", "| issue | change | why |", "| --- | --- | --- |"]
        for change in changes.changes[:MAX_CHANGES_SHOWN]:
            issue = escape_terminal(str(change.ref)).replace("`", "").replace("|", "")
            what = change.describe().removeprefix(f"{change.ref}  ")
            why = "; ".join(_reasons(change))
            lines.append(f"| `{issue}` | {escape_github(what)} | {escape_github(why)} |")
    return "\n".join(lines)


def change_document(change: Change) -> dict[str, Any]:
    """Return one change with its reasons as a JSON object."""
    base = {"issue": change.ref, "why": _reasons(change)}
    if isinstance(change, LabelChange):
        return {**base, "kind": "labels", "add": sorted(change.add), "remove": sorted(change.remove)}
    if isinstance(change, CommentRemoval):
        return {**base, "kind": "comment", "op": "delete", "subject": change.subject}
    return {
        **base,
        "kind": "comment",
        "op": "create" if change.creates else "edit",
        "subject": change.subject,
        "body": change.body,
    }


def _reasons(change: Change) -> list[str]:
    if isinstance(change, LabelChange):
        return list(dict.fromkeys(reason.text for reason in [*change.add.values(), *change.remove.values()]))
    return [change.reason.text]
