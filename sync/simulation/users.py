"""What people do on the embedded trackers in a rehearsal."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.labels import LabelScheme
from sync.simulation.fault_schedule import UserAction
from sync.simulation.user_actions import TrackerUI


class SimulatedUsers:
    """Everybody who works on the trackers of a world."""

    def __init__(
        self,
        tracker_uis: Mapping[str, TrackerUI],
        issues: list[tuple[str, str]],
        anchors: list[tuple[str, str]],
        *,
        scheme: LabelScheme,
        tags: tuple[str, ...],
        capabilities: tuple[str, ...],
    ) -> None:
        """``issues`` and ``anchors``: (tracker, key) of what edits choose among."""
        self.tracker_uis, self._issues, self._anchors = tracker_uis, issues, anchors
        self._scheme, self._tags, self._capabilities = scheme, tags, capabilities
        self.performed: list[UserAction] = []
        self.user_comments: list[tuple[tuple[str, str], str]] = []
        """(tracker, key) and text of the comments that people wrote."""

    @property
    def issue_count(self) -> int:
        """How many issues people may touch."""
        return len(self._issues)

    def perform(self, edit: UserAction) -> None:
        """Do it. What does not apply (a label to take off that is not there) does nothing."""
        self.performed.append(edit)
        on_anchor = edit.kind in ("release", "state by hand", "take off state", "reword", "delete comment")
        places = self._anchors if on_anchor else self._issues
        if not places:
            return
        tracker, key = places[edit.issue % len(places)]
        self._perform_on_issue(self.tracker_uis[tracker], key, edit)

    def _perform_on_issue(self, tracker_ui: TrackerUI, key: str, edit: UserAction) -> None:
        tag = self._tags[edit.choice % len(self._tags)] if self._tags else "urgent"
        pinned = self._capabilities[edit.choice % len(self._capabilities)]
        match edit.kind:
            case "close" | "reopen":
                tracker_ui.perform(edit.kind, key, "")
            case "tag":
                tracker_ui.perform("label", key, tag)
            case "untag":
                tracker_ui.perform("unlabel", key, tag)
            case "mark":
                tracker_ui.perform("label", key, f"looked-at-{edit.choice}")
            case "retitle":
                tracker_ui.perform("retitle", key, f"Try {edit.choice} again")
            case "talk":
                self._write_comment(tracker_ui, key, f"I think {edit.choice}")
            case "quote":
                self._write_comment(
                    tracker_ui, key, f"> {self._some_status_comment(tracker_ui)}\n\nDoes this concern us?"
                )
            case "open":
                container = key.partition("#")[0] if "#" in key else key.rpartition("-")[0]
                tracker_ui.open_issue(container, f"Try {edit.choice}", tag)
            case "pin":
                tracker_ui.perform("label", key, self._scheme.label("capability", pinned))
            case "nonsense":
                tracker_ui.perform("label", key, self._scheme.label("capability", "no-such-thing"))
            case "veto":
                self._remove_labels(tracker_ui, key, "capability")
            case _:
                self._perform_on_anchor(tracker_ui, key, edit)

    def _perform_on_anchor(self, tracker_ui: TrackerUI, key: str, edit: UserAction) -> None:
        own = tracker_ui.own_comments(key)
        match edit.kind:
            case "release":
                tracker_ui.perform("label", key, self._scheme.label("flag", "released"))
            case "state by hand":
                self._remove_labels(tracker_ui, key, "state")
                tracker_ui.perform("label", key, self._scheme.label("state", "done"))
            case "take off state":
                self._remove_labels(tracker_ui, key, "state")
            case "reword" if own:
                tracker_ui.perform("reword", key, f"{own[0][1]}\n\nAda: see the wiki.", own[0][0])
            case "delete comment" if own:
                tracker_ui.perform("delete", key, "", own[0][0])

    def _write_comment(self, tracker_ui: TrackerUI, key: str, text: str) -> None:
        tracker_ui.perform("talk", key, text)
        self.user_comments.append(((tracker_ui.tracker.name, key), text))

    def _remove_labels(self, tracker_ui: TrackerUI, key: str, family: str) -> None:
        prefix = self._scheme.label(family, "")
        for label in sorted(tracker_ui.visible_issue(key).labels):
            if label.startswith(prefix):
                tracker_ui.perform("unlabel", key, label)

    def _some_status_comment(self, tracker_ui: TrackerUI) -> str:
        """A comment of ours, marker and all, as somebody might paste it."""
        texts = [body for key in tracker_ui.issue_keys() for _, body in tracker_ui.own_comments(key)]
        return sorted(texts)[0] if texts else "nothing yet"
