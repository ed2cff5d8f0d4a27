"""The FHIR door: every parameter with a right answer, an empty one and a wrong value; every mistake in FHIR's form."""

import base64
import gzip
import json
from datetime import date, timedelta
from urllib.parse import urlsplit

import fhirclient.client
import pytest
import requests
from fhirclient.models.location import Location
from fhirpy import SyncFHIRClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finder.domain.geo import GeoPoint, distance_m
from finder.fhir import TYPES
from finder.fhir.parameters import PARAMETERS
from finder.settings import load
from finder.web import create_app

ROOT = "/fhir/R4"
PORTLAND = "43.66|-70.25"
A_CENTER = "center-providence-alaska-medical-center"
A_DOCTOR = "specialist-1144223298"
NUCC = "http://nucc.org/provider-taxonomy"
NPI = "http://hl7.org/fhir/sid/us-npi"
PLAN_NET = "http://hl7.org/fhir/us/davinci-pdex-plan-net/CodeSystem"

# type, parameter, a value that finds something, one that finds nothing, one that is refused (None: any text is a value)
CASES = [
    *((type_, "_lastUpdated", "ge2020-01-01", "lt2020-01-01", "yesterday") for type_ in TYPES),
    ("Practitioner", "_id", A_DOCTOR, "specialist-none", None),
    ("Organization", "_id", f"nobody,{A_CENTER}", "nobody", None),
    ("Location", "_id", A_CENTER, "center-none", None),
    ("Practitioner", "identifier", f"{NPI}|1144223298", "http://else.example|1144223298", None),
    ("Practitioner", "identifier", "1144223298", "1144223299", None),
    ("Practitioner", "active", "true", "false", "perhaps"),
    ("Practitioner", "name", "SMITH", "zzzz", None),
    ("Practitioner", "name:contains", "mit", "zzzz", None),
    ("Practitioner", "family", "smi", "mith", None),
    ("Practitioner", "family:contains", "mit", "zzzz", None),
    ("Practitioner", "family:exact", "Smith", "smith", None),
    ("Practitioner", "given", "a", "zzzz", None),
    ("PractitionerRole", "practitioner", f"Practitioner/{A_DOCTOR}", f"Location/{A_DOCTOR}", None),
    ("PractitionerRole", "location", A_DOCTOR, A_CENTER, None),
    ("PractitionerRole", "role", f"{PLAN_NET}/ProviderRoleCS|ph", "rn", None),
    ("PractitionerRole", "specialty", f"{NUCC}|2080P0207X", f"{NUCC}|207RX0203X", None),
    ("PractitionerRole", "specialty", "2080P0207X,207RH0003X", "0207X", None),
    ("PractitionerRole", "active", "true", "false", "1"),
    ("Organization", "identifier", "urn:all-care-finder:center|providence-alaska-medical-center", "nobody", None),
    ("Organization", "active", "true", "false", "yes"),
    ("Organization", "name", "providence", "rovidence", None),
    ("Organization", "name:contains", "rovidence", "zzzz", None),
    ("Organization", "name:exact", "Providence Alaska Medical Center", "providence alaska medical center", None),
    ("Organization", "address", "anchor", "nchorage", None),
    ("Organization", "address:contains", "nchorage", "zzzz", None),
    ("Organization", "address-city", "boston", "oston", None),
    ("Organization", "address-state", "AK", "ZZ", None),
    ("Organization", "address-postalcode", "995", "00000", None),
    ("Organization", "type", f"{PLAN_NET}/OrgTypeCS|fac", "payer", None),
    ("Location", "name", "providence", "rovidence", None),
    ("Location", "address", "anchor", "nchorage", None),
    ("Location", "address-city", "BOSTON", "oston", None),
    ("Location", "address-state", "me", "ZZ", None),
    ("Location", "address-postalcode", "995", "00000", None),
    ("Location", "organization", f"http://localhost{ROOT}/Organization/{A_CENTER}", A_DOCTOR, None),
    ("Location", "type", "HOSP", "PHARM", None),
    ("Location", "status", "active", "suspended", None),
    ("Location", "near", f"{PORTLAND}|10|km", "0|0|10|km", "here"),
    ("HealthcareService", "location", f"Location/{A_CENTER},center-abramson-penn", "nobody", None),
    ("HealthcareService", "organization", "Organization/center-abramson-penn", "nobody", None),
    ("HealthcareService", "name", "CAR-T", "zzzz", None),
    ("HealthcareService", "name:contains", "transplant", "zzzz", None),
    ("HealthcareService", "service-category", f"{PLAN_NET}/HealthcareServiceCategoryCS|hosp", "pharm", None),
    ("HealthcareService", "active", "true", "false", "on"),
    ("OrganizationAffiliation", "participating-organization", A_CENTER, "nobody", None),
    ("OrganizationAffiliation", "location", f"Location/{A_CENTER}", "nobody", None),
    ("OrganizationAffiliation", "role", "bt", "hospital", None),
    ("OrganizationAffiliation", "active", "true", "false", "on"),
    ("PractitionerRole", "location.near", f"{PORTLAND}|10", "0|0", "91|0"),
    ("PractitionerRole", "practitioner:Practitioner.family", "smith", "zzzz", None),
    ("PractitionerRole", "location.address-state", "ME", "ZZ", None),
    ("HealthcareService", "organization.name", "abramson", "zzzz", None),
    ("Location", "_has:PractitionerRole:location:specialty", "207RH0003X", "207RX0203X", None),
    ("Organization", "_has:HealthcareService:organization:name", "car-t", "zzzz", None),
    ("Organization", "_has:Location:organization:near", "61.2|-149.9|50", "0|0", "a|b"),
]  # fmt: skip
NEVER = {
    "Practitioner": (),
    "PractitionerRole": ("organization", "service", "network", "endpoint", "date"),
    "Organization": ("partof", "endpoint", "coverage-area"),
    "Location": ("identifier", "partof", "endpoint"),
    "HealthcareService": ("coverage-area", "endpoint", "service-type", "specialty"),
    "OrganizationAffiliation": ("primary-organization", "service", "network", "endpoint", "specialty"),
}


