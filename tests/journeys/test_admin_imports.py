"""An import in a real browser, from the file to its undoing, with a real worker beside a real server."""

import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from werkzeug.serving import make_server

from finder.accounts import Role
from finder.db.models import User
from finder.services import setup
from finder.settings import load
from finder.web import accounts, create_app, imports
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_pages import LARGE_TARGETS, SMALL
from tests.test_imports import hospitals
from tests.test_jobs import WORKER
from tests.web.test_admin_imports import BAD, PASSWORD, QUICK

pytestmark = pytest.mark.browser

LARGEST = 3_000_000


@pytest.fixture(scope="module")
def admin_server(tmp_path_factory):
    """The address of a server whose admin area imports, and a worker beside it."""
    instance = tmp_path_factory.mktemp("admin") / "instance"
    settings = load({"FINDER_INSTANCE": str(instance), "FINDER_RATE_LIMIT": ""})
    setup(settings, lambda line: None)
    app = create_app(settings)
    if "accounts" not in app.blueprints:
        accounts.init(app)
    if "imports" not in app.blueprints:
        imports.init(app)
    app.extensions["finder_max_upload"] = LARGEST
    database = app.extensions["finder"].database
    with database.transaction() as session:
        session.add(User(name="olga", role=Role.OWNER, made_at=datetime.now(UTC), password=QUICK))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {"FINDER_INSTANCE": str(instance)}
    environment.pop("FINDER_DATABASE_URL", None)
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
    yield f"http://127.0.0.1:{server.server_port}"
    worker.terminate()
    worker.wait(20)
    server.shutdown()
    server.server_close()
    database.dispose()


@pytest.fixture
def sign_in(chromium, admin_server):
    """Open the admin area in a browser of its own; whatever the journey does, no script may fail."""
    contexts, problems = [], []

    def sign_in(**options):
        context = chromium.new_context(**{"viewport": DESKTOP, "base_url": admin_server} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto("/admin/sign-in?next=/admin/imports")
        page.get_by_label("Name").fill("olga")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Imports")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert problems == []


def upload(page, path):
    page.goto("/admin/imports/new")
    form = page.get_by_role("region", name="Upload a file")
    form.get_by_label("Source").select_option("facilities")
    form.get_by_label("File").set_input_files(path)
    form.get_by_role("button", name="Upload and plan").click()


def lead(page):
    return page.locator(".head .lead")


def is_sound(page):
    """Check a page as it is now: by axe in both schemes, at every width, and by the size of what is pressed."""
    for scheme, viewport in (("light", DESKTOP), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(viewport)
        result = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()
    assert page.evaluate(SMALL, LARGE_TARGETS) == []
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for size in ("", "225%"):
            page.evaluate("size => (document.documentElement.style.fontSize = size)", size)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, text {size}"
        page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")


def test_a_file_is_uploaded_planned_applied_and_undone(sign_in, tmp_path):
    page = sign_in()
    page.get_by_role("link", name="New import").click()
    is_sound(page)

    upload(page, hospitals(tmp_path / "hospitals.csv", 6_000, extra=[BAD] * 3))
    expect(page.get_by_role("heading", level=1)).to_have_text("Planning hospitals.csv")
    page.evaluate("window.stayed = true")
    expect(page.locator('[data-job-word="done"]')).to_have_text(re.compile(r"kB of \d+\.\d kB"))
    expect(page.locator('[data-job-word="remaining"]')).to_have_text(re.compile("about .+"))
    assert page.evaluate("window.stayed && document.querySelector('progress').value > 0")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planning hospitals.csv")

    expect(lead(page)).to_have_text("State: waits to be applied.", timeout=60_000)
    expect(page.get_by_role("heading", name="New: the first 5 of 6,000")).to_be_visible()
    is_sound(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="All of them as CSV").click()
    assert download.value.path().read_text(encoding="utf-8").count("bad-ccn") == 3

    page.get_by_role("button", name="Apply").click()
    expect(lead(page)).to_have_text("State: applied.", timeout=60_000)
    is_sound(page)

    page.get_by_role("button", name="Undo").click()
    expect(lead(page)).to_have_text(re.compile(r"State: applied\. It undoes run \d+\."), timeout=60_000)
    page.goto("/admin/imports")
    expect(page.locator("tbody tr").nth(1)).to_contain_text("undone")
    is_sound(page)


def test_everything_works_without_a_script_and_with_the_keyboard(sign_in, tmp_path):
    page = sign_in(java_script_enabled=False)
    upload(page, hospitals(tmp_path / "small.csv", 20))
    expect(lead(page)).to_have_text("State: waits to be applied.", timeout=30_000)

    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == "Apply":
            break
    page.keyboard.press("Enter")

    expect(lead(page)).to_have_text("State: applied.", timeout=30_000)


def test_a_guard_stops_a_plan_and_an_owner_goes_on_after_a_question(sign_in, tmp_path):
    page = sign_in()
    upload(page, hospitals(tmp_path / "most.csv", 20, first=7_000, extra=[BAD] * 15))
    expect(lead(page)).to_have_text("State: stopped by a guard.", timeout=30_000)
    is_sound(page)

    page.get_by_role("link", name="Go on anyway").click()
    is_sound(page)
    page.get_by_role("button", name="Yes, plan it without guards").click()

    expect(lead(page)).to_have_text("State: waits to be applied.", timeout=30_000)


def test_a_plan_is_cancelled(sign_in, tmp_path):
    page = sign_in()
    upload(page, hospitals(tmp_path / "many.csv", 9_000, first=100))

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Nothing was changed.")).to_be_visible(timeout=30_000)
    is_sound(page)


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(sign_in, tmp_path):
    page = sign_in()
    (tmp_path / "large.csv").write_bytes(b"x" * (LARGEST + 1))
    upload(page, tmp_path / "large.csv")

    expect(page.get_by_role("heading", level=1)).to_have_text("New import")
    assert "too large" in page.locator("#field-file").evaluate("one => one.validationMessage")
