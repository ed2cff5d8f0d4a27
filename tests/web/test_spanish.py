"""Every page has its Spanish twin, whole: the same page, its own words, and the way back."""

from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from tests.test_translations import entries, forms
from tests.web.page_check import page, words

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
PATHS = [
    "/",
    "/?who=cat",
    "/search?near=02139&who=child",
    "/search?near=Alpine+TX&who=young-adult&designation=nci&radius=1",
    "/search?near=42.36,-71.07",
    "/search?near=Springfield",
    "/search?near=xyzzyx",
    "/search?near=Toronto",
    "/search?latitude=47.6&longitude=-122.3&who=adult",
    "/about",
    "/centers",
    "/centers/dana-farber",
    "/guidance",
    "/guidance/what-to-do-first",
    "/help",
    "/privacy",
    "/report/centers/dana-farber",
    "/report/centers/dana-farber/thanks",
    "/shared-care?near=Rumford,+ME&who=adult",
    "/shortlist?ids=center-dana-farber",
    "/first-call?ids=center-dana-farber&who=child",
    "/questions",
    "/records",
    "/body",
    "/glossary",
    "/facts",
    "/guidance?q=fiebre",
    "/nothing-here",
]
SENTENCES = {
    text
    for one in entries("es")
    for text in forms(one.id)
    if len(text.split()) >= 3 and "%(" not in text and not any(text in form for form in forms(one.string))
}


def spanish(client, path):
    return client.get(f"/es{path}" if path != "/" else "/es/")


@pytest.mark.parametrize("path", PATHS)
def test_a_spanish_page_is_sound_and_says_nothing_of_ours_in_english(client, path):
    answer = spanish(client, path)
    soup = page(answer, answer.status_code)

    assert soup.html["lang"] == "es"
    for foreign in soup.select("[lang=en], script"):
        foreign.decompose()
    text = words(soup)
    assert [one for one in SENTENCES if one in text] == []


@pytest.mark.parametrize("path", PATHS)
def test_every_link_to_our_own_pages_stays_in_the_language(client, path):
    soup = BeautifulSoup(spanish(client, path).data, "html.parser")
    for link in soup.select("a[href^='/'], form[action^='/']"):
        address = link.get("href") or link["action"]
        ours = address.startswith(("/es/", "/api/")) or link.get("hreflang") == "en"
        assert ours, address


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/nothing-here"])
def test_the_switch_leads_to_the_same_page_and_back(client, path):
    english = BeautifulSoup(client.get(path).data, "html.parser")
    there = english.select_one("a[hreflang=es]")["href"]
    back = BeautifulSoup(client.get(there).data, "html.parser").select_one("a[hreflang=en]")["href"]

    assert client.get(back).data == client.get(path).data or back.partition("?")[0] == path.partition("?")[0]
    alternates = {link["hreflang"]: link["href"] for link in english.select("link[rel=alternate]")}
    assert alternates["en"] == f"http://localhost{path.partition('?')[0]}"
    assert alternates["es"] == f"http://localhost/es{path.partition('?')[0]}"


def test_a_page_that_is_not_there_leads_home_in_the_other_language(client):
    soup = BeautifulSoup(client.get("/es/nothing-here").data, "html.parser")

    assert soup.select_one("a[hreflang=en]")["href"] == "/"
    assert words(soup.h1) == "No encontramos esta página"


def test_one_language_after_the_other_does_not_mix(client):
    first = words(page(client.get("/search?near=02139&who=child")))
    there = words(page(client.get("/es/search?near=02139&who=child")))
    again = words(page(client.get("/search?near=02139&who=child")))

    assert first == again
    assert "Atiende a niños" in there
    assert "Treats children" not in there
    assert "Atiende a niños" not in again


def test_a_spanish_search_is_as_private_as_an_english_one(client):
    answer = client.get("/es/search?near=02139")

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in answer.headers
    assert b'<meta name="robots" content="noindex">' in answer.data


def test_robots_are_kept_from_searches_in_each_language_and_told_of_every_page(client):
    robots = client.get("/robots.txt").text
    named = {place.text for place in ElementTree.fromstring(client.get("/sitemap.xml").data).iter(f"{SITEMAP}loc")}

    assert "Disallow: /es/search\n" in robots
    assert "Sitemap: http://localhost/sitemap.xml\n" in robots
    assert {"http://localhost/", "http://localhost/es/", "http://localhost/es/guidance/what-is-all"} <= named
    assert "http://localhost/es/centers/dana-farber" in named
    assert not any("/search" in one for one in named)