def ask(client, type_, *pairs, status=200, **headers):
    answer = client.get(f"{ROOT}/{type_}", query_string=list(pairs), headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/fhir+json; charset=utf-8"
    return answer.get_json(force=True)


def matches(bundle):
    return [one["resource"]["id"] for one in bundle.get("entry", ()) if one["search"]["mode"] == "match"]


def link(bundle, relation):
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def follow(client, bundle):
    """Yield a bundle and all that come after it."""
    yield bundle
    while address := link(bundle, "next"):
        parts = urlsplit(address)
        bundle = client.get(f"{parts.path}?{parts.query}").get_json(force=True)
        yield bundle


@pytest.mark.parametrize(
    ("type_", "name", "right", "empty", "wrong"), CASES, ids=[f"{c[0]}-{c[1]}-{n}" for n, c in enumerate(CASES)]
)
def test_a_parameter_finds_what_it_should_and_nothing_else(client, type_, name, right, empty, wrong):
    found = ask(client, type_, (name, right))
    assert matches(found)
    assert found["total"] >= len(matches(found))
    assert ask(client, type_, (name, empty))["total"] == 0
    if wrong is not None:
        refused = ask(client, type_, (name, wrong), status=400)
        assert refused["issue"][0]["code"] == "invalid"
        assert refused["issue"][0]["expression"][0].startswith("http.")


@pytest.mark.parametrize("type_", ["HealthcareService", "OrganizationAffiliation"])
def test_an_id_of_many_of_one_listing_finds_that_one_alone(client, type_):
    for wanted in matches(ask(client, type_, ("_count", "3"))):
        assert matches(ask(client, type_, ("_id", wanted))) == [wanted]
    listing, _, rest = wanted.partition(".")
    for other in (listing, f"{listing}.{rest}0"):
        assert matches(ask(client, type_, ("_id", other))) == []


def test_an_id_with_more_than_that_of_a_listing_is_nobodys(client):
    assert matches(ask(client, "Organization", ("_id", f"{A_CENTER}.more"))) == []
    assert matches(ask(client, "Location", ("organization", f"{A_CENTER}.more"))) == []


def test_a_reference_to_another_server_matches_nothing(client):
    assert (
        matches(ask(client, "Location", ("organization", f"https://else.example/fhir/Organization/{A_CENTER}"))) == []
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_cursor", "NQ"),  # 5
        ("_cursor", base64.urlsafe_b64encode(b"[" * 2_900).decode()),
        ("_cursor", base64.urlsafe_b64encode(rb'[null,"\ud800",1]').decode()),
        ("_id", "a," * 1_500),
        ("_lastUpdated", "9999-12-31"),
        ("_lastUpdated", "9999"),
        ("_lastUpdated", "0000"),
        ("_lastUpdated", "0001-01-01T00:00:00+14:00"),
        ("_lastUpdated", "2026-02-30"),
        ("name", "a\0b"),
        ("name:exact", "a\0b"),
    ],
)
def test_what_could_break_a_search_is_refused_in_words(client, name, value):
    outcome = ask(client, "Location", (name, value), status=400)
    assert outcome["issue"][0]["expression"] == [f"http.{name}"]


