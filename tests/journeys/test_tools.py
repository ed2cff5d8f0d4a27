"""The question builder and the record keeper in a real browser: what is written stays on the device."""

import json
import re
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_pages import LARGE_TARGETS, SMALL, WIDTHS

pytestmark = pytest.mark.browser

PATHS = ["/questions", "/es/questions", "/records", "/es/records"]
HOSTILE = """<img src=x onerror="window.hit = 1"> & "quotes" </script><b>"""
OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"
LETTER = {"width": 680, "height": 900}  # what is left between the margins, in CSS pixels


@contextmanager
def silence(page):
    """Nothing may be asked for in here: the browser is cut off, and what it would have asked is counted."""
    asked = []
    page.wait_for_load_state("networkidle")
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    yield
    page.context.set_offline(False)
    # A blob is in the browser's own memory; the icon of the tab the browser fetches when it likes.
    assert [url for url in asked if not url.startswith("blob:") and not url.endswith("/icon.svg")] == []


def kept(page):
    return page.evaluate("Object.entries(localStorage)")


def pages_of(page):
    """How many sheets of letter paper a print takes."""
    page.emulate_media(media="null")
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="Letter")))


def chosen(page):
    return page.locator(".chosen-text").all_inner_texts()


def tick(page, *ids):
    page.evaluate(OPEN_ALL)
    for id_ in ids:
        page.locator(f"#{id_}").check()


def own(page, text):
    page.get_by_label("Your own question", exact=True).fill(text)
    page.keyboard.press("Enter")


def item(page, id_):
    one = page.locator(f"[data-item='{id_}']")
    one.evaluate("one => { one.closest('.fold').open = one.querySelector('.fill').open = true }")
    return one


def downloaded(page, name):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    download = waiting.value
    assert download.url.startswith("blob:")
    return download.suggested_filename, download.path().read_text(encoding="utf-8")


def write_some(page):
    marrow = item(page, "diagnosis.marrow")
    marrow.get_by_role("checkbox").check()
    marrow.get_by_label("Date of the test").fill("2026-11-02")
    marrow.get_by_label("What it says").fill(f"Two lines\n{HOSTILE}")
    drugs = item(page, "treatment.drugs")
    drugs.get_by_label("Medicine", exact=True).first.fill("Vincristine")
    drugs.get_by_role("button", name="Add another").click()
    page.keyboard.type("Daunorubicin")
    drugs.get_by_label("Last day").last.fill("2026-12-01")


WRITTEN = {
    "diagnosis.marrow": {"have": True, "rows": [{"on": "2026-11-02", "says": f"Two lines\n{HOSTILE}"}]},
    "treatment.drugs": {
        "have": False,
        "rows": [{"name": "Vincristine"}, {"name": "Daunorubicin", "until": "2026-12-01"}],
    },
}


def saved(records, **changes):
    return json.dumps({"format": "all-care-finder/records", "version": 1, "records": records} | changes).encode()


def give(page, content, name="records.json"):
    page.get_by_label("Open a saved file").set_input_files(
        {"name": name, "mimeType": "application/json", "buffer": content}
    )


# Both tools


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_wrong_with_a_tool_in_use(visit, path):
    for scheme, viewport in (("light", DESKTOP), ("dark", PHONE)):
        page = visit(path, color_scheme=scheme, viewport=viewport)
        page.evaluate(OPEN_ALL)
        for box in page.locator(".tool-main input[type=checkbox]").all()[:3]:
            box.check()
        if "records" in path:
            page.locator("[data-add]").first.click()
        page.locator("[data-do=forget]").click()
        page.locator("[data-undo]").click()
        page.locator("[data-close]").click()
        result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()
        assert page.evaluate(SMALL, LARGE_TARGETS) == []


@pytest.mark.parametrize("path", PATHS)
def test_no_tool_scrolls_sideways_even_with_text_twice_as_large(visit, path):
    page = visit(path)
    page.evaluate(OPEN_ALL)
    for box in page.locator(".tool-main input[type=checkbox]").all()[:3]:
        box.check()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for size in ("", "225%"):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, text {size}"


