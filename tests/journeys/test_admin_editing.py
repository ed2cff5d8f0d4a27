"""What editors do by hand, in a real browser: joining two listings, correcting one, and answering a report."""

import os
import re
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from finder.accounts import Role
from finder.db.models import User
from finder.domain.entry import Entry
from finder.imports import Imports
from finder.settings import load
from finder.web import create_app
from tests.factories import center, fill, said
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_admin_imports import lead, upload
from tests.test_imports import hospitals
from tests.test_jobs import WORKER
from tests.web.test_admin_imports import PASSWORD, QUICK

pytestmark = pytest.mark.browser

HOSPITALS = "Hospital_General_Information_2026-{month}.csv"


@pytest.fixture(scope="module")
def site(settings, tmp_path_factory):
    """A server over a copy of the shipped directory with an editor, its application, and a worker beside it."""
    instance = tmp_path_factory.mktemp("editing") / "instance"
    instance.mkdir()
    for file in settings.instance.iterdir():
        if file.is_file():
            shutil.copyfile(file, instance / file.name)
    app = create_app(load({"FINDER_INSTANCE": str(instance), "FINDER_RATE_LIMIT": ""}))
    database = app.extensions["finder"].database
    with database.transaction() as session:
        session.add(User(name="edda", role=Role.EDITOR, made_at=datetime.now(UTC), password=QUICK))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {"FINDER_INSTANCE": str(instance)}
    environment.pop("FINDER_DATABASE_URL", None)
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
    yield f"http://127.0.0.1:{server.server_port}", app
    worker.terminate()
    worker.wait(20)
    server.shutdown()
    server.server_close()
    database.dispose()


@pytest.fixture
def open_page(chromium, site):
    """Open a path in a browser of its own, as a visitor; whatever the journey does, no script may fail."""
    contexts, problems = [], []

    def open_page(path, **options):
        context = chromium.new_context(**{"viewport": DESKTOP, "base_url": site[0]} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def sign_in(page):
    page.get_by_label("Name").fill("edda")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def twins(database):
    """Put one hospital into two lists, at two streets of one city, as lists have it."""
    fill(database, center("oak-hospital", said("street", "1 Oak Street"), name="Oak Hospital"), source="a-list")
    other = center("oak", said("street", "9 Elm Street"), said("phone", "617-555-0109"), name="Oak Hospital")
    fill(database, Entry(other.key, other.resource, (), other.statements), source="b-list")


def test_two_listings_are_joined_and_a_search_finds_one(open_page, site):
    twins(site[1].extensions["finder"].database)
    visitor = open_page("/search?near=Boston,+MA")
    found = visitor.get_by_role("heading", name="Oak Hospital")
    expect(found).to_have_count(2)

    editor = open_page("/admin/sign-in?next=/admin/review?kind=duplicate")
    sign_in(editor)
    editor.get_by_role("link", name="Oak Hospital").click()
    expect(editor.get_by_role("row", name=re.compile("Street 9 Elm Street 1 Oak Street differs"))).to_be_visible()
    editor.get_by_role("button", name="The same", exact=True).click()
    expect(editor.get_by_text("Nothing of this kind waits.")).to_be_visible()

    visitor.reload()
    expect(found).to_have_count(1)
    found.get_by_role("link").click()
    expect(visitor.get_by_role("main")).to_contain_text("617-555-0109")


def dana_farber(folder, month, phone):
    """Write a hospital list of a month in which Dana-Farber has this telephone number."""
    row = ("220162", "DANA-FARBER CANCER INSTITUTE", "450 BROOKLINE AVENUE", "BOSTON", "MA", "02215", "SUFFOLK", phone,
           "Acute Care Hospitals", "Proprietary", "No")  # fmt: skip
    return hospitals(folder / HOSPITALS.format(month=month), 1, extra=[row])


def test_a_correction_outlives_the_next_import_and_the_disagreement_is_put_to_a_person(open_page, site, tmp_path):
    imports = Imports(site[1].extensions["finder"])
    imports.apply(imports.plan("facilities", dana_farber(tmp_path, "10", "(617) 632-3001"), "Ann").number)
    editor = open_page("/admin/sign-in?next=/admin/records/centers/dana-farber")
    sign_in(editor)
    form = editor.get_by_role("region", name="Correct a field")
    form.get_by_label("Field").select_option("phone")
    form.get_by_label("Value").fill("617 555 0177")
    form.get_by_label("Why").fill("We called.")
    form.get_by_role("button", name="Correct").click()
    expect(editor.get_by_text("The correction stands.")).to_be_visible()

    upload(editor, dana_farber(tmp_path, "11", "(617) 632-3002"))
    expect(lead(editor)).to_have_text("State: waits to be applied.", timeout=15_000)
    editor.get_by_role("button", name="Apply").click()
    expect(lead(editor)).to_have_text("State: applied.", timeout=15_000)

    visitor = open_page("/centers/dana-farber")
    expect(visitor.get_by_role("main")).to_contain_text("617-555-0177")
    expect(visitor.get_by_role("main")).not_to_contain_text("617-632-3002")
    editor.goto("/admin/review?kind=disagreement")
    expect(editor.get_by_text("phone: 617-555-0177 by hand, 617-632-3002 in facilities")).to_be_visible()
    editor.get_by_role("link", name="Dana-Farber").click()
    editor.get_by_role("button", name="Keep the correction").click()
    expect(editor.get_by_text("Nothing of this kind waits.")).to_be_visible()


def test_what_a_visitor_reports_is_corrected_and_the_page_says_so(open_page):
    visitor = open_page("/centers/st-jude", viewport=PHONE)
    visitor.get_by_role("link", name="Report a problem").click()
    visitor.get_by_label("The phone number is wrong").check()
    visitor.get_by_label("In a few words, if you like").fill("Their page says 901-555-0144.")
    visitor.get_by_role("button", name="Send the report").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Thank you for your report")
    visitor.goto("/centers/st-jude")
    expect(visitor.get_by_text("being checked")).to_be_visible()

    editor = open_page("/admin/sign-in?next=/admin/review?kind=report")
    sign_in(editor)
    editor.get_by_role("link", name="St. Jude").click()
    expect(editor.get_by_text("Their page says 901-555-0144.")).to_be_visible()
    waiting = editor.url
    editor.get_by_role("link", name=re.compile("corrections")).click()
    form = editor.get_by_role("region", name="Correct a field")
    form.get_by_label("Field").select_option("phone")
    form.get_by_label("Value").fill("901-555-0144")
    form.get_by_label("Why").fill("Their page says so.")
    form.get_by_role("button", name="Correct").click()
    expect(editor.get_by_text("The correction stands.")).to_be_visible()
    editor.goto(waiting)
    editor.get_by_role("button", name="Checked, and right now").click()
    expect(editor.get_by_text("Nothing of this kind waits.")).to_be_visible()

    visitor.reload()
    expect(visitor.get_by_role("main")).to_contain_text("901-555-0144")
    expect(visitor.get_by_text("being checked")).to_have_count(0)
    expect(visitor.get_by_text(re.compile("Checked on "))).to_be_visible()
    assert visitor.context.cookies() == []
