"""From results in a rural place to the pairs and the printed checklist, in a real browser."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

FORT_KENT = "near=Fort+Kent,+ME&who=adult"
RUMFORD = "near=Rumford,+ME&who=adult"
PATHS = [f"{prefix}/shared-care{query}" for prefix in ("", "/es") for query in ("", f"?{RUMFORD}", "?near=Glasgow,+MT")]
PRINTED = """() => [...document.querySelectorAll(
    'h1, .team-far, .check-part li, .to-review, .paper p, .foot .call-line')]
    .filter(one => one.getClientRects().length).map(one => one.textContent.trim())"""


def test_results_lead_to_the_pairs_and_the_pairs_to_the_printed_checklist(visit):
    page = visit(f"/search?{FORT_KENT}")
    page.get_by_role("link", name="Share care with a doctor near you").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Shared care near Fort Kent, ME")
    expect(page.locator(".team-doctor .team-far").first).to_have_text(
        re.compile(r"\d+ miles from you · \d+ miles from this center")
    )
    page.evaluate("window.print = () => (window.printed = true)")
    page.get_by_role("button", name="Print the checklist").click()
    assert page.evaluate("window.printed")
    page.locator(".team-doctor a").first.click()
    expect(page).to_have_url(re.compile(r"/specialists/\d{10}$"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("paper", ["Letter", "A4"])
def test_the_checklist_prints_on_one_page(visit, path, paper):
    page = visit(path)

    margins = dict.fromkeys(("top", "right", "bottom", "left"), "11mm")
    made = page.pdf(format=paper, margin=margins)

    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1


def test_the_printed_page_holds_both_parts_the_nearest_team_and_help_lines_and_nothing_to_press(visit):
    page = visit(f"/shared-care?{RUMFORD}")
    page.emulate_media(media="print")

    printed = page.evaluate(PRINTED)

    assert "Shared care near Rumford, ME" in printed
    for part in (r"miles from this center", r"Who is in charge", r"back to the center", r"BCR::ABL1", r"reviewed by"):
        assert any(re.search(part, one) for one in printed), part
    assert any("The local doctor: name, direct number, fax" in one for one in printed)
    assert any(re.fullmatch(r"1-\d{3}-\d{3}-\d{4}", one) for one in printed)
    for gone in ("form.ask", "[data-print-page]", ".team .facts", ".check-part .screen"):
        expect(page.locator(gone).first).to_be_hidden()


def test_without_javascript_all_is_there_but_the_button(visit):
    page = visit(f"/shared-care?{FORT_KENT}", java_script_enabled=False)

    expect(page.locator(".team").first).to_be_visible()
    expect(page.locator(".check-part")).to_have_count(4)
    expect(page.locator("[data-print-page]")).to_be_hidden()
    page.locator("#field-near").fill("Rumford, ME")
    page.get_by_role("button", name="Find care").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shared care near Rumford, ME")


def test_use_my_position_stays_with_shared_care(visit):
    position = {"latitude": 47.2587, "longitude": -68.5895}
    page = visit("/shared-care", geolocation=position, permissions=["geolocation"])

    page.get_by_role("button", name="Use my position").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Shared care near you")
    assert "/shared-care?latitude=47.26&longitude=-68.59" in page.url


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_wrong_in_light_and_dark(visit, path):
    for scheme, viewport in (("light", DESKTOP), ("dark", PHONE)):
        page = visit(path, color_scheme=scheme, viewport=viewport)
        result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_scrolls_sideways_at_any_width_or_with_text_twice_as_large(visit, path):
    page = visit(path)
    for width in (320, 360, 768, 1024, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for size in ("", "225%"):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, text {size}"


def test_the_spanish_results_lead_to_the_spanish_page_and_back_to_english(visit):
    page = visit(f"/es/search?{FORT_KENT}")
    page.locator("#centers a[href*='/es/shared-care']").click()

    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.locator(".check-doctor h2")).to_have_text("Para su médico local: qué enviar")
    page.locator("a[hreflang=en]").click()
    expect(page.locator(".check-doctor h2")).to_have_text("For your local doctor: what to send")
    assert "/shared-care?near=Fort+Kent" in page.url
