import io
import json
import shutil
import warnings
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.errors import SourceError
from finder.sources import table
from finder.sources.centers import FIELDS
from finder.sources.table import Column, Mapping_

FIXTURE = Path(__file__).parents[1] / "data" / "sources" / "table"
DOCUMENT = Path(__file__).parents[2] / "docs" / "table-format.md"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
real = pytest.mark.skipif(not SHARED.exists(), reason="the real samples are not here")
NPI, OTHER_NPI = "1234567893", "1992999825"


def _silent(_bytes: int) -> None:
    return None


def _read(path: Path) -> list[Entry | Rejected]:
    return list(table.read(path, _silent))


def _entry(path: Path) -> Entry:
    (entry,) = _read(path)
    assert isinstance(entry, Entry), entry
    return entry


def _of(entry: Entry) -> list[tuple[str, str]]:
    return [(one.field, one.value) for one in entry.statements]


def _write(folder: Path, text: str, encoding: str = "utf-8", name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def _clinician(folder: Path, column: str, value: str, **more: str) -> Path:
    """A table of one clinician with one more column."""
    columns = {"npi": NPI, "last name": "Ruiz", column: value, **more}
    return _write(folder, "\t".join(columns) + "\n" + "\t".join(columns.values()) + "\n")


def _center(folder: Path, **columns: str) -> Path:
    columns = {"name": "Example Center", "city": "Boston", "state": "MA", **columns}
    return _write(folder, "\t".join(columns) + "\n" + "\t".join(columns.values()) + "\n")


def _workbook(path: Path, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_row_with_an_npi_is_a_clinician() -> None:
    first, second = _read(FIXTURE / "clinicians.csv")
    assert isinstance(first, Entry)
    assert (first.key, first.resource) == (NPI, "PractitionerRole")
    assert first.identifiers == (Identifier("http://hl7.org/fhir/sid/us-npi", NPI),)
    assert (first.file, first.line, first.updated_on, first.warnings) == ("clinicians.csv", 2, "2026-10-05", ())
    assert _of(first) == [
        ("family", "McDonald"),
        ("given", "Anne"),
        ("middle", "B"),
        ("suffix", "Jr."),
        ("credentials", "MD, PhD"),
        ("specialty", "2080P0207X"),
        ("organization_name", "Example Clinic"),
        ("street", "1 First Street, Suite 2"),
        ("city", "Boston"),
        ("state", "MA"),
        ("zip", "02115"),
        ("phone", "617-555-0100"),
        ("fax", "617-555-0101"),
        ("website", "https://example.org/anne"),
    ]
    assert first.statements[11] == Statement(
        "phone", "617-555-0100", "A table: clinicians.csv", as_of="2026-10-05", note="Extension 12"
    )
    assert isinstance(second, Entry)
    assert [one for one in _of(second) if one[0] == "specialty"] == [
        ("specialty", "207RH0003X"),
        ("specialty", "207RH0000X"),
    ]
    assert {one.as_of for one in second.statements} == {""}


def test_a_row_without_one_is_a_center_known_by_its_ccn_or_by_name_and_place() -> None:
    first, second = _read(FIXTURE / "centers.csv")
    assert isinstance(first, Entry)
    assert (first.key, first.resource, first.updated_on) == ("360180", "Organization", "")
    assert first.identifiers == (Identifier("http://hl7.org/fhir/sid/us-ccn", "360180"),)
    assert _of(first) == [
        ("name", "Example Cancer Center"),
        ("nci_designation", "comprehensive"),
        ("treats_adults", "yes"),
        ("treats_children", "no"),
        ("allogeneic_transplant", "yes"),
        ("autologous_transplant", "yes"),
        ("car_t", "yes"),
        ("street", "1 First Street"),
        ("city", "Cleveland"),
        ("state", "OH"),
        ("zip", "44195"),
        ("phone", "216-555-0100"),
        ("website", "https://example.org"),
    ]
    assert {one.as_of for one in first.statements} == {"2026-10"}
    assert isinstance(second, Entry)
    key = "hospital-de-ejemplo-san-juan-pr"
    assert second.identifiers == (Identifier("urn:all-care-finder:center", key),)
    assert second.key == key
    assert _of(second) == [
        ("name", "Hospital de Ejemplo"),
        ("treats_children", "yes"),
        ("city", "San Juan"),
        ("state", "PR"),
        ("zip", "00907"),
    ]


def test_what_a_center_states_is_what_the_shipped_centers_may_state() -> None:
    facts = [one for entry in _read(FIXTURE / "centers.csv") for one in entry.statements if one.field in FIELDS]
    assert len(facts) == 9
    assert all(FIELDS[one.field](one.value) for one in facts)


def test_the_proposal_shows_what_each_column_is_taken_for_with_examples() -> None:
    mapping = table.propose(FIXTURE / "clinicians.csv")
    assert mapping.kind == "PractitionerRole"
    assert mapping.columns[0] == Column("NPI", "npi", (NPI, OTHER_NPI))
    assert mapping.columns[-1] == Column("Remarks", "", ("not for us",))
    assert table.propose(FIXTURE / "centers.csv").kind == "Organization"


def test_a_table_adds_and_does_not_end_what_other_tables_gave() -> None:
    delivery = table.identify(FIXTURE / "centers.csv")
    assert (delivery.kind, delivery.title, delivery.released_on) == ("update", "A table: centers.csv", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_common_encoding_and_delimiter_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["N.P.I.", "Apellidos", "Nombre", "Teléfono"], [NPI, "Núñez", "José", "617-555-0100"]]
    path = _write(tmp_path, "\r\n".join(delimiter.join(row) for row in rows), encoding)
    entry = _entry(path)
    assert _of(entry) == [("family", "Núñez"), ("given", "José"), ("phone", "617-555-0100")]
    assert entry.warnings == ()


def test_a_value_in_windows_1252_is_read_and_reported_and_its_neighbours_are_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    header = "NPI,Apellidos,Dirección\n".encode("cp1252")
    path.write_bytes(header + f"{NPI},Núñez,".encode("cp1252") + "Calle Ñ\n".encode())
    entry = _entry(path)
    assert _of(entry) == [("family", "Núñez"), ("street", "Calle Ñ")]
    assert [(one.column, one.code, one.key) for one in entry.warnings] == [("Apellidos", "not-utf-8", NPI)]


def test_a_value_in_no_known_encoding_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(f"npi,last name,city\n{NPI},Ruiz,Bost".encode() + b"\x81n\n")
    entry = _entry(path)
    assert _of(entry) == [("family", "Ruiz")]
    assert [one.code for one in entry.warnings] == ["bad-encoding"]


def test_a_title_above_the_headings_and_blank_rows_are_passed_over(tmp_path: Path) -> None:
    path = _write(tmp_path, f"Our doctors\n\nnpi,last name\n\n{NPI},Ruiz\n,\n")
    assert _entry(path).line == 5


def test_the_first_sheet_with_headings_is_read_and_numbers_and_dates_become_plain_texts(tmp_path: Path) -> None:
    headings = ["NPI", "Last Name", "Specialty", "State", "Zip", "Phone", "Updated", None]
    row = [
        float(NPI),
        "Ruiz",
        "Hematology/Oncology",
        "MA",
        2115,
        6175550100,
        datetime.fromisoformat("2026-10-05"),
        None,
    ]
    other = [["name", "ccn", "city", "state", "zip"], ["Example", "360180", "Boston", "MA", "02115"]]
    path = _workbook(tmp_path / "list.xlsx", [["Read me"]], [["Doctors"], headings, row, [None]], other)
    entry = _entry(path)
    assert _of(entry) == [
        ("family", "Ruiz"),
        ("specialty", "207RH0003X"),
        ("state", "MA"),
        ("zip", "02115"),
        ("phone", "617-555-0100"),
    ]
    assert (entry.line, entry.updated_on) == (3, "2026-10-05")
    assert [(one.column, one.value, one.code) for one in entry.warnings] == [("Zip", "2115", "lost-zero")]


def test_a_cell_holds_what_the_reader_of_the_sheet_sees(tmp_path: Path) -> None:
    row = ["Example", "Boston", "MA", True, date(2026, 10, 5), "#N/A", datetime.fromisoformat("2026-10-05T08:30")]
    headings = ["name", "city", "state", "car-t", "street", "phone", "as of"]
    entry = _entry(_workbook(tmp_path / "list.xlsx", [headings, row]))
    assert _of(entry)[1:3] == [("car_t", "yes"), ("street", "2026-10-05")]
    assert (entry.updated_on, entry.warnings) == ("2026-10-05", ())


def test_a_formula_gives_the_value_that_was_saved_with_it(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "plain.xlsx", [["npi", "last name"], [NPI, "=UPPER(A9)"]])
    saved = tmp_path / "saved.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(saved, "w") as new:
        for one in old.infolist():
            text = old.read(one)
            if one.filename == "xl/worksheets/sheet1.xml":
                assert b"<v></v>" in text or b"<v />" in text or b"<v/>" in text
                for empty in (b"<v></v>", b"<v />", b"<v/>"):
                    text = text.replace(empty, b"<v>RUIZ</v>")
                text = text.replace(b'<c r="B2">', b'<c r="B2" t="str">')
            new.writestr(one, text)
    assert _of(_entry(saved)) == [("family", "Ruiz")]


def test_a_hidden_sheet_is_not_read(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "list.xlsx", [["npi", "last name"], [OTHER_NPI, "Old"]], [["npi", "last name"]])
    book = openpyxl.load_workbook(path)
    book.worksheets[0].sheet_state = "hidden"
    book.worksheets[1].append([NPI, "Ruiz"])
    book.active = 1
    book.save(path)
    assert _entry(path).key == NPI


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (",Ruiz,Inés", "NPI", "missing"),
        ("1234567890,Ruiz,Inés", "NPI", "bad-npi"),
        (f"{NPI},,Inés", "Last Name", "missing"),
        (f"{NPI},Ruiz,Inés,Boston", "", "ragged"),
        (f"{NPI},Ruiz", "", "ragged"),
        (f"{OTHER_NPI},Again,Same", "NPI", "duplicate"),
        (f'{NPI},"{"x" * 200_000}",Inés', "", "unreadable"),
    ],
)
def test_a_bad_row_is_rejected_and_stops_nothing(tmp_path: Path, row: str, column: str, code: str) -> None:
    path = _write(tmp_path, f"NPI,Last Name,First Name\n{OTHER_NPI},Good,First\n{row}\n")
    good, bad = _read(path)
    assert isinstance(good, Entry)
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.column, bad.code) == (3, column, code)
    assert bad.reason.startswith("list.csv: ")


