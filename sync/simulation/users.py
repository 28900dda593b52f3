"""What people do on the embedded trackers in a rehearsal."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.labels import LabelScheme
from sync.simulation.fault_schedule import Edit
from sync.simulation.user_actions import Site


class People:
    """Everybody who works on the trackers of a world."""

    def __init__(
        self,
        sites: Mapping[str, Site],
        issues: list[tuple[str, str]],
        anchors: list[tuple[str, str]],
        *,
        scheme: LabelScheme,
        tags: tuple[str, ...],
        capabilities: tuple[str, ...],
    ) -> None:
        """``issues`` and ``anchors``: (tracker, key) of what edits choose among."""
        self.sites, self._issues, self._anchors = sites, issues, anchors
        self._scheme, self._tags, self._capabilities = scheme, tags, capabilities
        self.done: list[Edit] = []
        self.said: list[tuple[tuple[str, str], str]] = []
        """(tracker, key) and text of the comments that people wrote."""

    @property
    def places(self) -> int:
        """How many issues people may touch."""
        return len(self._issues)

    def act(self, edit: Edit) -> None:
        """Do it. What does not apply (a label to take off that is not there) does nothing."""
        self.done.append(edit)
        on_anchor = edit.kind in ("release", "state by hand", "take off state", "reword", "delete comment")
        places = self._anchors if on_anchor else self._issues
        if not places:
            return
        tracker, key = places[edit.issue % len(places)]
        self._one(self.sites[tracker], key, edit)

    def _one(self, site: Site, key: str, edit: Edit) -> None:
        tag = self._tags[edit.choice % len(self._tags)] if self._tags else "urgent"
        pinned = self._capabilities[edit.choice % len(self._capabilities)]
        match edit.kind:
            case "close" | "reopen":
                site.do(edit.kind, key, "")
            case "tag":
                site.do("label", key, tag)
            case "untag":
                site.do("unlabel", key, tag)
            case "mark":
                site.do("label", key, f"looked-at-{edit.choice}")
            case "retitle":
                site.do("retitle", key, f"Try {edit.choice} again")
            case "talk":
                self._talk(site, key, f"I think {edit.choice}")
            case "quote":
                self._talk(site, key, f"> {self._some_text(site)}\n\nDoes this concern us?")
            case "open":
                container = key.partition("#")[0] if "#" in key else key.rpartition("-")[0]
                site.open(container, f"Try {edit.choice}", tag)
            case "pin":
                site.do("label", key, self._scheme.label("capability", pinned))
            case "nonsense":
                site.do("label", key, self._scheme.label("capability", "no-such-thing"))
            case "veto":
                self._take_off(site, key, "capability")
            case _:
                self._on_anchor(site, key, edit)

    def _on_anchor(self, site: Site, key: str, edit: Edit) -> None:
        own = site.own_comments(key)
        match edit.kind:
            case "release":
                site.do("label", key, self._scheme.label("flag", "released"))
            case "state by hand":
                self._take_off(site, key, "state")
                site.do("label", key, self._scheme.label("state", "done"))
            case "take off state":
                self._take_off(site, key, "state")
            case "reword" if own:
                site.do("reword", key, f"{own[0][1]}\n\nAda: see the wiki.", own[0][0])
            case "delete comment" if own:
                site.do("delete", key, "", own[0][0])

    def _talk(self, site: Site, key: str, text: str) -> None:
        site.do("talk", key, text)
        self.said.append(((site.tracker.name, key), text))

    def _take_off(self, site: Site, key: str, family: str) -> None:
        prefix = self._scheme.label(family, "")
        for label in sorted(site.face(key).labels):
            if label.startswith(prefix):
                site.do("unlabel", key, label)

    def _some_text(self, site: Site) -> str:
        """A comment of ours, marker and all, as somebody might paste it."""
        texts = [body for key in site.issues() for _, body in site.own_comments(key)]
        return sorted(texts)[0] if texts else "nothing yet"
