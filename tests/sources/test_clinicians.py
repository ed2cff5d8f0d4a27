import gzip
import shutil
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import clinicians
from finder.sources.reading import date_in_name, is_phone, is_zip, mended_phone, mended_zip

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "clinicians" / "DAC_NationalDownloadableFile.csv"
FIRST, THIRD = "2900000011", "2900000037"
OLD_HEADINGS = {
    "Provider Last Name": "lst_nm",
    "Provider First Name": "frst_nm",
    "Provider Middle Name": "mid_nm",
    "Cred": "Cred\t\t\t\t",
    "Telehlth,": "",
    "Facility Name": "org_nm",
    "City/Town": "cty",
    "State": "st",
    "ZIP Code": " Zip ",
    "Telephone Number": "phn_numbr",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(shutil.copy(FIXTURE, tmp_path))


def _change(file: Path, old: str, new: str, times: int = -1) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, times), encoding="utf-8")


def _read(path: Path) -> list[Entry | Rejected]:
    return list(clinicians.read(path, lambda _read_so_far: None))


def _entries(path: Path) -> list[Entry]:
    found = _read(path)
    assert all(isinstance(one, Entry) for one in found), found
    return [one for one in found if isinstance(one, Entry)]


def _values(entry: Entry, field: str) -> list[str]:
    return [one.value for one in entry.statements if one.field == field]


def test_the_rows_of_a_doctor_become_one_entry_even_when_they_stand_apart(file: Path) -> None:
    first, third = _entries(file)
    assert (first.key, first.resource, first.file, first.line) == (FIRST, "PractitionerRole", file.name, 2)
    assert first.identifiers == (Identifier("http://hl7.org/fhir/sid/us-npi", FIRST),)
    assert (third.key, third.line) == (THIRD, 4)


def test_every_value_is_a_statement_in_proper_case(file: Path) -> None:
    first, _ = _entries(file)
    assert [(one.field, one.value) for one in first.statements] == [
        ("family", "McDonald"),
        ("given", "Anne"),
        ("middle", "B"),
        ("suffix", "Jr."),
        ("credentials", "MD"),
        ("specialty", "207RH0003X"),
        ("specialty", "207RX0202X"),
        ("medicare_specialty", "hematology/oncology"),
        ("medicare_specialty", "internal medicine"),
        ("medicare_specialty", "medical oncology"),
        ("organization_name", "Example Oncology Group LLC"),
        ("street", "100 Example Ave, Suite 5"),
        ("city", "Springfield"),
        ("state", "IL"),
        ("zip", "62701"),
        ("phone", "217-555-0143"),
        ("other_location", "7 North Rd, Chicago, IL 60601"),
        ("telehealth", "yes"),
    ]
    assert not first.warnings


def test_a_statement_names_its_source_and_how_it_was_derived(file: Path) -> None:
    first, _ = _entries(file)
    url = "https://data.cms.gov/provider-data/dataset/mj5m-pzi6"
    notes = {(one.field, one.value): one for one in first.statements}
    assert notes["specialty", "207RH0003X"] == Statement(
        "specialty",
        "207RH0003X",
        "CMS Doctors and Clinicians",
        url,
        note="derived from the Medicare specialty hematology/oncology",
    )
    assert notes["medicare_specialty", "internal medicine"].note == "a secondary specialty"
    assert notes["other_location", "7 North Rd, Chicago, IL 60601"].note == "312-555-0199"


def test_a_transplant_specialty_is_known_even_when_cut_short_and_has_no_code_of_ours(file: Path) -> None:
    _, third = _entries(file)
    assert _values(third, "transplant_specialist") == ["yes"]
    assert "hematopoietic cell transplantation and cellular therapy" in _values(third, "medicare_specialty")
    assert not _values(third, "specialty")


def test_no_word_on_telehealth_is_no_statement(file: Path) -> None:
    _, third = _entries(file)
    assert not _values(third, "telehealth")


@pytest.mark.parametrize(
    ("specialty", "count"),
    [("HEMATOLOGY", 3), ("medical oncology", 3), ("SURGICAL ONCOLOGY", 2), ("PEDIATRIC MEDICINE", 2), ("", 2)],
)
def test_only_blood_and_cancer_doctors_are_read(file: Path, specialty: str, count: int) -> None:
    _change(file, "DERMATOLOGY", specialty)
    assert len(_entries(file)) == count