def test_two_people_of_one_name_without_an_npi_do_not_become_one(tmp_path: Path) -> None:
    path = _write(tmp_path, "npi,last name,first name\n,Ruiz,Inés\n,Ruiz,Inés\n")
    assert [one.code for one in _read(path) if isinstance(one, Rejected)] == ["missing", "missing"]


def test_a_rejected_row_does_not_take_the_place_of_a_good_one(tmp_path: Path) -> None:
    path = _write(tmp_path, f"npi,last name\n{NPI},\n{NPI},Ruiz\n")
    bad, good = _read(path)
    assert isinstance(bad, Rejected)
    assert isinstance(good, Entry)


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"name": ""}, "name", "missing"),
        ({"city": ""}, "city", "missing"),
        ({"state": "Ontario"}, "state", "missing"),
        ({"city": "", "ccn": "12"}, "city", "missing"),
    ],
)
def test_a_center_without_a_name_or_a_place_is_rejected(
    tmp_path: Path, columns: dict[str, str], column: str, code: str
) -> None:
    (bad,) = _read(_center(tmp_path, **columns))
    assert isinstance(bad, Rejected)
    assert (bad.column, bad.code) == (column, code)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("specialty", "Oncology", "unknown-specialty"),
        ("specialty", "Hematology (Pathology)", "unknown-specialty"),
        ("state", "Ontario", "bad-state"),
        ("zip", "2115", "bad-zip"),
        ("zip", "K1H 8L6", "bad-zip"),
        ("phone", "555-0100", "bad-phone"),
        ("phone", "+44 20 7946 0000", "bad-phone"),
        ("website", "ask us", "bad-website"),
        ("updated", "31/12/2026", "bad-date"),
        ("updated", "last year", "bad-date"),
    ],
)
def test_a_bad_value_is_left_out_and_reported(tmp_path: Path, column: str, value: str, code: str) -> None:
    entry = _entry(_clinician(tmp_path, column, value))
    assert _of(entry) == [("family", "Ruiz")]
    assert [(one.column, one.value, one.code, one.key) for one in entry.warnings] == [(column, value, code, NPI)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("treats adults", "mostly"),
        ("transplant", "yes"),
        ("nci designation", "yes"),
        ("car-t", "soon"),
    ],
)
def test_what_does_not_say_enough_about_a_center_is_not_guessed(tmp_path: Path, column: str, value: str) -> None:
    entry = _entry(_center(tmp_path, **{column: value}))
    assert [one.field for one in entry.statements] == ["name", "city", "state"]
    assert [one.code for one in entry.warnings] == ["bad-value"]


