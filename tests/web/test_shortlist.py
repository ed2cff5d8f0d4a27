from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from finder import language
from finder.domain.geo import GeoPoint
from finder.domain.listing import Address, Layer, Listing
from finder.domain.place import Precision
from finder.domain.reasons import fixed_reasons
from finder.web import facts, shortlist
from tests.factories import said, terminology
from tests.web.page_check import page, words

TODAY = date(2026, 11, 24)
CENTER, OTHER, DOCTOR = "center-dana-farber", "center-boston-childrens-hospital", "specialist-1710980735"
FIVE = [CENTER, OTHER, "center-city-of-hope", "center-mayo-rochester", DOCTOR]
BOTH = ["/shortlist", "/first-call", "/es/shortlist", "/es/first-call"]


def shown(client, path, *ids, status=200, **more):
    return page(client.get(path, query_string={"ids": ",".join(ids)} | more), status)


def names(soup):
    return [words(one) for one in soup.select(".compare tbody th, .numbers h3")]


def column(soup, number):
    """Return what stands of one listing, by the label of its line."""
    labels = [words(one) for one in soup.select(".compare thead th")]
    row = soup.select(".compare tbody tr")[number]
    for label in row.select(".label"):
        label.extract()
    return dict(zip(labels, (words(one) for one in row.find_all(["th", "td"], recursive=False)), strict=True))


def listing(*said_of_it, layer=Layer.CENTERS):
    address = Address("1 Main St", "Boston", "MA", "02115")
    return Listing("center-a", layer, "a", "A Center", address, GeoPoint(42, -71), Precision.ADDRESS, 0, 0, said_of_it)


@pytest.fixture
def asked(app):
    with app.test_request_context():
        yield


def lines(one):
    return {label: cells[0] for label, cells in shortlist._lines([one], TODAY)}


def texts(cell):
    return [row.label for row in cell]


@pytest.mark.parametrize("path", BOTH)
def test_a_list_is_kept_by_nobody_on_the_way_and_found_by_no_search_engine(client, path):
    answer = client.get(f"{path}?ids={CENTER}")

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert page(answer).find("meta", attrs={"name": "robots"})["content"] == "noindex"


@pytest.mark.parametrize("path", BOTH)
def test_the_listings_stand_in_the_order_of_the_address(client, path):
    assert len(names(shown(client, path, *FIVE))) == 5
    there, back = (names(shown(client, path, *ids)) for ids in ((CENTER, OTHER), (OTHER, CENTER)))
    assert there == back[::-1]
    assert there[1] == "Boston Children's Hospital"


@pytest.mark.parametrize("path", ["/shortlist", "/first-call"])
def test_what_cannot_be_shown_is_said_in_words(client, path):
    one_gone = shown(client, path, CENTER, "center-of-nowhere")
    assert len(names(one_gone)) == 1
    assert "One entry of this list is not in our directory." in words(one_gone.select_one(".notice"))

    two_gone = shown(client, path, "x", "<script>", CENTER)
    assert "2 entries of this list are not in our directory." in words(two_gone.select_one(".notice"))
    assert "script>" not in words(two_gone.select_one(".notice"))

    seven = shown(client, path, *FIVE, "center-duke", "center-dartmouth")
    assert len(names(seven)) == 5
    assert "These are the first 5; the others are left out." in words(seven.select_one(".notice"))


def test_an_id_counts_once_however_often_and_in_whatever_form_it_stands(client):
    soup = page(client.get(f"/shortlist?ids={CENTER},%20{CENTER},,&ids={OTHER}&ids={CENTER}"))

    assert len(names(soup)) == 2
    assert soup.select_one(".notice") is None


@pytest.mark.parametrize("path", ["/shortlist", "/first-call", "/shortlist?ids=", "/first-call?ids=,,%00&who=x"])
def test_without_a_listing_the_page_says_how_to_keep_one(client, path):
    soup = page(client.get(path))

    assert names(soup) == []
    assert soup.select_one('main a[href="/"]')
    if path.startswith("/first-call"):
        assert len(soup.select(".numbers li")) == 2, "there is room to write numbers in"


def test_each_cell_says_what_the_listings_own_page_says(client):
    compared = column(shown(client, "/shortlist", CENTER), 0)
    own = page(client.get("/centers/dana-farber"))
    rows = {words(row.dt): words(row.dd) for row in own.select(".fact-row")}

    assert words(own.select_one(".listing .kind")) in compared["Where they are"]
    for number in own.select(".head a.call span"):
        assert number.contents[0] in compared["Phone"]
    for label in ("NCI comprehensive cancer center", "Member of the National Comprehensive Cancer Network"):
        assert label in rows
        assert label in compared["Designations and memberships"]
    for question in own.select(".listing-side .panel li"):
        assert words(question) in compared["What to ask"]


