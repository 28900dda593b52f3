"""``apply`` with a forged file: whatever part is forged, nothing is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.journey_world import JourneyWorld


def saved(world: JourneyWorld) -> Path:
    path = world.root / "changes.json"
    assert world.preview(path).code == 0
    return path


def _first(document: Any, kind: str, prefix: str = "") -> Any:
    return next(each for each in document[kind] if each["ref"]["key"].startswith(prefix))


_WHY = {"text": "because", "rule": None}
_FORGERIES: dict[str, Callable[[Any], Any]] = {
    "removal of a person's label": lambda d: d["labels"][0]["remove"].update({"model": _WHY}),
    "removal of a label with our prefix that a person put": lambda d: _first(d, "labels", "acme/")[
        "remove"
    ].update({"capability:model": _WHY}),
    "label without our prefix": lambda d: d["labels"][0]["add"].update({"urgent": _WHY}),
    "label that no plan knows": lambda d: d["labels"][0]["add"].update({"capability:nonsense": _WHY}),
    "rename of a person's label": lambda d: _first(d, "labels", "acme/")["renames"].update(
        {"features": "capability:features"}
    ),
    "rename in a repository that no mapping names": lambda d: _first(d, "labels", "acme/").update(
        container="acme/attic", renames={"urgent": "capability:features"}
    ),
    "container that no mapping names": lambda d: _first(d, "labels", "acme/").update(container="acme/attic"),
    "path as a container": lambda d: _first(d, "labels", "acme/").update(container="../../user"),
    "issue of another project": lambda d: d["labels"][0]["ref"].update(key="OPS-1", id="99"),
    "team with other colors": lambda d: d["labels"][0].update(team="nobody"),
    "removals hidden from the guard": lambda d: d["labels"][0].update(pure_removals=["state:planned"]),
    "state before the write, which undo restores": lambda d: d["labels"][0].update(before=["urgent"]),
    "reason": lambda d: _first(d, "labels")["add"].update(
        {label: {"text": "Ada asked for it", "rule": "hers"} for label in _first(d, "labels")["add"]}
    ),
    "tracker": lambda d: d["labels"][0]["ref"].update(tracker="gitlab"),
    "text of a comment": lambda d: d["comments"][0].update(body="Everything is fine, @ada."),
    "comment on an issue that is no anchor": lambda d: d["comments"][0]["ref"].update(key="DS-11"),
    "comment of a person": lambda d: d["comments"][0].update(comment_id="10001"),
    "subject of a comment": lambda d: d["comments"][0].update(subject="goal:hers"),
    "hashes of a comment": lambda d: d["comments"][0].update(urgent_hash="", full_hash=""),
    "deleted comment": lambda d: d["removals"].append(
        {"ref": d["comments"][0]["ref"], "subject": "goal:x", "comment_id": "10001", "reason": _WHY}
    ),
    "left out change": lambda d: d["labels"].pop(),
    "labels on the tracker": lambda d: d["live"].clear(),
    "unknown key": lambda d: d["labels"][0].update(force=True),
    "unknown key of the file": lambda d: d.update(force=True),
    "run": lambda d: d.update(run="20200101-000000-none"),
}


def _forge(path: Path, document: Any) -> None:
    """Save a document with its hash, as far as a forger knows how it is computed."""
    rest = {key: value for key, value in document.items() if key != "digest"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(rest | {"digest": digest}), encoding="utf-8")


def test_a_change_set_with_a_forged_part_is_refused(world: JourneyWorld) -> None:
    path = saved(world)
    text, before = path.read_text(encoding="utf-8"), world.snapshot()
    for part, change in _FORGERIES.items():
        document = json.loads(text)
        change(document)
        _forge(path, document)
        result = world.apply(path)
        assert result.code in (1, 5), part
        assert "bug" not in result.err, part
        assert (world.snapshot(), world.writes()) == (before, []), part
    path.write_text(text, encoding="utf-8")
    assert world.apply(path).code == 0


def test_an_edited_change_set_is_refused(world: JourneyWorld) -> None:
    path = saved(world)
    path.write_text(path.read_text(encoding="utf-8").replace("subscribers", "readers"), encoding="utf-8")
    result = world.apply(path)
    assert result.code == 1
    assert "was edited since it was saved" in result.err
    assert world.writes() == []


def test_a_saved_change_set_may_be_formatted_otherwise(world: JourneyWorld) -> None:
    path = saved(world)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert world.apply(path).code == 0


def test_a_change_set_that_another_store_saved_is_refused(world: JourneyWorld) -> None:
    path = saved(world)
    for file in (world.root / ".increment-sync").glob("state.db*"):
        file.unlink()
    assert "another store saved it" in world.apply(path).err
    assert world.writes() == []
