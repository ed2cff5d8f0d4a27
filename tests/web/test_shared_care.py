"""The page on shared care: pairs with their distances, honest words where there are none, and the checklist."""

import re
import shutil

import pytest

from finder.db import Database
from finder.domain.geo import METRES_PER_MILE, distance_m
from finder.domain.listing import Layer, Who
from finder.domain.query import SearchQuery
from finder.domain.reasons import miles
from finder.settings import load
from finder.web import create_app
from tests.factories import fill, specialist
from tests.web.page_check import page, words

# A doctor for adults and one for children beside each place, about 14 and 20 miles north of its middle.
RURAL = {
    "Glasgow, MT": (("1003000126", "207RH0003X"), ("1003000134", "2080P0207X")),
    "Alpine, TX": (("1003000142", "207RH0003X"), ("1003000159", "2080P0207X")),
    "Bethel, AK": (("1003000167", "207RH0003X"), ("1003000175", "2080P0207X")),
}
BY_AGE = {"adult": 0, "child": 1}


@pytest.fixture(scope="module")
def rural(settings, tmp_path_factory):
    """The application over the shipped directory and doctors in rural places."""
    instance = tmp_path_factory.mktemp("rural") / "instance"
    shutil.copytree(settings.instance, instance)
    app = create_app(load({"FINDER_INSTANCE": str(instance), "FINDER_RATE_LIMIT": ""}))
    locate = app.extensions["finder"].locate
    entries = []
    for near, doctors in RURAL.items():
        point = locate(SearchQuery(near=near)).place.point
        for n, (npi, code) in enumerate(doctors):
            north = (point.latitude + 0.2 + n / 10, point.longitude)
            entries.append(specialist(npi, code, given="Ann", family=f"Doe {npi[-3:]}", at=north))
    database = Database(f"sqlite:///{instance / 'directory.sqlite'}")
    fill(database, *entries)
    database.dispose()
    yield app
    app.extensions["finder"].database.dispose()


def nearest(app, near="Fort Kent, ME", **more):
    """The three nearest centers for an adult, by the search itself."""
    services, query = app.extensions["finder"], SearchQuery(near=near, who=Who.ADULT, layer="centers", **more)
    return services.find(query, services.locate(query).place).found[:3]


def plain(soup):
    """The text of an element as it stands, whether or not words in it are links."""
    return " ".join(soup.get_text().split())


def ask(client, status=200, prefix="", **args):
    return page(client.get(f"{prefix}/shared-care", query_string=args), status)


@pytest.mark.parametrize("near", RURAL)
@pytest.mark.parametrize("who", BY_AGE)
def test_a_rural_place_gives_pairs_with_the_distances_between_all_three(rural, near, who):
    services = rural.extensions["finder"]
    here = services.locate(SearchQuery(near=near)).place.point
    npi = RURAL[near][BY_AGE[who]][0]
    local = services.listing(Layer.SPECIALISTS, npi)

    teams = ask(rural.test_client(), near=near, who=who).select(".team")

    assert 1 <= len(teams) <= 3
    for team in teams:
        center = services.listing(Layer.CENTERS, team.select_one(".team-center a")["href"].rpartition("/")[2])
        (doctor,) = team.select(".team-doctor")
        assert doctor.a["href"] == f"/specialists/{npi}"
        to_center, to_doctor = distance_m(here, center.point), distance_m(here, local.point)
        apart = distance_m(local.point, center.point)
        assert words(team.select_one(".team-center .team-far")) == f"{miles(to_center)} from you"
        assert words(doctor.select_one(".team-far")) == f"{miles(to_doctor)} from you · {miles(apart)} from this center"


def test_each_distance_says_how_it_was_measured(client):
    team = ask(client, near="Fort Kent, ME", who="adult").select_one(".team")

    center, you, apart = (words(one) for one in team.select(".team-how"))
    assert re.fullmatch(r"You to this center: About \d+ miles from the middle of Fort Kent, ME\.", center)
    assert "from the middle of Fort Kent, ME, measured to the middle of its ZIP 04736." in you
    assert re.fullmatch(r"Doctor to center: About \d+ miles from the middle of ZIP 04736\.", apart)