def test_too_many_parameters_are_refused(client):
    assert ask(client, "Location", *[("status", "active")] * 50)["total"] > 300
    assert ask(client, "Location", *[("status", "active")] * 51, status=400)["issue"][0]["code"] == "too-costly"


def test_every_parameter_that_is_told_of_is_tested():
    tested = {(type_, name.partition(":")[0]) for type_, name, *_ in CASES}
    tested |= {(type_, "_id") for type_ in TYPES}
    told = {(type_, name) for type_, known in PARAMETERS.items() for name in known}
    assert told == tested & told | {(type_, name) for type_, names in NEVER.items() for name in names}


@pytest.mark.parametrize("type_", TYPES)
def test_what_this_directory_does_not_know_matches_nothing(client, type_):
    for name in NEVER[type_]:
        assert ask(client, type_, (name, "2026"))["total"] == 0


@pytest.mark.parametrize(
    "near",
    [
        "",
        "1",
        "1|2|3|km|5",
        "a|2",
        "1|b",
        "nan|1",
        "1|inf",
        "91|1",
        "1|181",
        "1|2|0",
        "1|2|-5|km",
        "1|2|1001",
        "1|2|3|parsec",
    ],
)
def test_a_bad_near_is_refused(client, near):
    outcome = ask(client, "Location", ("near", near), status=400)
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["expression"] == ["http.near"]


def test_near_finds_what_is_near_nearest_first_in_the_unit_that_was_asked_for(client):
    for units, metres in (("km", 1_000), ("[mi_us]", 1609.347), ("mi", 1609.344), ("m", 1), ("ft", 0.3048)):
        reach = 60_000 / metres
        found = ask(client, "Location", ("near", f"42.36|-71.06|{reach}|{units}"), ("_count", "200"))
        away = [one["search"]["extension"][0]["valueDistance"]["value"] for one in found["entry"]]
        places = [
            GeoPoint(one["resource"]["position"]["latitude"], one["resource"]["position"]["longitude"])
            for one in found["entry"]
        ]
        assert away == sorted(away)
        assert [distance_m(GeoPoint(42.36, -71.06), one) / metres for one in places] == pytest.approx(away, abs=0.006)
        assert max(away) <= reach
    assert len(places) >= 5


