"""Specialists from public registries, as a folder of CSV files with one doctor at one place per row."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.domain.identifiers import NPI_SYSTEM, npi_is_valid, specialty_code_is_valid
from finder.domain.person_names import credentials, name_suffix, proper_case
from finder.errors import SourceError
from finder.sources.reading import STATES, Row, Rule, first_breach, is_date, is_phone, is_zip, read_rows

_COLUMNS = ("npi", "family", "given", "middle", "suffix", "credentials", "specialty_codes", "practice_name", "street",
            "city", "state", "zip", "phone", "source", "as_of")  # fmt: skip


def _codes(text: str) -> list[str]:
    return list(dict.fromkeys(text.split(";")))


def _codes_are_valid(text: str) -> bool:
    return all(specialty_code_is_valid(code) for code in _codes(text))


_RULES = (
    Rule(("npi",), npi_is_valid, "bad-npi", "this is not a National Provider Identifier"),
    Rule(("family", "given", "city", "source"), bool, "missing", "there is no value"),
    Rule(("specialty_codes",), _codes_are_valid, "bad-specialty", "these are not NUCC codes"),
    Rule(("state",), lambda text: text in STATES, "bad-state", "this is not a US state or territory"),
    Rule(("zip",), is_zip, "bad-zip", "this is not a five-digit ZIP"),
    Rule(("phone",), lambda text: not text or is_phone(text), "bad-phone", "this is not a US telephone number"),
    Rule(("as_of",), is_date, "bad-date", "this is not an ISO year, month or day"),
)


def read(path: Path) -> Iterator[Entry | Rejected]:
    """Return the doctors of every CSV file in a folder, file by file in the order of names, and the unusable rows."""
    files = sorted(path.glob("*.csv"))
    if not files:
        raise SourceError(f"{path.name} holds no CSV file. Put one there, such as sample.csv.")
    return _read([read_rows(file, _COLUMNS) for file in files])


def _read(files: list[Iterator[Row | Rejected]]) -> Iterator[Entry | Rejected]:
    seen: set[str] = set()
    for rows in files:
        for row in rows:
            entry = row if isinstance(row, Rejected) else _entry(row, seen)
            if isinstance(entry, Entry):
                seen.add(entry.key)
            yield entry


def _entry(row: Row, seen: set[str]) -> Entry | Rejected:
    npi = row["npi"]
    if breach := first_breach(row, npi, _RULES):
        return breach
    if npi in seen:
        return row.rejected(npi, "npi", "duplicate", "the doctor stands twice")
    source, as_of = row["source"], row["as_of"]
    statements = tuple(Statement(field, value, source, as_of=as_of) for field, value in _values(row) if value)
    identifiers = (Identifier(NPI_SYSTEM, npi),)
    return Entry(npi, "PractitionerRole", identifiers, statements, file=row.file, line=row.line)


def _values(row: Row) -> Iterator[tuple[str, str]]:
    yield from ((field, proper_case(row[field])) for field in ("family", "given", "middle"))
    yield "suffix", name_suffix(row["suffix"])
    yield "credentials", credentials(row["credentials"])
    yield from (("specialty", code) for code in _codes(row["specialty_codes"]))
    yield "organization_name", row["practice_name"]
    yield from _as_they_are(row.values)


def _as_they_are(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((field, values[field]) for field in ("street", "city", "state", "zip", "phone"))