def test_what_is_shown_of_a_center_and_a_doctor_has_its_source_and_date(client):
    team = ask(client, near="Fort Kent, ME", who="adult").select_one(".team")

    for member in team.select(".team-center, .team-doctor"):
        sources = [words(one) for one in member.select(".facts li")]
        assert any(one.startswith("Address: ") for one in sources)
        assert all(re.search(r"(\d{4}|undated)$", one) for one in sources)
    assert team.select_one(".team-center a.call-line")["href"].startswith("tel:+1-")


def test_a_sample_without_a_doctor_nearby_says_so_and_whom_to_ask(client, app):
    soup = ask(client, near="Glasgow, MT", who="child")

    assert not soup.select(".team-doctor")
    assert soup.select(".team-center")
    said = words(soup.select_one(".teams-part .notice"))
    assert re.search(r"no doctor for this age within \d+ miles of you", said)
    assert f"a sample of {app.extensions['finder'].sample_size()} specialists" in said
    assert "Ask your own doctor" in said
    assert "ask the center which doctors near you it works with" in said


def test_a_whole_directory_is_not_called_a_sample(rural):
    soup = ask(rural.test_client(), near="Ely, NV", who="child")

    said = words(soup.select_one(".teams-part .notice"))
    assert "We know of no doctor" in said
    assert "sample" not in words(soup.main)


def test_beside_a_center_nothing_needs_sharing_but_may(client):
    soup = ask(client, near="02139", who="adult")

    said = words(soup.select_one(".teams-part .notice"))
    assert re.match(r"A center is near: \d\.\d miles from you\.", said)
    assert "may not need to share care" in said
    assert "You still can: ask the center." in said
    assert len(soup.select(".teams-part .notice")) == 1


def test_filters_of_the_search_are_kept_and_said(client, app):
    soup = ask(client, near="Fort Kent, ME", who="adult", designation="nccn")

    shown = [words(name) for name in soup.select(".team h3")]
    assert shown == [one.listing.name for one in nearest(app, designation=("nccn",))]
    assert shown != [one.listing.name for one in nearest(app)]
    assert "the filters of your search" in words(soup.select_one(".understood"))
    assert "designation=nccn" in soup.select_one(".teams-part > .screen a")["href"]


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_a_place_that_is_unknown_or_unclear_is_asked_for_again_on_this_page(client, prefix):
    for args, status in ({"near": "qqqqzzzz"}, 200), ({"near": "Springfield"}, 200), ({"near": "", "who": "x"}, 422):
        soup = ask(client, status, prefix, **args)
        assert not soup.select(".team")
        assert soup.select_one("form.ask")["action"] == f"{prefix}/shared-care"
    choices = ask(client, 200, prefix, near="Springfield", who="child").select(".choices a")
    assert choices
    assert all(one["href"].startswith(f"{prefix}/shared-care?near=Springfield") for one in choices)
    assert all("who=child" in one["href"] for one in choices)


def test_a_search_still_asks_again_as_a_search(client):
    for query in ("near=", "near=qqqqzzzz", "near=Springfield"):
        soup = page(client.get(f"/search?{query}"), 422 if query == "near=" else 200)
        assert soup.select_one("form.ask")["action"] == "/search"
        assert all(one["href"].startswith("/search?") for one in soup.select(".choices a"))


def test_without_a_place_the_page_asks_for_one_and_has_the_checklist(client):
    soup = ask(client)

    assert soup.select_one("form.ask")["action"] == "/shared-care"
    assert not soup.select(".error-summary, .team")
    assert len(soup.select(".check-part")) == 4
    assert not soup.find("meta", attrs={"name": "robots"})


