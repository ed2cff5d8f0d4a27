"""Copies for reading without internet: only when asked for, never of a search, and gone when the reader says so."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Error, expect

from tests.journeys.conftest import PHONE

pytestmark = pytest.mark.browser

FIRST = {
    "/guidance",
    "/guidance/what-to-do-first",
    "/guidance/first-call",
    "/guidance/warning-signs",
    "/help",
    "/offline",
}
SEARCHES = (
    "/search?near=02139&who=adult",
    "/es/search?near=02139&who=child",
    "/search?latitude=42.36&longitude=-71.06",
    "/search?near=Springfield",
    "/?near=02139&who=adult",
    "/es/?near=02139",
    "/shared-care?near=Alpine+TX",
    "/es/shared-care?near=02139",
    "/shortlist?ids=center-dana-farber&near=02139",
    "/first-call?ids=center-dana-farber&who=child",
    "/guidance?near=02139",
    "/api/v1/listings?near=02139",
    "/suggest?q=bost",
    "/report/centers/dana-farber",
    "/admin/sign-in",
)
KEPT = """async () => {
    const kept = {};
    for (const name of await caches.keys()) {
        const requests = await (await caches.open(name)).keys();
        kept[name] = requests.map(({ url }) => decodeURI(url.slice(location.origin.length)));
    }
    return kept;
}"""
BODIES = """async () => {
    const bodies = [];
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) bodies.push(await (await cache.match(request)).text());
    }
    return bodies.join();
}"""
TELL = """message => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    navigator.serviceWorker.controller.postMessage(message, [port2]);
})"""
WORKERS = "async () => (await navigator.serviceWorker.getRegistrations()).length"


def kept(page, name="finder-pages"):
    return set(page.evaluate(KEPT).get(name, ()))


def kept_soon(page, wanted, name="finder-pages"):
    """Return what is kept as soon as it is what was wanted, or after ten seconds."""
    for _ in range(100):
        if kept(page, name) == wanted:
            break
        page.wait_for_timeout(100)
    return kept(page, name)


def keep(page):
    page.get_by_role("button", name=re.compile("Keep a copy|Guardar una copia")).click()
    expect(page.locator("[data-said=kept]")).to_be_visible(timeout=30_000)


def line(page):
    return page.locator("main > [data-copy]").first


def go_offline(page):
    """Cut the network of this browser, its workers included."""
    page.context.set_offline(True)


@pytest.fixture
def keeper(visit):
    """A phone whose owner pressed the button on a guidance page."""
    page = visit("/guidance/warning-signs", viewport=PHONE)
    keep(page)
    return page


def test_nothing_is_kept_before_the_reader_asks_for_it(visit):
    page = visit("/guidance/warning-signs")
    for path in ("/", "/help", "/search?near=02139", "/shortlist", "/offline", "/privacy"):
        page.goto(path)

    assert page.evaluate(KEPT) == {}
    assert page.evaluate(WORKERS) == 0


def test_the_button_keeps_the_first_pages_and_what_they_load(keeper):
    assert kept(keeper) == FIRST
    files = kept(keeper, "finder-files")
    assert {"/finder.css", "/finder.js", "/icon.svg"} <= files
    assert not [file for file in files if "map" in file]
    expect(keeper.get_by_role("button", name="Remove the copies")).to_be_focused()


def test_a_guidance_page_that_is_opened_later_is_kept_too(keeper):
    keeper.goto("/guidance/first-visit")
    assert kept_soon(keeper, FIRST | {"/guidance/first-visit"}) == FIRST | {"/guidance/first-visit"}
    keeper.goto("/centers/dana-farber")
    keeper.goto("/about")

    assert kept(keeper) == FIRST | {"/guidance/first-visit"}
    assert kept(keeper, "finder-list") == set()


def test_a_copy_is_shown_offline_with_its_date_and_looks_as_before(keeper):
    keeper.goto("/help")
    ground = "getComputedStyle(document.querySelector('.top')).backgroundColor"
    before = keeper.evaluate(ground)
    go_offline(keeper)
    keeper.goto("/guidance/what-to-do-first")
    keeper.goto("/help")

    today = datetime.now(UTC)
    expect(line(keeper)).to_have_text(
        re.compile(rf"^You are offline, .* This copy is from {today:%B} \d+, {today.year}\.$")
    )
    assert keeper.evaluate(ground) == before
    assert keeper.locator("a[href^='tel:']").count() > 5


def test_what_was_not_kept_leads_offline_to_the_help_lines_and_the_copies(keeper):
    go_offline(keeper)
    for path in ("/", "/guidance/first-visit", "/centers/dana-farber"):
        keeper.goto(path)
        expect(line(keeper)).to_contain_text("This page is not among the copies on this device.")
        expect(keeper.get_by_role("heading", level=1)).to_have_text("Without internet")
        assert keeper.locator("main a[href^='tel:']").count() > 5
    keeper.locator("[data-pages] a", has_text="When to call at once").click()

    expect(line(keeper)).to_contain_text("This copy is from")


def test_a_search_says_offline_what_the_browser_says(keeper):
    go_offline(keeper)

    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        keeper.goto("/search?near=02139")


def test_the_copies_are_in_the_readers_language(visit):
    page = visit("/es/guidance/warning-signs")
    keep(page)
    assert kept(page) == {f"/es{path}" for path in FIRST}
    go_offline(page)
    page.goto("/es/help")
    expect(line(page)).to_contain_text(re.compile(r"Esta copia es del \d+ de \w+ de \d{4}\."))
    page.goto("/es/")

    expect(line(page)).to_contain_text("Esta página no está entre las copias de este aparato.")
    assert page.evaluate("document.documentElement.lang") == "es"
    page.goto("/guidance")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sin internet")


def test_no_search_is_ever_kept_or_passes_through_the_worker(keeper):
    before, answers = keeper.evaluate(KEPT), []

    def note(answer):
        answers.append(answer)

    keeper.on("response", note)
    for path in SEARCHES:
        keeper.evaluate("path => fetch(path).catch(() => null)", path)
    keeper.goto("/")
    keeper.get_by_role("combobox").press_sequentially("02139")
    expect(keeper.get_by_role("option").first).to_be_visible()
    keeper.keyboard.press("Enter")
    expect(keeper.get_by_role("heading", level=1)).to_contain_text("02139")
    for path in SEARCHES:
        if not path.startswith(
            ("/api", "/suggest")
        ):  # For these the browser also asks for a favicon, which there is not.
            keeper.goto(path)
    searches = [one for one in answers if re.search(r"[?&](near|latitude|who|q)=|/report/|/admin/", one.url)]

    assert len(searches) > 25
    assert [one.url for one in searches if one.from_service_worker] == []
    assert keeper.evaluate(KEPT) == before
    bodies = keeper.evaluate(BODIES)
    assert "When to call at once" in bodies
    assert not re.search("02139|Cambridge, MA|latitude=4", bodies)


def test_the_list_is_kept_exactly_as_its_page_says(keeper):
    shown = ["/shortlist", "/shortlist?ids=center-dana-farber", "/centers/dana-farber"]
    assert keeper.evaluate(TELL, {"keep": shown})
    assert kept(keeper, "finder-list") == set(shown)
    go_offline(keeper)
    keeper.goto("/shortlist?ids=center-dana-farber")
    expect(line(keeper)).to_contain_text("This copy is from")
    keeper.get_by_role("link", name="Dana-Farber Cancer Institute").first.click()
    expect(keeper.get_by_role("heading", level=1)).to_contain_text("Dana-Farber Cancer Institute")
    expect(line(keeper)).to_contain_text("This copy is from")

    assert keeper.evaluate(TELL, {"keep": []})
    assert kept(keeper, "finder-list") == set()


def test_a_page_cannot_make_the_worker_keep_a_search(keeper):
    before = keeper.evaluate(KEPT)
    refused = [*SEARCHES, "/", "/about", "https://127.0.0.1:1/guidance", "//127.0.0.1:1/help", "/search"]

    assert keeper.evaluate(TELL, {"keep": refused, "first": refused})
    assert keeper.evaluate(KEPT) == before


def test_pressing_keep_on_a_result_keeps_its_page_and_taking_it_off_drops_it(keeper):
    keeper.goto("/search?near=02139&who=adult")
    button = keeper.locator("[data-keep=center-dana-farber]").first
    button.click()
    wanted = {"/shortlist", "/shortlist?ids=center-dana-farber", "/centers/dana-farber"}
    assert kept_soon(keeper, wanted, "finder-list") == wanted

    button.click()
    assert kept_soon(keeper, set(), "finder-list") == set()


def test_a_list_that_was_there_before_is_kept_with_the_copies(visit):
    page = visit("/centers/dana-farber")
    page.locator("[data-keep]").first.click()
    page.goto("/help")
    keep(page)

    wanted = {"/shortlist", "/shortlist?ids=center-dana-farber", "/centers/dana-farber"}
    assert kept_soon(page, wanted, "finder-list") == wanted


def test_the_copies_are_removed_by_one_press(keeper):
    keeper.get_by_role("button", name="Remove the copies").click()
    expect(keeper.locator("[data-said=dropped]")).to_be_visible()

    assert keeper.evaluate(KEPT) == {}
    assert keeper.evaluate(WORKERS) == 0
    keeper.goto("/guidance/first-visit")
    assert keeper.evaluate(KEPT) == {}
    expect(keeper.get_by_role("button", name="Keep a copy on this device")).to_be_visible()


def test_forget_everything_leaves_nothing_on_the_device(keeper):
    for key in ("shortlist", "questions", "records"):
        keeper.evaluate("key => localStorage.setItem(key, '[]')", key)
    keeper.goto("/privacy")
    keeper.get_by_role("button", name="Forget everything on this device").click()
    expect(keeper.locator("[data-said=forgotten]")).to_be_visible()

    assert keeper.evaluate("localStorage.length + sessionStorage.length") == 0
    assert keeper.evaluate(KEPT) == {}
    assert keeper.evaluate(WORKERS) == 0


def test_forgetting_works_offline_and_while_copies_are_still_on_their_way(visit):
    page = visit("/guidance/warning-signs")
    keep(page)
    page.goto("/offline")
    page.evaluate(
        "navigator.serviceWorker.controller.postMessage({ first: ['/guidance/survival-figures', '/es/help'] })"
    )
    go_offline(page)
    page.get_by_role("button", name="Forget everything on this device").click()
    expect(page.locator("[data-said=forgotten]")).to_be_visible()
    page.wait_for_timeout(500)

    assert page.evaluate(KEPT) == {}


def test_a_browser_that_keeps_nothing_is_not_offered_copies(visit):
    page = visit("/guidance/warning-signs", java_script_enabled=False)
    expect(page.get_by_text("Read this without internet")).to_be_hidden()
    page.goto("/privacy")

    expect(page.locator("[data-forget-all] noscript p")).to_be_visible()
    expect(page.get_by_role("button", name="Forget everything")).to_be_hidden()
