import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from finder.domain.query import PARAMETERS
from tests.web.problem import problem

LISTINGS = "/api/v1/listings"


def get(client, **args):
    return client.get(LISTINGS, query_string=args)


def test_a_search_answers_in_the_documented_shape(client):
    answer = get(client, near="02139", who="adult").get_json()

    assert set(answer) >= {"query", "place", "total", "listings", "links"}
    assert answer["place"]["precision"] == "zip"
    assert answer["query"]["who"] == "adult"
    assert answer["total"]["centers"] > 0
    first = answer["listings"][0]
    assert set(first) >= {
        "id", "layer", "name", "kind", "distance_m", "distance_mi", "fit", "reasons", "address", "phone", "website",
        "latitude", "longitude", "precision", "facts", "url",
    }  # fmt: skip
    assert first["layer"] == "centers"
    assert first["fit"] == "yes"
    assert first["reasons"][0]["code"] == "distance"
    assert all(reason.keys() >= {"code", "text", "source", "as_of"} for reason in first["reasons"])
    assert client.get(first["url"]).status_code == 200


def test_listings_come_nearest_first_within_their_layer(client):
    answer = get(client, near="Boston, MA", radius="250").get_json()

    for layer in ("centers", "specialists"):
        distances = [one["distance_m"] for one in answer["listings"] if one["layer"] == layer]
        assert distances == sorted(distances)


def test_every_page_is_reached_by_the_next_links(client):
    seen, url = [], f"{LISTINGS}?near=Boston%2C+MA&radius=500"
    while url:
        answer = client.get(url).get_json()
        seen += [one["id"] for one in answer["listings"]]
        url = answer["links"]["next"]

    assert len(seen) == len(set(seen)) == sum(answer["total"].values())


def test_geojson_has_longitude_first(client):
    answer = get(client, near="Boston, MA", format="geojson")

    assert answer.mimetype == "application/geo+json"
    longitude, latitude = answer.get_json()["features"][0]["geometry"]["coordinates"]
    assert (round(latitude), round(longitude)) == (42, -71)


def test_csv_has_a_header_and_a_line_for_each_listing(client):
    answer = get(client, near="Boston, MA", format="csv")

    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert answer.mimetype == "text/csv"
    assert len(rows) == len(get(client, near="Boston, MA").get_json()["listings"])
    assert rows[0]["state"] in ("MA", "NH", "RI")


def test_every_mistake_is_named_at_once(client):
    answer = problem(get(client, who="baby", radius="0", colour="red", format="xml"), 422)

    assert set(answer["errors"]) == {"near", "who", "radius", "colour", "format"}


def test_an_ambiguous_name_is_asked_with_candidates(client):
    answer = problem(get(client, near="Portland"), 422)

    assert answer["place_status"] == "ambiguous"
    assert [place["label"] for place in answer["candidates"]][:2] == ["Portland, OR", "Portland, ME"]


def test_a_place_that_is_not_found_never_comes_back_in_the_answer(client):
    answer = get(client, near="qwertyuiop zz")

    assert problem(answer, 404)["place_status"] == "not_found"
    assert "qwertyuiop" not in answer.get_data(as_text=True)


def test_one_listing_is_answered_with_every_fact(client):
    listing = get(client, near="Boston, MA").get_json()["listings"][0]

    answer = client.get(f"{LISTINGS}/{listing['id']}").get_json()

    assert answer["name"] == listing["name"]
    assert answer["facts"] == listing["facts"]


@pytest.mark.parametrize("listing_id", ["center-nobody", "nobody", "center-", "planet-earth"])
def test_an_unknown_listing_is_a_404_problem(client, listing_id):
    problem(client.get(f"{LISTINGS}/{listing_id}"), 404)


def test_a_position_is_named_by_the_nearest_town(client):
    place = get(client, latitude="42.36", longitude="-71.06").get_json()["place"]

    assert place["precision"] == "exact"
    assert "Boston" in place["label"]


def test_suggestions_complete_a_name(client):
    labels = [place["label"] for place in client.get("/suggest?q=albuq").get_json()]

    assert labels[0] == "Albuquerque, NM"


def test_the_description_is_valid_and_lists_every_parameter(client):
    document = client.get("/api/v1/openapi.json").get_json()

    validate(document)
    described = {one["name"] for one in document["paths"][LISTINGS]["get"]["parameters"]}
    assert described == {parameter.name for parameter in PARAMETERS} | {"format"}


@given(
    args=st.dictionaries(
        st.sampled_from([*(parameter.name for parameter in PARAMETERS), "format", "q"]),
        st.text(max_size=40) | st.sampled_from(["Boston, MA", "02139", "adult", "centers", "nci", "1", "42.36", "-71"]),
    )
)
def test_no_parameters_make_the_server_fail(app, args):
    answer = app.test_client().get(LISTINGS, query_string=args)

    assert answer.status_code in (200, 404, 422)