def test_the_headings_of_older_releases_are_known(file: Path) -> None:
    new = _entries(file)
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    for today, before in OLD_HEADINGS.items():
        assert today in header
        header = header.replace(today, before)
    cells = [line.split(",") for line in lines]
    rows = "\n".join(",".join(values[:17] + values[18:]) for values in cells)
    file.write_text(f"{header}\n{rows}\n", encoding="utf-8")
    old = _entries(file)
    assert [one.key for one in old] == [one.key for one in new]
    expected = tuple(one for one in new[0].statements if one.field != "telehealth")
    assert old[0].statements == expected


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [("Provider Last Name", "surname", "Provider Last Name"), ("City/Town,State", "a,b", "City/Town, State")],
)
def test_a_missing_column_stops_before_any_row_is_read(file: Path, old: str, new: str, missing: str) -> None:
    _change(file, old, new, 1)
    with pytest.raises(SourceError, match=f"DAC_NationalDownloadableFile.csv has no column {missing}"):
        clinicians.read(file, lambda _read_so_far: None)
    with pytest.raises(SourceError, match="has no column"):
        clinicians.identify(file)


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [(THIRD, "2900000038", "npi", "bad-npi"), ("TRANSPLANTER", "", "family", "missing"), (",OTHER", "", "", "ragged")],
)
def test_a_row_that_cannot_be_used_is_rejected_and_the_others_read(
    file: Path, old: str, new: str, column: str, code: str
) -> None:
    if code == "ragged":
        lines = file.read_text(encoding="utf-8").split("\n")
        lines[3] = lines[3].replace(old, new)
        file.write_text("\n".join(lines), encoding="utf-8")
    else:
        _change(file, old, new)
    bad, good = _read(file)
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.column, bad.code) == (4, column, code)
    assert isinstance(good, Entry)
    assert good.key == FIRST


@pytest.mark.parametrize(
    ("old", "new", "field", "value", "code"),
    [
        ("021150001", "21150001", "zip", ["02115"], "lost-zero"),
        ("021150001", "2115", "zip", ["02115"], "lost-zero"),
        ("021150001", "021", "zip", [], "bad-zip"),
        ("6175550100", "555", "phone", [], "bad-phone"),
        ("BOSTON,MA", "BOSTON,XX", "state", [], "bad-state"),
    ],
)
def test_a_bad_value_is_mended_or_left_out_with_a_warning(
    file: Path, old: str, new: str, field: str, value: list[str], code: str
) -> None:
    _change(file, old, new)
    _, third = _entries(file)
    assert _values(third, field) == value
    (warning,) = third.warnings
    assert (warning.line, warning.key, warning.column, warning.code) == (4, THIRD, field, code)


def test_a_byte_that_is_not_utf8_is_read_as_windows_1252_with_a_warning(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"TRANSPLANTER", b"PE\xd1A"))
    _, third = _entries(file)
    assert _values(third, "family") == ["Peña"]
    assert [(one.column, one.code) for one in third.warnings] == [("family", "bad-encoding")]


def test_a_second_suite_in_a_house_is_another_place_and_a_suppressed_one_is_not(file: Path) -> None:
    _change(file, "7 NORTH RD,,,CHICAGO,IL,606010001", "100 EXAMPLE AVE,SUITE 9,,SPRINGFIELD,IL,627010001")
    first, _ = _entries(file)
    assert _values(first, "street") == ["100 Example Ave, Suite 9"]
    assert _values(first, "other_location") == ["100 Example Ave, Suite 5, Springfield, IL 62701"]


def _packed(file: Path, kind: str) -> Path:
    packed = file.with_name(f"doctors_and_clinicians_08_2025.{kind}")
    if kind == "gz":
        packed.write_bytes(gzip.compress(file.read_bytes()))
    else:
        with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
            archive.writestr("Utilization.csv", "NPI,count\n1,2\n")
            archive.write(file, f"data/{file.name}")
            archive.writestr("readme.pdf", "not a list")
    return packed


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_packed_file_says_the_same_and_its_name_may_tell_the_date(file: Path, kind: str) -> None:
    packed = _packed(file, kind)
    assert clinicians.identify(file) == Delivery("full", "CMS Doctors and Clinicians", "")
    assert clinicians.identify(packed) == Delivery("full", "CMS Doctors and Clinicians", "2025-08")
    plain, other = _entries(file), _entries(packed)
    assert [[(one.field, one.value) for one in entry.statements] for entry in other] == [
        [(one.field, one.value) for one in entry.statements] for entry in plain
    ]
    assert {one.as_of for one in other[0].statements} == {"2025-08"}


