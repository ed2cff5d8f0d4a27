import csv
import io
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import nppes
from finder.sources.nppes_columns import MAIN_COLUMNS, PLACE_COLUMNS
from tests.synthetic.nppes import COLUMNS, FAULTS, Options, Truth, line, make, npi, write_report
from tests.synthetic.nppes import PLACE_COLUMNS as SYNTHETIC_PLACES

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
SPAN = "20050523-20260809"
PRACTICE = "Provider Business Practice Location Address"
GOOD = {
    "NPI": "1234567893",
    "Entity Type Code": "1",
    "Provider Last Name (Legal Name)": "MCDONALD",
    "Provider First Name": "ANNE",
    "Provider Middle Name": "B",
    "Provider Name Suffix Text": "JR",
    "Provider Credential Text": "M.D.",
    "Provider First Line Business Practice Location Address": "1 FIRST ST",
    "Provider Second Line Business Practice Location Address": "STE 2",
    f"{PRACTICE} City Name": "BOSTON",
    f"{PRACTICE} State Name": "MA",
    f"{PRACTICE} Postal Code": "021151234",
    f"{PRACTICE} Country Code (If outside U.S.)": "US",
    f"{PRACTICE} Telephone Number": "6175550100",
    "Provider Enumeration Date": "05/23/2006",
    "Last Update Date": "03/04/2021",
    "Healthcare Provider Taxonomy Code_1": "207R00000X",
    "Healthcare Provider Primary Taxonomy Switch_1": "N",
    "Healthcare Provider Taxonomy Code_2": "207RH0003X",
    "Healthcare Provider Primary Taxonomy Switch_2": "N",
    "Healthcare Provider Taxonomy Code_3": "207RX0202X",
    "Healthcare Provider Primary Taxonomy Switch_3": "Y",
}
OTHER = {
    "NPI": "1992999825",
    "Entity Type Code": "1",
    "Healthcare Provider Taxonomy Code_1": "207Q00000X",
    "Last Update Date": "03/04/2021",
}
GOOD_NAME = {"Provider Last Name (Legal Name)": "RIVERA", f"{PRACTICE} City Name": "BOSTON"}
DARK = {"NPI": "1992999825", "NPI Deactivation Date": "02/03/2020"}
Rows = Iterable[dict[str, str] | bytes]


def _row(values: dict[str, str], columns: Iterable[str] = MAIN_COLUMNS) -> bytes:
    return line([values.get(name, "") for name in columns]).encode()


def _place(number: str = "1234567893", **changed: str) -> dict[str, str]:
    values = {
        "Address- Address Line 1": "9 LAST RD",
        "Address - City Name": "WORCESTER",
        "Address - State Name": "MA",
        "Address - Postal Code": "016551111",
        "Address - Country Code (If outside U.S.)": "US",
        "Address - Telephone Number": "5085550111",
    } | {f"Address - {name.replace('_', ' ')}": value for name, value in changed.items()}
    return {"NPI": number} | {f"Provider Secondary Practice Location {name}": value for name, value in values.items()}


