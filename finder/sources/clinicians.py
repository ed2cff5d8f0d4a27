"""Blood and cancer doctors of the national file of Doctors and Clinicians by the US Medicare agency, CMS.

The file has a row for each clinician, enrollment, group and address. Who is in it bills Medicare, so that doctors for
children are mostly absent: Medicare has no specialty for pediatric hematology and oncology. Only rows with one of the
specialties below are used, and the rows of one doctor become one entry.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.domain.identifiers import NPI_SYSTEM, npi_is_valid
from finder.domain.person_names import credentials, name_suffix, proper_case
from finder.sources.facilities import mended, mended_state, proper_name
from finder.sources.reading import (
    Columns,
    Row,
    Rule,
    Table,
    find_lists,
    first_breach,
    mended_phone,
    mended_text,
    mended_zip,
    read_table,
)

TITLE = "CMS Doctors and Clinicians"
_URL = "https://data.cms.gov/provider-data/dataset/mj5m-pzi6"
_SPECIALTIES = ("primary", "secondary_1", "secondary_2", "secondary_3", "secondary_4")
COLUMNS = Columns(
    {
        "npi": ("NPI",),
        "family": ("Provider Last Name", "provider_last_name", "lst_nm"),
        "given": ("Provider First Name", "provider_first_name", "frst_nm"),
        "middle": ("Provider Middle Name", "provider_middle_name", "mid_nm"),
        "suffix": ("suff",),
        "credentials": ("Cred",),
        "primary": ("pri_spec",),
        **{f"secondary_{number}": (f"sec_spec_{number}",) for number in range(1, 5)},
        "telehealth": ("Telehlth",),
        "organization": ("Facility Name", "facility_name", "org_nm", "org_lgl_nm"),
        "street": ("adr_ln_1",),
        "suite": ("adr_ln_2",),
        "city": ("City/Town", "citytown", "cty"),
        "state": ("State", "st"),
        "zip": ("ZIP Code", "zip_code", "zip"),
        "phone": ("Telephone Number", "telephone_number", "phn_numbr"),
    },
    telling="primary",
    optional=frozenset({"telehealth"}),
)
_TRANSPLANT = "hematopoietic cell transplantation and cellular therapy"
_TRANSPLANT_START = "HEMATOPOIETIC CELL"  # the file cuts the name short
_NUCC_CODES = {
    "hematology": "207RH0000X",
    "hematology/oncology": "207RH0003X",
    "medical oncology": "207RX0202X",
}
_RULES = (
    Rule(("npi",), npi_is_valid, "bad-npi", "this is not a National Provider Identifier"),
    Rule(("family", "given"), bool, "missing", "there is no value"),
)


def identify(path: Path) -> Delivery:
    """Tell what a path holds, from its first line; the national file itself has no date, its name may."""
    return Delivery("full", TITLE, _table(path).released_on)


def read(path: Path, progress: Callable[[int], None]) -> Iterator[Entry | Rejected]:
    """Return the rows that cannot be used, then the doctors in the order in which they first appear.

    The doctors come when the whole file was read, for the rows of one need not follow each other.
    """
    table = _table(path)
    return _read(table, read_table(table, COLUMNS, progress, _SPECIALTIES, _is_wanted))


def _table(path: Path) -> Table:
    return find_lists(path, {TITLE: COLUMNS})[TITLE]


@cache
def _specialty(text: str) -> str:
    """Return the name of a Medicare specialty in small letters and whole."""
    name = " ".join(text.split()).casefold()
    return _TRANSPLANT if name.startswith(_TRANSPLANT_START.casefold()) else name


@cache
def _is_wanted(specialties: tuple[str, ...]) -> bool:
    return any(_specialty(text) in _NUCC_CODES or _specialty(text) == _TRANSPLANT for text in specialties)


@dataclass(slots=True)
class _Place:
    street: str
    suite: str
    city: str
    state: str
    zip: str
    phone: str
    organization: str

    def is_at(self, other: "_Place") -> bool:
        """Tell whether two addresses are one; CMS holds some suites back, so a missing one is no difference."""
        mine, others = ((one.street, one.city, one.state, one.zip) for one in (self, other))
        return mine == others and (self.suite == other.suite or not self.suite or not other.suite)

    @property
    def full_street(self) -> str:
        return ", ".join(part for part in (self.street, self.suite) if part)

    @property
    def one_line(self) -> str:
        last = " ".join(part for part in (self.state, self.zip) if part)
        return ", ".join(part for part in (self.full_street, self.city, last) if part)


@dataclass(slots=True)
class _Doctor:
    row: Row
    specialties: dict[str, str] = field(default_factory=dict)
    places: list[_Place] = field(default_factory=list)
    telehealth: bool = False
    warnings: list[Rejected] = field(default_factory=list)


def _read(table: Table, rows: Iterator[Row | Rejected]) -> Iterator[Entry | Rejected]:
    doctors: dict[str, _Doctor] = {}
    for row in rows:
        rejected = row if isinstance(row, Rejected) else _add(row, doctors)
        if rejected:
            yield rejected
    for npi, doctor in doctors.items():
        yield _entry(npi, doctor, table.released_on)


def _add(row: Row, doctors: dict[str, _Doctor]) -> Rejected | None:
    row, garbled = mended_text(row)
    npi = row["npi"]
    if breach := first_breach(row, npi, _RULES):
        return breach
    doctor = doctors.setdefault(npi, _Doctor(row))
    doctor.warnings.extend(garbled)
    for column in _SPECIALTIES:
        if row[column]:
            doctor.specialties.setdefault(_specialty(row[column]), "primary" if column == "primary" else "secondary")
    doctor.telehealth |= row.values.get("telehealth", "").upper() == "Y"
    _add_place(doctor, _place(row, doctor.warnings))
    return None


def _place(row: Row, warnings: list[Rejected]) -> _Place:
    return _Place(
        street=proper_name(row["street"]),
        suite=proper_name(row["suite"]),
        city=proper_name(row["city"]),
        state=mended_state(row, warnings, row["npi"]),
        zip=mended(row, "zip", partial(mended_zip, state=row["state"].upper()), warnings, row["npi"]),
        phone=mended(row, "phone", mended_phone, warnings, row["npi"]),
        organization=proper_name(row["organization"]),
    )


def _add_place(doctor: _Doctor, place: _Place) -> None:
    known = next((one for one in doctor.places if one.is_at(place)), None)
    if known is None:
        doctor.places.append(place)
        return
    known.suite = known.suite or place.suite
    known.phone = known.phone or place.phone
    known.organization = known.organization or place.organization


def _entry(npi: str, doctor: _Doctor, as_of: str) -> Entry:
    statements = tuple(
        Statement(name, value, TITLE, _URL, as_of, note=note) for name, value, note in _values(doctor) if value
    )
    identifiers, warnings = (Identifier(NPI_SYSTEM, npi),), tuple(doctor.warnings)
    row = doctor.row
    return Entry(npi, "PractitionerRole", identifiers, statements, file=row.file, line=row.line, warnings=warnings)


def _values(doctor: _Doctor) -> Iterator[tuple[str, str, str]]:
    yield from ((name, proper_case(doctor.row[name]), "") for name in ("family", "given", "middle"))
    yield "suffix", name_suffix(doctor.row["suffix"]), ""
    yield "credentials", credentials(doctor.row["credentials"]), ""
    yield from _specialty_values(doctor)
    first, *others = doctor.places
    yield "organization_name", first.organization, ""
    yield "street", first.full_street, ""
    yield from ((name, getattr(first, name), "") for name in ("city", "state", "zip", "phone"))
    yield from (("other_location", place.one_line, place.phone) for place in others)
    yield "telehealth", "yes" if doctor.telehealth else "", ""


def _specialty_values(doctor: _Doctor) -> Iterator[tuple[str, str, str]]:
    for name in doctor.specialties:
        yield "specialty", _NUCC_CODES.get(name, ""), f"derived from the Medicare specialty {name}"
    for name, rank in doctor.specialties.items():
        yield "medicare_specialty", name, f"a {rank} specialty"
    if _TRANSPLANT in doctor.specialties:
        yield "transplant_specialist", "yes", f"its Medicare specialty is {_TRANSPLANT}"
