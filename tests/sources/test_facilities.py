import shutil
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import facilities
from finder.sources.facilities import mended_ccn, proper_name

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "facilities"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
SAMPLE = SHARED / "reference" / "samples" / "Hospital_General_Information_2026-02.csv"
HOSPITALS, AFFILIATIONS = "Hospital_General_Information_2026-02.csv", "Facility_Affiliation.csv"
FIRST, THIRD, FOURTH = "2900000011", "2900000037", "2900000045"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "facilities"))


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def _read(path: Path) -> list[Entry | Rejected]:
    return list(facilities.read(path, lambda _read_so_far: None))


def _entries(path: Path) -> list[Entry]:
    found = _read(path)
    assert all(isinstance(one, Entry) for one in found), found
    return [one for one in found if isinstance(one, Entry)]


def _values(entry: Entry) -> dict[str, str]:
    return {one.field: one.value for one in entry.statements}


def test_hospitals_come_first_and_clinicians_in_the_order_in_which_they_appear(folder: Path) -> None:
    found = _entries(folder)
    hospitals = ["ccn:229901", "ccn:059902", "ccn:09994F", "ccn:22995F"]
    assert [one.key for one in found] == [*hospitals, FIRST, THIRD, FOURTH]
    assert [one.resource for one in found] == ["Organization"] * 4 + ["PractitionerRole"] * 3


def test_a_hospital_is_an_organization_by_its_ccn(folder: Path) -> None:
    first = _entries(folder)[0]
    assert first.identifiers == (Identifier("http://hl7.org/fhir/sid/us-ccn", "229901"),)
    assert (first.file, first.line, first.warnings) == (HOSPITALS, 2, ())
    assert _values(first) == {
        "name": "St. Example's General Hospital of the North",
        "facility_type": "hospital",
        "hospital_type": "Acute Care Hospitals",
        "street": "55 Sample St",
        "city": "Boston",
        "state": "MA",
        "zip": "02114",
        "phone": "617-555-0100",
    }
    url = "https://data.cms.gov/provider-data/dataset/xubh-q36u"
    assert first.statements[3] == Statement(
        "street", "55 Sample St", "CMS Hospital General Information", url, "2026-02"
    )


def test_hospitals_for_children_and_soldiers_are_told_from_the_others(folder: Path) -> None:
    kinds = [_values(one)["facility_type"] for one in _entries(folder)[:4]]
    assert kinds == ["hospital", "childrens-hospital", "military-hospital", "hospital"]


def test_a_clinician_has_each_hospital_once_and_nothing_else(folder: Path) -> None:
    first = _entries(folder)[4]
    url = "https://data.cms.gov/provider-data/dataset/27ea-46a8"
    assert first.identifiers == (Identifier("http://hl7.org/fhir/sid/us-npi", FIRST),)
    assert (first.file, first.line) == (AFFILIATIONS, 2)
    assert first.statements == tuple(
        Statement("hospital_affiliation", ccn, "CMS Facility Affiliation", url, note="from Medicare claims")
        for ccn in ("229901", "059902")
    )


def test_a_unit_counts_for_the_hospital_that_it_is_in_and_a_nursing_home_for_none(folder: Path) -> None:
    found = {one.key: one for one in _entries(folder)}
    (unit,) = found[THIRD].statements
    assert unit.value == "059902"
    assert unit.note == "from Medicare claims, in a unit of the hospital: inpatient rehabilitation facility"
    assert "2900000029" not in found


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("229901,", "2299,", "ccn", "bad-ccn"),
        ("ST. EXAMPLE'S GENERAL HOSPITAL OF THE NORTH", "", "name", "missing"),
        ("02114,", "", "", "ragged"),
    ],
)
def test_a_hospital_that_cannot_be_used_is_rejected(folder: Path, old: str, new: str, column: str, code: str) -> None:
    _change(folder / HOSPITALS, old, new)
    bad, *good = _read(folder)
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.column, bad.code) == (2, column, code)
    assert len(good) == 6


