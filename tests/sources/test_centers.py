import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import centers

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "centers"
Change = Callable[[str, str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "centers"))


@pytest.fixture
def change(folder: Path) -> Change:
    """Replace a text, which must be there, in one of the folder's files."""

    def replace(file: str, old: str, new: str) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return replace


def _entries(folder: Path) -> dict[str, Entry]:
    return {one.key: one for one in centers.read(folder) if isinstance(one, Entry)}


def _only_rejected(folder: Path) -> Rejected:
    (rejected,) = [one for one in centers.read(folder) if isinstance(one, Rejected)]
    return rejected


def test_centers_come_in_the_order_of_their_file(folder: Path) -> None:
    assert list(_entries(folder)) == ["second-hospital", "first-hospital"]


def test_nothing_of_a_good_folder_is_rejected(folder: Path) -> None:
    assert not [one for one in centers.read(folder) if isinstance(one, Rejected)]


def test_a_center_is_an_organization_with_its_page_name_and_cms_number(folder: Path) -> None:
    first = _entries(folder)["first-hospital"]
    assert first.resource == "Organization"
    assert first.identifiers == (
        Identifier("urn:all-care-finder:center", "first-hospital"),
        Identifier("http://hl7.org/fhir/sid/us-ccn", "020001"),
    )


def test_a_center_without_a_cms_number_has_one_identifier(folder: Path) -> None:
    assert len(_entries(folder)["second-hospital"].identifiers) == 1


def test_name_address_and_position_are_statements_with_their_own_sources(folder: Path) -> None:
    said = {one.field: one for one in _entries(folder)["first-hospital"].statements}
    assert said["name"] == Statement(
        "name", "First Hospital", "a list of test hospitals", "https://example.org/list", "2025-02-10"
    )
    assert said["street"].source == "the center's own page"
    assert said["street"].note == "Use the east door."
    assert (said["zip"].value, said["state"].value, said["parent"].value) == ("02115", "MA", "Test Health")
    assert (said["latitude"].value, said["latitude"].scope) == ("42.3372", "address")


def test_what_is_unknown_is_not_stated(folder: Path) -> None:
    fields = {one.field for one in _entries(folder)["second-hospital"].statements}
    assert fields == {"name", "city", "state", "zip", "website"}


def test_a_note_goes_with_the_name_where_there_is_no_street(folder: Path) -> None:
    name = _entries(folder)["second-hospital"].statements[0]
    assert (name.field, name.note) == ("name", "No street was found.")


def test_a_fact_has_its_own_date_before_that_of_its_document(folder: Path) -> None:
    said = {one.field: one for one in _entries(folder)["first-hospital"].statements}
    assert (said["cog_member"].as_of, said["car_t"].as_of, said["phone"].as_of) == ("2025-02-10", "2024-05", "")


def test_a_fact_carries_age_group_scope_audience_and_note(folder: Path) -> None:
    said = {one.field: one for one in _entries(folder)["first-hospital"].statements}
    assert (said["car_t"].population, said["car_t"].scope) == ("pediatric", "ALL up to age 25")
    assert said["car_t"].note == "Offers it."
    assert said["phone"].audience == "both"


def test_a_fact_that_is_held_back_is_not_emitted(folder: Path) -> None:
    numbers = [one.value for one in _entries(folder)["first-hospital"].statements if one.field == "phone"]
    assert numbers == ["617-555-0100"]


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("cog_member,yes", "cog_friend,yes", "field", "unknown-field"),
        ("cog_member,yes", "cog_member,maybe", "value", "bad-value"),
        ("cog_member,yes", "all_trial,NCT12", "value", "bad-value"),
        ("yes,pediatric", "yes,children", "population", "bad-value"),
        (",both,page-first,,,", ",everyone,page-first,,,", "audience", "bad-value"),
        ("page-first,2024-05", "page-none,2024-05", "source", "unknown-source"),
        ("2024-05", "2024-13", "as_of", "bad-date"),
        ("617-555-0100", "(617) 555-0100", "value", "bad-value"),
        ("https://example.org/second", "javascript:alert(1)", "value", "bad-value"),
        ("second-hospital,website", "third-hospital,website", "slug", "unknown-center"),
    ],
)
def test_a_bad_fact_is_rejected_and_says_where_it_stands(
    folder: Path, change: Change, old: str, new: str, column: str, code: str
) -> None:
    change("facts.csv", old, new)
    rejected = _only_rejected(folder)
    assert (rejected.column, rejected.code) == (column, code)
    assert rejected.line in range(2, 7)
    assert rejected.reason.startswith("facts.csv: ")