def test_every_fact_of_the_comparison_names_its_source(client):
    soup = shown(client, "/shortlist", *FIVE)

    facts_shown = [one for one in soup.select(".compare .said") if not one.select_one(".open")]
    assert len(facts_shown) > 20
    assert all(words(one.select_one(".source")) for one in facts_shown)
    assert all("None" not in words(one) for one in facts_shown)


@pytest.mark.usefixtures("asked")
def test_what_no_source_says_is_left_to_ask_and_what_one_denies_is_a_no():
    cells = lines(listing(said("treats_adults", "no", source="A list", as_of="2026-01")))

    denied, asked = cells["Who is treated"][::-1]
    assert (denied.label, denied.values, denied.source) == ("Treats adults", (("No", ""),), "A list")
    assert (asked.label, asked.source) == ("Ask whether they treat children", "")
    assert cells["Donor transplant"] == cells["CAR-T therapy"] == cells["Trials they took part in"] == ()


@pytest.mark.usefixtures("asked")
def test_both_age_groups_of_a_program_are_shown():
    cells = lines(
        listing(
            said("allogeneic_transplant", population="adult"), said("allogeneic_transplant", population="pediatric")
        )
    )

    assert [row.values[0][0] for row in cells["Donor transplant"]] == ["Adults", "Children"]
    assert texts(cells["Who is treated"]) == ["Treats children", "Treats adults"]


@pytest.mark.usefixtures("asked")
def test_trials_are_worded_as_on_a_card_and_dates_as_on_a_page():
    one = listing(
        said("all_trial", "NCT00000001", scope="AALL1", as_of="2022-02", url="javascript:alert(1)"),
        said("cog_member", source="A list of February 10, 2026", as_of="2026-02-10"),
    )
    cells = lines(one)

    (trial,) = cells["Trials they took part in"]
    assert trial.label == next(r.text for r in fixed_reasons(one, None, terminology()) if r.code == "trial")
    assert (trial.date, trial.stale, trial.url) == ("February 2022", True, "")
    (member,) = cells["Designations and memberships"]
    assert (member.date, member.stale) == ("", False)


@pytest.mark.usefixtures("asked")
def test_a_doctor_is_compared_by_specialty_and_centers_lines_are_left_out_where_there_is_no_center():
    one = listing(said("specialty", "207RH0003X"), layer=Layer.SPECIALISTS)

    assert list(lines(one)) == ["Who is treated"]
    assert texts(lines(one)["Who is treated"]) == [
        "Listed as: Blood and cancer doctor for adults",
        "Ask whether this doctor treats ALL: the registry does not say",
    ]


def test_a_number_for_one_age_is_shown_to_that_age_alone(client):
    calls = {
        who: [words(one) for one in shown(client, "/first-call", CENTER, who=who).select(".number")]
        for who in ("", "child", "adult")
    }

    assert len(calls["child"]) == len(calls["adult"]) == 1
    assert calls["child"] != calls["adult"]
    assert set(calls[""]) == {*calls["child"], *calls["adult"]}
    assert "New patients (children)" in calls["child"][0]


@pytest.mark.usefixtures("asked")
def test_a_line_for_doctors_is_never_a_number_to_call():
    one = listing(
        said("new_patient_phone", "617-555-0100", audience="clinician"), said("phone", "617-555-0101", as_of="")
    )

    (number,) = shortlist._numbers(one, None, TODAY)
    assert (number.number, number.tel) == ("617-555-0101", facts.tel("617-555-0101"))
    assert number.row.stale


def test_distances_are_shown_only_where_the_address_names_a_place(client):
    without = shown(client, "/shortlist", CENTER, OTHER)
    soup = shown(client, "/shortlist", CENTER, OTHER, near="02139", who="child")

    assert "Distance" not in column(without, 0)
    assert column(soup, 0)["Distance"] == "About 1.8 miles from the middle of ZIP 02139"
    leave = soup.select_one("#distances a")["href"]
    assert parse_qs(urlsplit(leave).query) == {"ids": [f"{CENTER},{OTHER}"], "who": ["child"]}


def test_a_place_that_is_not_clear_is_asked_again_beside_the_list(client):
    several = shown(client, "/shortlist", CENTER, near="Springfield")
    assert "Which place do you mean?" in words(several.select_one("#distances"))
    first = several.select_one("#distances .links a")["href"]
    assert "Distance" in column(page(client.get(first)), 0)

    unknown = shown(client, "/shortlist", CENTER, near="qqqqzzzz")
    assert unknown.find("input", attrs={"name": "near"})["aria-invalid"] == "true"
    assert names(unknown)

    for wrong in ({"latitude": "x"}, {"latitude": "42"}, {"near": "a" * 300}):
        assert words(shown(client, "/shortlist", CENTER, **wrong).select_one("#near-error"))