def test_a_hospital_that_stands_twice_is_taken_once(folder: Path) -> None:
    _change(folder / HOSPITALS, "059902", "229901")
    assert [one.code for one in _read(folder) if isinstance(one, Rejected)] == ["duplicate"]


@pytest.mark.parametrize(
    ("old", "new", "column", "code", "value"),
    [
        ("90027", "2114", "zip", "bad-zip", None),
        ("90027", "unknown", "zip", "bad-zip", None),
        ("(323) 555-0102", "(323) 000-0000", "phone", "bad-phone", None),
        ("ANGELES,CA", "ANGELES,California", "state", "bad-state", None),
    ],
)
def test_a_bad_value_of_a_hospital_is_mended_or_left_out_with_a_warning(
    folder: Path, old: str, new: str, column: str, code: str, value: str | None
) -> None:
    _change(folder / HOSPITALS, old, new)
    second = _entries(folder)[1]
    assert _values(second).get(column) == value
    assert [(one.line, one.key, one.column, one.code) for one in second.warnings] == [(3, second.key, column, code)]


def test_the_zero_that_a_spreadsheet_took_off_a_ccn_is_put_back_with_a_warning(folder: Path) -> None:
    for name in (HOSPITALS, AFFILIATIONS):
        _change(folder / name, "059902", "59902")
    found = {one.key: one for one in _entries(folder)}
    assert [one.code for one in found["ccn:059902"].warnings] == ["lost-zero"]
    assert [one.value for one in found[THIRD].statements] == ["059902"]
    assert [(one.line, one.column, one.code) for one in found[THIRD].warnings] == [(4, "parent", "lost-zero")]
    assert not found[FIRST].warnings


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [(FOURTH, "2900000046", "npi", "bad-npi"), (",22995F", ",", "ccn", "bad-ccn")],
)
def test_an_affiliation_that_cannot_be_used_is_rejected(
    folder: Path, old: str, new: str, column: str, code: str
) -> None:
    _change(folder / AFFILIATIONS, old, new)
    found = _read(folder)
    assert [(one.line, one.column, one.code) for one in found if isinstance(one, Rejected)] == [(7, column, code)]
    assert FOURTH not in {one.key for one in found if isinstance(one, Entry)}


def test_both_lists_together_are_full_and_one_alone_says_nothing_of_the_other(folder: Path) -> None:
    title = "CMS Hospital General Information and CMS Facility Affiliation"
    assert facilities.identify(folder) == Delivery("full", title, "2026-02")
    assert facilities.identify(folder / AFFILIATIONS) == Delivery("update", "CMS Facility Affiliation", "")
    hospitals = Delivery("update", "CMS Hospital General Information", "2026-02")
    assert facilities.identify(folder / HOSPITALS) == hospitals


def test_one_list_alone_is_read(folder: Path) -> None:
    both = _read(folder)
    assert _read(folder / HOSPITALS) == both[:4]
    assert _read(folder / AFFILIATIONS) == both[4:]


def test_a_zip_gives_the_same_with_the_date_of_its_own_name_where_a_member_has_none(folder: Path) -> None:
    packed = folder.parent / "hospitals_03_2026.zip"
    with ZipFile(packed, "w") as archive:
        for name in (AFFILIATIONS, HOSPITALS):
            archive.write(folder / name, name)
    assert facilities.identify(packed).released_on == "2026-03"
    plain, other = _entries(folder), _entries(packed)
    assert other[:4] == plain[:4]
    assert [one.key for one in other] == [one.key for one in plain]
    assert {one.as_of for entry in other[4:] for one in entry.statements} == {"2026-03"}


