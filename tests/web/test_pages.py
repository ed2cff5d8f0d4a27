import json
import re
import shutil
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from finder import search as searching
from finder.db import Database
from finder.domain.listing import Layer
from finder.domain.query import PARAMETERS
from finder.settings import load
from finder.web import create_app
from tests.factories import center, fill, said, specialist
from tests.web.page_check import page, words

HOSTILE = "{{7*7}} </script><script>alert(1)</script> \"'><b>${1} {% raw %}"


@pytest.fixture(scope="module")
def hostile(settings, tmp_path_factory):
    """A client of a directory whose imported texts try to be code."""
    instance = tmp_path_factory.mktemp("hostile") / "instance"
    shutil.copytree(settings.instance, instance)
    database = Database(f"sqlite:///{instance / 'directory.sqlite'}")
    entry = center(
        "hostile",
        said("treats_adults", source=HOSTILE, note=HOSTILE, url="https://example.org/?a=1&b='\"<>"),
        said("parent", HOSTILE),
        said("website", "javascript:alert(1)", url="javascript:alert(2)"),
        said("phone", "617-555-0100", scope=HOSTILE),
        said("all_trial", "NCT00000001", scope=HOSTILE),
        said("allogeneic_transplant", source=HOSTILE, scope=HOSTILE, as_of=""),
        name=HOSTILE,
        at=(13.45, 144.78),
    )
    fill(database, entry, specialist("1234567893", family=HOSTILE, at=(13.45, 144.78)))
    database.dispose()
    app = create_app(load({"FINDER_INSTANCE": str(instance), "FINDER_RATE_LIMIT": ""}))
    yield app.test_client()
    app.extensions["finder"].database.dispose()


def find(client, status=200, **args):
    return page(client.get("/search", query_string=args), status)


def cards(soup, layer):
    return soup.select(f"#{layer} .card")


def names(soup, layer):
    return [words(card.h3) for card in cards(soup, layer)]


@pytest.mark.parametrize("path", ["/", "/help", "/about", "/privacy", "/centers", "/guidance"])
def test_every_page_is_sound(client, path):
    soup = page(client.get(path))

    footer = words(soup.footer)
    assert "911" in footer
    assert "not medical advice" in footer
    assert "no cookies" in footer
    assert soup.footer.find("a", href="/about#data")


def test_every_guidance_page_is_sound_and_names_its_sources(client, app):
    for one in app.extensions["finder"].guidance["en"].pages():
        soup = page(client.get(f"/guidance/{one.slug}"))
        assert len(soup.select(".sources ol > li")) == len(one.sources)
        assert "Last reviewed" in words(soup.select_one(".sources"))


def test_no_link_of_ours_leads_nowhere(client):
    """Follows every link inside the site from the main pages, one page of each kind."""
    waiting, seen = ["/", "/search?near=02139&who=adult", "/centers", "/guidance", "/help"], set()
    while waiting:
        path = waiting.pop()
        kind = re.sub(r"^/(centers|specialists)/.+", r"/\1/…", path.partition("?")[0])
        if kind in seen:
            continue
        seen.add(kind)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if answer.mimetype == "text/html":
            links = {link["href"].partition("#")[0] for link in page(answer).find_all("a")}
            waiting += sorted(link for link in links if link.startswith("/"))
    assert {"/centers/…", "/specialists/…", "/about", "/privacy", "/api/v1/openapi.json"} <= seen


def test_the_home_page_asks_where_and_who_and_keeps_what_stands_in_its_address(client):
    soup = page(client.get("/?near=Butte, MT&who=child&radius=250&offers=car-t&designation=nci&designation=cog"))

    assert soup.find("input", attrs={"name": "near"})["value"] == "Butte, MT"
    assert soup.find("input", attrs={"name": "who", "value": "child"}).has_attr("checked")
    hidden = {(one["name"], one["value"]) for one in soup.select("main input[type=hidden]")}
    assert hidden == {("radius", "250"), ("offers", "car-t"), ("designation", "nci"), ("designation", "cog")}


def test_use_my_position_waits_for_javascript_and_says_what_is_sent(client):
    soup = page(client.get("/"))

    assert soup.select_one("[data-position]").has_attr("hidden")
    assert "rounded to about half a mile" in words(soup.select_one("[data-position-hint]"))


