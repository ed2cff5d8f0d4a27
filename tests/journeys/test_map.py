"""The map in a real browser, on a page of its own: real template, files, policy and scripts, listings of the test's."""

import json
import shutil
import threading
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, render_template_string
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from finder.settings import PROJECT, load
from finder.web import assets, languages, maps, security

pytestmark = pytest.mark.browser

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
HOSTILE = ["{{7*7}}", "</script><script>window.hit = 1</script>", "${1}", '"><img src=x onerror="window.hit = 1">']
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Map</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="{{ asset('icon.svg') }}"><link rel="stylesheet" href="{{ asset('finder.css') }}">
<link rel="stylesheet" href="{{ asset('leaflet/leaflet.css') }}"><link rel="stylesheet" href="{{ asset('map.css') }}">
</head><body><main><h1>Map</h1>
{% include "_map.html" %}
{% for pin in pins %}<div class="card" id="{{ pin.id }}" data-listing-id="{{ pin.id }}">
<a href="{{ pin.url }}">{{ pin.name }}</a> <button data-map-show="{{ pin.id }}" hidden>Show on map</button></div>
{% endfor %}
</main>
<script type="application/json" id="map-data" nonce="{{ csp_nonce() }}">{{ map_data }}</script>
<script src="{{ asset('leaflet/leaflet.js') }}"></script><script src="{{ asset('map.js') }}"></script>
<script nonce="{{ csp_nonce() }}">{{ map_shell().script }}</script></body></html>"""


def pin(n, latitude, longitude, layer="centers", name=None):
    kind = layer.rstrip("s")
    return maps.Pin(f"{kind}-{n}", layer, name or f"Place {n}", latitude, longitude, f"{n} miles", f"/{layer}/{n}", n)


NEAR_BOSTON = maps.MapPlace("02139 (Cambridge, MA)", 42.36, -71.1, "zip", 160_934.4)
BOSTON = [
    pin(1, 42.338, -71.108),
    pin(2, 42.337, -71.107),
    pin(3, 42.277, -71.762),
    pin(4, 41.811, -71.409),
    pin(5, 43.0, -71.45, "specialists"),
]
SPREAD = [pin(1, 42.34, -71.1), pin(2, 42.28, -72.5), pin(3, 43.2, -71.5, "specialists")]
ONE_CAMPUS = [pin(1, 42.338, -71.108), pin(2, 42.338, -71.108, "specialists")]
MAPS = {
    "boston": (NEAR_BOSTON, BOSTON),
    "spread": (NEAR_BOSTON, SPREAD),
    "campus": (NEAR_BOSTON, ONE_CAMPUS),
    "farther": (NEAR_BOSTON, [pin(1, 42.3, -71.2), pin(2, 34.0, -118.2)]),
    "guam": (maps.MapPlace("96910", 13.47, 144.75, "zip", 160_934.4), [pin(1, 13.45, 144.8), pin(2, 21.3, -157.9)]),
    "hostile": (
        maps.MapPlace("".join(HOSTILE), 42.36, -71.1, "zip", 1),
        [pin(n, 42 + n / 3, -71, name=text) for n, text in enumerate(HOSTILE, 1)],
    ),
    "listing": (None, [pin(1, 42.338, -71.108)]),
    "empty": (NEAR_BOSTON, []),
    "tiles": (NEAR_BOSTON, SPREAD),
}


@pytest.fixture(scope="module")
def address():
    app = Flask("map", template_folder=str(PROJECT / "templates"), static_folder=None)
    app.extensions["finder"] = SimpleNamespace(settings=load({"FINDER_RATE_LIMIT": ""}))
    for part in (security, assets):
        part.init(app)
    languages.init(app, PROJECT / "data" / "translations")

    @app.get("/<name>")
    def page(name):
        place, pins = MAPS[name]
        tiles = ("/static/any/icon.svg?{z}/{x}/{y}", "Tiles of our own") if name == "tiles" else ()
        shell = maps.shell(*tiles)
        return render_template_string(PAGE, pins=pins, map_data=maps.map_json(place, pins), map_shell=lambda: shell)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=CHROMIUM
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, address):
    """Open one of the maps; afterwards nothing may have gone wrong or left the page's own origin."""
    contexts, problems, asked = [], [], []

    def visit(name, **options):
        context = chromium.new_context(viewport={"width": 800, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/{name}")
        if options.get("java_script_enabled", True):
            page.locator(".leaflet-tile, path.state").first.wait_for(state="attached")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []
    assert [url for url in asked if not url.startswith(address)] == []


def pins_of(page):
    return page.locator(".pin")


def names_of(page):
    return [one.get_attribute("aria-label") for one in pins_of(page).all()]


def zoom_of(page):
    return page.evaluate("map_finder.getZoom()")


def test_each_pin_is_a_button_with_its_layer_number_name_and_distance(visit):
    page = visit("spread")
    assert names_of(page) == [
        "Center 1: Place 1, 1 miles",
        "Center 2: Place 2, 2 miles",
        "Specialist 3: Place 3, 3 miles",
    ]
    expect(page.get_by_role("button", name="Center 2: Place 2")).to_have_text("2")


def test_the_two_layers_differ_in_shape(visit):
    page = visit("spread")
    paths = [page.locator(f".pin-{layer} path").first.get_attribute("d") for layer in ("centers", "specialists")]
    assert paths[0] != paths[1]


def test_the_searched_place_has_its_own_mark_and_name(visit):
    page = visit("spread")
    expect(page.get_by_role("img", name="The place you searched: 02139 (Cambridge, MA)")).to_be_visible()
    expect(page.locator(".name-searched")).to_have_text("02139 (Cambridge, MA)")


def test_the_map_says_what_its_signs_mean_and_whose_its_outlines_are(visit):
    page = visit("spread")
    foot = page.locator(".map-foot")
    for text in ("Leukemia center", "Specialist", "Where you searched", "Outlines: US Census Bureau. Names: GeoNames."):
        expect(foot.get_by_text(text, exact=True)).to_be_visible()
    assert "mi" in page.locator(".leaflet-control-scale-line").inner_text()
    assert page.locator(".leaflet-control-scale-line").count() == 1


def test_a_listings_own_map_needs_no_key(visit):
    page = visit("listing")
    expect(page.locator(".map-key")).to_be_hidden()
    assert names_of(page) == ["Center 1: Place 1, 1 miles"]


def test_a_search_without_listings_shows_the_place_alone(visit):
    page = visit("empty")
    expect(page.locator(".searched")).to_be_visible()
    assert pins_of(page).count() == 0


def test_pins_that_would_cover_each_other_are_shown_as_one_that_names_them_all(visit):
    page = visit("boston")
    name = "2 close together. Center 1: Place 1, 1 miles. Center 2: Place 2, 2 miles"
    group = page.get_by_role("button", name=name)
    expect(group).to_have_text("2 here")
    assert pins_of(page).count() == 4


@pytest.mark.parametrize("name", ["boston", "spread", "guam"])
def test_no_two_pins_overlap_at_any_zoom(visit, name):
    page = visit(name, reduced_motion="reduce")
    for zoom in (3, 6, 9, 12):
        page.evaluate(f"void map_finder.setZoom({zoom})")
        boxes = [one.bounding_box() for one in pins_of(page).all()]
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                apart_x = abs(one["x"] - other["x"]) >= (one["width"] + other["width"]) / 2 - 1
                assert apart_x or abs(one["y"] - other["y"]) >= one["height"] - 1


def test_pressing_a_group_moves_closer_until_its_pins_stand_apart(visit):
    page = visit("boston", reduced_motion="reduce")
    before = zoom_of(page)
    page.locator(".pin-several").press("Enter")
    assert zoom_of(page) > before
    assert {"Center 1: Place 1, 1 miles", "Center 2: Place 2, 2 miles"} <= set(names_of(page))
    expect(page.get_by_role("button", name="Center 1")).to_be_focused()


def test_pressing_a_group_at_one_place_lists_its_members(visit):
    page = visit("campus")
    page.locator(".pin-several").click()
    popup = page.get_by_role("dialog", name="2 close together")
    expect(popup.get_by_role("listitem")).to_have_count(2)
    expect(popup.get_by_role("link", name="Place 2")).to_have_attribute("href", "/specialists/2")


def test_the_map_works_with_the_keyboard_alone(visit):
    page = visit("spread")
    map_ = page.locator(".folium-map")
    map_.focus()
    first = page.get_by_role("button", name="Center 1")
    for _ in range(3):
        page.keyboard.press("Tab")
        if first.evaluate("element => element === document.activeElement"):
            break
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    popup = page.get_by_role("dialog", name="Center 1: Place 1, 1 miles")
    expect(popup.get_by_role("link", name="Place 1")).to_be_focused()
    expect(popup).to_contain_text("1 miles")
    expect(popup.get_by_role("link", name="See it in the list")).to_have_attribute("href", "#center-1")
    page.keyboard.press("Escape")
    expect(popup).to_have_count(0)
    expect(first).to_be_focused()
    page.keyboard.press("Space")
    expect(popup).to_be_visible()


def test_closing_a_popup_with_its_button_leads_back_to_the_pin(visit):
    page = visit("spread", reduced_motion="reduce")
    page.get_by_role("button", name="Center 2").press("Enter")
    page.get_by_role("button", name="Close popup").press("Enter")
    expect(page.get_by_role("button", name="Center 2")).to_be_focused()


def test_a_pin_keeps_the_focus_when_the_zoom_changes(visit):
    page = visit("spread", reduced_motion="reduce")
    page.get_by_role("button", name="Center 2").focus()
    page.evaluate("void map_finder.zoomIn()")
    expect(page.get_by_role("button", name="Center 2")).to_be_focused()


def test_a_card_that_has_the_focus_lights_its_pin(visit):
    page = visit("spread")
    page.locator("#center-2 a").focus()
    expect(page.get_by_role("button", name="Center 2")).to_contain_class("is-highlighted")
    expect(page.locator(".pin.is-highlighted")).to_have_count(1)
    page.locator("#specialist-3").hover()
    expect(page.get_by_role("button", name="Specialist 3")).to_contain_class("is-highlighted")
    page.locator("h1").hover()
    expect(page.get_by_role("button", name="Center 2")).to_contain_class("is-highlighted")


def test_a_card_lights_the_group_that_its_pin_is_in(visit):
    page = visit("boston")
    page.locator("#center-2 a").focus()
    expect(page.locator(".pin-several")).to_contain_class("is-highlighted")


def test_a_pin_that_has_the_focus_lights_its_card(visit):
    page = visit("spread")
    page.get_by_role("button", name="Specialist 3").focus()
    expect(page.locator("#specialist-3")).to_contain_class("is-highlighted")
    expect(page.locator(".card.is-highlighted")).to_have_count(1)


def test_a_cards_button_shows_its_pin(visit):
    page = visit("farther")
    page.locator("#center-2 button").click()
    expect(page.get_by_role("dialog", name="Center 2: Place 2, 2 miles")).to_be_visible()
    expect(page.get_by_role("button", name="Center 2: Place 2")).to_be_in_viewport()


def test_pins_beyond_the_searched_distance_are_one_press_away(visit):
    page = visit("farther", reduced_motion="reduce")
    box, pin_box = (
        page.locator(".folium-map").bounding_box(),
        page.get_by_role("button", name="Center 2").bounding_box(),
    )
    assert pin_box["x"] + pin_box["width"] < box["x"], "Los Angeles is in view of a map of Boston"
    page.get_by_role("button", name="Show all pins").click()
    assert page.get_by_role("button", name="Center 2").bounding_box()["x"] > box["x"]
    expect(page.get_by_role("button", name="Show all pins")).to_be_hidden()


def test_from_guam_hawaii_is_to_the_east(visit):
    page = visit("guam")
    page.get_by_role("button", name="Show all pins").click()
    guam = page.locator(".searched").bounding_box()
    assert page.get_by_role("button", name="Center 2").bounding_box()["x"] > guam["x"]


def test_counties_are_fetched_only_when_the_map_is_close(visit):
    page = visit("farther", reduced_motion="reduce")
    page.get_by_role("button", name="Show all pins").click()
    page.evaluate("void map_finder.setZoom(4)")
    expect(page.locator("path.county")).to_be_hidden()
    fresh = visit("spread")
    asked = []
    fresh.on("request", lambda request: asked.append(request.url))
    fresh.evaluate("void map_finder.setZoom(4, {animate: false})")
    fresh.evaluate("void map_finder.setZoom(9, {animate: false})")
    expect(fresh.locator("path.county")).to_be_visible()


@pytest.mark.parametrize("number", range(1, len(HOSTILE) + 1))
def test_a_hostile_name_is_shown_as_it_is(visit, number):
    page = visit("hostile")
    text = HOSTILE[number - 1]
    assert f"Center {number}: {text}, {number} miles" in names_of(page)
    page.get_by_role("button", name=f"Center {number}:").press("Enter")
    expect(page.locator(".leaflet-popup a").first).to_have_text(text)
    mark = page.locator(".searched")
    assert mark.get_attribute("aria-label") == "The place you searched: " + "".join(HOSTILE)
    assert page.evaluate("window.hit") is None
    assert page.locator(".folium-map img, .folium-map script").count() == 0
    assert json.loads(page.locator("#map-data").inner_text())["pins"][number - 1]["name"] == text


def test_an_operators_tiles_take_the_place_of_the_outlines(visit):
    page = visit("tiles")
    expect(page.locator(".map-foot").get_by_text("Tiles of our own")).to_be_visible()
    expect(page.locator(".name-searched")).to_have_text("02139 (Cambridge, MA)")
    assert page.locator("path.state, .name-city").count() == 0
    assert len(names_of(page)) == 3


def test_reduced_motion_turns_every_animation_off(visit):
    page = visit("spread", reduced_motion="reduce")
    for option in ("zoomAnimation", "fadeAnimation", "markerZoomAnimation", "inertia"):
        assert page.evaluate(f"map_finder.options.{option}") is False
    before = page.locator(".searched").bounding_box()["x"]
    page.evaluate("void map_finder.panBy([60, 0])")
    assert page.locator(".searched").bounding_box()["x"] == pytest.approx(before - 60, abs=1)


def test_printing_leaves_the_map_out_and_keeps_the_list(visit):
    page = visit("spread")
    page.emulate_media(media="print")
    expect(page.locator(".map")).to_be_hidden()
    expect(page.locator("#center-1")).to_be_visible()


def test_without_javascript_a_sentence_stands_in_for_the_map(visit):
    page = visit("spread", java_script_enabled=False)
    expect(page.locator("noscript p")).to_have_text("The map needs JavaScript. The list is complete without it.")
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator(".folium-map")).to_be_hidden()
    expect(page.locator(".map-foot")).to_be_hidden()
    expect(page.locator("#center-1 button")).to_be_hidden()


def test_the_wheel_scrolls_the_page_until_the_map_is_pressed(visit):
    page = visit("spread")
    page.set_viewport_size({"width": 800, "height": 300})
    page.locator(".folium-map").hover()
    before = zoom_of(page)
    page.mouse.wheel(0, 400)
    expect(page.locator("h1")).not_to_be_in_viewport()
    assert zoom_of(page) == before
    page.locator(".folium-map").click(position={"x": 300, "y": 300})
    assert page.evaluate("map_finder.scrollWheelZoom.enabled()")
    page.locator("#center-1").hover()
    assert not page.evaluate("map_finder.scrollWheelZoom.enabled()")


def test_one_finger_scrolls_the_page_until_the_reader_asks_for_the_map(visit):
    page = visit("spread", has_touch=True, is_mobile=True)
    assert page.evaluate("map_finder.dragging.enabled()") is False
    assert page.locator(".folium-map").evaluate("element => getComputedStyle(element).touchAction") == "pan-x pan-y"
    assert page.evaluate("map_finder.touchZoom.enabled()") is True
    page.get_by_role("button", name="Use the map").tap()
    assert page.evaluate("map_finder.dragging.enabled()") is True
    expect(page.get_by_role("button", name="Use the map")).to_be_hidden()


def test_every_target_on_the_map_is_large_enough_for_a_finger(visit):
    page = visit("boston", has_touch=True, is_mobile=True)
    for target in page.locator(".pin, .leaflet-bar a, .map-foot button:visible").all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 43.9


def test_a_popup_on_a_phone_is_not_under_the_zoom_buttons(visit):
    page = visit("spread", has_touch=True, is_mobile=True, reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 700})
    page.locator("#center-2 button").click()
    popup = page.get_by_role("dialog").bounding_box()
    buttons = page.locator(".leaflet-control-zoom").bounding_box()
    assert popup["x"] >= buttons["x"] + buttons["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_mend_on_the_map(visit, scheme):
    page = visit("boston", color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("button", name="Specialist 5").press("Enter")
    found = Axe().run(page, context=".map").response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
