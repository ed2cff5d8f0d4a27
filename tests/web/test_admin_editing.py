import hashlib
import json
import re
import shutil
import threading
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

from finder import reviews
from finder.accounts import Role
from finder.db import Override, Review, SourceRecord
from finder.db.models import AuditEvent, User
from finder.domain.entry import Entry
from finder.domain.listing import Layer
from finder.settings import load
from finder.web import accounts, create_app, editing, quality
from tests.factories import center, fill, said
from tests.web.page_check import page, words

PASSWORD = "four little tests"
QUICK = (
    f"scrypt$16$8$1${b'salt'.hex()}${hashlib.scrypt(PASSWORD.encode(), salt=b'salt', n=16, r=8, p=1, dklen=32).hex()}"
)
OURS = {"Sec-Fetch-Site": "same-origin"}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CENTER = "dana-farber"
DANA = f"/admin/records/centers/{CENTER}"


@pytest.fixture
def app(settings, tmp_path):
    """The application over a copy of the shipped directory, with one user of each role."""
    folder = tmp_path / "instance"
    folder.mkdir()
    for file in settings.instance.iterdir():
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    app = create_app(load({"FINDER_INSTANCE": str(folder), "FINDER_RATE_LIMIT": ""}))
    for name, part in (("accounts", accounts), ("editing", editing), ("quality", quality)):
        if name not in app.blueprints:
            part.init(app)
    with app.extensions["finder"].database.transaction() as session:
        session.add_all(User(name=role, role=role, made_at=datetime.now(UTC), password=QUICK) for role in Role)
    yield app
    app.extensions["finder"].database.dispose()


@pytest.fixture
def database(app):
    return app.extensions["finder"].database


def enter(app, role):
    client = app.test_client()
    data = {"name": role, "password": PASSWORD}
    assert client.post("/admin/sign-in", data=data, headers=OURS).status_code == 303
    return client


@pytest.fixture
def editor(app):
    return enter(app, Role.EDITOR)


@pytest.fixture
def viewer(app):
    return enter(app, Role.VIEWER)


def send(client, path, **data):
    token = re.search(r'name="csrf" value="(\w+)"', client.get("/admin").get_data(as_text=True))[1]
    return client.post(path, data=data | {"csrf": token}, headers=OURS)


def last_audit(database):
    with database.reading() as connection:
        columns = (AuditEvent.who, AuditEvent.action, AuditEvent.subject)
        return tuple(connection.execute(select(*columns).order_by(AuditEvent.id.desc()).limit(1)).one())


def address(database, kind):
    return f"/admin/review/{reviews.queue(database, kind)[0].number}"


def twin(database):
    """Put a record into another list that may be a center of the directory; return the center's id."""
    fill(database, center("one", said("street", "1 Oak Street"), name="Oak Hospital"), source="a-list")
    entry = center("two", said("street", "9 Elm Street"), name="Oak Hospital")
    fill(database, Entry(entry.key, entry.resource, (), entry.statements), source="b-list")
    return "one"


@pytest.mark.parametrize(
    "path",
    [
        "/admin/review", "/admin/review?kind=unplaced", "/admin/review?kind=duplicate", "/admin/records",
        "/admin/records?q=dana", DANA, "/admin/records/specialists/1003047362", "/admin/quality",
    ],
)  # fmt: skip
def test_every_page_is_sound_for_viewers_and_editors(app, database, path):
    if "specialists" in path:
        with database.reading() as connection:
            npi = connection.scalar(select(SourceRecord.key).where(SourceRecord.source == "specialists"))
        path = f"/admin/records/specialists/{npi}"
    for role in (Role.VIEWER, Role.EDITOR):
        page(enter(app, role).get(path))


def test_nobody_else_sees_them(app):
    for path in ("/admin/review", "/admin/review/1", "/admin/records", DANA, "/admin/quality"):
        assert app.test_client().get(path).status_code == 303


def test_a_viewer_sees_no_forms_and_changes_nothing(viewer, database):
    soup = page(viewer.get(DANA))

    assert not soup.select("main form")
    for action in ("correct", "withdraw", "hide", "show", "place", "merge", "split"):
        assert send(viewer, f"{DANA}/{action}", reason="x").status_code == 403
    with database.reading() as connection:
        assert connection.scalars(select(Override.id)).all() == []


def test_a_correction_made_in_the_form_is_public_at_once(editor, app, database):
    answer = send(editor, f"{DANA}/correct", field="phone", value="617 555 0177", reason="We called.")

    assert answer.status_code == 303
    soup = page(editor.get(answer.location))
    assert "The correction stands." in words(soup)
    assert "By hand, editor: We called." in words(soup)
    assert "617-555-0177" in app.test_client().get(f"/centers/{CENTER}").get_data(as_text=True)
    assert last_audit(database) == ("editor", "correct", CENTER)


