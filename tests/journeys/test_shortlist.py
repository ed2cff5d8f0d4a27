"""Keeping listings, comparing them and printing the pages for a first call, by mouse, keyboard, and without scripts."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE

pytestmark = pytest.mark.browser

FIVE = (
    "center-dana-farber,center-boston-childrens-hospital,center-city-of-hope,center-mayo-rochester,"
    "specialist-1710980735"
)
LONGEST = (
    "center-methodist-hospital-methodist-childrens-hospital-san-antonio,center-childrens-hospital-colorado,"
    "center-city-of-hope,center-dana-farber,center-mayo-rochester"
)
SMALL = {"width": 320, "height": 640}
PAGES = [
    f"/shortlist?ids={FIVE}&near=02139",
    f"/shortlist?ids={FIVE.partition(',')[0]},center-of-nowhere&near=Springfield",
    "/shortlist",
    f"/first-call?ids={FIVE}&who=child",
    "/first-call",
]
KEPT = "JSON.stringify(Object.entries(localStorage))"


def kept(page):
    """Return the ids that the browser holds; nothing but them may be there."""
    held = dict(json.loads(page.evaluate(KEPT)))
    assert set(held) <= {"shortlist"}
    assert page.evaluate("sessionStorage.length") == 0
    return json.loads(held.get("shortlist", "[]"))


def keep(page, number):
    page.locator(".card button[data-keep]").nth(number).click()


def sheets(page, size):
    """Return how many sheets a printer would take."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(format=size)))


@pytest.mark.parametrize("before", ["", "/es"])
def test_from_the_results_to_a_printed_page(visit, before):
    page = visit(f"{before}/search?near=02139&who=child", viewport=PHONE)
    tray = page.locator(".tray")
    expect(tray).to_be_hidden()

    keep(page, 0)
    keep(page, 2)
    ids = kept(page)
    assert len(ids) == 2
    assert all(one.startswith("center-") for one in ids)
    expect(tray.get_by_role("status")).to_contain_text("2")
    expect(page.locator("[data-shortlist]")).to_contain_text("(2)")

    tray.locator("a.button").click()
    expect(page).to_have_url(re.compile(rf"{before}/shortlist\?ids={','.join(ids)}&near=02139&who=child$"))
    assert page.locator(".compare tbody tr").count() == 2
    expect(page.locator(".compare")).to_contain_text("02139")

    page.locator(".head .button").first.click()
    expect(page).to_have_url(re.compile(rf"{before}/first-call\?ids={','.join(ids)}&who=child$"))
    assert page.locator(".numbers li").count() == 2
    assert kept(page) == ids
    page.evaluate("window.print = () => (document.title = 'printed')")
    page.locator("[data-print]").click()
    expect(page).to_have_title("printed")


def test_a_sixth_is_not_kept_and_one_that_is_pressed_again_is_taken_off(visit):
    page = visit("/search?near=02139")
    for number in range(6):
        keep(page, number)

    assert len(kept(page)) == 5
    expect(page.locator(".tray [role=status]")).to_contain_text("full")
    fifth = page.locator(".card button[data-keep]").nth(4)
    expect(fifth).to_have_text(re.compile("^Kept"))
    fifth.click()
    expect(fifth).to_have_text(re.compile("^Keep"))
    assert len(kept(page)) == 4


def test_the_list_is_there_on_the_next_visit_and_forgotten_on_request(visit):
    page = visit("/centers/dana-farber")
    page.locator("button[data-keep]").click()
    page.goto("/guidance")
    page.locator("[data-shortlist]").click()
    expect(page.locator(".compare tbody th")).to_have_text(re.compile("Dana-Farber"))
    page.goto("/shortlist")
    expect(page).to_have_url(re.compile("ids=center-dana-farber$"))

    page.locator("[data-forget]").click()
    expect(page).to_have_url(re.compile("/shortlist$"))
    assert kept(page) == []
    expect(page.locator(".compare")).to_have_count(0)
    page.goto("/centers/dana-farber")
    expect(page.locator("button[data-keep]")).to_have_text(re.compile("^Keep"))