def _bundle(
    path: Path,
    rows: Rows = (GOOD,),
    places: Rows = (),
    header: Iterable[str] = MAIN_COLUMNS,
    span: str = SPAN,
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        main = [row if isinstance(row, bytes) else _row(row) for row in rows]
        packed.writestr(f"npidata_pfile_{span}.csv", line(list(header)).encode() + b"".join(main))
        other = [row if isinstance(row, bytes) else _row(row, PLACE_COLUMNS) for row in places]
        packed.writestr(f"pl_pfile_{span}.csv", line(list(PLACE_COLUMNS)).encode() + b"".join(other))
        packed.writestr(f"npidata_pfile_{span}_FileHeader.csv", line(list(header)))
    return path


def _read(path: Path) -> list[Entry | Rejected]:
    return list(nppes.read(path, lambda _: None))


def _one(path: Path) -> Entry:
    (found,) = _read(path)
    assert isinstance(found, Entry)
    return found


def _facts(entry: Entry, *fields: str) -> list[str]:
    return [one.value for one in entry.statements if one.field in fields]


def _codes(entry: Entry) -> list[str]:
    return [one.code for one in entry.warnings]


@pytest.fixture
def month(tmp_path: Path) -> Callable[..., Path]:
    return lambda *rows, **more: _bundle(tmp_path / "month.zip", rows or (GOOD,), **more)


@pytest.fixture
def week(tmp_path: Path) -> Callable[..., Path]:
    return lambda *rows, **more: _bundle(tmp_path / "week.zip", rows, span="20260810-20260816", **more)


# What a file is.


def test_a_monthly_file_is_a_full_list_as_of_the_last_day_that_its_members_name(month: Callable[..., Path]) -> None:
    assert nppes.identify(month()) == Delivery("full", "NPPES, monthly file", "2026-08-09")


@pytest.mark.parametrize("name", ["NPPES_Data_Dissemination_081026_081626_Weekly_V2.zip", "renamed.zip"])
def test_a_weekly_file_is_an_update_of_the_days_that_it_covers(tmp_path: Path, name: str) -> None:
    path = _bundle(tmp_path / name, span="20260810-20260816")
    assert nppes.identify(path) == Delivery("update", "NPPES, weekly file", "2026-08-16", "2026-08-10", "2026-08-16")


@pytest.mark.parametrize(
    ("name", "delivery"),
    [
        ("NPPES_Data_Dissemination_August_2026_V2.zip", Delivery("full", "NPPES, monthly file", "2026-08")),
        (
            "NPPES_Data_Dissemination_081026_081626_Weekly_V2.zip",
            Delivery("update", "NPPES, weekly file", "2026-08-16", "2026-08-10", "2026-08-16"),
        ),
    ],
)
def test_the_name_of_the_file_counts_where_its_members_have_no_dates(
    tmp_path: Path, name: str, delivery: Delivery
) -> None:
    assert nppes.identify(_bundle(tmp_path / name, span="x")) == delivery


def test_a_file_that_tells_no_days_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.zip: neither its name nor .* tells the days"):
        nppes.identify(_bundle(tmp_path / "a.zip", span="20261340-20269999"))


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("photo.jpg", b"x")
    with pytest.raises(SourceError, match=r"a\.zip holds neither"):
        nppes.identify(tmp_path / "a.zip")
    with pytest.raises(SourceError, match=r"a\.zip holds neither"):
        nppes.read(tmp_path / "a.zip", lambda _: None)


# The columns.


@pytest.mark.skipif(not SHARED.exists(), reason="the list of columns is not here")
def test_the_columns_are_those_that_are_published() -> None:
    published = (SHARED / "reference" / "formats" / "nppes_columns.txt").read_text(encoding="utf-8")
    assert tuple(published.splitlines()) == MAIN_COLUMNS


def test_the_synthetic_registry_has_the_same_columns() -> None:
    assert tuple(COLUMNS) == MAIN_COLUMNS
    assert tuple(SYNTHETIC_PLACES) == PLACE_COLUMNS


def test_a_missing_and_an_unknown_column_stop_before_any_row_and_are_named(month: Callable[..., Path]) -> None:
    header = [name.replace("Last Update Date", "Updated") for name in MAIN_COLUMNS]
    with pytest.raises(SourceError, match=r"unknown: Updated; missing: Last Update Date"):
        nppes.read(month(header=header), lambda _: None)


def test_a_file_of_version_1_is_called_so(month: Callable[..., Path]) -> None:
    header = [name.replace("Provider Sex Code", "Provider Gender Code") for name in MAIN_COLUMNS]
    with pytest.raises(SourceError, match=r"a file of version 1\. Only version 2 is read"):
        nppes.read(month(header=header), lambda _: None)


def test_a_column_that_stands_twice_is_refused(month: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match="stands twice"):
        nppes.read(month(header=[*MAIN_COLUMNS, "NPI"]), lambda _: None)


def test_a_header_without_quotes_is_refused(tmp_path: Path) -> None:
    path = _bundle(tmp_path / "a.zip")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"npidata_pfile_{SPAN}.csv", ",".join(MAIN_COLUMNS) + "\n")
        packed.writestr(f"pl_pfile_{SPAN}.csv", line(list(PLACE_COLUMNS)))
    with pytest.raises(SourceError, match="column names in double quotes, NPI and Entity Type Code first"):
        nppes.read(path, lambda _: None)