@pytest.mark.parametrize(
    ("column", "value", "stated"),
    [
        ("transplant", "Autologous only", [("autologous_transplant", "yes")]),
        ("bmt", "allogeneic", [("allogeneic_transplant", "yes")]),
        ("Trasplante de médula ósea", "no", []),
        ("CAR T-cell therapy", "Sí", [("car_t", "yes")]),
        ("nccn", "no", []),
        ("NCI Designation", "NCI-Designated Cancer Center", [("nci_designation", "clinical")]),
        ("NCI Designation", "Basic Laboratory", [("nci_designation", "basic-laboratory")]),
        ("NCI Designation", "none", []),
    ],
)
def test_what_a_center_offers_is_read_from_words(
    tmp_path: Path, column: str, value: str, stated: list[tuple[str, str]]
) -> None:
    entry = _entry(_center(tmp_path, **{column: value}))
    assert [one for one in _of(entry) if one[0] in FIELDS] == stated
    assert entry.warnings == ()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("207RX0202X", ["207RX0202X"]),
        ("pediatric hematology-oncology", ["2080P0207X"]),
        ("Pediatric Hematologist/Oncologist", ["2080P0207X"]),
        ("Hematología y Oncología Pediátrica", ["2080P0207X"]),
        ("Hematology & Oncology Physician", ["207RH0003X"]),
        ("HEMATOLOGY/ONCOLOGY", ["207RH0003X"]),
        ("Heme/Onc", ["207RH0003X"]),
        ("Hematology, Oncology", ["207RH0003X"]),
        ("Hematology (Internal Medicine)", ["207RH0000X"]),
        ("Medical Oncology, Hematology", ["207RH0003X"]),
        ("Oncología médica; Hematología", ["207RX0202X", "207RH0000X"]),
        ("Hematology | hematologist", ["207RH0000X"]),
    ],
)
def test_a_specialty_is_known_by_code_and_by_words(tmp_path: Path, text: str, codes: list[str]) -> None:
    entry = _entry(_clinician(tmp_path, "specialty", text))
    assert [value for field, value in _of(entry) if field == "specialty"] == codes
    assert entry.warnings == ()


