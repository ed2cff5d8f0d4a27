"""Looking things up with a real browser: with and without JavaScript, on the smallest screen, in any colors."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser
SMALLEST = {"width": 320, "height": 640}
PAGES = [
    "/guidance?q=bone+marow",
    "/es/guidance?q=medula",
    "/guidance?q=zzzzqq",
    "/glossary",
    "/es/facts",
    "/es/guidance/what-is-all",
]


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_wrong_and_nothing_scrolls_sideways(visit, path):
    for scheme, viewport in (("light", DESKTOP), ("dark", SMALLEST)):
        page = visit(path, color_scheme=scheme, viewport=viewport)
        result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_misspelled_word_is_found_without_javascript(visit):
    page = visit("/guidance", java_script_enabled=False, viewport=PHONE)

    page.get_by_label("Search the guidance").last.fill("lukemia cells")
    page.get_by_role("button", name="Search").click()

    expect(page.get_by_text("We looked for “leukemia cells”.")).to_be_visible()
    page.locator(".words a").first.click()
    expect(page.locator(f".entry[id='{page.url.partition('#')[2]}']")).to_be_in_viewport()


def test_a_word_leads_to_its_meaning_and_back_without_javascript(visit):
    page = visit("/guidance/what-is-all", java_script_enabled=False, viewport=PHONE)
    word = page.locator("a.word").first

    word.click()
    meaning = page.locator(word.get_attribute("href"))
    expect(meaning).to_be_in_viewport()
    meaning.locator(".back").click()

    expect(word).to_be_in_viewport()


def test_the_bars_of_the_chart_are_as_long_as_their_figures_in_every_scheme(visit):
    for options in ({"viewport": SMALLEST}, {"color_scheme": "dark"}, {"forced_colors": "active"}):
        page = visit("/facts", **options)
        widths = page.locator(".chart-bar").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
        rates = [float(text) for text in page.locator(".chart-table td").all_text_contents()]
        assert widths == pytest.approx([rate / max(rates) * max(widths) for rate in rates], abs=1)
        seen = "one => [getComputedStyle(one).fill, getComputedStyle(document.body).backgroundColor]"
        bar, ground = page.locator(".chart-bar").first.evaluate(seen)
        assert re.findall(r"\d+", bar)[:3] != re.findall(r"\d+", ground)[:3]


def test_a_printed_page_keeps_the_meanings_and_the_chart(visit):
    page = visit("/guidance/what-is-all")
    page.emulate_media(media="print")

    expect(page.locator(".words-here dd").first).to_be_visible()
    expect(page.locator(".words-here .back").first).to_be_hidden()
    page.goto("/facts")
    expect(page.locator(".chart")).to_be_visible()
