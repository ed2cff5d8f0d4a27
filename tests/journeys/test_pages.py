"""Every kind of page by axe-core, at every width, with large text, without motion and in the reader's own colors."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

PAGES = {
    "/": 200,
    "/search?near=02139&who=adult": 200,
    "/search?near=Miles+City,+MT&who=young-adult": 200,
    "/search?near=Springfield": 200,
    "/search?near=qqqqzzzz": 200,
    "/search?near=London,+UK": 200,
    "/search?near=&radius=0&layer=x&offers=y": 422,
    "/centers": 200,
    "/centers/dana-farber": 200,
    "/specialists/1003819269": 200,
    "/guidance": 200,
    "/guidance/what-to-do-first": 200,
    "/help": 200,
    "/about": 200,
    "/privacy": 200,
    "/nothing": 404,
}
# The smallest screens that WCAG names, and a phone, a tablet and a desktop between 320 and 1280.
WIDTHS = (320, 360, 768, 1024, 1280)
LARGE_TARGETS = (
    "button, summary, select, input:not([type=hidden], [type=radio], [type=checkbox]), .choice, a.button, nav a, "
    ".more-actions a, .choices a, .links a, .brand"
)
SMALL = """selector => [...document.querySelectorAll(selector)]
    .filter(one => one.getClientRects().length && !one.closest('.folium-map, .map-foot'))
    .filter(one => one.getBoundingClientRect().height < 43.5)
    .map(one => one.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_wrong(visit, path):
    for scheme, viewport in (("light", DESKTOP), ("dark", PHONE)):
        page = visit(path, PAGES[path], color_scheme=scheme, viewport=viewport)
        options = {"rules": {"target-size": {"enabled": True}}}
        result = Axe().run(page, options=options)
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_even_with_text_twice_as_large(visit, path):
    page = visit(path, PAGES[path])
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for size in ("", "225%"):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, text {size}"


@pytest.mark.parametrize("path", PAGES)
def test_whatever_is_pressed_is_large_enough_for_a_thumb(visit, path):
    page = visit(path, PAGES[path], viewport=PHONE)

    assert page.evaluate(SMALL, LARGE_TARGETS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_ring_has_two_colors(visit, scheme):
    page = visit("/", color_scheme=scheme)
    for target in ("a.skip", ".brand", "#field-near", "input[type=radio]", "button[type=submit]", ".links a"):
        page.keyboard.press("Tab")
        page.locator(target).first.focus()
        ring = page.locator(target).first.evaluate(
            "one => [getComputedStyle(one).outlineColor, getComputedStyle(one).boxShadow]"
        )
        assert "rgb" in ring[1]
        assert ring[0] not in ring[1]


def test_nothing_moves_for_a_reader_who_asked_for_stillness(visit):
    page = visit("/search?near=02139", reduced_motion="reduce")

    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    moving = "[...document.querySelectorAll('body *')].filter(one => getComputedStyle(one).animationName !== 'none')"
    assert page.evaluate(f"{moving}.length") == 0


def test_forced_colors_keep_borders_around_what_is_pressed(visit):
    page = visit("/search?near=02139", forced_colors="active")

    for one in (".card", "a.call", ".pin-number"):
        assert page.locator(one).first.evaluate("one => getComputedStyle(one).borderStyle") == "solid"


def test_the_contents_of_a_guidance_page_lead_to_its_headings(visit):
    page = visit("/guidance")
    paths = [link.get_attribute("href") for link in page.locator(".page-links a").all()]
    for path in paths:
        page.goto(path)
        link = page.locator(".contents a").first
        if link.count():
            link.click()
            expect(page.locator(link.get_attribute("href"))).to_be_in_viewport()
            return
    pytest.fail("no guidance page has contents")
