"""Reading CSV files so that a bad file stops before its first row and a bad row stops nothing."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finder.domain.dates import is_iso
from finder.domain.entry import Rejected
from finder.domain.geo import GeoPoint
from finder.errors import SourceError

_PHONE = re.compile(r"[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}")
_ZIP = re.compile(r"[0-9]{5}")
STATES = frozenset(
    [
        *("AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY"),
        *("LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH"),
        *("OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY"),
        *("AS", "GU", "MP", "PR", "VI"),
    ]
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a CSV file: the number of its last line and its values, trimmed, by column."""

    file: str
    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def rejected(self, key: str, column: str, code: str, reason: str) -> Rejected:
        """Return the word that this row cannot be used."""
        value = self.values.get(column, "")
        return Rejected(self.line, key, column, value, code, f"{self.file}: {reason}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A test that the values of some columns must pass, and what to say when one does not."""

    columns: tuple[str, ...]
    test: Callable[[str], bool]
    code: str
    reason: str


def first_breach(row: Row, key: str, rules: Sequence[Rule]) -> Rejected | None:
    """Return what is wrong with a row by the first rule that it breaks."""
    for rule in rules:
        for column in rule.columns:
            if not rule.test(row[column]):
                return row.rejected(key, column, rule.code, rule.reason)
    return None


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | Rejected]:
    """Return the rows of a CSV file in UTF-8 with at least these columns.

    SourceError is raised here, before any row is read, when the file or one of the columns is missing.
    """
    header = _header(path)
    missing = [column for column in columns if column not in header]
    if missing:
        raise SourceError(f"{path.name} has no column {', '.join(missing)}. Add it to the first line of the file.")
    return _rows(path, columns)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return next(csv.reader(file), [])
    except OSError as error:
        cause = error.strerror or "unknown cause"
        raise SourceError(f"{path.name} cannot be read ({cause}). Put the file into {path.parent.name}/.") from error
    except csv.Error as error:
        raise SourceError(f"{path.name} is not a CSV file ({error}). Save it as CSV in UTF-8.") from error


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Row | Rejected]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejected(reader.line_num, "", "", "", "unreadable", f"{path.name}: the row is not CSV ({error})")
                continue
            yield _row(path.name, reader.line_num, values, columns)


def _row(file: str, line: int, values: dict[str, str], columns: Sequence[str]) -> Row | Rejected:
    # DictReader files surplus values under None and gives None for those that a short row lacks.
    if any(name is None or value is None for name, value in values.items()):
        return Rejected(line, "", "", "", "ragged", f"{file}: the row has more or fewer values than the first line")
    row = Row(file, line, {column: " ".join(values[column].split()) for column in columns})
    garbled = next((column for column, value in row.values.items() if not _is_utf8(value)), None)
    if garbled is not None:
        return Rejected(line, "", garbled, "", "bad-encoding", f"{file}: the value is not UTF-8")
    return row


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def is_phone(text: str) -> bool:
    """Tell whether a text is a US telephone number written as 617-555-0100."""
    return _PHONE.fullmatch(text) is not None


def is_zip(text: str) -> bool:
    """Tell whether a text is a five-digit ZIP."""
    return _ZIP.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """Tell whether a text is an ISO year, month or day, or empty for an undated statement."""
    return not text or is_iso(text)


def is_position(latitude: str, longitude: str) -> bool:
    """Tell whether two texts are a position on Earth, or both empty for an unknown one."""
    if not latitude and not longitude:
        return True
    try:
        GeoPoint(float(latitude), float(longitude))
    except ValueError:
        return False
    return True
