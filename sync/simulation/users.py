"""Simulated users: carry out the user actions of a schedule on the sandbox trackers."""

from __future__ import annotations

from collections.abc import Mapping

from sync.model.anchors import list_anchors
from sync.simulation.fault_schedule import UserAction
from sync.simulation.scenarios import Scenario
from sync.simulation.user_actions import TrackerUI, container_of

_ANCHOR_ACTIONS = (
    "release",
    "set state label",
    "remove state label",
    "edit status comment",
    "delete status comment",
)


class SimulatedUsers:
    """All users of the trackers of a scenario."""

    def __init__(self, tracker_uis: Mapping[str, TrackerUI], scenario: Scenario) -> None:
        """Users act on the issues that exist now; on anchors only as ``_ANCHOR_ACTIONS``."""
        workspace = scenario.loaded_workspace.workspace
        keys = sorted((name, key) for name, ui in tracker_uis.items() for key in ui.issue_keys())
        self.tracker_uis = tracker_uis
        self._anchors = [(anchor.tracker, anchor.key) for anchor in list_anchors(workspace)]
        self._issues = [pair for pair in keys if pair not in self._anchors]
        self._scheme = workspace.labels
        self._rule_labels = scenario.rule_labels or ("urgent",)
        self._capabilities = [
            each.id for increment in workspace.increments for each in increment.capabilities
        ]
        self.performed: list[UserAction] = []
        self.user_comments: list[tuple[tuple[str, str], str]] = []
        """(tracker, key) and text of the comments that users wrote."""

    @property
    def issue_count(self) -> int:
        """Number of issues that users may change."""
        return len(self._issues)

    def perform(self, action: UserAction) -> None:
        """Carry out an action; one that does not apply (removing an absent label) does nothing."""
        self.performed.append(action)
        on_anchor = action.kind in _ANCHOR_ACTIONS
        choices = self._anchors if on_anchor else self._issues
        if not choices:
            return
        tracker, key = choices[action.issue % len(choices)]
        self._perform_on_issue(self.tracker_uis[tracker], key, action)

    def _perform_on_issue(self, tracker_ui: TrackerUI, key: str, action: UserAction) -> None:
        n = action.choice
        label = self._rule_labels[n % len(self._rule_labels)]
        pinned = self._capabilities[n % len(self._capabilities)]
        simple = {
            "close": ("close", ""),
            "reopen": ("reopen", ""),
            "add rule label": ("label", label),
            "remove rule label": ("unlabel", label),
            "add other label": ("label", f"looked-at-{n}"),
            "retitle": ("retitle", f"Try {n} again"),
            "pin": ("label", self._scheme.label("capability", pinned)),
            "pin unknown capability": ("label", self._scheme.label("capability", "no-such-thing")),
            "release": ("label", self._scheme.label("flag", "released")),
        }
        match action.kind:
            case kind if kind in simple:
                verb, text = simple[kind]
                tracker_ui.perform(verb, key, text)
            case "comment":
                self._write_comment(tracker_ui, key, f"I think {n}")
            case "quote status comment":
                quoted = self._any_status_comment(tracker_ui)
                self._write_comment(tracker_ui, key, f"> {quoted}\n\nDoes this concern us?")
            case "open":
                tracker_ui.open_issue(container_of(key), f"Try {n}", label)
            case "veto":
                self._remove_labels(tracker_ui, key, "capability")
            case _:
                self._perform_on_anchor(tracker_ui, key, action)

    def _perform_on_anchor(self, tracker_ui: TrackerUI, key: str, action: UserAction) -> None:
        own = tracker_ui.own_comments(key)
        match action.kind:
            case "set state label":
                self._remove_labels(tracker_ui, key, "state")
                tracker_ui.perform("label", key, self._scheme.label("state", "done"))
            case "remove state label":
                self._remove_labels(tracker_ui, key, "state")
            case "edit status comment" if own:
                tracker_ui.perform("edit comment", key, f"{own[0][1]}\n\nAda: see the wiki.", own[0][0])
            case "delete status comment" if own:
                tracker_ui.perform("delete comment", key, "", own[0][0])

    def _write_comment(self, tracker_ui: TrackerUI, key: str, text: str) -> None:
        tracker_ui.perform("comment", key, text)
        self.user_comments.append(((tracker_ui.tracker.name, key), text))

    def _remove_labels(self, tracker_ui: TrackerUI, key: str, family: str) -> None:
        prefix = self._scheme.label(family, "")
        for label in sorted(tracker_ui.visible_issue(key).labels):
            if label.startswith(prefix):
                tracker_ui.perform("unlabel", key, label)

    def _any_status_comment(self, tracker_ui: TrackerUI) -> str:
        """Return a status comment with its marker, as a user might paste it."""
        texts = [body for key in tracker_ui.issue_keys() for _, body in tracker_ui.own_comments(key)]
        return sorted(texts)[0] if texts else "nothing yet"