def test_a_zip_without_the_other_locations_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(f"npidata_pfile_{SPAN}.csv", line(list(MAIN_COLUMNS)))
    with pytest.raises(SourceError, match="holds no pl_pfile"):
        nppes.read(tmp_path / "a.zip", lambda _: None)


def test_the_order_of_the_other_columns_does_not_matter(month: Callable[..., Path]) -> None:
    header = [*MAIN_COLUMNS[:2], *reversed(MAIN_COLUMNS[2:])]
    turned = _one(month(_row(GOOD, header), header=header))
    assert turned == _one(month())


def test_a_mark_at_the_start_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    rows = (line(list(MAIN_COLUMNS)).encode() + _row(GOOD)).replace(b"\n", b"\r\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(f"npidata_pfile_{SPAN}.csv", b"\xef\xbb\xbf" + rows)
        packed.writestr(f"pl_pfile_{SPAN}.csv", line(list(PLACE_COLUMNS)))
    assert _facts(_one(tmp_path / "a.zip"), "family") == ["McDonald"]


# A person.


def test_a_person_is_a_practitioner_role_with_statements_of_the_row_s_own_date(month: Callable[..., Path]) -> None:
    found = _one(month())
    assert (found.key, found.resource, found.ended_on, found.updated_on) == (
        "1234567893",
        "PractitionerRole",
        "",
        "2021-03-04",
    )
    assert found.identifiers == (Identifier("http://hl7.org/fhir/sid/us-npi", "1234567893"),)
    assert (found.file, found.line, found.warnings) == (f"npidata_pfile_{SPAN}.csv", 2, ())
    assert [(one.field, one.value) for one in found.statements] == [
        ("family", "McDonald"),
        ("given", "Anne"),
        ("middle", "B"),
        ("suffix", "Jr."),
        ("credentials", "MD"),
        ("specialty", "207RX0202X"),
        ("specialty", "207RH0003X"),
        ("street", "1 First St, Ste 2"),
        ("city", "Boston"),
        ("state", "MA"),
        ("zip", "02115"),
        ("phone", "617-555-0100"),
        ("enumerated_on", "2006-05-23"),
    ]
    assert found.statements[0] == Statement(
        "family",
        "McDonald",
        "NPPES, the national provider registry",
        "https://npiregistry.cms.hhs.gov/provider-view/1234567893",
        "2021-03-04",
    )


def test_the_release_date_of_the_file_stands_in_nothing_when_the_row_has_its_own(tmp_path: Path) -> None:
    (tmp_path / "next").mkdir()
    earlier = _one(_bundle(tmp_path / "a.zip"))
    later = _one(_bundle(tmp_path / "next" / "a.zip", span="20050523-20260913"))
    assert earlier.statements == later.statements


def test_a_primary_code_that_is_not_wanted_comes_first_and_stays(month: Callable[..., Path]) -> None:
    switches = {f"Healthcare Provider Primary Taxonomy Switch_{slot}": "N" for slot in (2, 3)}
    found = _one(month(GOOD | switches | {"Healthcare Provider Primary Taxonomy Switch_1": "Y"}))
    assert _facts(found, "specialty") == ["207R00000X", "207RH0003X", "207RX0202X"]


@pytest.mark.parametrize("code", ["207RH0003X", "207RH0000X", "207RX0202X", "2080P0207X"])
def test_each_wanted_code_is_found_in_the_last_slot_too(month: Callable[..., Path], code: str) -> None:
    found = _one(month(OTHER | GOOD_NAME | {"Healthcare Provider Taxonomy Code_15": code}))
    assert _facts(found, "specialty") == ["207Q00000X", code]


@pytest.mark.parametrize("code", ["207Q00000X", "207RH0002X", "2085R0001X", ""])
def test_a_person_without_a_wanted_code_is_not_given(month: Callable[..., Path], code: str) -> None:
    assert _read(month(OTHER | GOOD_NAME | {"Healthcare Provider Taxonomy Code_1": code})) == []


def test_an_organization_is_neither_given_nor_rejected(month: Callable[..., Path]) -> None:
    assert _read(month(GOOD | {"Entity Type Code": "2"})) == []


def test_several_primary_codes_are_told(month: Callable[..., Path]) -> None:
    found = _one(month(GOOD | {"Healthcare Provider Primary Taxonomy Switch_2": "Y"}))
    assert _facts(found, "specialty") == ["207RH0003X", "207RX0202X"]
    assert _codes(found) == ["several-primary"]


def test_a_masked_value_is_no_value(month: Callable[..., Path]) -> None:
    masked = {"Provider Middle Name": "<UNAVAIL>", f"{PRACTICE} Telephone Number": "**********"}
    found = _one(month(GOOD | masked))
    assert _facts(found, "middle", "phone") == []
    assert _codes(found) == ["masked", "masked"]


@pytest.mark.parametrize(
    ("text", "state", "kept", "codes"),
    [
        ("02115", "MA", ["02115"], []),
        ("021151234", "MA", ["02115"], []),
        ("02115-1234", "MA", ["02115"], []),
        ("2115", "MA", ["02115"], ["lost-zero"]),
        ("21151234", "MA", ["02115"], ["lost-zero"]),
        ("935", "PR", ["00935"], ["lost-zero"]),
        ("2115", "TX", [], ["bad-zip"]),
        ("215", "MA", [], ["bad-zip"]),
        ("00000", "MA", [], ["bad-zip"]),
        ("99999", "AK", [], ["bad-zip"]),
        ("7703O", "TX", [], ["bad-zip"]),
        ("", "TX", [], []),
    ],
)
def test_lost_zeros_are_put_back_only_where_they_fit(
    month: Callable[..., Path], text: str, state: str, kept: list[str], codes: list[str]
) -> None:
    found = _one(month(GOOD | {f"{PRACTICE} Postal Code": text, f"{PRACTICE} State Name": state}))
    assert _facts(found, "zip") == kept
    assert _codes(found) == codes


@pytest.mark.parametrize(("text", "kept"), [("Tx", ["TX"]), ("N.Y.", ["NY"]), ("TEXAS", []), ("ZZ", [])])
def test_a_state_is_taken_where_it_can_only_mean_one(month: Callable[..., Path], text: str, kept: list[str]) -> None:
    found = _one(month(GOOD | {f"{PRACTICE} State Name": text}))
    assert _facts(found, "state") == kept
    assert "bad-state" in _codes(found)


def test_a_person_without_a_family_name_is_rejected(month: Callable[..., Path]) -> None:
    (found,) = _read(month(GOOD | {"Provider Last Name (Legal Name)": ""}))
    assert isinstance(found, Rejected)
    assert (found.line, found.key, found.code) == (2, "1234567893", "missing")


def test_a_row_without_an_npi_is_rejected_and_the_next_one_read(month: Callable[..., Path]) -> None:
    found = _read(month(GOOD | {"NPI": ""}, GOOD | {"NPI": ""}, GOOD))
    assert [(one.line, one.code) for one in found if isinstance(one, Rejected)] == [(2, "bad-npi"), (3, "bad-npi")]
    assert [one.line for one in found if isinstance(one, Entry)] == [4]


def test_a_repeated_row_is_rejected_and_says_whether_it_differs(month: Callable[..., Path]) -> None:
    found = _read(month(GOOD, GOOD, GOOD | {"Last Update Date": "01/02/2008"}))
    said = [one.reason for one in found if isinstance(one, Rejected)]
    assert [text.partition("above with ")[2].split(";")[0] for text in said] == ["the same", "something else"]
    assert sum(isinstance(one, Entry) for one in found) == 1


@pytest.mark.parametrize("entity", ["", "3"])
def test_a_full_row_of_an_unknown_kind_is_rejected(month: Callable[..., Path], entity: str) -> None:
    (found,) = _read(month(GOOD | {"Entity Type Code": entity}))
    assert isinstance(found, Rejected)
    assert found.code == "bad-entity"


def test_a_quote_that_never_closes_spoils_only_its_own_row(month: Callable[..., Path]) -> None:
    broken = _row(GOOD).replace(b'"BOSTON"', b'"BOSTON')
    unfinished = _row(GOOD)[:-2]
    found = _read(month(broken, unfinished + b"\n", GOOD | {"NPI": "1992999825"}))
    assert [(type(one), one.line) for one in found] == [(Rejected, 2), (Entry, 3), (Entry, 4)]


def test_a_file_whose_rows_never_end_stops_before_it_fills_the_memory(month: Callable[..., Path]) -> None:
    endless = b'"1' + Random(1).randbytes(3_000_000).hex().encode()
    with pytest.raises(SourceError, match=r"a row of npidata_pfile_.* does not end"):
        _read(month(endless))


# Deactivation.


def test_a_dark_row_is_the_end_of_its_npi(month: Callable[..., Path]) -> None:
    found = _one(month(DARK))
    assert (found.key, found.ended_on, found.updated_on) == ("1992999825", "2020-02-03", "2020-02-03")
    assert found.statements == ()
    assert (found.line, found.identifiers[0].value) == (2, "1992999825")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (DARK | {"NPI": "1992999826"}, "bad-npi"),
        (DARK | {"NPI": ""}, "bad-npi"),
        (DARK | {"NPI Deactivation Date": "2020-02-03"}, "bad-date"),
        (DARK | {"NPI Deactivation Date": ""}, "bad-date"),
        (DARK | {"NPI Deactivation Date": "0\u00b2/03/2020"}, "bad-date"),
    ],
)
def test_a_dark_row_that_cannot_be_used_is_rejected(
    month: Callable[..., Path], values: dict[str, str], code: str
) -> None:
    (found,) = _read(month(values))
    assert isinstance(found, Rejected)
    assert (found.line, found.code) == (2, code)


