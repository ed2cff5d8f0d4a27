import json

from hypothesis import given
from hypothesis import strategies as st

from finder.domain.geo import GeoPoint
from finder.domain.listing import Address, Layer, Listing
from finder.domain.place import Precision
from finder.web import linked_data
from tests.factories import said


def listing(name="A Center", *facts, **more):
    fields = {"layer": Layer.CENTERS, "address": Address(), "point": None, "precision": None} | more
    return Listing(id="center-a", slug="a", name=name, audience=0, capability=0, facts=facts, **fields)


def record(one):
    return json.loads(linked_data.of(one, "Cancer center"))


def test_what_is_not_known_is_left_out():
    assert record(listing()) == {
        "@context": "https://schema.org",
        "@type": "MedicalOrganization",
        "name": "A Center",
        "description": "Cancer center",
        "address": {"@type": "PostalAddress", "addressCountry": "US"},
        "medicalSpecialty": "https://schema.org/Oncologic",
    }


def test_what_is_known_is_said_in_schema_org_words():
    one = listing(
        "A Hospital",
        said("facility_type", "hospital"),
        said("phone", "617-555-0100"),
        said("website", "https://example.org/"),
        address=Address("1 Main St", "Boston", "MA", "02115"),
        point=GeoPoint(42.3, -71.1),
        precision=Precision.ADDRESS,
    )

    shown = record(one)

    assert shown["@type"] == "Hospital"
    assert shown["telephone"] == "617-555-0100"
    assert shown["url"] == "https://example.org/"
    assert shown["address"]["postalCode"] == "02115"
    assert shown["geo"] == {"@type": "GeoCoordinates", "latitude": 42.3, "longitude": -71.1}


def test_a_specialist_is_a_physician():
    assert record(listing(layer=Layer.SPECIALISTS))["@type"] == "Physician"


@given(st.text(min_size=1) | st.sampled_from(["</script>", "<!--", "]]>", "\u2028", "&amp;"]))
def test_no_name_can_end_the_script_it_stands_in(name):
    text = linked_data.of(listing(name), "x")

    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["name"] == name
