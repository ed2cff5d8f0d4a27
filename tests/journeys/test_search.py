"""Searches as people do them."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import PHONE

pytestmark = pytest.mark.browser

BOSTON = {"latitude": 42.360123, "longitude": -71.058456}


def asked(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")


def is_wider_than_its_window(page):
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_search_by_zip_code_gives_centers_and_specialists(visit):
    page = visit("/")
    page.get_by_label("City and state, ZIP code or address").fill("02139")
    page.get_by_label("An adult, 40 or older").check()
    page.get_by_role("button", name="Find care").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Leukemia care near ZIP 02139 (Cambridge, MA)")
    assert asked(page) == {"near": "02139", "who": "adult"}
    first = page.locator("#centers .card").first
    expect(first.get_by_role("link", name="Massachusetts General", exact=False).first).to_be_visible()
    expect(page.locator("#centers").get_by_role("link", name="Dana-Farber Cancer Institute").first).to_be_visible()
    expect(first.locator(".distance")).to_have_text(re.compile(r"^\d+(\.\d)? miles?$"))
    expect(page.locator("#specialists .card").first).to_be_visible()


def test_sources_and_dates_are_one_press_away(visit):
    card = visit("/search?near=02139&who=adult").locator("#centers .card").first
    expect(card.locator(".facts li").first).to_be_hidden()
    card.get_by_text("Sources and dates").click()

    expect(card.locator(".facts li").first).to_have_text(re.compile("^About .* from the middle of ZIP 02139"))


def test_a_card_leads_to_its_page_and_back(visit):
    page = visit("/search?near=02139&who=adult")
    name = page.locator("#centers h3").first.inner_text()
    page.get_by_role("link", name=name, exact=True).first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("heading", name="How to reach them")).to_be_visible()
    page.go_back()
    expect(page.locator("#centers .card").first).to_be_visible()


def test_a_misspelt_city_is_understood_and_said(visit):
    page = visit("/")
    page.get_by_label("City and state").fill("Albuquerqe NM")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Leukemia care near Albuquerque, NM")
    expect(page.get_by_text("Showing results for Albuquerque, NM")).to_be_visible()


def test_an_ambiguous_city_is_asked_about_and_the_answer_goes_on(visit):
    page = visit("/?who=child")
    page.get_by_label("City and state").fill("Springfield")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Which place do you mean?")
    page.get_by_role("link", name="Springfield, MO").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Leukemia care near Springfield, MO")
    assert asked(page) == {"near": "Springfield, MO", "who": "child"}


def test_change_brings_back_what_was_asked(visit):
    page = visit("/search?near=Boston,+MA&who=child&radius=50")
    page.get_by_role("link", name="Change").click()

    expect(page.get_by_label("City and state")).to_have_value("Boston, MA")
    expect(page.get_by_label("A child or teenager under 18")).to_be_checked()
    page.get_by_role("button", name="Find care").click()
    assert asked(page)["radius"] == "50"


def test_filters_narrow_the_list(visit):
    page = visit("/search?near=New+York&who=adult")
    before = page.locator(".counts").inner_text()
    page.get_by_label("NCI cancer center").check()
    page.get_by_label("Distance").select_option("25")
    page.get_by_role("button", name="Update").click()

    assert asked(page) == {"near": "New York", "who": "adult", "radius": "25", "designation": "nci"} | {
        "layer": "all",
        "sort": "distance",
    }
    assert page.locator(".counts").inner_text() != before
    expect(page.locator("#centers .card .badge").first).to_contain_text("NCI")
    expect(page.get_by_label("NCI cancer center")).to_be_checked()


def test_pages_of_the_list_are_turned(visit):
    page = visit("/search?near=New+York&who=child&layer=centers&radius=500")
    first = page.locator("#centers h3").all_inner_texts()
    page.get_by_role("link", name="More on the next page").click()

    expect(page.get_by_role("link", name="Previous page")).to_be_visible()
    assert not set(first) & set(page.locator("#centers h3").all_inner_texts())


def test_completions_are_offered_and_chosen_with_the_keyboard(visit):
    page = visit("/")
    field = page.get_by_role("combobox", name="City and state, ZIP code or address")
    field.press_sequentially("bosto")
    options = page.get_by_role("option")
    expect(options.first).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    chosen = options.first.inner_text()
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == options.first.get_attribute("id")
    field.press("Enter")

    expect(field).to_have_value(chosen)
    expect(page.get_by_role("listbox")).to_be_hidden()
    field.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Leukemia care near {chosen}")


def test_escape_closes_completions_and_keeps_what_was_typed(visit):
    page = visit("/")
    field = page.get_by_role("combobox")
    field.press_sequentially("bosto")
    expect(page.get_by_role("option").first).to_be_visible()
    field.press("Escape")

    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(field).to_have_value("bosto")


def test_a_completion_is_chosen_by_touch(visit):
    page = visit("/", viewport=PHONE, has_touch=True)
    page.get_by_role("combobox").press_sequentially("bosto")
    option = page.get_by_role("option").first
    chosen = option.inner_text()
    option.tap()

    expect(page.get_by_role("combobox")).to_have_value(chosen)


def test_my_position_is_rounded_before_it_is_sent(visit):
    page = visit("/?who=child", geolocation=BOSTON, permissions=["geolocation"])
    page.get_by_role("button", name="Use my position").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Leukemia care near you")
    assert asked(page) == {"latitude": "42.36", "longitude": "-71.06", "who": "child"}


def test_a_refused_position_is_explained_and_the_button_stays(visit):
    page = visit("/", permissions=[])
    page.get_by_role("button", name="Use my position").click()

    expect(page.locator("[data-position-error]")).to_have_text(
        "Your browser did not share your position. Type a city or ZIP code instead."
    )
    expect(page.get_by_role("button", name="Use my position")).to_be_enabled()


def test_everything_but_the_map_works_without_javascript(visit):
    page = visit("/", java_script_enabled=False)
    expect(page.get_by_role("button", name="Use my position")).to_be_hidden()
    page.get_by_label("City and state").fill("Springfield")
    page.get_by_role("button", name="Find care").click()
    page.get_by_role("link", name="Springfield, MA").click()
    expect(page.locator("#centers .card").first).to_be_visible()
    page.locator("#centers .facts summary").first.click()
    expect(page.locator("#centers .facts li").first).to_be_visible()
    page.get_by_label("Order").select_option("name")
    page.get_by_role("button", name="Update").click()

    names = page.locator("#centers ol").first.locator("h3").all_inner_texts()
    assert names == sorted(names, key=str.casefold)


def test_a_search_is_done_with_the_keyboard_alone(visit):
    page = visit("/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the main part"
    page.keyboard.press("Enter")
    assert focused(page) == "main"
    page.keyboard.press("Tab")
    assert focused(page) == "field-near"
    page.keyboard.type("02139")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("An adult, 40 or older")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("02139")
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", focused(page)
        seen.add(focused(page).split("\n")[0])
        if any("Sources and dates" in one for one in seen):
            break
    assert any(re.match(r"\d{3}-\d{3}-\d{4}", one) for one in seen), "no call link was reached"
    page.keyboard.press("Enter")
    expect(page.locator("#centers .facts li").first).to_be_visible()


def test_mistakes_take_the_focus_and_lead_to_their_fields(visit):
    page = visit("/search?near=&radius=9999", status=422)
    assert focused(page) == "errors"
    page.get_by_role("link", name="The distance must be from 1 to 500 miles.").click()

    expect(page.get_by_label("Distance in miles")).to_be_focused()


def test_a_phone_shows_the_list_first_and_then_the_map(visit):
    page = visit("/search?near=02139&who=adult", viewport=PHONE)
    assert not is_wider_than_its_window(page)
    expect(page.get_by_label("Order")).to_be_hidden()
    page.get_by_text("Filters").click()
    expect(page.get_by_label("Order")).to_be_visible()
    tops = [page.locator(one).bounding_box()["y"] for one in (".list", ".map", ".panels")]
    assert tops == sorted(tops)
    card = page.locator("#centers .card").first
    call = card.locator(".call").bounding_box()
    sizes = [one.bounding_box() for one in card.locator(".actions a:not(.call), button, summary").all()]
    assert all(call["width"] * call["height"] > one["width"] * one["height"] for one in sizes)


def test_a_desktop_shows_filters_above_and_the_map_beside_the_list(visit):
    page = visit("/search?near=02139&who=adult")
    expect(page.get_by_label("Order")).to_be_visible()
    boxes = {one: page.locator(one).bounding_box() for one in (".filters", ".list", ".map")}
    assert boxes[".filters"]["y"] + boxes[".filters"]["height"] <= boxes[".list"]["y"]
    assert boxes[".map"]["x"] >= boxes[".list"]["x"] + boxes[".list"]["width"]
    page.evaluate("scrollTo({top: 3000, behavior: 'instant'})")
    expect(page.locator(".map")).to_be_in_viewport(ratio=1)


def test_paper_holds_the_list_and_the_help_but_no_map_and_no_controls(visit):
    page = visit("/search?near=02139&who=adult")
    page.emulate_media(media="print")

    for shown in (".card .call", ".card .reasons", "#foot-help", "h1", ".panels"):
        expect(page.locator(shown).first).to_be_visible()
    for gone in (".map", ".filters", "nav", ".more-actions"):
        expect(page.locator(gone).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