def test_progress_goes_on_from_list_to_list(folder: Path) -> None:
    told: list[int] = []
    list(facilities.read(folder, told.append))
    sizes = [(folder / name).stat().st_size for name in (HOSPITALS, AFFILIATIONS)]
    assert told == [sizes[0], sum(sizes)]


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (HOSPITALS, {"Facility ID": "Provider ID", "Facility Name": "Hospital Name", "City/Town": "City"}),
        (HOSPITALS, {"Telephone Number": "Phone Number\t\t", "Hospital Type": " hospital  type"}),
        (AFFILIATIONS, {"Facility Affiliations Certification Number": "facility_afl_ccn"}),
        (AFFILIATIONS, {"Facility Type Certification Number": "parent_ccn", "NPI": "npi"}),
    ],
)
def test_the_headings_of_other_releases_are_known(folder: Path, file: str, changes: dict[str, str]) -> None:
    today = _read(folder)
    for old, new in changes.items():
        _change(folder / file, old, new)
    assert _read(folder) == today


def test_a_missing_column_or_list_stops_before_any_row_is_read(folder: Path) -> None:
    _change(folder / HOSPITALS, "ZIP Code", "postal")
    with pytest.raises(SourceError, match=r"2026-02\.csv has no column ZIP Code"):
        facilities.read(folder, lambda _read_so_far: None)
    shutil.copy(folder / AFFILIATIONS, folder / HOSPITALS)
    with pytest.raises(SourceError, match="are both CMS Facility Affiliation"):
        facilities.identify(folder)
    for name in (HOSPITALS, AFFILIATIONS):
        (folder / name).write_text("a,b\n", encoding="utf-8")
    with pytest.raises(SourceError, match="is not CMS Hospital General Information or CMS Facility Affiliation"):
        facilities.identify(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MASSACHUSETTS GENERAL HOSPITAL", "Massachusetts General Hospital"),
        ("ST VINCENT'S MEDICAL CENTER OF THE VALLEY", "St Vincent's Medical Center of the Valley"),
        ("UPMC MCKEESPORT", "UPMC McKeesport"),
        ("O'CONNOR HOSPITAL", "O'Connor Hospital"),
        ("BARNES-JEWISH HOSPITAL - THE SOUTH CAMPUS, LLC", "Barnes-Jewish Hospital - The South Campus, LLC"),
        ("ADVENTHEALTH ORLANDO", "AdventHealth Orlando"),
        ("BHC SIERRA VISTA (VA)", "BHC Sierra Vista (VA)"),
        ("MULLINS W.G. (BILL) CTR", "Mullins W.G. (Bill) Ctr"),
        ("1200 SE 42ND ST, PO BOX 7A", "1200 SE 42nd St, PO Box 7A"),
        ("TRUTH OR CONSEQUENCES", "Truth or Consequences"),
        ("60th Medical Group (Travis AFB)", "60th Medical Group (Travis AFB)"),
        ("", ""),
    ],
)
def test_names_in_capitals_are_written_as_people_write_them(text: str, expected: str) -> None:
    assert proper_name(text) == expected


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -'.,&/()#"))
def test_proper_case_changes_nothing_but_case(text: str) -> None:
    assert proper_name(text).upper() == text


@given(st.text())
def test_a_mended_ccn_is_valid_or_empty(text: str) -> None:
    ccn, code = mended_ccn(text)
    assert bool(ccn) != (code == "bad-ccn")
    assert not ccn or facilities.ccn_is_valid(ccn)


@pytest.mark.skipif(not SAMPLE.exists(), reason="the real samples are not here")
def test_the_real_list_of_hospitals_is_read_whole() -> None:
    found = _read(SAMPLE)
    entries = [one for one in found if isinstance(one, Entry)]
    assert len(entries) == len(found) == 5421
    assert Counter(one.code for entry in entries for one in entry.warnings) == {"bad-phone": 1}
    kinds = Counter(_values(one)["facility_type"] for one in entries)
    assert kinds == {"hospital": 5295, "childrens-hospital": 94, "military-hospital": 32}
    names = {one.key: _values(one)["name"] for one in entries}
    assert names["ccn:220071"] == "Massachusetts General Hospital"
