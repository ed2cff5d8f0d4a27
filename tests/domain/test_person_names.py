import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.person_names import credentials, name_suffix, proper_case


@pytest.mark.parametrize(
    ("capitals", "expected"),
    [
        ("PANDEY", "Pandey"),
        ("MCDONALD", "McDonald"),
        ("O'BRIEN", "O'Brien"),
        ("VAN DER BERG", "van der Berg"),
        ("DE ALARCON", "de Alarcon"),
        ("ABI-RACHED", "Abi-Rached"),
        ("MARY  ANN", "Mary Ann"),
        ("MACKEY", "Mackey"),
        ("MC", "Mc"),
        ("DE", "De"),
        ("VON", "Von"),
        ("MUÑOZ", "Muñoz"),
        ("J.R.", "J.R."),
        ("", ""),
    ],
)
def test_a_name_in_capitals_gets_proper_case(capitals: str, expected: str) -> None:
    assert proper_case(capitals) == expected


@pytest.mark.parametrize("name", ["McDonald", "van der Berg", "DeWolfe", "de la Cruz"])
def test_a_name_that_was_written_with_care_stays_as_it_is(name: str) -> None:
    assert proper_case(name) == name


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x17F)))
def test_putting_a_name_right_twice_changes_nothing_more(name: str) -> None:
    once = proper_case(name)
    assert once.isupper() or proper_case(once) == once


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ '-"))
def test_only_the_case_and_the_blanks_of_a_name_change(name: str) -> None:
    assert proper_case(name).upper() == " ".join(name.split())


@pytest.mark.parametrize(
    ("text", "expected"), [("JR", "Jr."), ("jr.", "Jr."), ("III", "III"), ("", ""), ("Esq", "Esq")]
)
def test_a_suffix_is_printed_as_usual(text: str, expected: str) -> None:
    assert name_suffix(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("M. D.", "MD"), ("M.D., Ph.D.", "MD, PhD"), ("", ""), (",", "")])
def test_credentials_lose_their_points(text: str, expected: str) -> None:
    assert credentials(text) == expected
