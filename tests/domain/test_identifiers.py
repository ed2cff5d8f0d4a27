import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.identifiers import ccn_is_valid, npi_is_valid, specialty_code_is_valid

nine_digits = st.from_regex(r"[12][0-9]{8}", fullmatch=True)


def _valid_npi(nine: str) -> str:
    return next(nine + digit for digit in "0123456789" if npi_is_valid(nine + digit))


@pytest.mark.parametrize("npi", ["1234567893", "1003268392", "1962405985"])
def test_a_real_npi_is_valid(npi: str) -> None:
    assert npi_is_valid(npi)


@pytest.mark.parametrize(
    "text", ["", "123456789", "12345678930", "3234567893", "123456789x", "١٢٣٤٥٦٧٨٩٣", "1234567893\n"]
)
def test_what_is_not_ten_digits_beginning_with_one_or_two_is_no_npi(text: str) -> None:
    assert not npi_is_valid(text)


@given(nine_digits)
def test_exactly_one_check_digit_fits_nine_digits(nine: str) -> None:
    assert sum(npi_is_valid(nine + digit) for digit in "0123456789") == 1


@given(nine_digits, st.integers(1, 9), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(nine: str, place: int, change: int) -> None:
    npi = _valid_npi(nine)
    wrong = str((int(npi[place]) + change) % 10)
    assert not npi_is_valid(npi[:place] + wrong + npi[place + 1 :])


@given(nine_digits, st.integers(1, 8))
def test_two_digits_that_changed_places_are_noticed_but_for_nought_and_nine(nine: str, place: int) -> None:
    npi = _valid_npi(nine)
    first, second = npi[place], npi[place + 1]
    swapped = npi[:place] + second + first + npi[place + 2 :]
    assert npi_is_valid(swapped) == (first == second or {first, second} == {"0", "9"})


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    assert npi_is_valid(text) in {True, False}


@pytest.mark.parametrize("ccn", ["020001", "33Z302", "49001F", "113300"])
def test_a_ccn_is_six_characters_and_may_hold_letters(ccn: str) -> None:
    assert ccn_is_valid(ccn)


@pytest.mark.parametrize("text", ["", "20001", "0200011", "02-001", "ABCDEF"])
def test_what_has_another_form_is_no_ccn(text: str) -> None:
    assert not ccn_is_valid(text)


@pytest.mark.parametrize(("text", "expected"), [("2080P0207X", True), ("2080P0207", False), ("hematology", False)])
def test_a_specialty_code_ends_with_an_x(text: str, expected: bool) -> None:
    assert specialty_code_is_valid(text) is expected
