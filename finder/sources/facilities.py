"""Hospitals, and which doctors work in which, from two lists of the US Medicare agency, CMS.

Hospital General Information names each hospital once, by its CMS certification number (CCN). Facility Affiliation says
from Medicare claims in which hospitals a clinician, by NPI, took part in care. A path may hold both or one of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from pathlib import Path

from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.domain.identifiers import CCN_SYSTEM, NPI_SYSTEM, ccn_is_valid, npi_is_valid
from finder.sources.reading import (
    STATES,
    Columns,
    Row,
    Table,
    find_lists,
    mended_phone,
    mended_text,
    mended_zip,
    read_table,
)

HOSPITALS = Columns(
    {
        "ccn": ("Facility ID", "facility_id", "Provider ID"),
        "name": ("Facility Name", "facility_name", "Hospital Name"),
        "street": ("Address",),
        "city": ("City/Town", "citytown", "City"),
        "state": ("State",),
        "zip": ("ZIP Code", "zip_code"),
        "phone": ("Telephone Number", "telephone_number", "Phone Number"),
        "hospital_type": ("Hospital Type", "hospital_type"),
    },
    telling="hospital_type",
)
AFFILIATIONS = Columns(
    {
        "npi": ("NPI",),
        "facility_type": ("facility_type",),
        "ccn": (
            "Facility Affiliations Certification Number",
            "facility_affiliations_certification_number",
            "facility_afl_ccn",
        ),
        "parent": ("Facility Type Certification Number", "facility_type_certification_number", "parent_ccn"),
    },
    telling="ccn",
)
HOSPITALS_TITLE = "CMS Hospital General Information"
AFFILIATIONS_TITLE = "CMS Facility Affiliation"
_LISTS = {HOSPITALS_TITLE: HOSPITALS, AFFILIATIONS_TITLE: AFFILIATIONS}
_HOSPITALS_URL = "https://data.cms.gov/provider-data/dataset/xubh-q36u"
_AFFILIATIONS_URL = "https://data.cms.gov/provider-data/dataset/27ea-46a8"
_FACILITY_TYPES = {"childrens": "childrens-hospital", "acute care - department of defense": "military-hospital"}
_MENDED = {
    "bad-zip": "this is not a ZIP; it was left out",
    "bad-phone": "this is not a US telephone number; it was left out",
    "lost-zero": "a spreadsheet took the zeros off the front; they were put back",
}

_WORD = re.compile(r"[^\W_][\w.'’]*")
_SMALL = frozenset({"AND", "AT", "BY", "DE", "DEL", "FOR", "IN", "OF", "ON", "OR", "THE", "WITH"})
_SHORTENED = frozenset(
    [
        *("BD", "BLDG", "BLVD", "CH", "CNTR", "CT", "CTR", "DR", "FLR", "FT", "GRP", "GRV", "HGTS", "HLTH", "HLTHCR"),
        *("HRT", "HSP", "JCT", "JR", "LN", "LTD", "MR", "MRS", "MT", "MTN", "PHYS", "PKWY", "PL", "PLZ", "PT", "RD"),
        *("RM", "RT", "SPC", "SQ", "SRVS", "ST", "STS", "SVCS", "TRL", "TWNSHP", "VW", "XING"),
    ]
)
_ACRONYMS = frozenset(
    [
        *("ACMH", "AFB", "AHMC", "AHN", "AHS", "ARH", "BCA", "BSA", "CAH", "CAMC", "CHI", "CHSLI", "DBA", "EAMC"),
        *("ECU", "HCA", "IHS", "II", "III", "IU", "IV", "KMI", "LECOM", "LIJ", "LSU", "LTACH", "LTCU", "MUSC", "NE"),
        *("NYU", "OCH", "OHSU", "OSF", "OSS", "PA", "PIH", "PO", "SE", "SUNY", "UAB", "UAMS", "UC", "UCF", "UCH"),
        *("UCI", "UCLA", "UCSF", "UF", "UH", "UHHS", "UMD", "UNC", "UNM", "UPHS", "UPMC", "UPR", "US", "USA", "USC"),
        *("USD", "UT", "UTMB", "UVA", "UW", "VA", "VCU", "WCA"),
    ]
)
_OWN_SPELLING = {
    one.upper(): one
    for one in (
        *("AdventHealth", "AllianceHealth", "AnMed", "CentraCare", "EvergreenHealth", "FirstHealth", "HealthONE"),
        *("HonorHealth", "MaineHealth", "MedStar", "OhioHealth", "PeaceHealth", "ProMedica", "TidalHealth", "UCHealth"),
        *("UMass", "UofL", "WakeMed"),
    )
}


def identify(path: Path) -> Delivery:
    """Tell which of the two lists a path holds, from their first lines.

    One list alone says nothing about what the other said before, so only both together are "full".
    """
    lists = find_lists(path, _LISTS)
    released_on = max(table.released_on for table in lists.values())
    return Delivery("full" if len(lists) == len(_LISTS) else "update", " and ".join(lists), released_on)


def read(path: Path, progress: Callable[[int], None]) -> Iterator[Entry | Rejected]:
    """Return the hospitals, then the clinicians with their hospitals in the order in which they first appear.

    A row of Facility Affiliation counts when its facility is a hospital, or a unit whose hospital is named.
    """
    lists = find_lists(path, _LISTS)
    found: list[Iterator[Entry | Rejected]] = []
    done = 0
    if table := lists.get(HOSPITALS_TITLE):
        found.append(_hospitals(table, read_table(table, HOSPITALS, progress, ("ccn", "name"), any)))
        done = table.size
    if table := lists.get(AFFILIATIONS_TITLE):
        by, onwards = ("facility_type", "parent"), _from(done, progress)
        found.append(_affiliations(table, read_table(table, AFFILIATIONS, onwards, by, _is_hospital)))
    return chain.from_iterable(found)


def _from(done: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    return lambda read_so_far: progress(done + read_so_far)


def mended_ccn(text: str) -> tuple[str, str]:
    """Return a CMS certification number, with the zero that a spreadsheet took off its front, and a code or ""."""
    ccn = text.upper()
    if ccn_is_valid(ccn):
        return ccn, ""
    if len(ccn) == 5 and ccn_is_valid(f"0{ccn}"):
        return f"0{ccn}", "lost-zero"
    return "", "bad-ccn"


def mended(row: Row, column: str, mend: Callable[[str], tuple[str, str]], warnings: list[Rejected], key: str) -> str:
    """Return a value as ``mend`` makes it, and add the word about what it did, if anything, to the warnings."""
    value, code = mend(row[column])
    if code:
        warnings.append(row.rejected(key, column, code, _MENDED[code]))
    return value


def mended_state(row: Row, warnings: list[Rejected], key: str) -> str:
    """Return the state of a row, or "" and a warning for what is none."""
    state = row["state"].upper()
    if state in STATES:
        return state
    warnings.append(row.rejected(key, "state", "bad-state", "this is not a US state or territory; it was left out"))
    return ""


def _hospitals(table: Table, rows: Iterator[Row | Rejected]) -> Iterator[Entry | Rejected]:
    seen: set[str] = set()
    for row in rows:
        entry = row if isinstance(row, Rejected) else _hospital(table, row, seen)
        if isinstance(entry, Entry):
            seen.add(entry.identifiers[0].value)
        yield entry


def _hospital(table: Table, row: Row, seen: set[str]) -> Entry | Rejected:
    row, garbled = mended_text(row)
    ccn, code = mended_ccn(row["ccn"])
    if not ccn:
        return row.rejected(row["ccn"], "ccn", code, "this is not a CMS certification number")
    key = f"ccn:{ccn}"
    if ccn in seen:
        return row.rejected(key, "ccn", "duplicate", "the hospital stands twice")
    if not row["name"]:
        return row.rejected(key, "name", "missing", "the hospital has no name")
    warnings = list(garbled)
    if code:
        warnings.append(row.rejected(key, "ccn", code, _MENDED[code]))
    values = _hospital_values(row, warnings, key)
    statements = tuple(
        Statement(name, value, HOSPITALS_TITLE, _HOSPITALS_URL, table.released_on)
        for name, value in values.items()
        if value
    )
    identifiers = (Identifier(CCN_SYSTEM, ccn),)
    return Entry(key, "Organization", identifiers, statements, file=row.file, line=row.line, warnings=tuple(warnings))


def _hospital_values(row: Row, warnings: list[Rejected], key: str) -> Mapping[str, str]:
    return {
        "name": proper_name(row["name"]),
        "facility_type": _FACILITY_TYPES.get(row["hospital_type"].casefold(), "hospital"),
        "hospital_type": row["hospital_type"],
        "street": proper_name(row["street"].rstrip(",")),
        "city": proper_name(row["city"].rstrip(",")),
        "state": mended_state(row, warnings, key),
        "zip": mended(row, "zip", partial(mended_zip, state=row["state"].upper()), warnings, key),
        "phone": mended(row, "phone", mended_phone, warnings, key),
    }


@cache
def _is_hospital(kind_and_parent: tuple[str, ...]) -> bool:
    kind, parent = kind_and_parent
    return kind.strip().casefold() == "hospital" or bool(parent.strip())


@dataclass(slots=True)
class _Clinician:
    line: int
    hospitals: list[tuple[str, str]] = field(default_factory=list)
    warnings: tuple[Rejected, ...] = ()


def _affiliations(table: Table, rows: Iterator[Row | Rejected]) -> Iterator[Entry | Rejected]:
    clinicians: dict[str, _Clinician] = {}
    as_of = table.released_on
    for row in rows:
        rejected = row if isinstance(row, Rejected) else _add(row, clinicians)
        if rejected:
            yield rejected
    for npi, clinician in clinicians.items():
        yield _affiliated(table.name, npi, clinician, as_of)


def _add(row: Row, clinicians: dict[str, _Clinician]) -> Rejected | None:
    npi, column = row["npi"], "parent" if row["parent"] else "ccn"
    if npi not in clinicians and not npi_is_valid(npi):
        return row.rejected(npi, "npi", "bad-npi", "this is not a National Provider Identifier")
    hospital, code = _hospital_of(row[column], row["facility_type"] if row["parent"] else "")
    if not hospital[0]:
        return row.rejected(npi, column, code, "this is not a CMS certification number")
    clinician = clinicians.setdefault(npi, _Clinician(row.line))
    if all(hospital[0] != ccn for ccn, _note in clinician.hospitals):
        clinician.hospitals.append(hospital)
    if code:
        clinician.warnings += (row.rejected(npi, column, code, _MENDED[code]),)
    return None


@cache  # a few thousand hospitals stand in millions of rows: each is kept in memory once
def _hospital_of(text: str, unit: str) -> tuple[tuple[str, str], str]:
    ccn, code = mended_ccn(text)
    note = f"from Medicare claims, in a unit of the hospital: {unit.lower()}" if unit else "from Medicare claims"
    return (ccn, note), code


def _affiliated(file: str, npi: str, clinician: _Clinician, as_of: str) -> Entry:
    statements = tuple(
        Statement("hospital_affiliation", ccn, AFFILIATIONS_TITLE, _AFFILIATIONS_URL, as_of, note=note)
        for ccn, note in clinician.hospitals
    )
    identifiers, warnings = (Identifier(NPI_SYSTEM, npi),), clinician.warnings
    return Entry(npi, "PractitionerRole", identifiers, statements, file=file, line=clinician.line, warnings=warnings)


def proper_name(text: str) -> str:
    """Return a name, street or city written in capitals in proper case: "ST MARY'S HOSPITAL OF UCLA" is
    "St Mary's Hospital of UCLA".

    A text that has a small letter was written with care and is returned as it is. Known acronyms, and words without a
    vowel, stay in capitals.
    """
    if not text.isupper():
        return text
    return _WORD.sub(lambda match: _proper(match[0], text[: match.start()].rstrip()), text)


def _proper(word: str, before: str) -> str:
    bare = word.rstrip(".")
    if bare in _SMALL and before and before[-1] not in ":(-–/,@":
        return word.lower()
    if any(letter.isdigit() for letter in word):
        return word.lower() if re.fullmatch(r"\d+(ST|ND|RD|TH|S)", word) else word
    if bare in _OWN_SPELLING:
        return _OWN_SPELLING[bare]
    if _is_acronym(bare):
        return word
    proper = re.sub(r"^([DLO]['’])(\w)(?=\w)", lambda match: match[1] + match[2].upper(), word.capitalize())
    if proper.startswith("Mc") and len(proper) > 3:
        proper = "Mc" + proper[2].upper() + proper[3:]
    return proper


def _is_acronym(word: str) -> bool:
    if word in _ACRONYMS or re.fullmatch(r"\w(\.\w)+", word):
        return True
    return word not in _SHORTENED and not re.search(r"[AEIOUYÀ-Ý'’]", word)