def test_a_result_says_what_was_asked_how_it_was_understood_and_counts(client):
    soup = find(client, near="02139", who="adult")

    assert words(soup.h1) == "Leukemia care near ZIP 02139 (Cambridge, MA)"
    counted = words(soup.select_one(".counts"))
    assert re.fullmatch(r"\d+ leukemia centers and \d+ specialists within 100 miles\.", counted.replace(" .", "."))
    understood = words(soup.select_one(".understood"))
    assert "For an adult, 40 or older." in understood
    assert "the middle of ZIP 02139" in understood
    change = urlsplit(soup.select_one("a.change")["href"])
    assert parse_qs(change.query) == {"near": ["02139"], "who": ["adult"]}


def test_a_card_says_name_distance_reasons_and_how_to_reach_them_in_that_order(client):
    card = cards(find(client, near="02139", who="adult"), "centers")[0]

    text = words(card)
    parts = [words(card.h3), words(card.select_one(".distance")), words(card.select_one(".reasons")).split(" ")[0]]
    parts += [words(card.select_one(".address")), words(card.select_one(".call"))[:12], "Sources and dates"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert card.select_one("a.call")["href"].startswith("tel:+1-")
    sources = [words(one) for one in card.select(".facts li")]
    assert sources[0].startswith("About ")
    assert len(sources) > len(card.select(".reasons .badge"))
    assert all(re.search(r"(\d{4}|undated)$", one) for one in sources[1:])


def test_links_that_leave_say_so(client):
    soup = find(client, near="02139")

    outside = soup.select(".more-actions a[rel~=external]")
    assert outside
    assert all("leaves this site" in words(link) for link in outside)


def test_cards_and_pins_are_numbered_alike(client):
    soup = find(client, near="02139")

    shown = {card["data-listing-id"]: int(words(card.select_one(".pin-number"))) for card in soup.select(".card")}
    drawn = {pin["id"]: pin["n"] for pin in json.loads(soup.find(id="map-data").string)["pins"]}
    assert list(shown.values()) == list(range(1, len(shown) + 1))
    assert drawn == {name: number for name, number in shown.items() if name in drawn}
    assert drawn


def test_the_order_is_by_distance_and_the_rule_is_printed(client):
    soup = find(client, near="02139")

    pins = json.loads(soup.find(id="map-data").string)["pins"]
    miles = [float(re.sub(r"[^\d.]", "", pin["label"])) for pin in pins if pin["layer"] == "centers"]
    assert miles == sorted(miles)
    rule = words(soup.select_one(".rule"))
    assert rule.startswith("Nearest first, measured in a straight line. Ties by name. Nobody can pay for a place")


def test_what_is_known_to_fit_comes_before_what_is_not_known(client, app):
    soup = find(client, near="Denver, CO", who="adult", radius=500)

    centers = soup.find(id="centers")
    asked = centers.find("h3", class_="ask-heading")
    assert words(asked) == "Ask whether they treat adults"
    after = [words(card) for card in asked.find_next("ol").select(".card")]
    assert after
    assert all("Ask whether they treat adults" in card for card in after)
    before = [words(card) for card in centers.find("ol").select(".card")]
    assert not any("Ask whether they treat adults" in card for card in before)


def test_a_stated_program_says_who_stated_it_and_when(client):
    soup = find(client, near="02139", who="adult")

    lines = [words(line) for line in soup.select(".reasons .fact")]
    transplants = [line for line in lines if "transplants" in line]
    assert transplants
    assert all(re.search(r"stated by .+ \(.*(\d{4}|undated)\)$", line) for line in transplants)


def test_old_facts_say_call_first(client):
    soup = find(client, near="02139", who="adult")

    warnings = [words(one) for one in soup.select(".card .call-first")]
    assert warnings
    assert all(re.fullmatch(r"Some facts here are (undated|as of .+): call first\.", one) for one in warnings)


def test_the_sample_of_specialists_is_called_a_sample_with_its_size(client, app):
    size = searching.size(app.extensions["finder"].database, Layer.SPECIALISTS)

    said_ = f"This directory holds a sample of {size} specialists"
    assert said_ in words(find(client, near="02139").find(id="specialists"))
    assert said_ in words(page(client.get("/specialists/1003819269")))
    assert "sample" in words(page(client.get("/about")))


def test_an_imported_list_ends_the_sample_notice(hostile):
    assert "sample of" not in words(find(hostile, near="02139").find(id="specialists"))


def test_filters_are_repeated_and_counted(client):
    soup = find(client, near="New York", designation=["nci", "nccn"], offers="car-t", sort="name", radius=75, page=1)

    assert words(soup.select_one(".filters summary")) == "Filters (4 on)"
    checked = {one["value"] for one in soup.select(".filters input[type=checkbox][checked]")}
    assert checked == {"nci", "nccn", "car-t"}
    chosen = {one.find_parent("select")["name"]: one["value"] for one in soup.select(".filters option[selected]")}
    assert chosen == {"radius": "75", "layer": "all", "sort": "name"}
    assert "with these filters" in words(soup.select_one(".counts"))
    assert words(soup.select_one(".rule")).startswith("In order of name.")


def test_pages_of_the_list_follow_one_another_without_a_gap(client):
    first = find(client, near="New York", layer="centers", radius=500)
    ahead = first.select_one("a[rel=next]")["href"]
    second = page(client.get(ahead))

    assert len(names(first, "centers")) == 25
    assert not set(names(first, "centers")) & set(names(second, "centers"))
    assert second.select_one("a[rel=prev]")["href"] == "/search?near=New+York&radius=500&layer=centers"


def test_a_layer_with_more_than_a_page_links_to_all_of_it(client):
    soup = find(client, near="New York", who="child")

    link = soup.select_one("#centers a.more")
    total = int(re.search(r"\d+", words(link))[0])
    assert total > len(cards(soup, "centers"))
    assert len(names(page(client.get(link["href"])), "centers")) == min(total, 25)


def test_a_page_after_the_last_says_so(client):
    soup = find(client, near="02139", page=900)

    assert not soup.select(".card")
    assert "There are no more on this page." in words(soup.find(id="centers"))
    assert soup.select_one("a[rel=prev]")


def test_nothing_within_the_radius_shows_the_nearest_and_says_how_far(client):
    soup = find(client, near="Miles City, MT", who="adult")

    assert "No leukemia centers" in words(soup.select_one(".counts"))
    notice = words(soup.select_one("#centers .notice"))
    assert notice.startswith("None within 100 miles. These are the nearest, farther away.")
    assert cards(soup, "centers")


def test_filters_that_nothing_meets_say_to_take_some_off(client):
    soup = find(client, near="02139", designation="nccn", layer="specialists")

    assert "None with these filters." in words(soup.find(id="specialists"))


def test_an_ambiguous_name_is_asked_and_keeps_the_rest_of_the_search(client):
    soup = find(client, near="Springfield", who="child", radius=50)

    assert words(soup.h1) == "Which place do you mean?"
    links = [urlsplit(link["href"]).query for link in soup.select(".choices a")]
    assert len(links) > 2
    assert all(parse_qs(link)["who"] == ["child"] and parse_qs(link)["radius"] == ["50"] for link in links)
    assert "Springfield, MO" in [words(link) for link in soup.select(".choices a")]
    assert ("radius", "50") in [(one["name"], one["value"]) for one in soup.select("main input[type=hidden]")]


def test_a_misspelt_city_is_found_and_the_page_says_so(client):
    soup = find(client, near="Albuquerqe")

    assert words(soup.h1) == "Leukemia care near Albuquerque, NM"
    assert words(soup.select_one(".asked .notice")).startswith("Showing results for Albuquerque, NM")


def test_another_reading_is_offered(client):
    soup = find(client, near="New York", who="adult")

    other = soup.select_one(".asked .notice a")
    assert words(other) == "New York State"
    assert parse_qs(urlsplit(other["href"]).query) == {"near": ["New York State"], "who": ["adult"]}


@pytest.mark.parametrize("text", ["qqqqqqzzzz", "APO AE 09012", "!!!"])
def test_a_place_that_is_not_found_keeps_what_was_typed_and_says_what_to_do(client, text):
    soup = find(client, near=text, who="adult")

    assert words(soup.h1) == "We could not find that place"
    summary = soup.find(id="errors")
    assert summary["role"] == "alert"
    assert summary["tabindex"] == "-1"
    assert summary.a["href"] == "#field-near"
    field = soup.find(id="field-near")
    assert field["value"] == text
    assert field["aria-invalid"] == "true"


def test_a_place_abroad_says_what_is_covered_and_where_to_turn(client):
    soup = find(client, near="London, UK")

    assert words(soup.h1) == "This place is outside what we cover"
    assert "the 50 states" in words(soup.main)
    assert "Where to turn" in words(soup.main)


def test_every_mistake_is_listed_with_a_link_to_its_field_and_what_was_typed(client):
    soup = find(client, 422, near=" ", who="cat", radius="9999", layer="x", sort="y", offers="z", designation="w")

    assert words(soup.h1) == "Please check your search"
    links = [link["href"] for link in soup.select("#errors a")]
    assert links == [f"#field-{name}" for name in ("near", "who", "radius", "layer", "designation", "offers", "sort")]
    assert soup.find(id="field-radius")["value"] == "9999"
    assert words(soup.select_one("#errors li:nth-of-type(3)")) == "The distance must be from 1 to 500 miles."


def test_a_mistake_keeps_the_answers_that_were_right(client):
    soup = find(client, 422, near="", who="child", radius="50", sort="name")

    assert soup.find("input", attrs={"name": "who", "value": "child"}).has_attr("checked")
    assert {(one["name"], one["value"]) for one in soup.select("main input[type=hidden]")} == {
        ("radius", "50"),
        ("sort", "name"),
    }


@pytest.mark.parametrize(
    "args", [{"latitude": "91", "longitude": "0"}, {"latitude": "1"}, {"near": "02139", "page": "0"}]
)
def test_a_mistake_without_a_field_of_its_own_leads_to_the_place(client, args):
    soup = find(client, 422, **args)

    assert {link["href"] for link in soup.select("#errors a")} == {"#field-near"}


def test_a_position_is_searched_and_not_called_a_place(client):
    soup = find(client, latitude="42.36", longitude="-71.10")

    assert words(soup.h1) == "Leukemia care near you"
    assert "your position, near" in words(soup.select_one(".understood"))
    kept = {one["name"]: one["value"] for one in soup.select(".filters input[type=hidden]")}
    assert kept == {"latitude": "42.36", "longitude": "-71.1"}
    assert "latitude" not in soup.select_one("a.change")["href"]


def test_an_unknown_parameter_is_ignored(client):
    assert find(client, near="02139", utm_source="x", **{"<b>": "1"})


def test_a_search_stays_out_of_search_engines_and_caches(client):
    response = client.get("/search?near=02139")

    assert page(response).find("meta", attrs={"name": "robots"})["content"] == "noindex"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Disallow: /search" in client.get("/robots.txt").get_data(as_text=True)


@pytest.mark.parametrize("near", [HOSTILE, "<b>Boston</b>", "02139'\"", "\x00Boston\x1f", "a" * 200])
def test_what_was_typed_is_shown_as_it_was_typed(client, near):
    field = find(client, near=near).select_one("input[name=near]")

    assert field["value"] == re.sub("[\x00-\x1f]", "", near)


def test_imported_text_is_shown_as_it_stands_and_never_runs(hostile):
    shown = " ".join(HOSTILE.split())
    results = find(hostile, near="Guam")
    listing = page(hostile.get("/centers/hostile"))

    assert names(results, "centers")[0] == shown
    assert shown in names(results, "specialists")[0]
    assert shown in words(results.select_one("#centers .facts"))
    assert json.loads(results.find(id="map-data").string)["pins"][0]["name"] == HOSTILE
    assert words(listing.h1) == shown
    assert json.loads(listing.find("script", type="application/ld+json").string)["name"] == HOSTILE
    assert shown in words(listing.select_one(".listing-facts"))
    for soup in (results, listing):
        assert not [one for one in soup.find_all("script") if one.string and "alert(1)" in one.string.split("{")[0]]
        assert not soup.select("main b")
        assert "49" not in words(soup.h1)
        assert not soup.select('[href^="javascript"]')


def test_every_listing_has_a_sound_page_that_shows_each_fact_with_source_and_date(client, app):
    database = app.extensions["finder"].database
    today = datetime.now(UTC).date().isoformat()
    every = [*searching.everything(database, Layer.CENTERS), *searching.everything(database, Layer.SPECIALISTS)]
    for one in every[::19]:
        soup = page(client.get(f"/{one.layer}/{one.slug}"))
        assert words(soup.h1) == one.name
        rows = soup.select(".fact-row")
        assert rows
        for row in rows:
            source = words(row.select_one(".source"))
            assert re.match(r"(Source:|Stated by) ", source), one.slug
            assert re.search(r"(, .*\d{4}|Undated: call first\.|As of .*\d{4}: call first\.)$", source), one.slug
        website = one.first("website")
        assert website is None or soup.select_one(".listing-facts").find("a", href=website.value)
        assert soup.select_one(".listing-side li"), "nothing to ask"
        assert today not in words(soup)


def test_a_listing_in_schema_org_words_says_only_what_the_page_shows(client):
    soup = page(client.get("/centers/dana-farber"))

    record = json.loads(soup.find("script", type="application/ld+json").string)
    text = words(soup.main)
    assert record["@type"] == "MedicalOrganization"
    assert record["name"] in text
    assert record["telephone"] in text
    assert record["description"] in text
    assert all(record["address"][part] in text for part in ("streetAddress", "addressLocality", "postalCode"))
    assert record["url"] in [link["href"] for link in soup.main.find_all("a")]


def test_a_center_names_its_siblings_and_neighbors(client):
    soup = page(client.get("/centers/dana-farber"))

    related = words(soup.find(id="related-title").find_parent("section"))
    nearby = soup.find(id="nearby-title").find_parent("section")
    assert "Brigham and Women's Hospital" in related
    assert len(nearby.find_all("li")) == 3
    assert "Dana-Farber Cancer Institute" not in words(nearby)


def test_a_specialist_shows_what_the_registry_says_and_what_to_ask(client):
    soup = page(client.get("/specialists/1003819269"))

    facts = words(soup.select_one(".listing-facts"))
    assert "Aleksandar Jankov" in facts
    assert "1003819269" in facts
    assert "901-747-9081" in facts
    assert "Do you treat acute lymphoblastic leukemia" in words(soup.select_one(".panel"))
    assert json.loads(soup.find("script", type="application/ld+json").string)["@type"] == "Physician"


@pytest.mark.parametrize("path", ["/centers/none", "/specialists/1", "/guidance/none", "/nothing", "/centers/%00"])
def test_a_page_that_is_not_there_says_so_and_leads_on(client, path):
    soup = page(client.get(path), 404)

    assert words(soup.h1) == "Page not found"
    assert soup.main.find("a", href="/")


def test_every_center_is_listed_by_state_even_without_a_position(client, app):
    every = searching.everything(app.extensions["finder"].database, Layer.CENTERS)

    soup = page(client.get("/centers"))

    linked = {link["href"] for link in soup.main.find_all("a")}
    assert linked >= {f"/centers/{one.slug}" for one in every}
    states = [words(one) for one in soup.select("main h2")]
    assert states == sorted(states)


def test_the_about_page_counts_the_directory_and_names_the_licences(client, app):
    database = app.extensions["finder"].database

    text = words(page(client.get("/about")))

    assert f"{searching.size(database, Layer.CENTERS)} centers" in text
    assert "GeoNames" in text
    assert "CC BY 4.0" in text


def test_the_privacy_page_says_what_is_sent(client):
    text = words(page(client.get("/privacy")))

    assert "no cookies" in text
    assert "rounded to about half a mile" in text


def test_no_page_sets_a_cookie(client):
    for path in ("/", "/search?near=02139", "/centers/dana-farber", "/search?near="):
        assert "Set-Cookie" not in client.get(path).headers


_texts = st.text(max_size=40) | st.sampled_from(["", "0", "-1", "1e9", "nan", "02139", "child", "Portland", "all"])
_names = st.sampled_from([parameter.name for parameter in PARAMETERS]) | st.text(max_size=8)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_names, _texts), max_size=6))
def test_no_parameters_break_the_search_page(client, args):
    response = client.get("/search", query_string=args)

    assert response.status_code in (200, 422)
    page(response, response.status_code)


def test_while_specialists_are_a_sample_their_absence_is_no_headline(client):
    soup = find(client, near="02139", who="child")

    assert words(soup.select_one(".counts")).endswith("leukemia centers within 100 miles. We list few specialists yet.")
    assert "specialists" in words(find(client, near="02139", who="adult").select_one(".counts"))


def test_a_note_on_an_address_where_nobody_is_seen_stands_on_the_card(client):
    soup = find(client, near="Stanford, CA", who="adult")

    card = next(one for one in cards(soup, "centers") if "Stanford Cancer Institute" in words(one.h3))
    assert words(card.select_one(".elsewhere")).startswith("This is a research building.")


def test_a_date_that_ends_a_sources_title_is_said_once(client):
    text = words(page(client.get("/centers/providence-alaska-medical-center")))

    assert "February 10, 2025, February 10, 2025" not in text
    assert "February 10, 2025" in text