def test_a_circle_that_is_one_of_several_counts(client):
    both = ask(client, "Location", ("near", f"{PORTLAND}|20,61.2|-149.9|50"), ("_count", "200"))
    one, other = (
        ask(client, "Location", ("near", one), ("_count", "200")) for one in (f"{PORTLAND}|20", "61.2|-149.9|50")
    )
    assert set(matches(both)) == {*matches(one), *matches(other)}
    assert both["total"] == one["total"] + other["total"]


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("more", [(), (("_sort", "-_id"),)])
def test_pages_hold_everything_once_in_order(client, type_, more):
    pages = list(follow(client, ask(client, type_, ("_count", "7"), *more)))
    ids = [one for page in pages for one in matches(page)]

    assert len(ids) == len(set(ids)) == pages[0]["total"]
    assert {page["total"] for page in pages} == {len(ids)}
    assert all(len(matches(page)) == 7 for page in pages[:-1])
    assert matches(ask(client, type_, ("_count", "200"), *more)) == ids[:200]


def test_pages_by_distance_hold_everything_once(client):
    for count in ("1", "4"):
        pages = list(follow(client, ask(client, "Location", ("near", f"{PORTLAND}|300"), ("_count", count))))
        ids = [one for page in pages for one in matches(page)]
        assert ids == matches(ask(client, "Location", ("near", f"{PORTLAND}|300"), ("_count", "200")))
        assert len(ids) == pages[0]["total"] > 20


def test_a_search_of_roles_brings_people_and_places_along_once(client):
    found = ask(
        client, "PractitionerRole", ("location.near", f"{PORTLAND}|50|km"), ("_count", "5"),
        ("_include", "PractitionerRole:practitioner"), ("_include", "PractitionerRole:location:Location"),
    )  # fmt: skip
    brought = [
        f"{one['resource']['resourceType']}/{one['resource']['id']}"
        for one in found["entry"]
        if one["search"]["mode"] == "include"
    ]
    roles = [one["resource"] for one in found["entry"] if one["search"]["mode"] == "match"]

    assert len(roles) == 5
    assert sorted(brought) == sorted(
        {one["practitioner"]["reference"] for one in roles} | {one["location"][0]["reference"] for one in roles}
    )
    assert all(
        one["fullUrl"] == f"http://localhost{ROOT}/{one['resource']['resourceType']}/{one['resource']['id']}"
        for one in found["entry"]
    )


def test_what_refers_to_a_match_can_be_asked_for_too(client):
    found = ask(
        client,
        "Location",
        ("_id", f"{A_DOCTOR},{A_CENTER}"),
        ("_revinclude", "PractitionerRole:location"),
        ("_revinclude", "OrganizationAffiliation:location"),
    )
    brought = [one["resource"] for one in found["entry"] if one["search"]["mode"] == "include"]
    assert {one["resourceType"] for one in brought} == {"PractitionerRole", "OrganizationAffiliation"}
    assert found["total"] == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_include", "PractitionerRole:organisation"),
        ("_include", "Location:organization"),
        ("_include", "*"),
        ("_revinclude", "Location:organization"),
        ("_count", "-1"),
        ("_count", "many"),
        ("_sort", "colour"),
        ("_summary", "short"),
        ("_total", "about"),
        ("_cursor", "nonsense"),
        ("_cursor", "W10"),
        ("specialty:above", "x"),
        ("specialty", ","),
    ],
)
def test_what_shapes_an_answer_is_refused_when_it_makes_no_sense(client, name, value):
    outcome = ask(client, "PractitionerRole", (name, value), status=400)
    assert outcome["issue"][0]["expression"] == [f"http.{name}"]


def test_only_the_number_may_be_asked_for(client):
    for pair in (("_count", "0"), ("_summary", "count")):
        bundle = ask(client, "Organization", pair)
        assert bundle["total"] > 200
        assert "entry" not in bundle
    assert "total" not in ask(client, "Organization", ("_total", "none"))
    assert len(matches(ask(client, "Organization", ("_count", "100000")))) == 200


