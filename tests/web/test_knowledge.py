"""The pages where readers look things up: the guidance's search, the words, the figures, also as JSON."""

import re

import pytest

from finder.guidance import SUBJECTS
from tests.web.page_check import page, words

SPANISH = pytest.mark.parametrize("prefix", ["", "/es"])


@SPANISH
@pytest.mark.parametrize("path", ["/guidance", "/guidance?q=fever", "/guidance?q=zzzzqq", "/glossary", "/facts"])
def test_every_page_is_whole_in_both_languages(client, prefix, path):
    soup = page(client.get(prefix + path))

    assert soup.html["lang"] == ("es" if prefix else "en")
    for link in soup.select("main a"):
        href = link["href"]
        assert not (prefix and href.startswith("/")) or href.startswith(("/es/", "/api/")), href


def every_link(client, soup):
    for link in soup.select('main a[href^="/"]'):
        path, _, anchor = link["href"].partition("#")
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert not anchor or f'id="{anchor}"' in answer.text, link["href"]


@SPANISH
def test_every_link_of_the_results_leads_to_the_heading_or_the_word_that_it_names(client, prefix):
    soup = page(client.get(f"{prefix}/guidance?q=MRD"))

    assert soup.select(".found-at a")
    assert soup.select(".words a")
    every_link(client, soup)


def test_a_search_says_how_much_it_found_and_marks_the_words(client):
    soup = page(client.get("/guidance?q=bone+marow"))

    assert re.search(
        r"\d+ results for “bone marow”\. We looked for “bone marrow”\.", words(soup.find("header", class_="head"))
    )
    assert {"bone marrow"} <= {words(mark).lower() for mark in soup.find_all("mark")}
    assert soup.find("input", attrs={"name": "q"})["value"] == "bone marow"


def test_where_nothing_is_found_help_lines_are_offered(client, app):
    soup = page(client.get("/guidance?q=zzzzqq"))

    assert "Nothing was found for “zzzzqq”." in words(soup.main)
    [first, *_] = app.extensions["finder"].guidance["en"].helplines()
    assert soup.main.find("a", href=first.tel)


def test_a_search_is_kept_by_nobody(client, caplog):
    with caplog.at_level(0):
        answer = client.get("/guidance?q=my+secret+fever")

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert page(answer).find("meta", attrs={"name": "robots"})["content"] == "noindex"
    assert "Set-Cookie" not in answer.headers
    assert "secret" not in caplog.text


def test_the_list_of_pages_may_be_kept_and_found(client):
    for path in ("/guidance", "/guidance?q=", "/guidance?q=+%00"):
        answer = client.get(path)
        assert "no-store" not in answer.headers["Cache-Control"]
        assert page(answer).select(".page-links")
        assert "noindex" not in answer.text


def test_what_is_typed_stays_text(client):
    soup = page(client.get("/guidance", query_string={"q": '"><script>x</script>{{7*7}} fever'}))

    assert "<script>x" not in str(soup.main)
    assert "{{7*7}}" in words(soup.main)
    assert "%(num)s" not in words(page(client.get("/guidance", query_string={"q": "%(num)s fever %s"})).h1)


def test_a_query_without_end_is_cut(client):
    soup = page(client.get("/guidance", query_string={"q": "fever " * 500}))

    assert len(soup.find("input", attrs={"name": "q"})["value"]) <= 100


def test_every_word_stands_in_the_glossary_with_its_other_names_and_its_source(client, app):
    soup = page(client.get("/glossary"))
    listed = app.extensions["finder"].guidance["en"].glossary.words()

    assert [entry["id"] for entry in soup.select(".entry")] == [word.id for word in listed]
    entry = soup.find(id="spinal-fluid")
    assert "cerebrospinal fluid" in words(entry)
    assert "In Spanish: líquido de la columna" in words(entry)
    assert entry.find(lang="es")
    assert "National Cancer Institute" in words(entry)