def test_a_correction_that_cannot_be_is_shown_again_with_what_was_typed(editor):
    answer = send(editor, f"{DANA}/correct", field="phone", value="12345", reason="We called.")

    soup = page(answer, 422)
    field = soup.select_one("#field-correct-value")
    assert field["value"] == "12345"
    assert "617-555-0100" in words(soup.select_one(f"#{field['aria-describedby'].split()[0]}"))
    assert soup.select_one("#field-correct-reason")["value"] == "We called."
    assert soup.select_one("#field-hide-reason").get("value", "") == ""


def test_a_missing_reason_is_asked_for(editor):
    for action in ("correct", "hide", "place"):
        data = {"field": "city", "value": "Boston", "latitude": "42.3", "longitude": "-71.1"}
        soup = page(send(editor, f"{DANA}/{action}", **data), 422)
        assert "Say why" in words(soup.select_one(f"#field-{action}-reason-error"))


def test_a_correction_is_withdrawn(editor, database):
    send(editor, f"{DANA}/correct", field="phone", value="617-555-0177", reason="We called.")
    number = page(editor.get(DANA)).select_one('form[action$="/withdraw"] input[name="number"]')["value"]

    assert send(editor, f"{DANA}/withdraw", number=number).status_code == 303

    assert "withdrawn on" in words(page(editor.get(DANA)))
    assert last_audit(database)[1] == "withdraw"
    assert send(editor, f"{DANA}/withdraw", number="999").status_code == 404


def test_an_entry_is_hidden_and_shown_again(editor, app):
    assert send(editor, f"{DANA}/hide", reason="It has closed.").status_code == 303
    assert app.test_client().get(f"/centers/{CENTER}").status_code == 404
    assert "It has closed." in words(page(editor.get(DANA)))

    assert send(editor, f"{DANA}/show").status_code == 303
    assert app.test_client().get(f"/centers/{CENTER}").status_code == 200


def test_a_pin_is_placed_with_plain_fields(editor, app):
    assert send(editor, f"{DANA}/place", latitude="42.25", longitude="-71.25", reason="Their map.").status_code == 303

    listing = app.extensions["finder"].listing(Layer.CENTERS, CENTER)
    assert (listing.point.latitude, listing.point.longitude) == (42.25, -71.25)
    soup = page(editor.get(DANA))
    assert json.loads(soup.select_one("#map-data").string)["pins"][0]["lat"] == 42.25
    assert soup.select_one('script[src$="/pin.js"]')


def test_records_are_joined_and_parted(editor, database):
    twin(database)
    with database.reading() as connection:
        own, number = connection.execute(
            select(SourceRecord.resource_id, SourceRecord.id).where(SourceRecord.key == "two")
        ).one()

    joined = send(editor, f"/admin/records/centers/{own}/merge", record=number, resource_id="one")
    assert joined.location == "/admin/records/centers/one?note=merge"
    assert "b-list: two" in words(page(editor.get(joined.location)))
    parted = send(editor, "/admin/records/centers/one/split", record=number)

    assert parted.status_code == 303
    assert page(editor.get(f"/admin/records/centers/{own}"))
    assert send(editor, "/admin/records/centers/one/split", record="0").status_code == 404
    page(send(editor, "/admin/records/centers/one/merge", record="0", resource_id="x"), 404)


def test_what_is_not_there_is_said_so(editor):
    for path in ("/admin/records/centers/nobody", f"/admin/records/specialists/{CENTER}", "/admin/review/999",
                 "/admin/review?kind=x"):  # fmt: skip
        page(editor.get(path), 404)
    assert send(editor, f"{DANA}/burn").status_code == 404


def test_a_possible_duplicate_is_judged_side_by_side(editor, viewer, database):
    twin(database)
    path = address(database, "duplicate")

    soup = page(editor.get(path))
    assert [one["value"] for one in soup.select('button[name="verdict"]')] == ["same", "apart", "later"]
    assert "9 Elm Street 1 Oak Street differs" in words(soup)
    assert not page(viewer.get(path)).select('button[name="verdict"]')
    assert send(viewer, path, verdict="same").status_code == 403
    page(send(editor, path, verdict="perhaps"), 422)

    answer = send(editor, path, verdict="same")

    assert answer.location == "/admin/review?kind=duplicate&note=decided"
    assert last_audit(database) == ("editor", "review-same", "one")
    assert "Decided: same." in words(page(editor.get(path)))


