import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.geo import GeoPoint
from finder.domain.listing import Layer, Who
from finder.domain.query import PARAMETERS, SearchQuery, Sort
from finder.errors import InvalidQuery


def parse(strict=True, **texts):
    args = {name: [value] if isinstance(value, str) else value for name, value in texts.items()}
    return SearchQuery.parse(args, strict=strict)


queries = st.builds(
    SearchQuery,
    near=st.just(""),
    point=st.builds(
        GeoPoint,
        st.integers(-9000, 9000).map(lambda n: n / 100),
        st.integers(-18000, 18000).map(lambda n: n / 100),
    ),
    who=st.none() | st.sampled_from(Who),
    radius=st.integers(1, 500),
    layer=st.sampled_from(["all", "centers", "specialists"]),
    designation=st.sampled_from([(), ("nci",), ("nci", "cog"), ("nci", "nccn", "cog")]),
    offers=st.sampled_from([(), ("transplant",), ("transplant", "car-t")]),
    sort=st.sampled_from(Sort),
    page=st.integers(1, 10_000),
)


@given(queries)
def test_a_query_gives_itself_again_from_its_own_parameters(query):
    args = {}
    for name, value in query.args():
        args.setdefault(name, []).append(value)

    assert SearchQuery.parse(args, strict=True) == query


@given(st.dictionaries(st.sampled_from([one.name for one in PARAMETERS] + ["x"]), st.lists(st.text(), max_size=3)))
def test_any_text_is_either_a_query_or_named_mistakes(args):
    query, mistakes = parse_or_mistakes(args)

    if query is None:
        assert mistakes
        assert set(mistakes) <= {*args, "near", "latitude", "longitude"}
    else:
        assert bool(query.near) != (query.point is not None)


def parse_or_mistakes(args):
    try:
        return SearchQuery.parse(args, strict=True), {}
    except InvalidQuery as error:
        return None, error.fields


def test_an_empty_parameter_counts_as_absent():
    query = parse(near=" Boston,  MA ", who="", radius="", layer="")

    assert query == SearchQuery(near="Boston, MA")
    assert query.layers == (Layer.CENTERS, Layer.SPECIALISTS)


def test_every_mistake_is_named_at_once():
    with pytest.raises(InvalidQuery) as caught:
        parse(who="baby", radius="900", page="0", sort="rank", colour="red")

    assert caught.value.fields == {
        "near": "must be a city and state, a ZIP code or an address",
        "who": "must be one of: child, young-adult, adult",
        "radius": "must be from 1 to 500",
        "sort": "must be one of: distance, name",
        "page": "must be from 1 to 10000",
        "colour": "is not a parameter of this search",
    }


def test_a_page_ignores_what_it_does_not_know():
    assert parse(strict=False, near="Boston", utm_source="x").near == "Boston"


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"latitude": "42.36"}, "longitude"),
        ({"longitude": "-71"}, "latitude"),
        ({"near": "Boston", "latitude": "42", "longitude": "-71"}, "near"),
        ({"near": ["Boston", "Reno"]}, "near"),
        ({"near": "x" * 201}, "near"),
        ({"latitude": "91", "longitude": "0"}, "latitude"),
        ({"latitude": "nan", "longitude": "0"}, "latitude"),
        ({"latitude": "1e1", "longitude": "0"}, "latitude"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused_by_name(texts, field):
    with pytest.raises(InvalidQuery) as caught:
        parse(**texts)

    assert field in caught.value.fields


def test_filters_may_be_repeated_and_come_in_one_order():
    query = parse(near="Boston", designation=["cog", "nci", "cog"], offers=["car-t"])

    assert query.designation == ("nci", "cog")
    assert query.filtered
