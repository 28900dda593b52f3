"""One browser and one set of pages for all browser tests. Without a browser they are skipped; with
``INCREMENT_SYNC_REQUIRE_BROWSER=1`` they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.report_world import HOSTILE, crowded, empty, report_data

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = os.environ.get("INCREMENT_SYNC_REQUIRE_BROWSER") == "1"
"""Read at import, because a fixture of all tests removes our environment variables."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no browser on the path (looked for {', '.join(_NAMES)})"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        # Inside containers Chromium cannot build its sandbox; the pages are our own.
        opened = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return name -> file. ``full`` has hostile text in all texts from people."""
    from sync.insights.report.html import render_html

    folder = tmp_path_factory.mktemp("pages")
    reports = {"full": report_data(HOSTILE), "crowded": crowded(200), "empty": empty()}
    paths = {name: folder / f"{name}.html" for name in reports}
    for name, data in reports.items():
        paths[name].write_text(render_html(data), encoding="utf-8")
    return paths


class OpenPage:
    """A page with the requests that it sent and the errors that it reported."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.route("**/*", self._route)
        page.on("console", lambda message: self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        self._address = path.as_uri()

    def _route(self, route: Any) -> None:
        self.requests.append(route.request.url)
        route.continue_()

    def go(self, fragment: str = "") -> OpenPage:
        self.page.goto(self._address + fragment)
        return self

    def visible_views(self) -> list[str]:
        names: list[str] = self.page.evaluate(
            "Array.from(document.querySelectorAll('.view')).filter(v => v.offsetHeight > 0).map(v => v.id)"
        )
        return names


@pytest.fixture
def open_page(browser: Any, pages: dict[str, Path]) -> Iterator[Callable[..., OpenPage]]:
    """Return a function that opens a page by name; its options are those of a new browser context."""
    contexts: list[Any] = []

    def opened(name: str = "full", fragment: str = "", **options: Any) -> OpenPage:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        return OpenPage(context.new_page(), pages[name]).go(fragment)

    yield opened
    for context in contexts:
        context.close()