def test_parts_of_resources_are_marked_as_parts(client):
    (entry,) = ask(client, "Organization", ("_id", A_CENTER), ("_elements", "telecom"))["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "active", "type", "name", "address", "telecom"}
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"
    for summary, absent in (("true", "contact"), ("text", "telecom"), ("data", "text")):
        (entry,) = ask(client, "Organization", ("_id", A_CENTER), ("_summary", summary))["entry"]
        assert absent not in entry["resource"]
    (entry,) = ask(client, "Organization", ("_id", A_CENTER), ("_summary", "false"))["entry"]
    assert "tag" not in entry["resource"]["meta"]


def test_an_unknown_parameter_is_left_out_and_named_or_refused_when_that_is_wanted(client):
    lenient = ask(client, "Practitioner", ("speciality", "x"), ("family", "smith"))
    assert link(lenient, "self") == f"http://localhost{ROOT}/Practitioner?family=smith"
    (outcome,) = [one for one in lenient["entry"] if one["search"]["mode"] == "outcome"]
    assert "speciality" in outcome["resource"]["issue"][0]["details"]["text"]
    strict = ask(client, "Practitioner", ("speciality", "x"), status=400, Prefer="handling=strict")
    assert strict["issue"][0]["code"] == "not-supported"


def test_two_conditions_are_both_kept_and_a_comma_is_either(client):
    either = ask(client, "PractitionerRole", ("specialty", "207RH0003X,207RX0202X"))["total"]
    each = [ask(client, "PractitionerRole", ("specialty", code))["total"] for code in ("207RH0003X", "207RX0202X")]
    both = ask(client, "PractitionerRole", ("specialty", "207RH0003X"), ("specialty", "207RX0202X"))["total"]
    assert either == sum(each) - both
    assert min(each) > 0


@pytest.mark.parametrize(
    ("bound", "finds"),
    [
        ("ge{day}", True),
        ("gt{day}", False),
        ("le{day}", True),
        ("lt{day}", False),
        ("{day}", True),
        ("ne{day}", False),
        ("sa{day}", False),
        ("eb{day}", False),
        ("eb{next}", True),
        ("eq{month}", True),
        ("{year}", True),
        ("le{instant}", True),
        ("gt{instant}", False),
        ("ge{instant}", True),
    ],
)
def test_the_time_of_the_last_change_is_compared_as_a_span(client, bound, finds):
    (entry,) = ask(client, "Organization", ("_id", A_CENTER))["entry"]
    instant = entry["resource"]["meta"]["lastUpdated"]
    following = (date.fromisoformat(instant[:10]) + timedelta(days=1)).isoformat()
    value = bound.format(day=instant[:10], month=instant[:7], year=instant[:4], instant=instant, next=following)
    assert ask(client, "Organization", ("_id", A_CENTER), ("_lastUpdated", value))["total"] == finds


def test_a_resource_is_read_and_read_again_only_when_it_changed(client):
    first = client.get(f"{ROOT}/Organization/{A_CENTER}")
    assert first.get_json(force=True)["name"] == "Providence Alaska Medical Center"
    assert first.headers["ETag"] == f'W/"{first.get_json(force=True)["meta"]["versionId"]}"'
    assert first.headers["Last-Modified"]
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    again = client.get(f"{ROOT}/Organization/{A_CENTER}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/Organization/nobody", 404, "not-found"),
        ("/Organization/center-nobody.cog-member.0123", 404, "not-found"),
        ("/Patient", 404, "not-found"),
        ("/Patient/1", 404, "not-found"),
        (f"/Organization/{A_CENTER}/_history", 404, "not-supported"),
        (f"/Organization/{A_CENTER}/_history/1", 404, "not-supported"),
        ("/a/b/c/d/e", 404, "not-supported"),
        ("/metadata?_format=xml", 406, "not-supported"),
    ],
)
def test_a_mistake_is_answered_in_fhirs_form(client, path, status, code):
    answer = client.get(ROOT + path)
    assert (answer.status_code, answer.content_type) == (status, "application/fhir+json; charset=utf-8")
    assert answer.get_json(force=True)["issue"][0]["code"] == code


