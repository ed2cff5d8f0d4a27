import shutil
from pathlib import Path

import pytest

from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import specialists

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "specialists"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "specialists"))


def _change(folder: Path, old: str, new: str) -> None:
    path = folder / "doctors.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_doctor_at_a_place_is_a_practitioner_role_with_an_npi(folder: Path) -> None:
    first, second = specialists.read(folder)
    assert isinstance(first, Entry)
    assert (first.key, first.resource) == ("1234567893", "PractitionerRole")
    assert first.identifiers == (Identifier("http://hl7.org/fhir/sid/us-npi", "1234567893"),)
    assert isinstance(second, Entry)


def test_every_value_is_a_statement_with_source_and_date(folder: Path) -> None:
    first = next(specialists.read(folder))
    assert isinstance(first, Entry)
    assert [(one.field, one.value) for one in first.statements] == [
        ("family", "McDonald"),
        ("given", "Anne"),
        ("middle", "B"),
        ("suffix", "Jr."),
        ("credentials", "MD"),
        ("specialty", "207RH0003X"),
        ("specialty", "207RX0202X"),
        ("organization_name", "Test Clinic"),
        ("street", "1 First Street"),
        ("city", "Boston"),
        ("state", "MA"),
        ("zip", "02115"),
        ("phone", "617-555-0100"),
    ]
    assert first.statements[0] == Statement("family", "McDonald", "a test registry", as_of="2020")


def test_what_the_registry_leaves_empty_is_not_stated(folder: Path) -> None:
    _, second = specialists.read(folder)
    assert isinstance(second, Entry)
    assert {one.field for one in second.statements} == {"family", "given", "specialty", "city", "state", "zip"}


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("1234567893", "1234567890", "npi", "bad-npi"),
        ("MCDONALD", "", "family", "missing"),
        ("207RH0003X;207RX0202X", "", "specialty_codes", "bad-specialty"),
        ("207RH0003X;", "hematology;", "specialty_codes", "bad-specialty"),
        ("MA,02115", "Massachusetts,02115", "state", "bad-state"),
        ("MA,02115", "MA,02115-1234", "zip", "bad-zip"),
        ("617-555-0100", "617 555 0100", "phone", "bad-phone"),
        ("registry,2020", "registry,last year", "as_of", "bad-date"),
    ],
)
def test_a_bad_row_is_rejected_and_the_next_one_read(folder: Path, old: str, new: str, column: str, code: str) -> None:
    _change(folder, old, new)
    bad, good = specialists.read(folder)
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.column, bad.code) == (2, column, code)
    assert isinstance(good, Entry)


def test_a_doctor_who_stands_in_two_files_is_taken_from_the_first(folder: Path) -> None:
    shutil.copy(folder / "doctors.csv", folder / "more.csv")
    found = list(specialists.read(folder))
    assert [type(one) for one in found] == [Entry, Entry, Rejected, Rejected]
    assert {one.code for one in found if isinstance(one, Rejected)} == {"duplicate"}


def test_a_rejected_row_does_not_take_the_place_of_a_good_one(folder: Path) -> None:
    shutil.copy(folder / "doctors.csv", folder / "more.csv")
    _change(folder, "MCDONALD", "")
    found = list(specialists.read(folder))
    assert [one.key for one in found if isinstance(one, Entry)] == ["1992999825", "1234567893"]


def test_a_folder_without_a_file_stops_before_any_row_is_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no CSV file"):
        specialists.read(tmp_path)


def test_a_missing_column_stops_before_any_row_is_read(folder: Path) -> None:
    _change(folder, "specialty_codes", "taxonomy")
    with pytest.raises(SourceError, match=r"doctors\.csv has no column specialty_codes"):
        specialists.read(folder)
