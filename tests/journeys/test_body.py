"""The model of the body in a real browser: with WebGL (drawn in software), without it, and when it is lost."""

import re
import shutil
import time
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.journeys.conftest import CHROMIUM, DESKTOP, PHONE
from tests.journeys.test_pages import LARGE_TARGETS, SMALL, WIDTHS

pytestmark = pytest.mark.browser

STEPS = ["healthy", "change", "copies", "crowded", "blood", "spread", "remission"]
STILL = {"reduced_motion": "reduce"}
WITHOUT_3D = pytest.mark.parametrize("chromium", ["--disable-3d-apis"], indirect=True)
SLOW = 60_000  # Software draws slowly, and tests share the processors.


@pytest.fixture(scope="module")
def chromium(request):
    """A browser that draws WebGL in software, or with the option that a test names."""
    option = getattr(request, "param", "--enable-unsafe-swiftshader")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=[*CHROMIUM, option]
        )
        yield browser
        browser.close()


@pytest.fixture
def start(visit):
    """Open the page and show the model, or what stands in for it."""

    def start(path="/body", mode="scene", **options):
        page = visit(path, **{"viewport": PHONE} | options)
        page.locator(".body-start").click()
        expect(page.locator(f'#body[data-mode="{mode}"] .body-now h3')).to_be_visible(timeout=SLOW)
        return page

    return start


def go(page, number):
    """Move the slider to a step, counted from 1."""
    page.locator("#body-step").fill(str(number))
    expect(page.locator("#body")).to_have_attribute("data-step", STEPS[number - 1])


def drawn(page):
    """Return what the stage shows, once the browser has drawn what was asked."""
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")  # A press scrolls, by parts of a pixel too.
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator(".body-stage").screenshot(timeout=SLOW)


def until(page, wanted):
    """Return what the stage shows as soon as it is as wanted; software may take a while to show what was drawn."""
    deadline = time.monotonic() + SLOW / 1_000
    while not wanted(shown := drawn(page)):
        assert time.monotonic() < deadline, "the stage never showed what was asked"
    return shown


def rested(page):
    """Return what the stage shows once it no longer changes."""
    seen = [drawn(page)]
    return until(page, lambda shown: seen.append(shown) or seen[-1] == seen[-2])


def title(page):
    return page.locator(".body-now h3")


def is_sound(page):
    result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
    assert result.violations_count == 0, result.generate_report()
    assert page.evaluate(SMALL, LARGE_TARGETS) == []


def test_nothing_of_the_model_is_fetched_before_the_reader_asks_and_little_then(visit):
    page = visit("/body", viewport=PHONE)
    answers = []

    def keep(answer):
        answers.append(answer)

    page.on("response", keep)
    page.reload(wait_until="networkidle")
    before = [answer.url for answer in answers]

    page.locator(".body-start").click()
    expect(page.locator("#body[data-mode]")).to_be_visible(timeout=SLOW)
    after = [answer.url for answer in answers[len(before) :]]

    assert not [url for url in before if "body.js" in url]
    assert [url.rpartition("/")[2] for url in after] == ["body.js"]
    own = [answer for answer in answers if answer.url.endswith(("/body", "body.js", "body.css"))]
    assert len(own) == 3
    assert sum(answer.request.sizes()["responseBodySize"] for answer in own) < 200_000


def test_a_model_that_cannot_be_fetched_can_be_asked_for_again(chromium, live_server):
    context = chromium.new_context(base_url=live_server, viewport=PHONE)
    page = context.new_page()
    page.goto("/body")
    context.set_offline(True)
    page.locator(".body-start").click()
    expect(page.locator(".body-message")).to_contain_text("could not be loaded")
    expect(page.locator(".body-controls")).to_be_hidden()

    context.set_offline(False)
    page.locator(".body-start").click()

    expect(page.locator("#body[data-mode] .body-now h3")).to_be_visible(timeout=SLOW)
    context.close()