@pytest.mark.parametrize(
    ("columns", "field", "value", "code"),
    [
        ({"ccn": "50025"}, "", "", "lost-zero"),
        ({"zip": "2115"}, "zip", "02115", "lost-zero"),
        ({"state": "PR", "zip": "907"}, "zip", "00907", "lost-zero"),
        ({"website": "www.example.org/all"}, "website", "https://www.example.org/all", "bare-address"),
    ],
)
def test_a_value_that_was_changed_is_reported(
    tmp_path: Path, columns: dict[str, str], field: str, value: str, code: str
) -> None:
    entry = _entry(_center(tmp_path, **columns))
    assert [one.code for one in entry.warnings] == [code]
    assert entry.key == "050025" if "ccn" in columns else (field, value) in _of(entry)


def test_a_bad_ccn_does_not_name_a_center(tmp_path: Path) -> None:
    entry = _entry(_center(tmp_path, ccn="unknown"))
    assert entry.key == "example-center-boston-ma"
    assert [one.code for one in entry.warnings] == ["bad-ccn"]


def test_of_two_columns_for_one_thing_the_first_counts(tmp_path: Path) -> None:
    path = _clinician(tmp_path, "phone", "617-555-0100", telephone="617-555-0199")
    assert ("phone", "617-555-0100") in _of(_entry(path))
    assert [column.field for column in table.propose(path).columns] == ["npi", "family", "phone", ""]


