"""Acts of people in random worlds, on issues, anchors and labels as a whole."""

from __future__ import annotations

from sync.simulation.environment import Environment
from sync.simulation.invariants import IssueKey
from sync.simulation.observation import visible_issues
from sync.simulation.user_actions import TrackerUI, VisibleIssue, container_of
from sync.simulation.worlds.model import (
    CAPABILITY_LABELS,
    INCREMENT_LABEL,
    Act,
    Actor,
    WorldModel,
    family,
)
from sync.simulation.worlds.scenario import CAPABILITIES
from sync.simulation.worlds.story import Event

_STATES = ("planned", "in-progress", "done")


class PeopleOfWorld:
    """All people of a world. They tell the model what the trackers do not record."""

    def __init__(self, environment: Environment, model: WorldModel) -> None:
        self._environment, self._model = environment, model
        self.changed_labels: set[str] = set()
        """Labels that somebody deleted or renamed as a whole, which an operator wants back."""
        for issue in visible_issues(environment):
            if issue not in model.anchors.values():
                model.states[issue] = "todo"

    def perform(self, event: Event) -> str | None:
        """Perform an event; return what happened, None if it does not apply."""
        issues = visible_issues(self._environment)
        if event.kind in ("delete label", "rename label"):
            return self._change_label_everywhere(event, issues)
        anchors = [*self._model.anchors.values()]
        on_anchor = event.kind in ("put state", "take state off", "edit comment", "delete comment")
        targets = anchors if on_anchor else sorted(self._model.states)
        key = targets[event.issue % len(targets)]
        ui, labels = self._environment.tracker_uis[key[0]], set(issues[key].labels)
        done = (
            self._act_on_anchor(event, ui, key, labels)
            if on_anchor
            else self._act_on_issue(event, ui, key, labels)
        )
        return done and f"a person: {done} {':'.join(key)}"

    def _act_on_issue(self, event: Event, ui: TrackerUI, key: IssueKey, labels: set[str]) -> str | None:
        states, name = self._model.states, key[1]
        match event.kind:
            case "close" if states[key] == "todo":
                ui.perform("close", name, "")
                states[key] = "done"
                return "closes"
            case "reopen" if states[key] == "done":
                ui.perform("reopen", name, "")
                states[key] = "todo"
                return "reopens"
            case "open":
                label = CAPABILITIES[event.choice % len(CAPABILITIES)]
                ui.open_issue(container_of(name), f"New {event.choice}", label)
                for new in visible_issues(self._environment).keys() - states.keys():
                    if new not in self._model.anchors.values():
                        states[new] = "todo"
                return f"opens an issue with {label} beside"
            case "move" | "leave":
                return self._change_rule_label(ui, name, labels, leave=event.kind == "leave")
            case "put back":
                removed = sorted(
                    label
                    for (issue, label), act in self._model.last.items()
                    if issue == key and not act.added and act.by == "person" and family(label)
                )
                return self._label(ui, name, removed[:1])
            case "pin" if not self._put_by(key, labels, "person"):
                return self._label(ui, name, sorted(CAPABILITY_LABELS.keys() - labels)[:1])
            case "veto":
                return self._unlabel(ui, name, self._put_by(key, labels, "program") - {INCREMENT_LABEL})
            case "take increment off":
                return self._unlabel(ui, name, self._put_by(key, labels, "program") & {INCREMENT_LABEL})
            case "unpin":
                return self._unlabel(ui, name, self._put_by(key, labels, "person"))
        return None

    def _act_on_anchor(self, event: Event, ui: TrackerUI, key: IssueKey, labels: set[str]) -> str | None:
        name, own = key[1], ui.own_comments(key[1])
        match event.kind:
            case "put state" if not self._put_by(key, labels, "person"):
                state = f"state:{_STATES[event.choice % len(_STATES)]}"
                return self._label(ui, name, [state] if state not in labels else [])
            case "take state off":
                return self._unlabel(ui, name, {label for label in labels if family(label) == "state:"})
            case "edit comment" if own:
                ui.perform("edit comment", name, f"{own[0][1]}\n\nAda: see the wiki.", own[0][0])
                return "edits the status comment of"
            case "delete comment" if len(own) == 1:
                ui.perform("delete comment", name, "", own[0][0])
                self._model.deleted_comments.add(key)
                if self._model.store_is_behind:
                    self._model.forgotten_comments.add(key)
                return "deletes the status comment of"
        return None

    def _change_rule_label(self, ui: TrackerUI, name: str, labels: set[str], *, leave: bool) -> str | None:
        present = [label for label in CAPABILITIES if label in labels]
        for label in present:
            ui.perform("unlabel", name, label)
        if leave:
            return f"takes {present} off" if present else None
        new = next((label for label in CAPABILITIES if label not in present), CAPABILITIES[0])
        ui.perform("label", name, new)
        return f"moves by {present} -> {new}"

    def _label(self, ui: TrackerUI, name: str, labels: list[str]) -> str | None:
        for label in labels:
            ui.perform("label", name, label)
        return f"puts {labels} on" if labels else None

    def _unlabel(self, ui: TrackerUI, name: str, labels: set[str]) -> str | None:
        for label in sorted(labels):
            ui.perform("unlabel", name, label)
        return f"takes {sorted(labels)} off" if labels else None

    def _put_by(self, key: IssueKey, labels: set[str], actor: Actor) -> set[str]:
        return {label for label in labels if family(label) and self._model.owner.get((key, label)) == actor}

    def _change_label_everywhere(self, event: Event, issues: dict[IssueKey, VisibleIssue]) -> str | None:
        """Delete or rename a label of ours in the repository."""
        ui = self._environment.tracker_uis.get("github")
        carriers = {
            label: [key for key, issue in issues.items() if key[0] == "github" and label in issue.labels]
            for label in (INCREMENT_LABEL, *CAPABILITY_LABELS)
        }
        present = [label for label, found in carriers.items() if found]
        if ui is None or not present:
            return None
        label = present[event.choice % len(present)]
        self.changed_labels.add(label)
        self._note(carriers[label], label, added=False)
        container = container_of(carriers[label][0][1])
        if event.kind == "delete label":
            ui.delete_label(container, label)
            return f"the label {label} is deleted"
        new = f"{label}-{event.choice}-old" if event.issue % 2 else f"old {label} {event.choice}"
        self._note(carriers[label], new, added=True)
        ui.rename_label(container, label, new)
        return f"the label {label} is renamed to {new}"

    def _note(self, carriers: list[IssueKey], label: str, *, added: bool) -> None:
        for _ in self._model.record(
            Act(issue=key, label=label, by="repository", added=added) for key in carriers
        ):
            pass
