import logging
import shutil
import sqlite3
from contextlib import closing

import pytest

from finder.settings import load
from finder.web import create_app

SEARCHES = ["/search?near=02139", "/shared-care?near=02139", "/api/v1/listings?near=02139", "/suggest?q=bost"]
PAGES = ["/", "/guidance", "/about", "/privacy", "/centers", "/no-such-page", *SEARCHES]


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_carries_the_strict_headers(client, path):
    headers = client.get(path).headers

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
def test_no_visitor_gets_a_cookie(client, path):
    assert "Set-Cookie" not in client.get(path).headers


@pytest.mark.parametrize("path", SEARCHES)
def test_a_search_is_kept_by_nobody(client, path):
    assert client.get(path).headers["Cache-Control"] == "private, no-store"


def test_each_page_has_its_own_nonce(client):
    first, second = (client.get("/search?near=02139").headers["Content-Security-Policy"] for _ in range(2))

    assert "'nonce-" in first
    assert first != second


@pytest.fixture
def limited(settings):
    app = create_app(load({"FINDER_INSTANCE": str(settings.instance), "FINDER_RATE_LIMIT": "3 per minute"}))
    yield app.test_client()
    app.extensions["finder"].database.dispose()


def test_too_many_searches_from_one_address_are_told_when_to_come_back(limited):
    statuses = [limited.get("/search?near=02139").status_code for _ in range(5)]
    refused = limited.get("/search?near=02139")

    assert statuses == [200, 200, 200, 429, 429]
    assert int(refused.headers["Retry-After"]) > 0


def test_another_address_and_the_guidance_are_not_held_back(limited):
    for _ in range(5):
        limited.get("/search?near=02139")

    assert limited.get("/search?near=02139", environ_base={"REMOTE_ADDR": "127.0.0.2"}).status_code == 200
    assert limited.get("/guidance").status_code == 200


@pytest.fixture
def broken(settings, tmp_path):
    """The application over a database that lost its listings."""
    shutil.copytree(settings.instance, tmp_path / "instance")
    with closing(sqlite3.connect(tmp_path / "instance" / "directory.sqlite")) as connection:
        connection.execute("DROP TABLE listing")
    app = create_app(load({"FINDER_INSTANCE": str(tmp_path / "instance")}))
    yield app.test_client()
    app.extensions["finder"].database.dispose()


def test_a_failure_is_logged_without_what_was_typed_and_where_it_lies(broken, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = broken.get("/search?near=Cambridge%2C+MA")

    assert answer.status_code == 500
    assert "request_failed endpoint=pages.search error=OperationalError" in caplog.text
    for secret in ("Cambridge", "42.3", "71.1"):
        assert secret not in caplog.text
        assert secret not in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", SEARCHES)
def test_a_search_leaves_no_trace_in_any_log(client, caplog, path):
    with caplog.at_level(logging.DEBUG):
        client.get(path)

    assert "02139" not in caplog.text
    assert "bost" not in caplog.text.lower()


def test_a_large_body_is_refused(client):
    assert client.post("/search", data=b"x" * 100_000).status_code in (405, 413)


def test_the_program_says_whether_it_is_well(client):
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json()["status"] == "ok"


def test_files_have_lasting_addresses_and_are_compressed(client, app):
    with app.test_request_context():
        url = app.jinja_env.globals["asset"]("finder.css")

    answer = client.get(url, headers={"Accept-Encoding": "br"})

    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "br"
    assert answer.mimetype == "text/css"
    assert client.get("/static/x/../../settings.py").status_code == 404