def test_a_mapping_that_was_remembered_is_used_and_found_again_for_the_same_headings(tmp_path: Path) -> None:
    path = _write(tmp_path, f"NPI,Last Name,Where\n{NPI},Ruiz,Boston\n")
    assert ("city", "Boston") not in _of(_entry(path))
    mapping = table.propose(path)
    decided = Mapping_(mapping.kind, (*mapping.columns[:2], Column("Where", "city")))
    table.remember(path, decided, tmp_path / "mappings")
    assert ("city", "Boston") in _of(_entry(path))
    found = table.remembered(["npi", "LAST NAME", " Where "], tmp_path / "mappings")
    assert found is not None
    assert [column.field for column in found.columns] == ["npi", "family", "city"]
    assert table.remembered(["NPI", "Where"], tmp_path / "mappings") is None
    assert NPI not in (tmp_path / "list.csv.mapping.json").read_text(encoding="utf-8")


def test_a_remembered_mapping_needs_no_name_that_is_known(tmp_path: Path) -> None:
    path = _write(tmp_path, f"Report\nA;B\n{NPI};Ruiz\n")
    table.remember(path, Mapping_("PractitionerRole", (Column("A", "npi"), Column("B", "family"))))
    assert _of(_entry(path)) == [("family", "Ruiz")]


def test_a_table_in_which_only_columns_of_clinicians_are_known_is_one_of_clinicians(tmp_path: Path) -> None:
    mapping = table.propose(_write(tmp_path, "Doctor no,Surname,Where\n1,Ruiz,Boston\n"))
    assert (mapping.kind, [column.field for column in mapping.columns]) == ("PractitionerRole", ["", "family", ""])


def test_what_was_decided_for_a_file_comes_before_that_for_its_headings_and_that_before_the_proposal(
    tmp_path: Path,
) -> None:
    path, folder = _write(tmp_path, f"Our doctors\nNPI;Last Name;WHERE\n{NPI};Ruiz;Boston\n"), tmp_path / "mappings"
    proposed = table.mapping_of(path, folder)
    assert proposed == table.propose(path)
    fields = ("npi", "family", "city")
    by_heading = [replace(column, field=field) for column, field in zip(proposed.columns, fields, strict=True)]
    other = _write(tmp_path, "npi,last name,where\n", name="other.csv")
    table.remember(other, Mapping_("PractitionerRole", tuple(by_heading)), folder)
    assert table.mapping_of(path, folder) == Mapping_("PractitionerRole", tuple(by_heading), decided=True)

    table.remember(path, proposed)
    assert table.mapping_of(path, folder) == replace(proposed, decided=True)

    path.write_text(f"NPI,Surname\n{NPI},Ruiz\n")
    assert table.mapping_of(path, folder) == table.propose(path)


def test_the_columns_can_be_taken_for_those_of_rows_of_the_other_kind(tmp_path: Path) -> None:
    mapping = table.propose(_write(tmp_path, "Hospital,Surname,City\nExample,Ruiz,Boston\n"))
    assert [column.field for column in mapping.columns] == ["name", "", "city"]
    assert table.as_rows_of("Organization", mapping) is mapping
    other = table.as_rows_of("PractitionerRole", mapping)
    assert [column.field for column in other.columns] == ["organization_name", "family", "city"]
    assert other.columns[1].examples == ("Ruiz",)
    assert table.mistakes(mapping) == {0: "There is no column for the CCN, or for city and state yet. Choose one."}
    assert list(table.mistakes(other)) == [0]


def test_a_mapping_that_cannot_be_written_is_named_with_the_mend(tmp_path: Path) -> None:
    path = _write(tmp_path, f"npi,last name\n{NPI},Ruiz\n")
    (tmp_path / "list.csv.mapping.json.part").mkdir()
    with pytest.raises(SourceError, match=r"list\.csv\.mapping\.json cannot be written \(.+\)\. Allow"):
        table.remember(path, table.propose(path))