@pytest.mark.parametrize("path", PATHS)
def test_without_javascript_a_tool_is_a_form_to_print_and_offers_nothing_else(visit, path):
    page = visit(path, java_script_enabled=False, viewport=LETTER)

    expect(page.locator(".without-script")).to_be_visible()
    expect(page.locator(".tool-side")).to_be_hidden()
    expect(page.locator(".dock")).to_be_hidden()
    for box in page.locator(".tool-main input[type=checkbox]").all():
        expect(box).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".tool-main .choice").last).to_be_visible()
    for gone in (".top", ".foot", ".crumb", ".without-script", ".paper"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".print-foot")).to_be_visible()
    assert pages_of(page) <= (2 if "questions" in path else 7)


# The question builder


def test_questions_are_chosen_added_ordered_and_removed(visit):
    page = visit("/questions")
    with silence(page):
        tick(page, "q2-1", "q1-2")
        own(page, "May my sister listen in?")
        assert chosen(page)[2] == "May my sister listen in?"
        page.get_by_role("button", name="Move up: May my sister").click()
        expect(page.get_by_role("status")).to_have_text("Now number 2 of 3.")
        page.get_by_role("button", name="Move down: How many people").click()
        assert [text[:8] for text in chosen(page)] == ["May my s", "How many", "How soon"]
        page.get_by_role("button", name="Remove: How many people").click()
        expect(page.locator("#q2-1")).not_to_be_checked()
        page.get_by_role("button", name="Undo").click()
        assert [text[:8] for text in chosen(page)] == ["May my s", "How many", "How soon"]
        page.locator("#q1-2").uncheck()
        own(page, "May my  sister listen in? ")
        expect(page.get_by_role("status")).to_have_text("This question is already there.")
        assert [text[:8] for text in chosen(page)] == ["May my s", "How many"]


def test_chosen_questions_are_there_again_later_and_in_the_other_language(visit):
    page = visit("/questions")
    tick(page, "q2-1", "q5-4")
    own(page, HOSTILE)
    page.reload()
    assert chosen(page)[2] == HOSTILE
    page.get_by_role("link", name="Español").click()

    expect(page.locator("#q5-4")).to_be_checked()
    assert chosen(page) == [
        "¿A cuántas personas con LLA trata usted al año? ¿A cuántas de mi edad?",
        "¿Para cuándo debo decidir? ¿Hay tiempo para una segunda opinión?",
        HOSTILE,
    ]
    page.locator("#q5-4").evaluate("one => one.closest('details').open = true")
    page.locator("#q5-4").uncheck()
    page.go_back()
    expect(page.locator("#q5-4")).not_to_be_checked()
    assert len(chosen(page)) == 2
    assert page.evaluate("window.hit") is None


def test_when_the_page_asks_something_else_what_was_chosen_keeps_its_words(visit):
    page = visit("/questions")
    tick(page, "q2-1", "q2-2")
    page.evaluate("""() => {
        const was = JSON.parse(localStorage.questions);
        was.edition = "before";
        was.list[0] = { id: "q9-1", text: "A question that was there before?" };
        was.list[1].id = "q1-1";
        localStorage.questions = JSON.stringify(was);
    }""")
    page.reload()

    assert chosen(page) == ["A question that was there before?", "Are you board certified? In which field?"]
    expect(page.locator("#q2-2")).to_be_checked()
    expect(page.locator("#q1-1")).not_to_be_checked()


def test_what_is_kept_and_damaged_does_no_harm(visit):
    page = visit("/questions")
    for damaged in ("{", "7", '{"list": 3}', '{"list": [null, {"id": 1, "text": "x"}]}'):
        page.evaluate("damaged => (localStorage.questions = damaged)", damaged)
        page.reload()
        tick(page, "q1-1")
        assert chosen(page) == ["Do you take new people with ALL now?"]


def test_forgetting_the_questions_leaves_nothing_behind_and_can_be_undone(visit):
    page = visit("/questions")
    tick(page, "q1-1", "q1-2")
    assert [key for key, _value in kept(page)] == ["questions"]
    page.get_by_role("button", name="Forget everything").click()

    assert kept(page) == []
    assert chosen(page) == []
    expect(page.locator("#q1-1")).not_to_be_checked()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    assert len(chosen(page)) == 2
    page.get_by_role("button", name="Forget everything").click()
    page.reload()
    assert chosen(page) == []
    assert kept(page) == []