def test_what_is_removed_from_the_page_is_removed_from_the_browser(visit):
    page = visit("/centers/dana-farber")
    page.locator("button[data-keep]").click()
    page.goto("/centers/boston-childrens-hospital")
    page.locator("button[data-keep]").click()
    page.locator("[data-shortlist]").click()

    page.locator("[data-remove]").first.click()
    expect(page.locator(".compare tbody tr")).to_have_count(1)
    assert kept(page) == ["center-boston-childrens-hospital"]
    page.locator("[data-remove]").first.click()
    expect(page.locator(".compare")).to_have_count(0)
    assert kept(page) == []


def test_a_list_that_somebody_sent_is_kept_only_on_request(visit):
    page = visit(f"/shortlist?ids={FIVE}")
    assert kept(page) == []

    page.locator("[data-keep-all]").click()
    expect(page.locator("[data-status]")).to_contain_text("now kept")
    assert kept(page) == FIVE.split(",")
    expect(page.locator("[data-keep-all]")).to_be_hidden()


def test_a_listing_that_is_gone_leaves_the_browser_too(visit):
    page = visit("/centers/dana-farber")
    page.evaluate("localStorage.setItem('shortlist', JSON.stringify(['center-of-nowhere', 'center-dana-farber']))")

    page.goto("/shortlist")
    expect(page.locator(".notice")).to_contain_text("not in our directory")
    assert kept(page) == ["center-dana-farber"]


@pytest.mark.parametrize("held", ["{", "7", '{"a": 1}', '["<b>", 3, null, "center-dana-farber"]'])
def test_what_the_browser_holds_may_be_broken(visit, held):
    page = visit("/about")
    page.evaluate("held => localStorage.setItem('shortlist', held)", held)

    page.goto("/centers/dana-farber")
    pressed = "Kept" if "dana" in held else "Keep"
    expect(page.locator("button[data-keep]")).to_have_text(re.compile(f"^{pressed}"))


def test_where_the_browser_keeps_nothing_the_links_stay(visit):
    page = visit("/about")
    blocked = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })"
    page.add_init_script(blocked)

    page.goto("/search?near=02139")
    assert page.locator("button[data-keep]").count() == 0
    page.locator("a[data-keep]").first.click()
    assert page.locator(".compare tbody tr").count() == 1