def test_other_methods_and_other_forms_are_refused_in_fhirs_form(client):
    posted = client.post(f"{ROOT}/Organization", json={})
    assert (posted.status_code, posted.get_json(force=True)["issue"][0]["code"]) == (405, "not-supported")
    assert client.get(f"{ROOT}/metadata", headers={"Accept": "text/html"}).status_code == 406
    for accept in ("application/json", "*/*", "application/fhir+json", "text/html, */*;q=0.1"):
        assert client.get(f"{ROOT}/metadata", headers={"Accept": accept}).status_code == 200


def test_too_many_searches_are_refused_in_fhirs_form(settings):
    app = create_app(load({"FINDER_INSTANCE": str(settings.instance), "FINDER_RATE_LIMIT": "2/minute"}))
    client = app.test_client()
    answers = [client.get(f"{ROOT}/Organization?_count=1") for _ in range(3)]
    app.extensions["finder"].database.dispose()

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].get_json(force=True)["issue"][0]["code"] == "throttled"
    assert int(answers[2].headers["Retry-After"]) > 0


def test_a_search_is_kept_nowhere_and_may_be_compressed(client):
    answer = client.get(f"{ROOT}/Location?near={PORTLAND}", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in answer.headers
    assert json.loads(gzip.decompress(answer.data))["resourceType"] == "Bundle"


def test_the_statement_tells_what_the_table_holds(client):
    (rest,) = client.get(f"{ROOT}/metadata").get_json(force=True)["rest"]
    assert [one["type"] for one in rest["resource"]] == list(TYPES)
    for one in rest["resource"]:
        assert [parameter["name"] for parameter in one["searchParam"]] == list(PARAMETERS[one["type"]])
        for name in one.get("searchInclude", ()):
            ask(client, one["type"], ("_include", name), ("_count", "1"))
        for name in one.get("searchRevInclude", ()):
            ask(client, one["type"], ("_revinclude", name), ("_count", "1"))


NAMES = sorted(
    {name for known in PARAMETERS.values() for name in known}
    | {"_cursor", "_count", "_include", "_sort", "location.near", "_has:PractitionerRole:location:specialty"}
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(
    type_=st.sampled_from(list(TYPES)),
    name=st.sampled_from(NAMES) | st.text(max_size=20),
    value=st.text(max_size=40) | st.from_regex(r"[-0-9.|,km]{1,20}"),
)
def test_whatever_is_asked_gets_a_bundle_or_an_outcome(client, type_, name, value):
    answer = client.get(f"{ROOT}/{type_}", query_string=[(name, value)])
    assert answer.status_code in (200, 400)
    assert answer.get_json(force=True)["resourceType"] == (
        "Bundle" if answer.status_code == 200 else "OperationOutcome"
    )


def test_fhirpy_pages_through_everything(live_server):
    server = SyncFHIRClient(f"{live_server}{ROOT}")
    for type_ in TYPES:
        found = server.resources(type_).limit(50).fetch_all()
        assert len({one.id for one in found}) == len(found) == server.resources(type_).count()


def test_fhirclient_pages_through_everything(live_server):
    server = fhirclient.client.FHIRClient(settings={"app_id": "test", "api_base": f"{live_server}{ROOT}"}).server
    total = requests.get(f"{live_server}{ROOT}/Location?_summary=count", timeout=10).json()["total"]
    ids = [one.id for one in Location.where({"_count": "50"}).perform_resources_iter(server)]
    assert len(ids) == len(set(ids)) == total