def test_every_field_has_words_of_its_own() -> None:
    for fields in table.FIELDS.values():
        assert len({table.in_words(field) for field in fields}) == len(fields)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("{", "is not a mapping"),
        ("[]", "is not a mapping"),
        ('{"kind": "Planet", "columns": []}', "a kind of rows that there is not: Planet"),
        ('{"kind": "Organization", "columns": [{"name": "A", "field": "npi"}]}', "fields that there are not: npi"),
        (
            '{"kind": "Organization", "columns": [{"name": "A", "field": "zip"}, {"name": "B", "field": "zip"}]}',
            "more than one column for zip",
        ),
        ('{"kind": "Organization", "columns": [{"name": "A", "field": "zip"}]}', r"has other columns than list\.csv\."),
    ],
)
def test_a_mapping_that_does_not_fit_stops_before_the_first_row(tmp_path: Path, content: str, cause: str) -> None:
    path = _write(tmp_path, f"npi,last name\n{NPI},Ruiz\n")
    (tmp_path / "list.csv.mapping.json").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match=cause):
        table.read(path, _silent)


def test_a_table_without_a_known_column_is_told_what_would_be_known(tmp_path: Path) -> None:
    path = _write(tmp_path, "Foo,Bar\n1,2\n")
    with pytest.raises(SourceError, match=r"list\.csv has no column that is known.*Foo, Bar.*npi, last name.*ccn"):
        table.propose(path)


@pytest.mark.parametrize(
    ("header", "lacking"),
    [
        ("npi,first name", "the last name"),
        ("last name,first name", "the NPI"),
        ("ccn,city", "the name of the center"),
        ("name,city", "the CCN, or for city and state"),
    ],
)
def test_a_needed_column_that_is_missing_stops_before_the_first_row(tmp_path: Path, header: str, lacking: str) -> None:
    path = _write(tmp_path, f"{header}\n1,2\n")
    for door in (table.identify, lambda path: table.read(path, _silent)):
        with pytest.raises(SourceError, match=f"has no column for {lacking}"):
            door(path)


