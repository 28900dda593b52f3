"""Other revisions of a workspace: files in another folder or in a git revision."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from mappings.problems import InvalidWorkspace, Problem
from sync.config.settings import FILE_NAME
from sync.config.workspace import LoadedWorkspace
from sync.runtime.bootstrap import load_configuration

_FOLDERS: Final = ("plans", "mappings")
_MAX_FILE: Final = 10_000_000
_REGULAR: Final = ("100644", "100755")


class RevisionNotFound(LookupError):
    """The revision to compare with does not exist; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceRevision:
    """Settings, plans and mappings of one revision."""

    name: str
    """Display name: ``HEAD (3f2a1c9d)`` or the path of a folder."""
    loaded: LoadedWorkspace


@contextmanager
def open_revision(root: Path, against: str) -> Iterator[WorkspaceRevision]:
    """Load the workspace from a folder with an ``increment-sync.yaml``, else from a git revision of ``root``.

    Checks nothing out: the files of a git revision are in a temporary folder while the block runs. Raises
    RevisionNotFound, and InvalidWorkspace that names the revision.
    """
    folder = Path(against)
    if against and (folder / FILE_NAME).is_file():
        yield _load_revision(against, folder.resolve())
        return
    try:
        commit = _resolve_commit(root, against)
    except RevisionNotFound:
        if against and folder.is_dir():
            raise RevisionNotFound(f"{against} is no workspace: there is no {FILE_NAME} in it") from None
        raise
    with TemporaryDirectory(prefix="increment-sync-") as temporary:
        _write_files(root, commit, Path(temporary))
        name = f"{against} ({commit[:8]})"
        if not (Path(temporary) / FILE_NAME).is_file():
            raise RevisionNotFound(f"there is no {FILE_NAME} of this workspace in {name}")
        yield _load_revision(name, Path(temporary))


def _load_revision(name: str, root: Path) -> WorkspaceRevision:
    try:
        return WorkspaceRevision(name=name, loaded=load_configuration(root))
    except InvalidWorkspace as error:
        raise InvalidWorkspace([_problem_in_revision(problem, name) for problem in error.problems]) from None


def _problem_in_revision(problem: Problem, name: str) -> Problem:
    """Return the problem with a location that names the revision, to tell it from the working tree."""
    return replace(problem, origin=replace(problem.origin, file=f"{name}: {problem.origin.file}"))


def _resolve_commit(root: Path, revision: str) -> str:
    if _run_git(root, "rev-parse", "--is-inside-work-tree").returncode != 0:
        raise RevisionNotFound(
            f"{root} is not in a git checkout that can be read: give --against a folder that holds the "
            "workspace as it was"
        )
    found = _run_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode != 0:
        raise RevisionNotFound(
            f"git knows no revision {revision} here: check the name; in a shallow checkout fetch it first "
            "(`git fetch --depth=1 origin <branch>`, then `--against FETCH_HEAD`)"
        )
    return found.stdout.decode().strip()


def _write_files(root: Path, commit: str, target: Path) -> None:
    """Write the workspace's YAML files of a commit. Only regular files, so that no link leads elsewhere."""
    listed = _run_git(root, "ls-tree", "-r", "-l", "-z", commit)
    for line in filter(None, listed.stdout.split(b"\0")):
        facts, _, name = line.decode("utf-8", "surrogateescape").partition("\t")
        mode, kind, blob, size = facts.split()
        path = PurePosixPath(name)
        if kind == "blob" and mode in _REGULAR and _is_workspace_file(path):
            if int(size) > _MAX_FILE:
                raise RevisionNotFound(f"{name} of {commit[:8]} is larger than {_MAX_FILE} bytes")
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_run_git(root, "cat-file", "blob", blob).stdout)


def _is_workspace_file(path: PurePosixPath) -> bool:
    """Return True for a YAML file of the workspace. ``git ls-tree`` gives paths relative to the folder it runs in."""
    if path.suffix not in (".yaml", ".yml"):
        return False
    return len(path.parts) == 1 or (len(path.parts) == 2 and path.parts[0] in _FOLDERS)


def _run_git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except FileNotFoundError:
        raise RevisionNotFound(
            "git is not installed: give --against a folder that holds the workspace as it was"
        ) from None