def test_a_bad_fact_leaves_the_rest_of_its_center(folder: Path, change: Change) -> None:
    change("facts.csv", "617-555-0100", "call us")
    fields = [one.field for one in _entries(folder)["first-hospital"].statements]
    assert "phone" not in fields
    assert "car_t" in fields


def test_the_same_fact_twice_is_rejected_once(folder: Path) -> None:
    with (folder / "facts.csv").open("a", encoding="utf-8") as file:
        file.write("second-hospital,website,https://example.org/second,,,,page-first,,,\n")
    assert (_only_rejected(folder).code, _only_rejected(folder).line) == ("duplicate", 7)
    assert len(_entries(folder)["second-hospital"].statements) == 5


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("first-hospital,First", "First Hospital,First", "slug", "bad-key"),
        ("First Hospital,Test", ",Test", "name", "missing"),
        (",hospital,1 First", ",castle,1 First", "facility_type", "bad-value"),
        ("MA,02115", "XX,02115", "state", "bad-state"),
        ("MA,02115", "MA,2115", "zip", "bad-zip"),
        ("42.3372,", "142.3372,", "latitude", "bad-position"),
        ("42.3372,-71.1064", ",-71.1064", "latitude", "bad-position"),
        ("42.3372,", "nan,", "latitude", "bad-position"),
        (",address,020001", ",,020001", "position_precision", "bad-position"),
        (",address,020001", ",about,020001", "position_precision", "bad-value"),
        ("020001", "20001", "cms_facility_id", "bad-ccn"),
        ("list-2025,list-2025,page-first", "list-1999,list-2025,page-first", "name_source", "unknown-source"),
    ],
)
def test_a_bad_center_is_rejected_and_the_others_stay(
    folder: Path, change: Change, old: str, new: str, column: str, code: str
) -> None:
    change("centers.csv", old, new)
    found = list(centers.read(folder))
    rejected = next(one for one in found if isinstance(one, Rejected))
    assert (rejected.column, rejected.code, rejected.line) == (column, code, 3)
    assert list(_entries(folder)) == ["second-hospital"]


def test_a_center_that_stands_twice_is_rejected_the_second_time(folder: Path, change: Change) -> None:
    change("centers.csv", "second-hospital", "first-hospital")
    change("facts.csv", "second-hospital", "first-hospital")
    rejected = _only_rejected(folder)
    assert (rejected.key, rejected.code, rejected.line) == ("first-hospital", "duplicate", 3)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("page-first,", "list-2025,", "duplicate"),
        ("2025-02-10", "February 2025", "bad-date"),
        ("the center's own page", "", "missing"),
    ],
)
def test_a_bad_document_is_rejected(folder: Path, change: Change, old: str, new: str, code: str) -> None:
    change("sources.csv", old, new)
    found = list(centers.read(folder))
    assert isinstance(found[0], Rejected)
    assert found[0].code == code


@pytest.mark.parametrize("file", ["sources.csv", "centers.csv", "facts.csv"])
def test_a_missing_file_stops_before_any_row_is_read(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(SourceError, match=rf"{file} cannot be read \(No such file or directory\)\. Put"):
        centers.read(folder)


def test_a_missing_column_stops_before_any_row_is_read(folder: Path, change: Change) -> None:
    change("facts.csv", "held_back", "kept_back")
    with pytest.raises(SourceError, match=r"facts\.csv has no column held_back\. Add it"):
        centers.read(folder)
