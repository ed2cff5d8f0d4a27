"""The columns of the NPPES files, by the names of version 2; their order is not relied on beyond the first two."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finder.errors import SourceError
from finder.sources.archive import Archive, Member

NPI, ENTITY = "NPI", "Entity Type Code"
FAMILY, GIVEN = "Provider Last Name (Legal Name)", "Provider First Name"
MIDDLE, SUFFIX = "Provider Middle Name", "Provider Name Suffix Text"
CREDENTIAL, ENUMERATED = "Provider Credential Text", "Provider Enumeration Date"
UPDATED, DEACTIVATED, REACTIVATED = "Last Update Date", "NPI Deactivation Date", "NPI Reactivation Date"
CODES = tuple(f"Healthcare Provider Taxonomy Code_{slot}" for slot in range(1, 16))
SWITCHES = tuple(f"Healthcare Provider Primary Taxonomy Switch_{slot}" for slot in range(1, 16))

_PLACE = ("City Name", "State Name", "Postal Code", "Country Code (If outside U.S.)", "Telephone Number")


@dataclass(frozen=True, slots=True)
class Address:
    """The names of the columns in which an address stands."""

    lines: tuple[str, str]
    city: str
    state: str
    zip: str
    country: str
    phone: str

    def columns(self) -> tuple[str, ...]:
        """Return the names in their order."""
        return (*self.lines, self.city, self.state, self.zip, self.country, self.phone)


PRACTICE = Address(
    (
        "Provider First Line Business Practice Location Address",
        "Provider Second Line Business Practice Location Address",
    ),
    *(f"Provider Business Practice Location Address {part}" for part in _PLACE),
)
SECONDARY = Address(
    (
        "Provider Secondary Practice Location Address- Address Line 1",
        "Provider Secondary Practice Location Address-  Address Line 2",  # two blanks, as it is published
    ),
    *(f"Provider Secondary Practice Location Address - {part}" for part in _PLACE),
)


def _main() -> Iterator[str]:
    person = ("Last Name", "First Name", "Middle Name", "Name Prefix Text", "Name Suffix Text", "Credential Text")
    yield from (NPI, ENTITY, "Replacement NPI", "Employer Identification Number (EIN)")
    yield from ("Provider Organization Name (Legal Business Name)", FAMILY, GIVEN, MIDDLE)
    yield from ("Provider Name Prefix Text", SUFFIX, CREDENTIAL)
    yield from ("Provider Other Organization Name", "Provider Other Organization Name Type Code")
    yield from (f"Provider Other {part}" for part in (*person, "Last Name Type Code"))
    yield from (f"Provider {line} Line Business Mailing Address" for line in ("First", "Second"))
    yield from (f"Provider Business Mailing Address {part}" for part in (*_PLACE, "Fax Number"))
    yield from (*PRACTICE.columns(), "Provider Business Practice Location Address Fax Number")
    yield from (ENUMERATED, UPDATED, "NPI Deactivation Reason Code", DEACTIVATED, REACTIVATED, "Provider Sex Code")
    official = (*person[:3], "Title or Position", "Telephone Number")
    yield from (f"Authorized Official {part}" for part in official)
    for slot, (code, switch) in enumerate(zip(CODES, SWITCHES, strict=True), 1):
        yield from (code, f"Provider License Number_{slot}", f"Provider License Number State Code_{slot}", switch)
    for slot in range(1, 51):
        yield from (f"Other Provider Identifier{part}_{slot}" for part in ("", " Type Code", " State", " Issuer"))
    yield from ("Is Sole Proprietor", "Is Organization Subpart", "Parent Organization LBN", "Parent Organization TIN")
    yield from (f"Authorized Official {part}" for part in person[3:])
    yield from (f"Healthcare Provider Taxonomy Group_{slot}" for slot in range(1, 16))
    yield "Certification Date"


MAIN_COLUMNS = tuple(_main())
PLACE_COLUMNS = (
    NPI,
    *SECONDARY.columns(),
    "Provider Secondary Practice Location Address - Telephone Extension",
    "Provider Practice Location Address - Fax Number",
)
USED_COLUMNS = (
    *(NPI, ENTITY, FAMILY, GIVEN, MIDDLE, SUFFIX, CREDENTIAL, ENUMERATED, UPDATED, DEACTIVATED, REACTIVATED),
    *(*PRACTICE.columns(), *CODES, *SWITCHES),
)


def header(archive: Archive, member: Member, columns: Sequence[str]) -> list[str]:
    """Return the names of a member's columns as they stand; SourceError when they are not exactly those of version 2.

    The first must stand where it always did, because rows are found by it.
    """
    line = archive.head(member, 64 * 1024).partition(b"\n")[0].decode("utf-8-sig", "replace").rstrip("\r")
    first = columns[:2] if columns[1] == ENTITY else columns[:1]
    if not line.startswith(",".join(f'"{name}"' for name in first)):
        raise SourceError(
            f"{member.filename} does not begin with column names in double quotes, {' and '.join(first)} first. "
            "Give the zip file as it was downloaded."
        )
    names = next(csv.reader([line]))
    unknown = [f"unknown: {name}" for name in names if name not in columns]
    missing = [f"missing: {name}" for name in columns if name not in names]
    if unknown or missing or len(names) > len(columns):
        version = "This is a file of version 1. " if "Provider Gender Code" in names else ""
        listed = "; ".join([*unknown[:10], *missing[:10]]) or "one of them stands twice"
        raise SourceError(
            f"{member.filename} has other columns than version 2 ({listed}). {version}Only version 2 is read: take the "
            "file whose name ends in _V2.zip."
        )
    return names