@pytest.mark.browser
def test_a_click_on_the_map_fills_in_the_pin_and_nobody_needs_it(app, database):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            for script in (True, False):
                context = browser.new_context(
                    base_url=f"http://127.0.0.1:{server.port}", java_script_enabled=script, reduced_motion="reduce"
                )
                _place_in_a_browser(context.new_page(), script)
            browser.close()
    finally:
        server.shutdown()
        server.server_close()
    assert last_audit(database) == ("editor", "correct", CENTER)


def _place_in_a_browser(tab, script):
    tab.goto("/admin/sign-in")
    tab.get_by_label("Name").fill("editor")
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_role("main").get_by_role("button", name="Sign in").click()
    tab.goto(DANA)
    north, east = tab.get_by_label("Latitude"), tab.get_by_label("Longitude")
    if script:
        before = north.input_value(), east.input_value()
        tab.locator(".leaflet-container").click(position={"x": 150, "y": 200})
        assert (north.input_value(), east.input_value()) != before
        assert 40 < float(north.input_value()) < 45
        assert Axe().run(tab).response["violations"] == []
    else:
        north.fill("42.3")
        east.fill("-71.1")
    tab.locator("[data-pin]").get_by_label("Why").fill("Their map.")
    tab.get_by_role("button", name="Place the pin").click()
    assert "The pin is placed." in tab.get_by_role("status").inner_text()


def test_one_decision_leads_to_the_next(editor, database):
    for text in ("first", "second"):
        reviews.report(database, CENTER, reviews.draft("other", text))
    first, second = (one.number for one in reviews.queue(database, "report"))

    assert send(editor, f"/admin/review/{first}", verdict="fixed").location == f"/admin/review/{second}?note=next"
    page(editor.get(f"/admin/review/{second}"))


def test_a_report_is_shown_as_text_and_links_to_the_entry(editor, database):
    reviews.report(database, CENTER, reviews.draft("phone", "<script>alert(1)</script>"))

    soup = page(editor.get(address(database, "report")))

    assert "<script>alert(1)</script>" in words(soup.select_one("main"))
    assert soup.select_one(f'a[href="{DANA}"]')


def test_a_report_about_what_has_left_the_directory_can_be_judged(editor, database):
    reviews.report(database, "long-gone", reviews.draft("closed", ""))

    page(editor.get("/admin/review?kind=report"))
    page(editor.get(address(database, "report")))
    assert send(editor, address(database, "report"), verdict="fixed").status_code == 303


def test_a_source_that_contradicts_a_correction_is_followed(editor, database):
    fill(database, center("one", said("phone", "617-555-0100")), source="a-list")
    send(editor, "/admin/records/centers/one/correct", field="phone", value="617-555-0177", reason="We called.")
    fill(database, center("one", said("phone", "617-555-0188")), source="a-list")
    path = address(database, "disagreement")

    soup = page(editor.get(path))
    assert "617-555-0188" in words(soup)
    assert send(editor, path, verdict="take").status_code == 303
    with database.reading() as connection:
        assert connection.scalar(select(Review.state).where(Review.kind == "disagreement")) == "take"


def test_the_queue_is_read_page_by_page(editor, database):
    with database.transaction() as session:
        session.add_all(
            Review(kind="report", resource_id=CENTER, made_at=datetime.now(UTC),
                   detail=json.dumps({"wrong": "phone", "words": str(n)}))
            for n in range(reviews.PAGE_SIZE + 1)
        )  # fmt: skip

    first = page(editor.get("/admin/review"))
    second = page(editor.get("/admin/review?kind=report&page=2"))

    assert len(first.select("tbody tr")) == reviews.PAGE_SIZE
    assert len(second.select("tbody tr")) == 1
    assert "Next page" in words(first)
    assert "Next page" not in words(second)


def test_the_quality_page_tells_every_drawing_in_numbers_too(viewer):
    soup = page(viewer.get("/admin/quality"))

    assert len(soup.select(".chart")) == 7
    for table in soup.select(".chart"):
        summed = 2 if "Centers" in words(table.thead) else 1
        drawn = [
            (
                sum(int(cell.text.replace(",", "")) for cell in row.select("td")[-1 - summed : -1]),
                sum(float(bar["width"]) for bar in row.select("rect")),
            )
            for row in table.select("tbody tr")
        ]
        most, widest = (max(column) for column in zip(*drawn, strict=True))
        assert widest == pytest.approx(240, abs=0.2)
        assert [width / widest for _, width in drawn] == pytest.approx([n / most for n, _ in drawn], abs=0.001)


def test_the_quality_page_follows_a_change(editor):
    before = words(page(editor.get("/admin/quality")).select_one(".lead"))

    send(editor, f"{DANA}/hide", reason="It has closed.")

    assert words(page(editor.get("/admin/quality")).select_one(".lead")) != before