@pytest.mark.parametrize("kind", ["csv", "gz", "zip"])
def test_progress_is_told_in_bytes_and_ends_at_the_size(file: Path, kind: str) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text(lines[0] + lines[2] * 5000, encoding="utf-8")
    path = file if kind == "csv" else _packed(file, kind)
    told: list[int] = []
    assert not list(clinicians.read(path, told.append))
    assert len(told) == 3
    assert told == sorted(told)
    if kind == "zip":
        with ZipFile(path) as archive:
            assert told[-1] == archive.getinfo(f"data/{file.name}").compress_size
    else:
        assert told[-1] == path.stat().st_size


def test_a_file_that_is_no_zip_or_cut_off_stops_with_the_mend(file: Path) -> None:
    packed = _packed(file, "zip")
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"is damaged .* Download it again"):
        clinicians.identify(packed)
    packed.write_text("<html>", encoding="utf-8")
    with pytest.raises(SourceError, match="it is not a zip"):
        clinicians.identify(packed)
    packed = _packed(file, "gz")
    packed.write_bytes(packed.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"is damaged .* Download it again"):
        _read(packed)


def test_a_zip_locked_with_a_password_stops_with_the_mend(file: Path) -> None:
    packed = _packed(file, "zip")
    data = bytearray(packed.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(signature)
        while start >= 0:
            data[start + flags] |= 1
            start = data.find(signature, start + 4)
    packed.write_bytes(data)
    with pytest.raises(SourceError, match=r"locked with a password\. Unpack it first"):
        clinicians.identify(packed)


def test_another_list_an_empty_zip_and_two_lists_are_no_national_file(file: Path) -> None:
    other = file.with_name("other.csv")
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"other\.csv is not CMS Doctors and Clinicians: it has no column pri_spec"):
        clinicians.identify(other)
    with ZipFile(file.with_name("empty.zip"), "w") as archive:
        archive.writestr("readme.txt", "")
    with pytest.raises(SourceError, match=r"empty\.zip holds no CSV file"):
        clinicians.identify(file.with_name("empty.zip"))
    shutil.copy(file, file.with_name("second.csv"))
    file.with_name("empty.zip").unlink()
    with pytest.raises(SourceError, match="are both CMS Doctors and Clinicians"):
        clinicians.identify(file.parent)
    with pytest.raises(SourceError, match=r"absent\.csv cannot be read"):
        clinicians.identify(file.with_name("absent.csv"))


def test_the_same_file_gives_the_same_entries(file: Path) -> None:
    assert _read(file) == _read(file)


@given(st.binary(max_size=200))
def test_no_bytes_after_the_header_break_the_reading(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "clinicians.csv"
    path.write_bytes(FIXTURE.read_bytes() + content)
    found = [one for one in _read(path) if isinstance(one, Entry)]
    assert "".join(one.value for entry in found for one in entry.statements).encode()
    assert {FIRST, THIRD} <= {one.key for one in found}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DAC_NationalDownloadableFile.csv", ""),
        ("Hospital_General_Information_2026-02.csv", "2026-02"),
        ("hospitals-2026-02-18.zip", "2026-02-18"),
        ("hospitals_20260218.zip", "2026-02-18"),
        ("doctors_and_clinicians_08_2025.zip", "2025-08"),
        ("hospitals_02_18_2026.zip", "2026-02-18"),
        ("list_2026-02-30.csv", ""),
        ("list_1780085743.csv", ""),
    ],
)
def test_a_name_may_tell_the_date(name: str, expected: str) -> None:
    assert date_in_name(name) == expected


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        ("02115", "MA", ("02115", "")),
        ("02115-1234", "", ("02115", "")),
        ("2115", "MA", ("02115", "lost-zero")),
        ("21151234", "MA", ("02115", "lost-zero")),
        ("601", "PR", ("00601", "lost-zero")),
        ("6011234", "PR", ("00601", "lost-zero")),
        ("2115", "CA", ("", "bad-zip")),
        ("601", "MA", ("", "bad-zip")),
        ("K1A 0B1", "MA", ("", "bad-zip")),
        ("", "MA", ("", "")),
    ],
)
def test_a_zip_is_mended_only_where_it_is_certain(text: str, state: str, expected: tuple[str, str]) -> None:
    assert mended_zip(text, state) == expected


@given(st.text(), st.sampled_from(["MA", "PR", "CA", ""]))
def test_a_mended_value_is_sound_or_empty(text: str, state: str) -> None:
    zip_code, phone = mended_zip(text, state)[0], mended_phone(text)[0]
    assert not zip_code or is_zip(zip_code)
    assert not phone or is_phone(phone)
