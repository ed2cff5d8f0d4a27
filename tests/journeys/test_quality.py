"""The five pages that matter most, in both languages: for every eye, hand, screen and connection."""

import json
import os
import re
import shutil
import subprocess
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE

PAGES = ["/", "/search?near=02139&who=adult", "/centers/dana-farber", "/guidance/what-to-do-first", "/help"]
BOTH = [prefix + path for path in PAGES for prefix in ("", "/es")]
# 320 px is also what a window of 1280 px shows at 400 %.
NARROW = {"width": 320, "height": 256}
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifts.push(one.value);
}).observe({ type: "layout-shift", buffered: true });
"""
HEADINGS = """[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
    .filter((one) => one.getClientRects().length)
    .map((one) => Number(one.tagName[1]))"""
FOCUS = """() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return [document.activeElement.outerHTML.slice(0, 90), outlineStyle, parseFloat(outlineWidth)];
}"""
UNSEEN_PICTURES = """[...document.querySelectorAll("svg.icon")]
    .filter((one) => one.getClientRects().length)
    .filter((one) => {
        const around = getComputedStyle(one.closest("a, button, header, main"));
        return getComputedStyle(one).color === around.backgroundColor;
    })
    .map((one) => one.parentElement.outerHTML.slice(0, 120))"""
OTHER_PAGES = [
    "/offline",
    "/questions",
    "/records",
    "/search?near=02139&who=child",
    "/search?near=Alpine+TX&who=young-adult",
    "/search?near=Springfield",
    "/search?near=xyzzyx",
    "/search?near=&radius=0",
    "/shared-care?near=Alpine+TX",
    "/shortlist",
    "/shortlist?ids=center-dana-farber,center-mayo-rochester",
    "/first-call?ids=center-dana-farber",
    "/report/centers/dana-farber",
    "/specialists/1003819269",
    "/nothing-here",
]


def plain(address):
    """Return an address without its server and language, its query in one spelling."""
    parts = urlsplit(address)
    return re.sub(r"^/es/", "/", parts.path), parse_qs(parts.query)


@pytest.mark.browser
@pytest.mark.parametrize("path", BOTH)
def test_axe_finds_nothing_wrong_in_either_language_even_in_forced_colors(visit, path):
    for options in ({"viewport": PHONE}, {"viewport": DESKTOP, "forced_colors": "active"}):
        result = Axe().run(visit(path, **options), options={"rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.browser
@pytest.mark.parametrize("path", BOTH)
def test_a_window_of_320_pixels_shows_everything_without_scrolling_sideways(visit, path):
    page = visit(path, viewport=NARROW)
    for fold in page.locator("main details:not([open]) > summary").all()[:4]:
        fold.click()

    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    covered = "document.querySelector('h1').getBoundingClientRect().width"
    assert 0 < page.evaluate(covered) <= 320


@pytest.mark.browser
@pytest.mark.parametrize("path", BOTH)
def test_headings_step_down_one_level_at_a_time(visit, path):
    levels = visit(path).evaluate(HEADINGS)

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@pytest.mark.browser
@pytest.mark.parametrize("path", BOTH)
def test_the_focus_and_the_pictures_are_seen_in_forced_colors(visit, path):
    page = visit(path)
    page.emulate_media(forced_colors="active")
    for _ in range(25):
        page.keyboard.press("Tab")
        what, style, width = page.evaluate(FOCUS)
        assert style != "none", what
        assert width >= 2, what

    assert page.evaluate(UNSEEN_PICTURES) == []


@pytest.mark.browser
@pytest.mark.parametrize("path", BOTH)
def test_the_language_is_switched_by_keyboard_to_the_same_page_and_the_way_on_begins_at_its_top(visit, path):
    page = visit(path)
    before = page.locator("html").get_attribute("lang")
    page.locator(".other-language").focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).not_to_have_attribute("lang", before)
    page.wait_for_load_state()

    assert plain(page.url) == plain(path)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.browser
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_after_a_mistake_the_focus_stands_on_the_summary_which_leads_to_the_field(visit, prefix):
    page = visit(f"{prefix}/search?near=&who=adult", 422)
    summary = page.locator("#errors")
    expect(summary).to_be_focused()
    summary.locator("a").first.click()

    expect(page.locator("#field-near")).to_be_focused()
    expect(page.locator("#field-near")).to_have_attribute("aria-invalid", "true")


@pytest.mark.browser
@pytest.mark.parametrize("path", BOTH)
def test_nothing_moves_while_a_page_comes_over_a_slow_line_and_little_comes(visit, path):
    page = visit("/about", viewport=PHONE)
    page.add_init_script(WATCH_SHIFTS)
    line, sizes = page.context.new_cdp_session(page), []
    line.send("Network.enable")
    line.send("Network.setCacheDisabled", {"cacheDisabled": True})
    line.send("Network.emulateNetworkConditions", SLOW)
    line.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    page.goto(path, wait_until="load")
    page.wait_for_timeout(1_000)

    assert sum(page.evaluate("window.shifts")) <= 0.02
    assert len(sizes) > 2
    assert sum(sizes) <= 120_000


@pytest.fixture(scope="module")
def checker():
    """The command of the Nu HTML checker."""
    jar = os.environ.get("NU_JAR")
    if not jar or not shutil.which("java"):
        pytest.fail("NU_JAR is not set, or there is no Java; scripts/test installs both, or say --without html")
    return ["java", "-Xss4m", "-jar", jar, "--stdout", "--exit-zero-always", "--format", "json"]


@pytest.mark.html
def test_the_html_checker_finds_no_mistake_on_any_page_in_either_language(client, checker, tmp_path):
    listed = re.findall(r"<loc>https?://[^/]+(/[^<]*)</loc>", client.get("/sitemap.xml").get_data(as_text=True))
    centers = [path for path in listed if "/centers/" in path]
    # Centers differ by their facts and not by their language: one in English, the next in Spanish.
    paths = [path for path in listed if path not in centers] + centers[0::4] + centers[3::4]
    paths += [prefix + path for path in OTHER_PAGES for prefix in ("", "/es")]
    for number, path in enumerate(paths):
        (tmp_path / f"{number}.html").write_bytes(client.get(path).data)
    done = subprocess.run([*checker, str(tmp_path)], capture_output=True, text=True, check=True, timeout=300)
    told = json.loads(done.stdout)["messages"]
    mistakes = {
        (one["message"], paths[int(one["url"].rpartition("/")[2][:-5])]) for one in told if one["type"] == "error"
    }

    assert len(paths) > 300
    assert sorted(mistakes) == []


@pytest.mark.html
def test_the_html_checker_would_find_a_mistake(checker, tmp_path):
    wrong = tmp_path / "wrong.html"
    wrong.write_text('<!doctype html><html lang="en"><title>x</title><p><div role="nothing"></div>', encoding="utf-8")
    done = subprocess.run([*checker, str(wrong)], capture_output=True, text=True, check=True, timeout=60)

    assert any(one["type"] == "error" for one in json.loads(done.stdout)["messages"])