def _zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \n", "is empty"),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), r"of the old kind \(\.xls\)"),
        (b"\r\n<HTML><table><tr><td>NPI</td></tr></table>", "is a web page or XML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "is a web page or XML"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"PK\x03\x04 and no more", "is broken"),
        (_zip_of(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "an archive of another kind"),
        (_zip_of(**{"xl/workbook.xml": b"<workbook/>"}), "is broken"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_cause_and_mend(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(content)
    for door in (table.propose, table.identify, lambda path: table.read(path, _silent)):
        with pytest.raises(SourceError, match=rf"list\.xlsx.*{cause}.*\. [A-Z].*\."):
            door(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.csv cannot be read \(No such file"):
        table.read(tmp_path / "gone.csv", _silent)


def test_a_workbook_with_a_damaged_sheet_stops_before_the_first_row(tmp_path: Path) -> None:
    rows = [["npi", "last name"], *([NPI, f"Ruiz {number}"] for number in range(3000))]
    path = _workbook(tmp_path / "list.xlsx", rows)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    place = sheet.header_offset + sheet.compress_size - 200
    content[place : place + 8] = b"\x00" * 8
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"list\.xlsx is broken"):
        table.read(path, _silent)


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        with archive.open("xl/sharedStrings.xml", "w") as member:
            for _ in range(26):
                member.write(bytes(20_000_000))
    assert path.stat().st_size < 5_000_000
    with pytest.raises(SourceError, match="too large when it is unpacked"):
        table.propose(path)


def test_progress_ends_with_the_bytes_of_the_file(tmp_path: Path) -> None:
    rows = "".join(f",Ruiz {number}\n" for number in range(1200))
    for path in (
        _write(tmp_path, "npi,last name\n" + rows),
        _workbook(tmp_path / "list.xlsx", [["npi", "last name"], *([None, f"Ruiz {n}"] for n in range(1200))]),
    ):
        seen: list[int] = []
        assert len(list(table.read(path, seen.append))) == 1200
        assert len(seen) >= 3
        assert seen[-1] == path.stat().st_size
        assert all(0 < one <= seen[-1] for one in seen)


def test_the_same_table_always_gives_the_same_entries() -> None:
    for name in ("clinicians.csv", "centers.csv"):
        assert _read(FIXTURE / name) == _read(FIXTURE / name)


_cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=150)
@given(rows=st.lists(st.lists(_cells, min_size=2, max_size=6), max_size=4))
def test_no_row_ever_breaks_the_reading(tmp_path_factory, rows: list[list[str]]) -> None:
    header = "name,ccn,city,state,zip,phone\n"
    lines = [",".join(cell.replace(",", " ") for cell in row) for row in rows]
    path = _write(tmp_path_factory.mktemp("any"), header + "Good,360180,Boston,MA,,\n" + "\n".join(lines))
    found = _read(path)
    assert isinstance(found[0], Entry)
    assert all(isinstance(one, Entry | Rejected) for one in found)


@settings(max_examples=60)
@given(content=st.binary(max_size=300), start=st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"npi,last name\n"]))
def test_any_bytes_are_a_table_or_an_error_that_names_the_file(tmp_path_factory, content: bytes, start: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "list.csv"
    path.write_bytes(start + content)
    try:
        found = _read(path)
    except SourceError as error:
        found, refusal = [], str(error)
    else:
        refusal = "list.csv"
    assert "list.csv" in refusal
    assert all(isinstance(one, Entry | Rejected) for one in found)


def test_every_heading_that_the_page_for_admins_names_is_known_and_its_example_is_read(tmp_path: Path) -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    example = page.split("```csv\n")[1].split("```")[0]
    found = _read(_write(tmp_path, example))
    assert [len(one.warnings) for one in found if isinstance(one, Entry)] == [0, 0]
    named = [line.split("|")[2] for line in page.splitlines() if line.startswith("| ")]
    headings = [name.strip() for names in named if names != " headings " for name in names.split(",")]
    assert len(headings) > 60
    unknown = [one for one in headings if not _is_known(one, tmp_path)]
    assert unknown == []


def _is_known(heading: str, folder: Path) -> bool:
    if heading in ("NPI", "CCN"):
        return True
    proposals = (table.propose(_write(folder, f"{first},{heading}\n")) for first in ("npi", "city"))
    return any(mapping.columns[1].field for mapping in proposals)


@real
def test_the_real_list_of_hospitals_is_read(tmp_path: Path) -> None:
    (sample,) = (SHARED / "reference" / "samples").glob("Hospital_General_Information_*.csv")
    found = _read(Path(shutil.copy(sample, tmp_path)))
    assert len(found) > 5300
    assert all(isinstance(one, Entry) for one in found)
    assert [warning.code for one in found for warning in one.warnings] == ["bad-phone"]


def test_a_workbook_with_what_the_reader_warns_of_is_read_in_silence(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "list.xlsx", [["npi", "last name"], [NPI, "Ruiz"]])
    plain = tmp_path / "plain.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(plain, "w") as new:
        for one in old.infolist():
            text = old.read(one)
            if one.filename == "xl/worksheets/sheet1.xml":
                extension = b'<extLst><ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}"/></extLst></worksheet>'
                text = text.replace(b"</worksheet>", extension)
            new.writestr(one, text)
    with pytest.warns(UserWarning, match="not supported"):
        list(openpyxl.load_workbook(plain, read_only=True).worksheets[0].iter_rows())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _entry(plain).key == NPI


def test_a_mapping_is_kept_as_plain_json(tmp_path: Path) -> None:
    path = _write(tmp_path, f"NPI,Apellidos\n{NPI},Ruiz\n")
    table.remember(path, table.propose(path))
    kept = json.loads((tmp_path / "list.csv.mapping.json").read_text(encoding="utf-8"))
    assert kept == {
        "kind": "PractitionerRole",
        "columns": [{"name": "NPI", "field": "npi"}, {"name": "Apellidos", "field": "family"}],
    }


def test_a_text_that_begins_like_an_archive_is_a_text(tmp_path: Path) -> None:
    assert _entry(_write(tmp_path, f"PK,npi,last name\n7,{NPI},Ruiz\n")).key == NPI
