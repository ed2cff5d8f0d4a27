"""A person's row of NPPES as an entry: what each value must look like, and what is left out when it does not."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from finder.domain.dates import is_iso
from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.domain.identifiers import NPI_SYSTEM, specialty_code_is_valid
from finder.domain.person_names import credentials, name_suffix, proper_case
from finder.sources import nppes_columns as columns
from finder.sources.facilities import proper_name
from finder.sources.reading import STATES, mended_phone, mended_zip

WANTED = frozenset({"207RH0003X", "207RH0000X", "207RX0202X", "2080P0207X"})

_SOURCE = "NPPES, the national provider registry"
_PAGE = "https://npiregistry.cms.hhs.gov/provider-view/"
_MASKED = re.compile(r"<UNAVAIL>|([$*_=-])\1+", re.IGNORECASE)
_PO_BOX = re.compile(r"P\.? ?O\.? ?BOX\b|POST OFFICE BOX\b", re.IGNORECASE)
_LEAST_ZIP, _GREATEST_ZIP = "00501", "99950"
_HOME = frozenset({"", "US", "AS", "GU", "MP", "PR", "VI"})
_MILITARY = frozenset({"AA", "AE", "AP"})
_HEMATOLOGY = frozenset({"207RH0000X", "207RH0002X", "207RH0003X", "207RH0005X"})


def iso_day(year: str, month: str, day: str) -> str:
    """Return a day in ISO form, "" when there is no such day."""
    text = f"{year}-{month}-{day}"
    return text if len(text) == 10 and is_iso(text) else ""


@lru_cache(maxsize=10_000)
def us_day(text: str) -> str:
    """Return MM/DD/YYYY in ISO form, "" for anything else."""
    return iso_day(text[6:], text[:2], text[3:5]) if text[2:3] == text[5:6] == "/" else ""


@dataclass(slots=True)
class Record:
    """A row while it is read: gives clean values, and keeps as warnings what was left out or changed."""

    file: str
    line: int
    values: dict[str, str]
    is_utf8: bool = True
    warnings: list[Rejected] = field(default_factory=list)

    @property
    def npi(self) -> str:
        """Return the NPI, valid or not."""
        return self.values[columns.NPI].strip()

    @property
    def is_wanted(self) -> bool:
        """Tell whether one of the person's codes is wanted."""
        return any(self.values[name].strip() in WANTED for name in columns.CODES)

    def rejected(self, column: str, code: str, reason: str) -> Rejected:
        """Return the word that the row cannot be used."""
        value = " ".join(self.values.get(column, "").split())
        return Rejected(self.line, self.npi, column, value, code, f"{self.file}: {reason}")

    def not_an_npi(self) -> Rejected:
        """Return the word that nobody can be named by this row."""
        return self.rejected(columns.NPI, "bad-npi", "this is not a National Provider Identifier")

    def warn(self, column: str, code: str, reason: str) -> None:
        """Keep the word that a value was left out or changed."""
        self.warnings.append(self.rejected(column, code, reason))

    def ended(self, column: str) -> Entry | Rejected:
        """Return the end of the NPI on the day in a column."""
        day = us_day(self.values[column].strip())
        if not day:
            return self.rejected(column, "bad-date", "this is not a date; nobody can say when the NPI ended")
        return ended(self.npi, day, self.file, self.line)

    def text(self, column: str) -> str:
        """Return a value with single blanks; "" for one that is masked."""
        raw = self.values[column]
        if not raw:
            return ""
        value = " ".join(raw.split())
        if raw != raw.strip():
            self.warn(column, "padding", "the blanks around the value were taken away")
        if _MASKED.fullmatch(value):
            self.warn(column, "masked", "the value is masked and was left out")
            return ""
        return value

    def day(self, column: str) -> str:
        """Return a date in ISO form, "" where there is none."""
        text = self.text(column)
        day = us_day(text)
        if text and not day:
            self.warn(column, "bad-date", "this is not a date and was left out")
        return day

    def phone(self, column: str) -> str:
        """Return a telephone number as 617-555-0100, "" where there is none."""
        number, wrong = mended_phone(self.text(column))
        if wrong:
            self.warn(column, wrong, "this is not a US telephone number and was left out")
        return number

    def state(self, column: str) -> str:
        """Return the two letters of a state, "" where there is none."""
        text = self.text(column)
        state = text.replace(".", "").replace(" ", "").upper()
        known = state in STATES
        if text and not (known and state == text):
            self.warn(column, "bad-state", f"this was read as {state}" if known else "there is no such state")
        return state if known else ""

    def zip(self, column: str, state: str) -> str:
        """Return a five-digit ZIP, "" where there is none."""
        code, wrong = mended_zip(self.text(column), state)
        if wrong == "bad-zip" or (code and not _LEAST_ZIP <= code <= _GREATEST_ZIP):
            self.warn(column, "bad-zip", "this is not a ZIP and was left out")
            return ""
        if wrong:
            self.warn(column, wrong, f"the zeros that it had lost were put back: {code}")
        return code