@pytest.mark.parametrize(
    ("deactivated", "reactivated", "ended_on"),
    [
        ("01/02/2020", "01/02/2020", ""),
        ("01/02/2020", "03/04/2021", ""),
        ("03/04/2021", "12/31/2020", "2021-03-04"),
        ("03/04/2021", "", "2021-03-04"),
    ],
)
def test_a_person_is_active_when_reactivated_since(
    month: Callable[..., Path], deactivated: str, reactivated: str, ended_on: str
) -> None:
    found = _one(month(GOOD | {"NPI Deactivation Date": deactivated, "NPI Reactivation Date": reactivated}))
    assert found.ended_on == ended_on
    assert bool(found.statements) == (not ended_on)


# The weekly file.


def test_in_a_week_a_person_without_a_wanted_code_has_left(week: Callable[..., Path]) -> None:
    left, stays = _read(week(OTHER, GOOD))
    assert isinstance(left, Entry)
    assert (left.key, left.ended_on, left.statements) == ("1992999825", "2021-03-04", ())
    assert isinstance(stays, Entry)
    assert stays.statements


def test_in_a_week_organizations_are_not_given_and_dark_rows_are(week: Callable[..., Path]) -> None:
    assert _read(week(OTHER | {"Entity Type Code": "2"})) == []
    assert _one(week(DARK)).ended_on == "2020-02-03"