def test_the_link_to_share_holds_ids_alone(client):
    soup = shown(client, "/shortlist", CENTER, DOCTOR, near="02139", who="child")

    share = urlsplit(soup.select_one("[data-share]")["value"])
    assert (share.path, share.query) == ("/shortlist", f"ids={CENTER},{DOCTOR}")
    assert len(names(page(client.get(f"{share.path}?{share.query}")))) == 2


def test_a_listing_is_taken_off_by_a_link(client):
    soup = shown(client, "/shortlist", CENTER, OTHER, who="adult")

    link = soup.select(f'[data-remove="{CENTER}"]')[0]
    assert link["href"] == f"/shortlist?ids={OTHER}&who=adult"
    last = page(client.get(link["href"])).select_one("[data-remove]")["href"]
    assert last == "/shortlist"


@pytest.mark.parametrize("who", ["", "child", "young-adult", "adult"])
@pytest.mark.parametrize("code", ["en", "es"])
def test_the_pack_says_what_the_guidance_says_to_this_reader(client, app, code, who):
    panel = app.extensions["finder"].guidance[code].panel(who or None)
    path = "/first-call" if code == "en" else f"/{code}/first-call"
    html = client.get(path, query_string={"ids": CENTER, "who": who}).get_data(as_text=True)

    assert panel.first_call in html
    assert panel.have_ready in html
    for line in panel.helplines:
        assert line.phone in html
        assert line.hours in html
    assert 'href="tel:911"' in html


def test_each_number_of_the_pack_has_its_date_and_room_to_write(client):
    soup = shown(client, "/first-call", *FIVE)

    for one in soup.select(".numbers li"):
        assert words(one.select_one(".number a"))
        assert "Source:" in words(one.select_one(".source"))
        assert len(one.select(".write span")) == 3
    assert "call first" in words(soup.select_one(".numbers"))
    assert soup.select_one(".folium-map, .map, [data-map]") is None


def test_the_pack_for_english_readers_asks_for_an_interpreter_of_any_language(client):
    soup = shown(client, "/first-call", CENTER)

    said_so = words(soup.select_one(".interpreter"))
    assert "I need an interpreter, please. I speak (your language)." in said_so
    assert "It means" not in said_so


def test_the_pack_for_spanish_readers_gives_the_english_sentence_and_what_it_means(client):
    soup = shown(client, "/es/first-call", CENTER)

    box = soup.select_one(".interpreter")
    assert words(box.find(lang="en")) == "“I need a Spanish interpreter, please.”"
    assert "“Necesito un intérprete de español, por favor.”" in words(box)


@pytest.mark.parametrize("path", ["/es/shortlist", "/es/first-call"])
def test_the_words_of_the_page_are_all_spanish_on_the_spanish_page(client, path):
    english, spanish = (words(shown(client, one, CENTER).main) for one in (path.removeprefix("/es"), path))

    for own in ("What to ask", "Where they are", "Numbers to call", "Share this list", "For the first call"):
        assert own not in spanish
        assert own in english or path == "/es/first-call" or own in ("Numbers to call", "For the first call")


def test_every_listing_can_be_kept_and_printed_without_javascript(client):
    results = page(client.get("/search?near=02139&who=child"))
    kept = {one["data-keep"]: one["href"] for one in results.select(".card a[data-keep]")}
    assert set(kept) == {card["data-listing-id"] for card in results.select(".card")}
    assert all(href == f"/shortlist?ids={id_}" for id_, href in kept.items())

    own = page(client.get("/es/centers/dana-farber"))
    assert own.select_one("a[data-keep]")["href"] == f"/es/shortlist?ids={CENTER}"
    assert own.select_one("a.print-link")["href"] == f"/es/first-call?ids={CENTER}"


def test_the_other_language_keeps_the_list(client):
    soup = shown(client, "/first-call", CENTER, OTHER, who="child")

    other = soup.select_one(".top a[hreflang=es]")["href"]
    assert other.startswith("/es/first-call?")
    assert names(page(client.get(other))) == names(soup)


def test_hostile_texts_in_the_address_stay_text(client):
    hostile = '"><script>alert(1)</script>{{7*7}}'
    soup = shown(client, "/shortlist", CENTER, hostile, near=hostile, who=hostile)

    assert soup.find("input", attrs={"name": "near"})["value"] == hostile
    assert not [one for one in soup.find_all("script") if "alert" in one.text]
    assert language.current() == "en"