@pytest.mark.parametrize(("prefix", "language"), [("", "en"), ("/es", "es")])
def test_the_words_of_the_checklist_are_those_of_the_guidance_page(client, app, prefix, language):
    soup = ask(client, prefix=prefix, near="Fort Kent, ME", who="adult")
    guidance = page(client.get(f"{prefix}/guidance/shared-care"))
    whole = plain(guidance.select_one(".guidance-text .prose"))

    parts = soup.select(".check-part")
    assert len(parts) == 4
    for part in parts:
        heading = part.h2
        assert words(heading) in [words(one) for one in guidance.find_all("h2")]
        assert [item for item in part.find_all("li") if plain(item) not in whole] == []
        own = part.select_one(".screen a")["href"]
        assert own == f"{prefix}/guidance/shared-care#{heading['id']}"
        assert guidance.find(id=heading["id"])
    assert len(soup.select_one(".check-answers").find_all("li")) >= 9
    assert [words(one) for one in soup.select(".sources li")] == [words(one) for one in guidance.select(".sources li")]


def test_the_agreement_names_who_does_what_what_is_shared_how_fast_and_the_way_back(client):
    said = words(ask(client).select_one(".check-answers")).lower()

    for part in ("in charge", "medicine", "blood counts", "platelets", "spinal taps", "fever", "results", "how fast"):
        assert part in said
    assert "back to the center" in said


def test_the_list_for_doctors_says_that_a_clinician_has_yet_to_review_it(client):
    doctors = ask(client).select_one(".check-doctor")

    assert "To be reviewed by a clinician." in words(doctors)
    for part in ("smear", "flow", "BCR::ABL1", "Spinal fluid", "Steroids", "Fertility", "interpreter", "local site"):
        assert part in words(doctors)


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_a_far_center_puts_a_box_on_the_results_that_leads_here(client, app, prefix):
    query = "near=Glasgow%2C+MT&who=adult&radius=250"
    number = miles(nearest(app, "Glasgow, MT", radius=250)[0].distance_m).split()[0]
    results = page(client.get(f"{prefix}/search?{query}"))

    (link,) = [one for one in results.select("#centers a") if "/shared-care" in one["href"]]
    assert link["href"] == f"{prefix}/shared-care?{query}"
    assert f" {number} " in words(link.parent)
    assert number in words(page(client.get(link["href"])).select_one(".team-center .team-far")).split()


@pytest.mark.parametrize("query", ["near=02139", "near=Glasgow+MT&sort=name", "near=Glasgow+MT&layer=specialists"])
def test_a_near_center_or_another_kind_of_list_has_no_box(client, query):
    assert "/shared-care" not in client.get(f"/search?{query}").get_data(as_text=True)


def test_the_box_also_stands_where_the_far_center_is_within_the_searched_distance(client, app):
    first = nearest(app, "Rumford, ME")[0]
    assert 60 < first.distance_m / METRES_PER_MILE < 100

    results = page(client.get("/search?near=Rumford,+ME&who=adult"))

    assert f"The nearest center that fits is {miles(first.distance_m)} away." in words(results.select_one("#centers"))


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_shared_care_is_as_private_as_a_search(client, caplog, prefix):
    with caplog.at_level("DEBUG"):
        answer = client.get(f"{prefix}/shared-care?near=Fort+Kent,+ME&who=adult")

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in answer.headers
    assert "Fort Kent" not in caplog.text
    assert page(answer).find("meta", attrs={"name": "robots"})["content"] == "noindex"


def test_shared_care_counts_as_searching(settings):
    app = create_app(load({"FINDER_INSTANCE": str(settings.instance), "FINDER_RATE_LIMIT": "2 per minute"}))
    client = app.test_client()

    paths = ("/shared-care?near=02139", "/es/shared-care?near=02139", "/shared-care?near=02139")
    statuses = [client.get(path).status_code for path in paths]

    app.extensions["finder"].database.dispose()
    assert statuses == [200, 200, 429]