def test_in_a_week_a_garbled_code_is_not_taken_for_leaving(week: Callable[..., Path]) -> None:
    (found,) = _read(week(OTHER | {"Healthcare Provider Taxonomy Code_1": "2080P0207"}))
    assert isinstance(found, Rejected)
    assert (found.code, found.value) == ("unknown-taxonomy", "2080P0207")


# The other locations.


def test_other_locations_are_stated_once_each_in_an_order_of_their_own(month: Callable[..., Path]) -> None:
    first, second = _place(), _place(City_Name="AMHERST", Telephone_Number="")
    found = _one(month(places=[first, second, first, _place("1992999825")]))
    assert found == _one(month(places=[second, first]))
    places = [one for one in found.statements if one.field == "other_location"]
    assert [(one.value, one.note) for one in places] == [
        ("9 Last Rd, Amherst, MA 01655", ""),
        ("9 Last Rd, Worcester, MA 01655", "508-555-0111"),
    ]
    assert places[0].as_of == "2021-03-04"


def test_what_is_wrong_with_another_location_is_told(month: Callable[..., Path]) -> None:
    abroad = _place() | {"Provider Secondary Practice Location Address - Country Code (If outside U.S.)": "DE"}
    nowhere = _place(City_Name="", Postal_Code="")
    ragged = _row(_place(), PLACE_COLUMNS[:-1])
    found = _read(month(places=[abroad, nowhere, ragged, _place(Telephone_Number="NONE")]))
    said = [(one.line, one.key, one.code) for one in found if isinstance(one, Rejected)]
    assert said == [(n, "1234567893", code) for n, code in ((2, "abroad"), (3, "missing-address"), (4, "ragged"))]
    entry = found[-1]
    assert isinstance(entry, Entry)
    assert [(one.code, one.line, one.column) for one in entry.warnings] == [
        ("bad-phone", 5, "Provider Secondary Practice Location Address - Telephone Number")
    ]