def ended(npi: str, day: str, file: str, line: int) -> Entry:
    """Return the end of an NPI on a day."""
    return Entry(npi, "PractitionerRole", (Identifier(NPI_SYSTEM, npi),), (), day, day, file, line)


def code_exists(code: str) -> bool:
    """Tell whether a code can be one of NUCC; of those that begin as hematology does, all four are known."""
    return not code or (specialty_code_is_valid(code) and (not code.startswith("207RH") or code in _HEMATOLOGY))


def abroad(record: Record, address: columns.Address) -> Rejected | None:
    """Return the rejection of a row whose address is not in a state or territory."""
    if record.values[address.country].strip().upper() not in _HOME:
        return record.rejected(address.country, "abroad", "the practice is outside the United States")
    if record.values[address.state].strip().upper() in _MILITARY:
        return record.rejected(address.state, "abroad", "the practice is at a military address abroad")
    return None


def entry(
    record: Record, locations: Iterable[tuple[str, str]], warnings: Iterable[Rejected], released_on: str
) -> Entry | Rejected:
    """Return a wanted person as an entry; as an ended one when it was deactivated and not reactivated since."""
    deactivated, reactivated = record.day(columns.DEACTIVATED), record.day(columns.REACTIVATED)
    if record.values[columns.DEACTIVATED].strip() and not (deactivated and reactivated >= deactivated):
        return record.ended(columns.DEACTIVATED)
    if not record.text(columns.FAMILY):
        return record.rejected(columns.FAMILY, "missing", "the person has no family name")
    if rejected := abroad(record, columns.PRACTICE):
        return rejected
    if not record.is_utf8:
        record.warn("", "bad-encoding", "the row is not UTF-8 and was read as Latin-1")
    updated = record.day(columns.UPDATED)
    facts = [*_person(record), *_place(record), ("enumerated_on", record.day(columns.ENUMERATED), "")]
    facts += [("other_location", place, phone) for place, phone in locations]
    url, as_of = _PAGE + record.npi, updated or released_on
    return Entry(
        record.npi,
        "PractitionerRole",
        (Identifier(NPI_SYSTEM, record.npi),),
        tuple(Statement(name, value, _SOURCE, url, as_of, note=note) for name, value, note in facts if value),
        updated_on=updated,
        file=record.file,
        line=record.line,
        warnings=tuple(dict.fromkeys([*record.warnings, *warnings])),
    )


def _person(record: Record) -> Iterator[tuple[str, str, str]]:
    for name, column in (("family", columns.FAMILY), ("given", columns.GIVEN), ("middle", columns.MIDDLE)):
        yield name, proper_case(record.text(column)), ""
    yield "suffix", name_suffix(record.text(columns.SUFFIX)), ""
    yield "credentials", credentials(record.text(columns.CREDENTIAL)), ""
    yield from (("specialty", code, "") for code in _specialties(record))


def _specialties(record: Record) -> list[str]:
    """Return the primary code and the wanted ones: the first with the switch at Y, without one the first of all."""
    names = zip(columns.CODES, columns.SWITCHES, strict=True)
    slots = [(name, record.text(name), record.text(switch)) for name, switch in names if record.values[name]]
    for name, code, _ in slots:
        if not code_exists(code):
            record.warn(name, "unknown-taxonomy", "there is no such NUCC code; it was left out")
    filled = [slot for slot in slots if slot[1]]
    primary = [code for _, code, switch in filled if switch == "Y"]
    if len(primary) != 1:
        name = columns.SWITCHES[0]
        said = "no code is marked as primary" if not primary else "several codes are marked as primary"
        record.warn(name, "several-primary" if primary else "no-primary", f"{said}; the first of them was taken")
    first = (primary or [filled[0][1]])[0]
    codes = dict.fromkeys([first, *(code for _, code, _ in filled if code in WANTED)])
    return [code for code in codes if code_exists(code)]


def _place(record: Record) -> Iterator[tuple[str, str, str]]:
    street, city, state, zip_code = read_address(record, columns.PRACTICE)
    if not city and not zip_code:
        record.warn(columns.PRACTICE.city, "missing-address", "there is neither a city nor a ZIP")
        street = state = ""
    yield from (("street", street, ""), ("city", city, ""), ("state", state, ""), ("zip", zip_code, ""))
    yield "phone", record.phone(columns.PRACTICE.phone), ""


def read_address(record: Record, address: columns.Address) -> tuple[str, str, str, str]:
    """Return street, city, state and ZIP as far as they can be used."""
    street = ", ".join(line for line in (record.text(column) for column in address.lines) if line)
    if _PO_BOX.match(street):
        record.warn(address.lines[0], "po-box", "this is a post office box, not a place where patients are seen")
    state = record.state(address.state)
    return proper_name(street), proper_name(record.text(address.city)), state, record.zip(address.zip, state)
