"""A real Chromium over the real server; whatever a journey does, nothing may go wrong or leave the site."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 780}


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=CHROMIUM
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, live_server):
    """Open a path of the site in a browser of its own, with the options of a Playwright context.

    ``status`` is what the first answer must be.
    """
    contexts, problems, asked = [], [], []

    def visit(path, status=200, **options):
        context = chromium.new_context(**{"viewport": DESKTOP, "base_url": live_server} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        assert page.goto(path).status == status
        if status != 200:
            problems.clear()  # The browser itself reports the status as an error.
        return page

    yield visit
    kept = [cookie for context in contexts for cookie in context.cookies()]
    for context in contexts:
        context.close()
    assert problems == []
    assert [url for url in asked if not url.startswith((live_server, "data:"))] == []
    assert kept == []
