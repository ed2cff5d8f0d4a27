import json
import logging
import shutil

import pytest
from sqlalchemy import select

from finder import reviews
from finder.db import Review
from finder.settings import load
from finder.web import create_app, reports
from tests.web.page_check import page, words

OURS = {"Sec-Fetch-Site": "same-origin"}
CENTER = "dana-farber"
PATH = f"/report/centers/{CENTER}"


@pytest.fixture
def app(settings, tmp_path):
    """The application over a copy of the shipped directory."""
    folder = tmp_path / "instance"
    folder.mkdir()
    for file in settings.instance.iterdir():
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    app = create_app(load({"FINDER_INSTANCE": str(folder), "FINDER_RATE_LIMIT": ""}))
    if "reports" not in app.blueprints:
        reports.init(app)
    yield app
    app.extensions["finder"].database.dispose()


@pytest.fixture
def client(app):
    return app.test_client()


def kept(app):
    with app.extensions["finder"].database.reading() as connection:
        rows = connection.execute(select(Review.kind, Review.resource_id, Review.detail))
        return [(kind, resource, json.loads(detail)) for kind, resource, detail in rows]


def test_the_form_asks_what_is_wrong_and_nothing_about_the_visitor(client):
    soup = page(client.get(PATH))

    names = {one.get("name") for one in soup.select("main input, main textarea")}
    assert names == {"wrong", "words", "website"}
    assert [one["value"] for one in soup.select('input[name="wrong"]')] == list(reviews.WRONG)
    assert "health" in words(soup.select_one("#words-hint"))
    assert soup.select_one('input[name="website"]').find_parent(hidden=True)


def test_the_form_lets_the_browser_say_that_it_is_ours(client):
    metas = page(client.get(PATH)).select('meta[name="referrer"]')

    assert metas[-1]["content"] == "same-origin"


def test_a_report_is_kept_and_the_visitor_thanked(client, app):
    answer = client.post(PATH, data={"wrong": "phone", "words": "It is 617-555-0100."}, headers=OURS)

    assert answer.status_code == 303
    assert "keep this directory" in words(page(client.get(answer.location)))
    assert kept(app) == [("report", CENTER, {"wrong": "phone", "words": "It is 617-555-0100."})]
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_specialist_can_be_reported_too(client, app):
    found = app.extensions["finder"].database
    with found.reading() as connection:
        npi = connection.exec_driver_sql("SELECT slug FROM listing WHERE layer = 2 ORDER BY slug").scalar()

    page(client.get(f"/report/specialists/{npi}"))
    assert client.post(f"/report/specialists/{npi}", data={"wrong": "not-all"}, headers=OURS).status_code == 303
    assert kept(app)[0][:2] == ("report", npi)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_what_another_site_sends_is_refused_and_what_was_typed_stays(client, app, headers):
    soup = page(client.post(PATH, data={"wrong": "phone", "words": "My words"}, headers=headers), 403)

    assert words(soup.textarea) == "My words"
    assert kept(app) == []


def test_an_older_browser_is_known_by_its_origin(client, app):
    assert client.post(PATH, data={"wrong": "phone"}, headers={"Origin": "http://localhost"}).status_code == 303
    assert len(kept(app)) == 1


def test_a_program_that_fills_in_the_hidden_field_is_thanked_and_nothing_kept(client, app):
    assert client.post(PATH, data={"wrong": "phone", "website": "x"}, headers=OURS).status_code == 303
    assert kept(app) == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "wrong"),
        ({"wrong": "x"}, "wrong"),
        ({"wrong": "phone", "words": "x" * 1001}, "words"),
        ({"wrong": "other"}, "words"),
    ],
)
def test_a_mistake_is_named_at_its_field(client, app, data, field):
    soup = page(client.post(PATH, data=data, headers=OURS), 422)

    assert soup.select_one(f'.error-summary a[href="#field-{field}"]')
    assert kept(app) == []


def test_five_reports_an_hour_are_taken_from_one_address(client, app):
    answers = [client.post(PATH, data={"wrong": "phone", "words": str(n)}, headers=OURS) for n in range(6)]
    elsewhere = client.post(PATH, data={"wrong": "phone"}, headers=OURS, environ_base={"REMOTE_ADDR": "127.0.0.2"})

    assert [one.status_code for one in answers] == [303] * 5 + [429]
    assert int(answers[5].headers["Retry-After"]) > 0
    page(answers[5], 429)
    assert elsewhere.status_code == 303
    assert len(kept(app)) == 6


def test_mistakes_do_not_use_up_the_five(client):
    for _ in range(6):
        client.post(PATH, data={}, headers=OURS)

    assert client.post(PATH, data={"wrong": "phone"}, headers=OURS).status_code == 303


@pytest.mark.parametrize("path", ["/report/centers/nobody", f"/report/specialists/{CENTER}", f"/report/x/{CENTER}"])
def test_what_is_not_listed_cannot_be_reported(client, path):
    page(client.get(path), 404)
    assert client.post(path, data={"wrong": "phone"}, headers=OURS).status_code == 404
    assert client.get(f"{path}/thanks").status_code == 404


def test_a_report_leaves_no_trace_in_any_log(client, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post(PATH, data={"wrong": "phone", "words": "secret words"}, headers=OURS)

    assert "secret" not in caplog.text


def test_a_directory_that_is_being_changed_asks_for_patience(client, app):
    database = app.extensions["finder"].database
    with database.transaction() as session:
        session.connection().exec_driver_sql("PRAGMA busy_timeout=1")
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        soup = page(client.post(PATH, data={"wrong": "phone"}, headers=OURS), 422)

    assert "few minutes" in words(soup)
