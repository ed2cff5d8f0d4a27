"""The page about reading without internet, and the program that keeps copies, as a browser gets them."""

import re

import brotli
import pytest
from bs4 import BeautifulSoup

from tests.web.page_check import page, words

WORKER = "/offline-worker.js"


@pytest.fixture
def script(client):
    return client.get(WORKER).get_data(as_text=True)


def addresses(script, name):
    return re.compile(re.search(rf"const {name} = /(.+)/;", script)[1].replace(r"\/", "/"))


def test_the_page_gives_every_number_of_the_help_lines_in_both_languages(client, app):
    for prefix, code in (("", "en"), ("/es", "es")):
        soup = page(client.get(f"{prefix}/offline"))
        numbers = {line.tel for line in app.extensions["finder"].guidance[code].helplines() if line.tel}
        assert len(numbers) > 5
        assert numbers <= {link["href"] for link in soup.select("main a[href^='tel:']")}


def test_the_worker_stands_at_the_root_and_is_looked_at_again_each_time(client):
    answer = client.get(WORKER)
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get(WORKER, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.get(f"/es{WORKER}").status_code == 404


def test_only_a_worker_of_ours_may_run(client):
    assert "; worker-src 'self';" in client.get("/guidance").headers["Content-Security-Policy"]


def test_the_worker_is_small(client):
    assert len(brotli.compress(client.get(WORKER).data)) < 4_000


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_the_first_pages_are_there_and_the_worker_takes_each(client, script, prefix):
    first = page(client.get(f"{prefix}/offline")).select_one("[data-offline]")["data-first"].split()
    assert len(first) == 6
    for path in first:
        assert path.startswith(prefix)
        assert client.get(path).status_code == 200
        assert addresses(script, "GUIDANCE").search(path)


def test_no_address_of_the_site_is_kept_but_guidance_tools_and_listings(app, script):
    taken = set()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "x", rule.rule)
        if any(addresses(script, name).search(path) for name in ("GUIDANCE", "LISTED", "HOME")):
            taken.add(rule.rule)
    english = {
        "/", "/centers/<slug>", "/first-call", "/guidance", "/guidance/<slug>", "/help", "/offline", "/questions",
        "/records", "/shortlist", "/specialists/<slug>",
    }  # fmt: skip
    assert taken == english | {f"/es{path}" for path in english}


@pytest.mark.parametrize(
    "query", ["?near=02139", "?who=child", "?ids=center-x&near=02139", "?latitude=1&longitude=2", "?ids="]
)
def test_an_address_that_says_more_than_ids_is_none_of_the_workers(script, query):
    for path in ("/", "/es/", "/guidance", "/help", "/shortlist", "/first-call", "/centers/x", "/search"):
        for name in ("GUIDANCE", "LISTED", "HOME"):
            assert not addresses(script, name).search(path + query)


@pytest.mark.parametrize("path", ["/guidance/warning-signs", "/help", "/shortlist", "/offline"])
def test_the_button_is_hidden_until_the_browser_can_keep_copies(client, path):
    box = page(client.get(path)).select_one("[data-offline]")
    assert box["data-offline"] == WORKER
    assert "hidden" in box.attrs
    assert "Others who use this device could see the copies." in words(box)


@pytest.mark.parametrize("path", ["/privacy", "/es/privacy", "/offline", "/es/offline"])
def test_everything_can_be_forgotten_from_the_page_on_privacy_and_offline(client, path):
    soup = BeautifulSoup(client.get(path).data, "html.parser")
    assert soup.select_one("[data-forget-all] button[data-do=forget]")
