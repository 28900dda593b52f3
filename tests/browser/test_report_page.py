"""The report in a real browser: mouse and keyboard, phones, dark theme, without script, and on paper."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

VIEWS = ["view-executive", "view-lead", "view-team"]
NARROW = {"width": 360, "height": 740}

# Text colour against the first background behind it that is not transparent, as WCAG 2 computes contrast.
CONTRAST = """() => {
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const f = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const behind = node => {
    for (let each = node; each; each = each.parentElement) {
      const color = numbers(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] > 0) { return color; }
    }
    return [255, 255, 255];
  };
  const bad = [];
  let checked = 0;
  for (const node of document.querySelectorAll('body *')) {
    const own = Array.from(node.childNodes).some(each => each.nodeType === 3 && each.data.trim());
    if (!own || !node.getClientRects().length || node.closest('script, style')) { continue; }
    const style = getComputedStyle(node);
    const isDrawn = node.closest('svg') !== null && node.tagName === 'text';
    if (node.closest('svg') !== null && !isDrawn) { continue; }
    const ink = light(numbers(isDrawn ? style.fill : style.color)), paper = light(behind(node));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    checked += 1;
    const description = [node.tagName, node.className, ratio.toFixed(2), node.textContent.slice(0, 40)];
    if (ratio < 4.5) { bad.push(description.join(' ')); }
  }
  return [checked, bad];
}"""


@pytest.fixture
def full(open_page: Callable[..., Any]) -> Any:
    return open_page()


def test_the_page_sends_no_requests_and_reports_no_errors(full: Any) -> None:
    for name in ("lead", "team", "executive"):
        full.page.click(f"#tab-{name}")
    assert [each for each in full.requests if not each.startswith("file:")] == []
    assert len(full.requests) == 1
    assert full.errors == []


def test_the_views_switch_by_mouse_and_stay_in_the_address(full: Any) -> None:
    assert full.visible_views() == ["view-executive"]
    for name in ("lead", "team", "executive"):
        full.page.click(f"#tab-{name}")
        assert full.visible_views() == [f"view-{name}"]
        assert full.page.url.endswith(f"#{name}")
        assert full.page.get_attribute(f"#tab-{name}", "aria-selected") == "true"
        assert full.page.locator("[role=tab][aria-selected=true]").count() == 1


def test_the_views_switch_by_keyboard(full: Any) -> None:
    full.page.keyboard.press("Tab")
    assert full.page.evaluate("document.activeElement.className") == "skip"
    full.page.keyboard.press("Tab")
    assert full.page.evaluate("document.activeElement.id") == "tab-executive"
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "Home", "End"):
        full.page.keyboard.press(key)
        seen.append((full.page.evaluate("document.activeElement.id"), full.visible_views()))
    order = ["lead", "team", "executive", "team", "executive", "team"]
    assert seen == [(f"tab-{name}", [f"view-{name}"]) for name in order]
    full.page.keyboard.press("Tab")
    assert full.page.evaluate("document.activeElement.id") == "theme", "the tabs are one stop"


def test_an_address_leads_to_its_view(open_page: Callable[..., Any]) -> None:
    assert open_page(fragment="#lead").visible_views() == ["view-lead"]
    assert open_page(fragment="#capability-scoring").visible_views() == ["view-lead"]


def test_charts_are_drawn_and_have_names(full: Any) -> None:
    charts = full.page.evaluate(
        "Array.from(document.querySelectorAll('figure > svg')).map(svg => [svg.getAttribute('role'),"
        " svg.getAttribute('aria-label'), svg.querySelectorAll('path, text').length,"
        " svg.querySelector('title') !== null])"
    )
    assert len(charts) == 3 + 1 + 2, "three burn-ups, ad-hoc work, flow and cycle times"
    for role, name, marks, titled in charts:
        assert role == "img" and len(name) > 20 and titled
        assert marks > 10
    box = full.page.locator("#view-executive figure > svg").first.bounding_box()
    assert box["width"] > 300 and box["height"] > 120
    line = full.page.locator('#view-executive figure svg path[stroke="var(--done)"]').first
    assert line.evaluate("node => getComputedStyle(node).stroke") == "rgb(11, 100, 168)"


def test_controls_have_names_and_are_large_enough(full: Any) -> None:
    nameless = full.page.evaluate(
        "Array.from(document.querySelectorAll('button, a, input')).filter(e => "
        "!(e.textContent.trim() || (e.labels && e.labels.length))).length"
    )
    assert nameless == 0
    for button in full.page.locator(".tabs button").all():
        assert button.bounding_box()["height"] >= 44


def test_headings_skip_no_level(full: Any) -> None:
    levels = full.page.evaluate(
        "Array.from(document.querySelectorAll('h1,h2,h3,h4,h5,h6')).map(h => Number(h.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast_in_both_themes(theme: str, open_page: Callable[..., Any]) -> None:
    opened = open_page(color_scheme=theme)
    for name in ("executive", "lead", "team"):
        opened.page.click(f"#tab-{name}")
        opened.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        seen, bad = opened.page.evaluate(CONTRAST)
        assert seen > 40
        assert bad == []


def test_the_theme_is_switched_by_a_button(full: Any) -> None:
    def paper() -> Any:
        return full.page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert paper() == "rgb(255, 255, 255)"
    full.page.click("#theme")
    assert paper() == "rgb(13, 17, 23)"
    full.page.click("#theme")
    assert paper() == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", ["full", "crowded", "empty"])
def test_nothing_overflows_on_a_phone(name: str, open_page: Callable[..., Any]) -> None:
    opened = open_page(name, viewport=NARROW)
    for view in ("executive", "lead", "team"):
        opened.page.click(f"#tab-{view}")
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert opened.errors == []


def test_a_row_on_a_phone_labels_its_cells(open_page: Callable[..., Any]) -> None:
    opened = open_page(viewport=NARROW, fragment="#lead")
    row = opened.page.locator("#capability-model")
    labels = row.locator("td").evaluate_all(
        "cells => cells.map(c => getComputedStyle(c, '::before').content)"
    )
    assert labels[:3] == ['"Team"', '"State"', '"Done"']
    assert row.get_attribute("role") == "row"


def test_two_hundred_capabilities_stay_usable(open_page: Callable[..., Any]) -> None:
    opened = open_page("crowded", fragment="#lead")
    rows = opened.page.locator("#capabilities tbody tr")
    assert rows.count() == 200
    opened.page.fill("#filter", "number 13")
    assert opened.page.locator("#capabilities tbody tr:visible").count() == 11
    assert opened.page.inner_text("#filtered") == "11 of 200"
    opened.page.fill("#filter", "")
    assert opened.page.locator("#capabilities tbody tr:visible").count() == 200
    spent = opened.page.evaluate(
        "() => { const t = performance.now(); document.getElementById('tab-executive').click();"
        " document.body.offsetHeight; return performance.now() - t; }"
    )
    assert spent < 2_000
    assert opened.page.evaluate("document.documentElement.scrollHeight") < 12_000
    assert opened.errors == []
    assert len(opened.page.content()) < 1_000_000


def test_without_script_everything_is_readable(open_page: Callable[..., Any]) -> None:
    opened = open_page(java_script_enabled=False)
    for name in VIEWS:
        assert opened.page.locator(f"#{name}").is_visible()
    assert not opened.page.locator(".tabs").is_visible()
    assert opened.page.locator("h2.view-name").count() == 3
    assert opened.page.locator("h2.view-name").first.bounding_box()["height"] > 15


def test_on_paper_all_views_are_printed_in_order(full: Any) -> None:
    full.page.click("#theme")
    full.page.emulate_media(media="print")
    assert full.visible_views() == VIEWS
    assert not full.page.locator(".tabs").is_visible()
    assert full.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    full.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert full.page.locator("details:not([open])").count() == 0
    full.page.set_viewport_size({"width": 690, "height": 1000})
    assert full.page.evaluate("document.documentElement.scrollWidth") <= 690, "A4 with its margins"


def test_hostile_text_is_shown_without_effect(full: Any) -> None:
    full.page.wait_for_timeout(0)
    assert full.errors == []
    assert full.page.locator("img, iframe, object, embed, form").count() == 0
    assert full.page.locator("script").count() == 1
    assert "<script>alert(1)</script>" in full.page.inner_text("#goal-long h4")


def test_the_content_security_policy_blocks_injected_content(full: Any) -> None:
    full.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.slipped = 1';"
        " document.body.append(s);"
        " const i = new Image(); i.src = 'https://evil.test/x'; document.body.append(i); }"
    )
    assert full.page.evaluate("window.slipped") is None
    assert [each for each in full.requests if "evil.test" in each] == []