def test_the_link_is_copied(visit):
    page = visit(f"/shortlist?ids={FIVE}&near=02139", permissions=["clipboard-read", "clipboard-write"])
    page.locator("[data-copy]").click()

    expect(page.locator("[data-status]")).to_contain_text("copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith(f"/shortlist?ids={FIVE}")


def test_another_tab_is_told(visit):
    page = visit("/search?near=02139")
    other = page.context.new_page()
    other.goto("/shortlist")
    keep(page, 0)

    expect(other.locator("[data-shortlist]")).to_contain_text("(1)")


def test_everything_works_without_javascript(visit):
    page = visit("/search?near=02139&who=child", java_script_enabled=False, viewport=PHONE)
    page.locator(".card a[data-keep]").first.click()
    assert page.locator(".compare tbody tr").count() == 1
    for scripted in ("[data-print]", "[data-copy]", "[data-forget]", "[data-keep-all]", "[data-scripted]"):
        expect(page.locator(scripted)).to_be_hidden()
    expect(page.locator("[data-plain]")).to_be_visible()

    page.locator("#field-near").fill("Boston, MA")
    page.locator("#distances button").click()
    expect(page.locator(".compare")).to_contain_text("from the middle of Boston, MA")
    page.locator(".head .button").first.click()
    assert page.locator(".numbers .number").count() > 0
    page.locator(".readers a").nth(1).click()
    expect(page.locator(".readers [aria-current]")).to_contain_text("child")


def test_the_keyboard_keeps_compares_and_takes_off(visit):
    page = visit("/search?near=02139")
    page.locator("button[data-keep]").first.focus()
    page.keyboard.press("Enter")
    assert len(kept(page)) == 1
    assert page.evaluate("document.activeElement.dataset.keep") == kept(page)[0]

    page.locator(".tray a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".compare")).to_be_visible()
    page.locator("[data-remove]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".compare")).to_have_count(0)


def test_the_bar_at_the_foot_hides_nothing_that_has_the_focus(visit):
    page = visit("/search?near=02139", viewport=PHONE, reduced_motion="reduce")
    keep(page, 0)
    for number in range(1, 4):
        button = page.locator("button[data-keep]").nth(number)
        button.evaluate("one => { one.focus({ preventScroll: true }); one.scrollIntoView({ block: 'nearest' }); }")
        bottom = button.evaluate("one => one.getBoundingClientRect().bottom")
        assert bottom <= page.locator(".tray").evaluate("one => one.getBoundingClientRect().top")


@pytest.mark.parametrize("before", ["", "/es"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_wrong(visit, before, path):
    for scheme, viewport in (("light", DESKTOP), ("dark", PHONE)):
        page = visit(before + path, color_scheme=scheme, viewport=viewport)
        result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()


def test_axe_finds_nothing_wrong_with_kept_cards(visit):
    page = visit("/search?near=02139", viewport=PHONE)
    keep(page, 0)

    result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
    assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("before", ["", "/es"])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_at_320_pixels_or_with_large_text(visit, before, path):
    page = visit(before + path, viewport=SMALL)
    for width in (320, 360, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for size in ("", "225%"):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, text {size}"


def test_the_columns_of_a_wide_comparison_are_one_listing_each(visit):
    page = visit(f"/shortlist?ids={FIVE}&near=02139")
    rows = page.locator(".compare tbody tr")
    labels = page.locator(".compare thead th")
    tops = [labels.nth(n).evaluate("one => one.getBoundingClientRect().top") for n in range(labels.count())]
    lefts = set()
    for number in range(rows.count()):
        cells = rows.nth(number).locator("> *")
        boxes = cells.evaluate_all("all => all.map(one => one.getBoundingClientRect()).map(b => [b.left, b.top])")
        assert len({left for left, _top in boxes}) == 1, "a listing is one column"
        assert [top for _left, top in boxes] == pytest.approx(tops, abs=1.5), "each line stands beside its label"
        lefts.add(boxes[0][0])
    assert len(lefts) == 5


@pytest.mark.parametrize("size", ["A4", "Letter"])
@pytest.mark.parametrize("before", ["", "/es"])
def test_the_pack_takes_one_sheet_for_one_listing_and_two_for_five(visit, before, size):
    page = visit(f"{before}/first-call")
    assert sheets(page, size) == 1
    for who in ("", "child", "young-adult", "adult"):
        for ids, most in ((FIVE, 2), (FIVE.partition(",")[0], 1)):
            page.goto(f"{before}/first-call?ids={ids}&who={who}")
            assert 1 <= sheets(page, size) <= most, f"{who}, {ids}"


@pytest.mark.parametrize("before", ["", "/es"])
def test_the_longest_listings_of_the_directory_still_take_two_sheets(visit, before):
    page = visit(f"{before}/first-call?ids={LONGEST}")

    assert page.locator(".numbers .number").count() > 5
    assert sheets(page, "Letter") == 2


def test_the_printed_pack_has_numbers_and_words_and_nothing_of_the_screen(visit):
    page = visit(f"/first-call?ids={FIVE}&who=child")
    page.emulate_media(media="print")

    for there in (".number", ".write", ".interpreter", ".lines", ".numbers .source", "blockquote"):
        expect(page.locator(there).first).to_be_visible()
    for gone in (".top", ".foot", ".readers", ".buttons", ".tray"):
        assert page.locator(f"{gone}:visible").count() == 0