def test_the_spanish_glossary_gives_the_english_word(client):
    entry = page(client.get("/es/glossary")).find(id="spinal-fluid")

    assert words(entry.find(lang="en")) == "spinal fluid"
    assert words(entry.h3) == "líquido de la columna"


@SPANISH
def test_a_word_on_a_page_leads_to_its_meaning_on_the_same_page_and_back(client, prefix):
    soup = page(client.get(f"{prefix}/guidance/what-is-all"))

    links = soup.select(".prose a.word")
    assert links
    for link in links:
        entry = soup.find(id=link["href"][1:])
        assert entry.find_parent(class_="words-here")
        assert entry.find("a", class_="back")["href"] == f"#{link['id']}"
    assert len(soup.select(".words-here dt")) == len(links)


def test_every_figure_has_its_subject_and_its_card_but_those_on_survival(client, app):
    facts = app.extensions["finder"].guidance["en"].facts()
    cards = {card["id"] for card in page(client.get("/facts")).select(".fact-card")}

    assert {fact.subject for fact in facts} == SUBJECTS.keys()
    assert cards == {fact.id for fact in facts if not fact.id.startswith("survival-")}


def test_a_card_says_for_whom_when_and_by_whom(client):
    card = page(client.get("/facts")).find(id="rate-1-4")

    said = words(card)
    assert "75.2 in a million" in said
    assert "For: 1 to 4 years, United States. Years: 2001-2014." in said
    assert "Centers for Disease Control and Prevention" in said
    assert said.endswith("September 15, 2017")


@SPANISH
def test_no_card_tells_of_living_or_dying(client, prefix):
    for card in page(client.get(f"{prefix}/facts")).select(".fact-card, .chart-and-table"):
        assert not re.search(r"\b(surviv|alive|die[sd]?\b|death|sobreviv|superviv|muri|muert)", words(card).lower())


def test_the_chart_shows_what_its_table_says_and_nothing_else_is_needed(client):
    soup = page(client.get("/facts"))
    chart, table = soup.find("svg", class_="chart"), soup.find("table", class_="chart-table")

    rows = [[words(cell) for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]
    assert rows[:2] == [["Under 1 year", "18.4"], ["1 to 4 years", "75.2"]]
    assert [words(text) for text in chart.find_all("text")] == [f"{age}: {rate}" for age, rate in rows]
    lengths = [float(bar["width"].removesuffix("%")) for bar in chart.find_all("rect")]
    assert lengths == [round(float(rate) / 75.2 * 100, 1) for _age, rate in rows]
    assert table.caption


def test_the_figures_are_there_as_json_with_every_field_and_with_whom_to_thank(client, app):
    answer = client.get("/api/v1/facts")

    facts = app.extensions["finder"].guidance["en"].facts()
    assert answer.json["language"] == "en"
    assert "public domain" in answer.json["licence"]
    assert "ALL Care Finder" in answer.json["attribution"]
    assert [one["id"] for one in answer.json["facts"]] == [fact.id for fact in facts]
    assert set(answer.json["facts"][0]) == {
        "id", "subject", "statement", "value", "unit", "group", "years", "source", "url", "seen_on", "review_by",
    }  # fmt: skip


def test_survival_figures_in_the_json_are_marked(client):
    answer = client.get("/api/v1/facts").json

    marked = {one["id"] for one in answer["facts"] if one["subject"] == "survival"}
    assert marked == {one["id"] for one in answer["facts"] if one["id"].startswith("survival-")} != set()
    assert "only to readers who ask" in answer["about_survival"]


def test_the_json_speaks_spanish_too_and_names_a_language_that_it_does_not_speak(client):
    answer = client.get("/api/v1/facts?language=es")

    assert answer.headers["Content-Language"] == "es"
    assert answer.json["facts"][0]["unit"] == "personas"
    refused = client.get("/api/v1/facts?language=fr")
    assert refused.status_code == 422
    assert refused.mimetype == "application/problem+json"
    assert refused.json["errors"] == {"language": "must be one of: en, es"}
