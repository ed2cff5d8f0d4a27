import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.text import fold, slug


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Cañon  City", "canon city"),
        ("O'Fallon", "ofallon"),
        ("Coeur d’Alene", "coeur dalene"),
        ("Hagåtña", "hagatna"),
        ("Ｂｏｓｔｏｎ", "boston"),
        ("St. Louis/MO", "st louis mo"),
        ("Москва", ""),
    ],
)
def test_names_are_compared_in_plain_lower_case_words(text, folded):
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


def test_a_slug_has_hyphens():
    assert slug("Children's of Alabama") == "childrens-of-alabama"