def test_taking_the_last_tick_away_keeps_nothing_either(visit):
    page = visit("/questions")
    tick(page, "q1-1")
    page.locator("#q1-1").uncheck()

    assert kept(page) == []


def test_the_questions_are_copied_and_saved_as_text(visit):
    page = visit("/questions", permissions=["clipboard-read", "clipboard-write"])
    tick(page, "q1-1")
    own(page, HOSTILE)
    with silence(page):
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("status")).to_contain_text("Copied.")
        name, text = downloaded(page, "Save as a file")

    assert re.fullmatch(r"questions-\d{4}-\d\d-\d\d\.txt", name)
    assert text == page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("Your questions, ")
    assert "1. Do you take new people with ALL now?\n" in text
    assert f"2. {HOSTILE}\n" in text
    assert "1-800-422-6237" in text


def test_the_questions_can_be_copied_where_the_browser_has_no_clipboard_for_pages(visit):
    page = visit("/questions", permissions=["clipboard-read"])
    tick(page, "q1-1")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("status")).to_contain_text("Copied.")


@pytest.mark.parametrize("path", ["/questions", "/es/questions"])
def test_a_print_of_the_questions_is_one_clean_page(visit, path):
    page = visit(path, viewport=LETTER)
    tick(page, "q1-1", "q2-1", "q4-5", "q5-4", "q5-6", "q8-1")
    page.emulate_media(media="print")

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator(".paper li").count() == 6
    assert page.locator(".paper .line").count() >= 6
    for gone in (".top", ".foot", ".tool", ".dock", ".crumb", ".lead"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".print-foot")).to_contain_text("1-800-955-4572")
    expect(page.locator(".paper-day")).to_contain_text(re.compile(r"20\d\d"))
    assert pages_of(page) == 1


def test_a_print_without_chosen_questions_is_the_form_with_all_of_them(visit):
    page = visit("/questions", viewport=LETTER)
    page.evaluate("window.print = () => (window.printed = true)")
    page.get_by_role("button", name="Print all questions").click()
    assert page.evaluate("window.printed")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")

    expect(page.locator("#q10-3")).to_be_visible()
    expect(page.get_by_text("Your own questions")).to_be_visible()
    assert pages_of(page) <= 2


