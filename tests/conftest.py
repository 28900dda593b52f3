"""Fences around all tests: no network but loopback, nobody's home directory, nobody's credentials."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_FOREIGN = ("GITHUB_", "GH_", "JIRA_", "INCREMENT_SYNC_")
_ALSO_FOREIGN = ("CI", "NO_COLOR", "FORCE_COLOR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_HERE = ("localhost", "127.", "::1", "0.0.0.0")  # noqa: S104 - compared, never bound


def pytest_configure() -> None:
    """altair and jsonschema build a grammar of internationalised addresses wherever it is installed. The tool for the
    list of components brings it; it takes two seconds in every process, and no schema of ours asks for it."""
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


@pytest.fixture(scope="session", autouse=True)
def _nobodys_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Variables that would lead to real trackers are taken away, and home is an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN) or name.upper() in _ALSO_FOREIGN:
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    """A test that would leave this machine fails instead, and says where it wanted to go."""
    real_connect, real_look_up = socket.socket.connect, socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _stay_here(address[0])
        real_connect(self, address)

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        _stay_here(host)
        return real_look_up(host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


@pytest.fixture(scope="session", autouse=True)
def _as_configured() -> Iterator[str]:
    """Tests do not survive power cuts, so their stores need not wait for the disk. Out: what stores really use."""
    from sync.store import open as opening

    with pytest.MonkeyPatch.context() as patch:
        configured = opening.SYNCHRONOUS
        patch.setattr(opening, "SYNCHRONOUS", "OFF")
        yield configured


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    """Users open one store in a process, tests thousands; SQLAlchemy would compile every statement for each of them."""
    from sqlalchemy import Engine, create_engine, create_pool_from_url, make_url

    from sync.store import open as opening

    elder, compiled = create_engine("sqlite://"), {}
    elder.connect().close()  # a dialect learns about its database with the first connection

    def create(url: Any, *, hide_parameters: bool, **options: Any) -> Engine:
        if make_url(url).get_backend_name() != "sqlite":
            return create_engine(url, hide_parameters=hide_parameters, **options)
        pool, keep = create_pool_from_url(url, **options), {"compiled_cache": compiled}
        return Engine(pool, elder.dialect, url, hide_parameters=hide_parameters, execution_options=keep)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "create_engine", create)
        yield
    elder.dispose()


@pytest.fixture
def durable(_as_configured: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores opened in this test are as safe as those of users."""
    monkeypatch.setattr("sync.store.open.SYNCHRONOUS", _as_configured)


def _stay_here(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    # ``.invalid`` can never be found anywhere (RFC 2606): good for tests of hosts that are not there.
    if name and not name.startswith(_HERE):
        raise OSError(f"a test wanted to reach {name}; tests stay on this machine")


class _Guard:
    """Refuses to open files in the real home. An audit hook cannot be taken away, only switched off."""

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
            raise PermissionError(f"a test wanted to open {path}; tests leave the real home alone")


@pytest.fixture(scope="session", autouse=True)
def _the_real_home_stays_untouched(_nobodys_environment: None) -> Iterator[None]:
    import pwd

    guard = _Guard(Path(pwd.getpwuid(os.getuid()).pw_dir))
    sys.addaudithook(guard)
    yield
    guard.on = False
