from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from finder.domain.query import PARAMETERS, SearchQuery
from finder.errors import InvalidQuery
from finder.web import form


def mistakes(**args):
    try:
        SearchQuery.parse({name: [value] for name, value in args.items()}, strict=False)
    except InvalidQuery as error:
        return form.of_args({}, error.fields).mistakes
    return {}


def test_every_filter_has_a_label_and_words_for_each_choice():
    for parameter in PARAMETERS:
        if parameter.choices:
            assert parameter.name in form.LABELS
            shown = form.CHOICES[parameter.name]
            assert set(shown) == {str(choice) for choice in parameter.choices}


def test_mistakes_are_sentences_about_the_field():
    said = mistakes(near="", who="cat", radius="0")

    assert said["near"] == "The place must be a city and state, a ZIP code or an address."
    assert said["who"] == "Who needs care must be one of the answers shown."
    assert said["radius"] == "The distance must be from 1 to 500 miles."
    assert mistakes(near="x", radius="far")["radius"] == "The distance must be a whole number."


def test_a_distance_between_the_choices_stands_among_them():
    radii = list(form.of_query(SearchQuery(near="x", radius=75)).radii)

    assert radii == ["10", "25", "50", "75", "100", "250", "500"]
    assert list(form.of_args({"radius": ["²"]}).radii) == ["10", "25", "50", "100", "250", "500"]


def test_defaults_are_chosen_where_nothing_was_asked():
    typed = form.of_query(SearchQuery(near="x")).typed

    assert (typed["radius"], typed["layer"], typed["sort"], typed["who"]) == ("100", "all", "distance", "")


def test_filters_that_differ_from_the_default_are_counted():
    assert form.filters_on(SearchQuery(near="x", radius=10)) == 0
    assert form.filters_on(SearchQuery(near="x", layer="centers", offers=("car-t",), designation=("nci", "cog"))) == 4


@given(st.lists(st.tuples(st.sampled_from([one.name for one in PARAMETERS]), st.text())))
def test_what_is_read_holds_no_sign_that_a_page_may_not_hold(pairs):
    read = form.read(MultiDict(pairs))

    assert all(sign.isprintable() for texts in read.values() for text in texts for sign in text)
    assert {name: len(texts) for name, texts in read.items()} == {
        name: sum(one == name for one, _ in pairs) for name, _ in pairs
    }