def test_the_questions_work_by_keyboard_alone(visit):
    page = visit("/questions")
    page.locator("#q1-1").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.locator(".situation").nth(1).locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert len(chosen(page)) == 3

    page.get_by_role("button", name="Move down: Do you take").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Move down: Do you take new")).to_be_focused()
    page.keyboard.press("Enter")
    # At the end there is no further down: the focus stays with the question.
    expect(page.get_by_role("button", name="Move up: Do you take new")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Remove: How many"))).to_be_focused()
    assert len(chosen(page)) == 2


# The record keeper


def test_records_are_saved_and_opened_again_as_they_were(visit, tmp_path):
    page = visit("/records")
    with silence(page):
        write_some(page)
        name, text = downloaded(page, "Save a file to go on later")
        assert re.fullmatch(r"records-\d{4}-\d\d-\d\d\.json", name)
        assert json.loads(text)["records"] == WRITTEN
        assert kept(page) == []

    other = visit("/es/records")
    (tmp_path / name).write_text(text, encoding="utf-8")
    with silence(other):
        other.locator("[data-open]").set_input_files(tmp_path / name)
        expect(other.get_by_role("status")).to_contain_text(name)
        drugs = item(other, "treatment.drugs")
        assert [field.input_value() for field in drugs.get_by_label("Medicina", exact=True).all()] == [
            "Vincristine",
            "Daunorubicin",
        ]
        expect(item(other, "diagnosis.marrow").get_by_label("Qué dice")).to_have_value(f"Two lines\n{HOSTILE}")
        expect(item(other, "diagnosis.marrow").get_by_role("checkbox")).to_be_checked()
        with other.expect_download() as waiting:
            other.locator("[data-do=save]").click()
    again = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert again == json.loads(text)
    assert other.evaluate("window.hit") is None


WRONG = [
    (b"", "not a file that was saved here"),
    (b"\xff\xfe\x00", "not a file that was saved here"),
    (b"<html>", "not a file that was saved here"),
    (b"[]", "not a file that was saved here"),
    (b"null", "not a file that was saved here"),
    (b'{"records": {}}', "not a file that was saved here"),
    (saved({}, format="other"), "not a file that was saved here"),
    (saved([]), "not a file that was saved here"),
    (saved({}, version=2), "newer"),
    (saved({}, version=0), "damaged"),
    (saved({"diagnosis.marrow": 1}), "damaged"),
    (saved({"diagnosis.marrow": {"have": "yes", "rows": []}}), "damaged"),
    (saved({"diagnosis.marrow": {"have": True, "rows": [{"says": {"html": "<b>"}}]}}), "damaged"),
    (saved({"diagnosis.marrow": {"have": True, "rows": [{"says": "x" * 2001}]}}), "damaged"),
    (saved({"diagnosis.marrow": {"have": True, "rows": [{"on": "soon"}]}}), "damaged"),
    (saved({"diagnosis.marrow": {"have": True, "rows": [{}, {}]}}), "damaged"),
    (saved({"treatment.drugs": {"have": True, "rows": [{}] * 61}}), "damaged"),
    (saved({"constructor": {"have": True, "rows": []}}), "damaged"),
    (b'{"format": "all-care-finder/records", "version": 1, "records": {"__proto__": 1}}', "damaged"),
    (saved({}) + b" " * 1_000_001, "too large"),
]


def test_a_wrong_file_is_refused_in_words_and_changes_nothing(visit):
    page = visit("/records")
    write_some(page)
    for content, said in WRONG:
        give(page, saved({}))
        # The words may still be those of the round before, so wait for what opening and undoing change.
        expect(item(page, "diagnosis.marrow").get_by_role("checkbox")).not_to_be_checked()
        expect(page.get_by_role("status")).to_have_text("Opened records.json.")
        page.get_by_role("button", name="Undo").click()
        expect(item(page, "diagnosis.marrow").get_by_role("checkbox")).to_be_checked()
        expect(page.locator("[data-error]")).to_be_empty()
        give(page, content)
        expect(page.locator("[data-error]")).to_contain_text(said)
        expect(page.locator("[data-error]")).to_contain_text("Nothing was changed.")
    assert json.loads(downloaded(page, "Save a file to go on later")[1])["records"] == WRITTEN


def test_what_a_file_has_and_the_page_does_not_is_left_out_and_counted(visit):
    page = visit("/records")
    give(page, saved({"papers.work": {"have": True, "rows": []}, "moon.phase": {"have": True, "rows": [{"x": "y"}]}}))

    expect(page.get_by_role("status")).to_have_text(
        "Opened records.json. Entries in it that have no place here and were left out: 1."
    )
    expect(item(page, "papers.work").get_by_role("checkbox")).to_be_checked()


def test_opening_a_file_over_what_was_written_can_be_undone(visit):
    page = visit("/records")
    write_some(page)
    give(page, saved({"papers.work": {"have": True, "rows": []}}))
    expect(item(page, "diagnosis.marrow").get_by_role("checkbox")).not_to_be_checked()
    assert item(page, "treatment.drugs").locator(".row").count() == 1
    page.get_by_role("button", name="Undo").click()

    assert json.loads(downloaded(page, "Save a file to go on later")[1])["records"] == WRITTEN


def test_records_are_kept_in_the_browser_only_when_the_reader_wants_it(visit):
    page = visit("/records")
    write_some(page)
    assert kept(page) == []
    switch = page.get_by_label("Keep what I write on this device")
    switch.check()
    page.reload()

    expect(switch).to_be_checked()
    expect(item(page, "treatment.drugs").get_by_label("Medicine", exact=True).last).to_have_value("Daunorubicin")
    item(page, "treatment.drugs").get_by_label("Total dose", exact=True).first.fill("6 mg")
    page.get_by_role("link", name="Español").click()
    expect(item(page, "treatment.drugs").get_by_label("Dosis total", exact=True).first).to_have_value("6 mg")
    page.go_back()
    switch.uncheck()
    assert kept(page) == []


@pytest.mark.parametrize("keeping", [True, False])
def test_forgetting_the_records_leaves_nothing_behind_and_can_be_undone(visit, keeping):
    page = visit("/records")
    write_some(page)
    page.get_by_label("Keep what I write on this device").set_checked(keeping)
    page.get_by_role("button", name="Forget everything").click()

    assert kept(page) == []
    assert page.locator("[data-have]:checked").count() == 0
    assert {field.input_value() for field in page.locator("[data-field]").all()} == {""}
    page.get_by_role("button", name="Undo").click()
    assert json.loads(downloaded(page, "Save a file to go on later")[1])["records"] == WRITTEN
    assert len(kept(page)) == keeping
    page.get_by_role("button", name="Forget everything").click()
    page.reload()
    assert page.locator("[data-have]:checked").count() == 0
    assert kept(page) == []


def test_leaving_with_something_written_and_not_saved_is_asked_about(visit):
    page = visit("/records")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    write_some(page)
    page.reload()
    assert asked == ["beforeunload"]
    write_some(page)
    downloaded(page, "Save a file to go on later")
    page.reload()
    assert asked == ["beforeunload"]


def test_a_row_is_taken_away_and_given_back(visit):
    page = visit("/records")
    write_some(page)
    drugs = item(page, "treatment.drugs")
    drugs.get_by_role("button", name="Remove: Each medicine, with its total dose, 2").click()
    expect(drugs.locator(".row")).to_have_count(1)
    expect(drugs.get_by_role("button", name="Add another")).to_be_focused()
    page.get_by_role("button", name="Undo").click()

    expect(drugs.get_by_label("Medicine", exact=True).last).to_have_value("Daunorubicin")
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_the_page_to_read_stands_alone_and_what_was_written_is_text_in_it(visit, tmp_path):
    page = visit("/records")
    write_some(page)
    name, html = downloaded(page, "Save a page to read")
    (tmp_path / name).write_text(html, encoding="utf-8")
    alone = page.context.browser.new_page()
    asked = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto((tmp_path / name).as_uri())

    assert asked == [(tmp_path / name).as_uri()]
    expect(alone.get_by_role("heading", level=1)).to_contain_text("Your records, ")
    expect(alone.locator("dd").last).to_have_text(f"Two lines\n{HOSTILE}")
    expect(alone.get_by_role("row")).to_have_count(3)
    expect(alone.get_by_text("These pages hold health data.")).to_be_visible()
    assert alone.locator("img, script").count() == 0
    assert alone.evaluate("window.hit") is None
    result = Axe().run(alone)
    assert result.violations_count == 0, result.generate_report()
    alone.close()


@pytest.mark.parametrize("path", ["/records", "/es/records"])
@pytest.mark.parametrize(("button", "sheets"), [("print", 2), ("print-empty", 6)])
def test_records_are_printed_filled_or_empty_without_anything_else(visit, path, button, sheets):
    page = visit(path, viewport=LETTER)
    page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    box = item(page, "diagnosis.marrow")
    box.get_by_role("checkbox").check()
    box.locator("[data-field=says]").fill(HOSTILE)
    page.locator(f"[data-do={button}]").click()
    page.emulate_media(media="print")

    for gone in (".top", ".foot", ".tool", ".dock", ".sources"):
        expect(page.locator(gone).first).to_be_hidden()
    text = page.locator(".paper").inner_text()
    assert (HOSTILE in text) == (button == "print")
    assert page.locator(".paper h2").count() == (2 if button == "print" else 12)
    expect(page.locator(".print-foot")).to_be_visible()
    assert pages_of(page) <= sheets


def test_the_records_work_by_keyboard_alone(visit):
    page = visit("/records")
    page.locator(".fold > summary").nth(2).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("AALL1731")
    name = page.get_by_label("Plan or protocol", exact=True)
    expect(name).to_have_value("AALL1731")
    expect(page.get_by_role("checkbox", name="Name of the treatment plan")).to_be_checked()
    page.get_by_role("button", name="Save a file to go on later").focus()
    page.keyboard.press("Tab")
    ring = page.locator(".file-button").evaluate("one => getComputedStyle(one).boxShadow")
    assert ring != "none"
    page.get_by_role("button", name="Forget everything").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(name).to_have_value("AALL1731")