# Reading as such.


def test_the_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    made = tmp_path / "a.zip"
    make(made, Options(n=2000))
    said: list[int] = []
    list(nppes.read(made, said.append))
    assert said == sorted(said)
    assert said[-1] == made.stat().st_size


def test_a_damaged_member_stops_the_reading(tmp_path: Path) -> None:
    path = _bundle(tmp_path / "a.zip", [GOOD] * 200)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 16] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is damaged"):
        _read(path)


CELLS = st.text(st.sampled_from('"\n,\r1X é’\x85') | st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6))
def test_any_text_in_the_values_leaves_rows_and_line_numbers_right(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    names = ["Provider Other Last Name", "Provider License Number_1", "Certification Date"]
    rows = [
        GOOD | {"NPI": npi(index)} | dict(zip(names, values, strict=True)) | {"Parent Organization LBN": "207RH0003X"}
        for index, values in enumerate(cells)
    ]
    path = _bundle(tmp_path_factory.mktemp("nppes") / "a.zip", rows)
    lines = [2 + sum(_row(before).count(b"\n") for before in rows[:index]) for index in range(len(rows))]
    found = _read(path)
    assert [(one.key, one.line) for one in found] == [(npi(index), at) for index, at in enumerate(lines)]


# Every fault of the synthetic registry.


@cache
def _made(folder: Path, fault: str) -> tuple[Path, Truth]:
    path = folder / f"{fault}.zip"
    shares = {"oncology_share": 1.0, "deactivated_share": 0.0, "organization_share": 0.0}
    return path, make(path, Options(n=400, seed="3", dirty_share=0.5, only_dirty=fault, **shares))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


WARNED = {
    "bad_zip": {"bad-zip"},
    "short_zip": {"bad-zip", "lost-zero"},
    "missing_address": {"missing-address"},
    "bad_state": {"bad-state"},
    "po_box": {"po-box"},
    "bad_phone": {"bad-phone"},
    "bad_encoding": {"bad-encoding"},
    "padding": {"padding"},
    "unknown_taxonomy": {"unknown-taxonomy"},
    "no_primary": {"no-primary"},
    "bad_date": {"bad-date"},
}
READ_AS_IF_NOTHING_WERE_WRONG = {"non_ascii", "quotes", "newline", "masked_license"}
REJECTED = {"foreign": "abroad", "bad_luhn": "bad-npi", "ragged": "ragged", "duplicate_npi": "duplicate"}


def test_every_fault_has_a_rule() -> None:
    assert sorted([*WARNED, *READ_AS_IF_NOTHING_WERE_WRONG, *REJECTED]) == sorted(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_changes_what_is_said_of_its_own_rows_and_of_no_other(folder: Path, fault: str) -> None:
    path, truth = _made(folder, fault)
    found = _read(path)
    faulty = set(truth.dirty[fault]) & set(truth.wanted)
    entries = {one.key: one for one in found if isinstance(one, Entry)}
    rejected = {one.key: one for one in found if isinstance(one, Rejected)}
    assert len(faulty) > 20
    lost = faulty if fault in REJECTED and fault != "duplicate_npi" else set()
    assert set(entries) == set(truth.wanted) - lost
    assert set(rejected) == (faulty if fault in REJECTED else set())
    assert {one.code for one in rejected.values()} == ({REJECTED[fault]} if fault in REJECTED else set())
    for key, entry in entries.items():
        codes = set(_codes(entry))
        assert bool(codes) == (fault in WARNED and key in faulty), (key, codes)
        assert codes <= WARNED.get(fault, set())


def _values(folder: Path, fault: str, *fields: str) -> set[str]:
    path, truth = _made(folder, fault)
    entries = [one for one in _read(path) if isinstance(one, Entry) and one.key in truth.dirty[fault]]
    return {value for entry in entries for value in _facts(entry, *fields)}


def test_a_value_with_a_fault_is_left_out_or_read_right(folder: Path) -> None:
    assert _values(folder, "bad_zip", "zip") == set()
    assert _values(folder, "missing_address", "street", "city", "state", "zip") == set()
    assert _values(folder, "bad_state", "state") == {"TX", "NY"}
    assert _values(folder, "bad_phone", "phone") == set()
    assert _values(folder, "bad_encoding", "family") == {"Nuñez"}
    assert _values(folder, "non_ascii", "family") == {"Núñez-O’Dowd", "Müller", "Peña", "Đặng", "Šimůnek"}
    assert _values(folder, "po_box", "street") >= {"P.O. Box 90210"}
    assert all('"REAR" ENTRANCE' in street.upper() for street in _values(folder, "quotes", "street"))
    assert all('STE 100 ATTN: "RECORDS"' in street.upper() for street in _values(folder, "newline", "street"))
    assert all(name == name.strip() for name in _values(folder, "padding", "family", "city"))
    assert "207RH9999X" not in _values(folder, "unknown_taxonomy", "specialty")


def test_a_row_without_a_date_of_its_own_takes_the_file_s(folder: Path) -> None:
    path, truth = _made(folder, "bad_date")
    faulty = [one for one in _read(path) if isinstance(one, Entry) and one.key in truth.dirty["bad_date"]]
    assert {fact.as_of for one in faulty for fact in one.statements} == {"2026-08-09"}
    assert {one.updated_on for one in faulty} == {""}


def test_the_lines_are_those_of_the_file(folder: Path) -> None:
    path, _ = _made(folder, "newline")
    with zipfile.ZipFile(path) as packed:
        text = packed.read(f"npidata_pfile_{SPAN}.csv").decode()
    reader = csv.reader(io.StringIO(text, newline=""))
    lines: dict[str, int] = {}
    before = 0
    for row in reader:
        lines[row[0]] = before + 1
        before = reader.line_num
    entries = [one for one in _read(path) if isinstance(one, Entry)]
    assert {one.key: one.line for one in entries} == {one.key: lines[one.key] for one in entries}


def test_a_month_gives_the_wanted_people_and_every_dark_npi(tmp_path: Path) -> None:
    truth = make(tmp_path / "a.zip", Options(n=5000, seed="7", oncology_share=0.05, dirty_share=0))
    found = _read(tmp_path / "a.zip")
    live = [one for one in found if isinstance(one, Entry) and not one.ended_on]
    dark = [one for one in found if isinstance(one, Entry) and one.ended_on]
    assert [one.key for one in live] == truth.wanted
    assert [one.key for one in dark] == list(truth.dark)
    assert len(found) == len(live) + len(dark)
    assert any(one.field == "other_location" for entry in live for one in entry.statements)


def test_a_week_gives_what_became_of_each_person_that_it_names(tmp_path: Path) -> None:
    options = Options(n=5000, seed="7", oncology_share=0.5, weekly=True, as_of="2026-08-16", dirty_share=0)
    truth = make(tmp_path / "a.zip", options)
    found = {one.key: one for one in _read(tmp_path / "a.zip") if isinstance(one, Entry)}
    assert {key for key, one in found.items() if not one.ended_on} == set(truth.wanted)
    assert {key for key in truth.weekly["deactivated"] if found[key].ended_on} == set(truth.weekly["deactivated"])
    assert set(truth.weekly["reactivated"]) & set(truth.wanted) <= set(found)
    assert len(found) == truth.individuals + truth.deactivated


def test_the_same_arguments_always_make_the_same_file(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        make(tmp_path / name, Options(n=300, seed="5", dirty_share=0.3))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


# The report of deactivated NPIs.

REPORT = [["NPPES Deactivated Records as of 08/09/2026"], ["NPI", "NPPES Deactivation Date"]]


@pytest.mark.parametrize(
    "name",
    ["NPPES_Deactivated_NPI_Report_080926_V2.zip", "NPPES_Deactivated_NPI_Report_080926_V2.xlsx", "r.zip", "r.xlsx"],
)
def test_the_report_ends_every_npi_in_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_report(path, [*REPORT, ["1234567893", "01/02/2020"], ["1992999825", "03/04/2021"]])
    said: list[int] = []
    assert nppes.identify(path) == Delivery("deactivations", "NPPES, deactivated NPIs", "2026-08-09")
    found = [one for one in nppes.read(path, said.append) if isinstance(one, Entry)]
    assert [(one.key, one.ended_on, one.line) for one in found] == [
        ("1234567893", "2020-01-02", 3),
        ("1992999825", "2021-03-04", 4),
    ]
    assert found[0].identifiers == (Identifier("http://hl7.org/fhir/sid/us-npi", "1234567893"),)
    assert found[0].statements == ()
    assert said[-1] == path.stat().st_size


def test_a_report_without_a_date_is_read_too(tmp_path: Path) -> None:
    write_report(tmp_path / "r.xlsx", [["NPI", "NPPES Deactivation Date"], ["1234567893", "01/02/2020"]])
    assert nppes.identify(tmp_path / "r.xlsx").released_on == ""
    assert _one(tmp_path / "r.xlsx").line == 2


def test_a_workbook_of_ones_own_is_not_taken_for_the_report(tmp_path: Path) -> None:
    write_report(tmp_path / "mine.xlsx", [["NPI", "Updated", "Surname"], ["1234567893", "01/02/2020", "Doe"]])
    with pytest.raises(SourceError, match="imported as a table"):
        nppes.identify(tmp_path / "mine.xlsx")


def test_a_bad_row_of_the_report_is_rejected_and_the_next_one_read(tmp_path: Path) -> None:
    rows = [
        ["1234567893", "01/02/2020"],
        ["1234567890", "01/02/2020"],
        ["", ""],
        ["1992999825", "soon"],
        ["1992999825"],
    ]
    write_report(tmp_path / "r.xlsx", [*REPORT, *rows])
    first, *rest = _read(tmp_path / "r.xlsx")
    assert isinstance(first, Entry)
    assert [(one.line, one.code) for one in rest if isinstance(one, Rejected)] == [
        (4, "bad-npi"),
        (6, "bad-date"),
        (7, "bad-date"),
    ]


def test_a_report_without_an_npi_stops_before_any_row(tmp_path: Path) -> None:
    write_report(tmp_path / "r.xlsx", REPORT)
    with pytest.raises(SourceError, match=r"r\.xlsx has no row that begins with an NPI"):
        nppes.read(tmp_path / "r.xlsx", lambda _: None)


def test_a_workbook_that_is_none_stops_before_any_row(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.xlsx", "w") as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(SourceError, match=r"r\.xlsx is not a workbook"):
        nppes.read(tmp_path / "r.xlsx", lambda _: None)
    (tmp_path / "text.xlsx").write_text("NPI\n")
    with pytest.raises(SourceError, match=r"text\.xlsx is not a zip file"):
        nppes.read(tmp_path / "text.xlsx", lambda _: None)


def test_the_synthetic_report_lists_the_dark_npis(tmp_path: Path) -> None:
    truth = make(tmp_path / "a.zip", Options(n=500), tmp_path / "r.zip")
    assert {one.key for one in _read(tmp_path / "r.zip") if isinstance(one, Entry)} == set(truth.dark)