def test_every_step_can_be_reached_with_the_keyboard_alone(visit):
    page = visit("/body", viewport=PHONE, **STILL)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(".body-start:focus").count():
            break
    page.keyboard.press("Enter")
    expect(page.locator(".body-view")).to_be_focused(timeout=SLOW)

    while not page.locator("#body-step:focus").count():
        page.keyboard.press("Tab")
    titles = [title(page).inner_text()]
    for number in range(2, 8):
        page.keyboard.press("ArrowRight")
        expect(page.locator("#body-step")).to_have_attribute("aria-valuetext", f"Step {number} of 7")
        titles.append(title(page).inner_text())
    assert titles == page.locator(".body-words h3").all_inner_texts()

    page.keyboard.press("Tab")
    expect(page.locator('[data-go="1"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#body")).to_have_attribute("data-step", "remission")
    expect(page.locator('[data-go="1"]')).to_be_focused()
    page.locator('[data-go="-1"]').press("Enter")
    expect(page.locator("#body")).to_have_attribute("data-step", "spread")


def test_the_arrow_keys_turn_the_model_and_plus_and_minus_move(start):
    page = start(**STILL)
    page.locator(".body-view").press("x")  # From here on the focus can be seen, and is part of each view.
    views = [rested(page)]
    first = page.locator("#body").get_attribute("data-eye")
    for key in ("ArrowLeft", "ArrowUp", "+"):
        page.locator(".body-view").press(key)
        views.append(until(page, lambda shown: shown not in views))

    page.locator(".body-view").press("-")
    until(page, lambda shown: shown == views[2])
    page.locator('[data-do="closer"]').click()
    close = until(page, lambda shown: shown not in views)
    page.locator('[data-do="reset"]').click()
    until(page, lambda shown: shown != close)
    # Where the eye is, and not each point: after a press of a button the ring of the focus is drawn otherwise.
    expect(page.locator("#body")).to_have_attribute("data-eye", first, timeout=SLOW)


def test_a_drag_turns_the_model(start):
    page = start(**STILL)
    before = rested(page)
    box = page.locator(".body-view").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=4)
    page.mouse.up()

    until(page, lambda shown: shown != before)
    assert page.locator(".body-view").evaluate("one => getComputedStyle(one).touchAction") == "pan-y"


def test_the_model_moves_until_it_is_paused(start):
    page = start()
    before = drawn(page)
    until(page, lambda shown: shown != before)

    page.get_by_role("button", name="Pause").click()
    still = rested(page)
    page.wait_for_timeout(1_000)
    assert drawn(page) == still

    page.get_by_role("button", name="Move").click()
    until(page, lambda shown: shown != still)


def test_nothing_moves_for_a_reader_who_asked_for_stillness_and_steps_jump(start):
    page = start(**STILL)

    expect(page.locator('[data-do="pause"]')).to_be_hidden()
    first = rested(page)
    page.wait_for_timeout(1_000)
    assert drawn(page) == first
    go(page, 4)
    until(page, lambda shown: shown != first)
    fourth = rested(page)
    page.wait_for_timeout(1_000)
    assert drawn(page) == fourth


def test_the_model_rests_while_it_is_out_of_sight(start):
    page = start()
    counted = """() => {
        window.frames_drawn = 0;
        const draw = WebGL2RenderingContext.prototype.clear;
        WebGL2RenderingContext.prototype.clear = function (...all) {
            window.frames_drawn++;
            return draw.apply(this, all);
        };
    }"""
    page.evaluate(counted)
    page.wait_for_function("window.frames_drawn > 1", timeout=SLOW)

    page.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    page.wait_for_timeout(1_500)
    resting = page.evaluate("window.frames_drawn")
    page.wait_for_timeout(1_500)
    assert page.evaluate("window.frames_drawn") == resting

    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    page.wait_for_function("before => window.frames_drawn > before", arg=resting, timeout=SLOW)


def test_each_place_is_a_button_that_tells_the_test_that_looks_there(start):
    page = start(**STILL)
    expect(page.locator(".body-spots")).to_be_hidden()
    go(page, 6)
    for name, test in (("Brain and spinal cord", "lumbar puncture"), ("Lymph nodes", "CT scan"), ("Testes", "exam")):
        button = page.locator(".body-spots").get_by_role("button", name=name)
        button.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(button).to_be_focused()
        expect(page.locator(".body-place h3")).to_have_text(name)
        expect(page.locator(".body-place")).to_contain_text(test)
        expect(page.locator(".body-now")).to_be_hidden()
    page.locator('.body-spots [aria-pressed="true"]').press("Enter")
    expect(page.locator(".body-now")).to_be_visible()


def test_the_buttons_of_the_places_do_not_cover_each_other(start):
    page = start(viewport={"width": 320, "height": 700}, **STILL)
    go(page, 6)
    for place in (None, "testes", "cns"):
        if place:
            page.locator(f'.body-spots [data-place="{place}"]').click()
        drawn(page)
        boxes = [one.bounding_box() for one in page.locator(".body-spots button").all()]
        for upper, lower in pairwise(boxes):
            assert upper["y"] + upper["height"] <= lower["y"]


def test_high_contrast_and_names_can_be_switched(start):
    page = start(**STILL)
    plain = rested(page)
    names = page.locator(".body-names .is-shown")
    assert {"Bone", "Blood vessel"} <= set(names.all_inner_texts())

    page.get_by_role("button", name="High contrast").click()
    strong = until(page, lambda shown: shown != plain)
    expect(page.get_by_role("button", name="High contrast")).to_have_attribute("aria-pressed", "true")
    flat = "getComputedStyle(document.getElementById('body')).getPropertyValue('--body-flat').trim()"
    assert page.evaluate(flat) == "1"
    page.get_by_role("button", name="High contrast").click()
    until(page, lambda shown: shown != strong)
    assert page.evaluate(flat) == "0"
    page.get_by_role("button", name="Names").click()
    expect(names.first).to_be_hidden()


def test_forced_colors_reach_the_model_and_the_pictures(start):
    page = start(forced_colors="active", **STILL)

    assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--body-flat').trim()") == "1"
    fill = page.locator("#body-blast .blast").evaluate("one => getComputedStyle(one).stroke")
    assert fill == page.evaluate("getComputedStyle(document.body).color")
    assert page.locator(".body-names .is-shown").count() >= 3


@WITHOUT_3D
def test_without_webgl_the_pictures_step_by_and_the_page_says_so(start):
    page = start(mode="pictures")

    expect(page.locator(".body-message")).to_contain_text("This browser cannot show the 3D model.")
    expect(page.locator(".body-view")).to_be_hidden()
    expect(page.locator("#body-step")).to_be_focused()
    shown = []
    for number in range(1, 8):
        go(page, number)
        expect(page.locator(".body-poster .body-picture")).to_be_visible()
        shown.append(page.locator(".body-poster").inner_html())
    assert len(set(shown)) == 7
    go(page, 6)
    page.locator('.body-spots [data-place="nodes"]').click()
    expect(page.locator(".body-place h3")).to_have_text("Lymph nodes")
    is_sound(page)


def test_when_the_graphics_stop_the_pictures_stand_in_and_the_model_comes_back(start):
    page = start(**STILL)
    go(page, 3)
    canvas = page.locator(".body-view canvas")
    canvas.evaluate("one => (window.loss = one.getContext('webgl2').getExtension('WEBGL_lose_context')) && null")
    page.evaluate("loss.loseContext()")
    expect(page.locator(".body-message")).to_contain_text("The 3D model has stopped.")
    expect(page.locator(".body-poster .body-picture")).to_be_visible()
    go(page, 4)

    page.evaluate("loss.restoreContext()")
    expect(page.locator('#body[data-mode="scene"]')).to_be_visible(timeout=SLOW)
    expect(page.locator(".body-message")).to_be_empty()
    expect(page.locator("#body")).to_have_attribute("data-step", "crowded")
    expect(page.locator(".body-poster")).to_be_hidden()


@pytest.mark.parametrize("path", ["/body", "/es/body"])
def test_axe_finds_nothing_wrong_before_and_with_the_model(start, visit, path):
    for scheme, viewport in (("light", DESKTOP), ("dark", PHONE)):
        is_sound(visit(path, color_scheme=scheme, viewport=viewport))
    page = start(path, color_scheme="dark", **STILL)
    for number in (4, 6):
        go(page, number)
        drawn(page)
        is_sound(page)


@pytest.mark.parametrize("path", ["/body", "/es/body"])
def test_it_never_scrolls_sideways_even_with_text_twice_as_large(start, path):
    page = start(path, **STILL)
    go(page, 6)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for size in ("", "225%"):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, text {size}"


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_jumps_while_the_page_or_the_model_loads(start, viewport):
    page = start(viewport=viewport, **STILL)
    shifts = page.evaluate("""() => new Promise(done => {
        let sum = 0;
        new PerformanceObserver((list) => {
            for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value;
        }).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(sum), 300);
    })""")

    assert shifts < 0.01


def test_without_javascript_every_step_has_its_picture_and_its_words(visit):
    page = visit("/body", java_script_enabled=False, viewport=PHONE)

    expect(page.locator(".body-start")).to_be_hidden()
    expect(page.locator("noscript p")).to_have_text(re.compile("The model needs JavaScript."))
    expect(page.locator("noscript p")).to_be_visible()
    assert page.locator(".body-frame .body-picture:visible").count() == 7
    assert page.locator(".body-words h3:visible").count() == 7


def test_on_paper_the_pictures_and_words_stay_and_the_controls_go(start):
    page = start(**STILL)
    page.emulate_media(media="print")

    expect(page.locator(".body-stage")).to_be_hidden()
    expect(page.locator(".body-controls")).to_be_hidden()
    assert page.locator(".body-frame .body-picture:visible").count() == 7
    assert page.locator(".body-words h3:visible").count() == 7
