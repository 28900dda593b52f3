"""Isolation of all tests: only loopback network, an empty home directory, no credentials."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = ["connectors.testing"]  # here, so that its failed assertions show their values

_FOREIGN_PREFIXES = ("GITHUB_", "GH_", "JIRA_", "INCREMENT_SYNC_")
_FOREIGN_NAMES = ("CI", "NO_COLOR", "FORCE_COLOR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")  # noqa: S104 - compared, never bound


def pytest_configure() -> None:
    """Set what has to hold before tests are imported: no time limits of examples, and one package less.

    Examples get no deadline, because a busy machine makes correct code slow. ``rfc3987_syntax``, which altair and
    jsonschema load if it is installed, takes two seconds, and no schema needs it.
    """
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Remove variables that lead to real trackers; home is an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN_PREFIXES) or name.upper() in _FOREIGN_NAMES:
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    """Fail a test that connects to another machine, with the name of that machine."""
    real_connect, real_resolve = socket.socket.connect, socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _require_loopback(address[0])
        real_connect(self, address)

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        _require_loopback(host)
        return real_resolve(host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


@pytest.fixture(scope="session", autouse=True)
def _configured_synchronous() -> Iterator[str]:
    """Switch off syncing to disk for the stores of tests. Return the real setting."""
    from sync.store import open as opening

    with pytest.MonkeyPatch.context() as patch:
        configured = opening.SYNCHRONOUS
        patch.setattr(opening, "SYNCHRONOUS", "OFF")
        yield configured


@pytest.fixture(scope="session", autouse=True)
def _shared_statement_cache() -> Iterator[None]:
    """Share compiled statements between stores: tests open thousands of them."""
    from sqlalchemy import Engine, create_engine, create_pool_from_url, make_url

    from sync.store import open as opening

    template, compiled = create_engine("sqlite://"), {}
    template.connect().close()  # a dialect learns about its database with the first connection

    def create(url: Any, *, hide_parameters: bool, **options: Any) -> Engine:
        if make_url(url).get_backend_name() != "sqlite":
            return create_engine(url, hide_parameters=hide_parameters, **options)
        pool, keep = create_pool_from_url(url, **options), {"compiled_cache": compiled}
        return Engine(pool, template.dialect, url, hide_parameters=hide_parameters, execution_options=keep)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "create_engine", create)
        yield
    template.dispose()


@pytest.fixture
def durable(_configured_synchronous: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the real sync setting for the stores of this test."""
    monkeypatch.setattr("sync.store.open.SYNCHRONOUS", _configured_synchronous)


def _require_loopback(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    # ``.invalid`` can never be found anywhere (RFC 2606): good for tests of hosts that are not there.
    if name and not name.startswith(_LOOPBACK):
        raise OSError(f"a test wanted to reach {name}; tests use only this machine")


class _HomeGuard:
    """Audit hook that refuses to open files in the real home. Audit hooks cannot be removed, only switched off."""

    def __init__(self, home: Path) -> None:
        self.home = f"{home}{os.sep}"
        # The checkout, the interpreter and temporary files may well lie in somebody's home.
        places = [Path(__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path)]
        places += [Path(tempfile.gettempdir()), Path(sys.executable).resolve().parents[1]]
        self.allowed = tuple(f"{place}{os.sep}" for place in places if place != home)
        self.on = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not self.on or not isinstance(arguments[0], str):
            return
        path = arguments[0]
        if path.startswith(self.home) and not path.startswith(self.allowed):
            raise PermissionError(f"a test wanted to open {path}; tests must not use the real home")


@pytest.fixture(scope="session", autouse=True)
def _protected_home(_clean_environment: None) -> Iterator[None]:
    import pwd

    guard = _HomeGuard(Path(pwd.getpwuid(os.getuid()).pw_dir))
    sys.addaudithook(guard)
    yield
    guard.on = False
