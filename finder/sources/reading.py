"""Reading CSV files so that a bad file stops before its first row and a bad row stops nothing."""

import csv
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from gzip import GzipFile
from io import TextIOWrapper
from itertools import count
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import IO, cast
from zipfile import BadZipFile, ZipFile

from finder.domain.dates import is_iso
from finder.domain.entry import Rejected
from finder.domain.geo import GeoPoint
from finder.errors import SourceError

_PHONE = re.compile(r"[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}")
_ZIP = re.compile(r"[0-9]{5}")
_YEAR_FIRST = re.compile(r"(?<!\d)(?P<y>20\d\d)[-_]?(?P<m>0[1-9]|1[0-2])(?:[-_]?(?P<d>0[1-9]|[12]\d|3[01]))?(?!\d)")
_MONTH_FIRST = re.compile(r"(?<!\d)(?P<m>0[1-9]|1[0-2])[-_](?:(?P<d>0[1-9]|[12]\d|3[01])[-_])?(?P<y>20\d\d)(?!\d)")
_LEADING_ZEROS = {**dict.fromkeys(("CT", "MA", "ME", "NH", "NJ", "RI", "VT"), 1), **dict.fromkeys(("PR", "VI"), 2)}
_ROWS_PER_REPORT = 2000
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


def date_in_name(name: str) -> str:
    """Return the ISO month or day that a file's name tells, as in "list_2026-02.csv" or "list_08_2025.zip", or ""."""
    match = _YEAR_FIRST.search(name) or _MONTH_FIRST.search(name)
    if match is None:
        return ""
    text = "-".join(part for part in match.group("y", "m", "d") if part)
    return text if is_iso(text) else ""


def mended_zip(text: str, state: str) -> tuple[str, str]:
    """Return the five digits of a ZIP of five or nine, and a code for what was wrong with it, or "".

    A spreadsheet takes the zeros off the front: they are put back in the states whose ZIPs begin with them.
    """
    digits = re.sub(r"[-\s]", "", text)
    if not digits.isascii() or not digits.isdigit():
        return "", "bad-zip" if text else ""
    if len(digits) in (5, 9):
        return digits[:5], ""
    zeros = _LEADING_ZEROS.get(state, 0)
    if zeros and len(digits) + zeros in (5, 9):
        return f"{'0' * zeros}{digits}"[:5], "lost-zero"
    return "", "bad-zip"


def mended_phone(text: str) -> tuple[str, str]:
    """Return a US telephone number of ten digits as 617-555-0100, and the code "bad-phone" when it is none."""
    digits = re.sub(r"[^0-9]", "", text)
    phone = f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"
    if is_phone(phone):
        return phone, ""
    return "", "bad-phone" if text else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file as it lies there, packed with gzip, or the member of a zip; ``size`` is in bytes as it lies there."""

    path: Path
    size: int
    member: str = ""
    gzip: bool = False

    @property
    def name(self) -> str:
        """The name of the file, or of the member of the zip."""
        return PurePosixPath(self.member).name or self.path.name

    @property
    def released_on(self) -> str:
        """The ISO date that the table's name tells, else that of the zip, or ""."""
        return date_in_name(self.name) or date_in_name(self.path.name)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a list by the names used here, each with the headings that it has had, today's first.

    Headings are compared without case and surplus blanks. ``optional`` columns may be absent and are empty then.
    ``telling`` is the column by which the list is known among others.
    """

    headings: Mapping[str, tuple[str, ...]]
    telling: str
    optional: frozenset[str] = frozenset()

    def found(self, header: Sequence[str]) -> dict[str, int]:
        """Return where the columns stand in a header."""
        places = {" ".join(text.split()).casefold(): place for place, text in reversed(list(enumerate(header)))}
        known = ((name, heading.casefold()) for name, all_ in self.headings.items() for heading in reversed(all_))
        return {name: places[heading] for name, heading in known if heading in places}

    def missing(self, header: Sequence[str]) -> list[str]:
        """Return today's headings of the columns that a header lacks."""
        found = self.found(header)
        return [all_[0] for name, all_ in self.headings.items() if name not in found and name not in self.optional]


def tables(path: Path) -> list[Table]:
    """Return the CSV files of a folder or zip in the order of their names, or the one file that a path is.

    SourceError when there is none.
    """
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.lower().endswith((".csv", ".csv.gz", ".zip")))
    found = [table for file in files for table in _tables(file)]
    if not found:
        raise SourceError(f"{path.name} holds no CSV file. Put the file there as it was downloaded.")
    return found


def _tables(file: Path) -> list[Table]:
    with _as_source_error(file.name), file.open("rb") as raw:
        start, size = raw.read(2), file.stat().st_size
        if start == b"PK":
            with ZipFile(raw) as archive:
                members = sorted(archive.infolist(), key=lambda member: member.filename)
            return [Table(file, one.compress_size, one.filename) for one in members if _is_list(one.filename)]
        if file.suffix.lower() == ".zip":
            raise BadZipFile("it is not a zip")
        return [Table(file, size, gzip=start == b"\x1f\x8b" or file.suffix.lower() == ".gz")]


def _is_list(member: str) -> bool:
    return member.lower().endswith(".csv") and not member.startswith("__MACOSX/")


@contextmanager
def _as_source_error(name: str) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise SourceError(f"{name} is packed in a way that cannot be read here. Unpack it first.") from error
    except RuntimeError as error:  # what zipfile raises for an encrypted member
        raise SourceError(f"{name} is locked with a password. Unpack it first.") from error
    except (BadZipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{name} is damaged ({error}). Download it again.") from error
    except OSError as error:
        raise SourceError(f"{name} cannot be read ({error.strerror or error}). Download it again.") from error
    except csv.Error as error:
        raise SourceError(f"{name} is not a CSV file ({error}). Save it as CSV in UTF-8.") from error


@contextmanager
def _opened(table: Table) -> Iterator[tuple[IO[bytes], TextIOWrapper]]:
    with _as_source_error(table.name), ExitStack() as stack:
        raw = stack.enter_context(table.path.open("rb"))
        data: IO[bytes] = raw
        if table.member:
            data = stack.enter_context(stack.enter_context(ZipFile(raw)).open(table.member))
        elif table.gzip:
            data = cast(IO[bytes], stack.enter_context(GzipFile(fileobj=raw)))
        text = TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape", newline="")
        yield raw, stack.enter_context(text)


def table_header(table: Table) -> list[str]:
    """Return the first line of a table; SourceError when it cannot be read."""
    with _opened(table) as (_raw, text):
        return next(csv.reader(text), [])


def find_lists(path: Path, known: Mapping[str, Columns]) -> dict[str, Table]:
    """Return the tables at a path by the titles of the lists that they are, in the order in which those are given.

    A list is known by its telling column. SourceError when there is none, one stands twice, or columns are missing.
    """
    lists: dict[str, Table] = {}
    for table in tables(path):
        header = table_header(table)
        for title in (title for title, columns in known.items() if columns.telling in columns.found(header)):
            if title in lists:
                raise SourceError(f"{lists[title].name} and {table.name} are both {title}. Keep one of them.")
            if missing := known[title].missing(header):
                raise SourceError(f"{table.name} has no column {', '.join(missing)}. Download it again as CSV.")
            lists[title] = table
    if not lists:
        headings = " or ".join(columns.headings[columns.telling][0] for columns in known.values())
        titles = " or ".join(known)
        raise SourceError(f"{path.name} is not {titles}: it has no column {headings}. Download it as CSV.")
    return {title: lists[title] for title in known if title in lists}


def read_table(
    table: Table,
    columns: Columns,
    progress: Callable[[int], None],
    by: Sequence[str],
    wanted: Callable[[tuple[str, ...]], bool],
) -> Iterator[Row | Rejected]:
    """Return the rows of a table that are wanted by their values, as they stand there, in two columns or more.

    ``progress`` is told the bytes read so far. The table must have the columns, as those of ``find_lists`` do.
    """
    header = table_header(table)
    return _wanted_rows(table, columns.found(header), len(header), progress, (by, wanted))


def _wanted_rows(
    table: Table,
    places: Mapping[str, int],
    width: int,
    progress: Callable[[int], None],
    where: tuple[Sequence[str], Callable[[tuple[str, ...]], bool]],
) -> Iterator[Row | Rejected]:
    by, wanted = itemgetter(*(places[name] for name in where[0])), where[1]
    for line, values in _lines(table, progress):
        if isinstance(values, csv.Error):
            yield Rejected(line, "", "", "", "unreadable", f"{table.name}: the row is not CSV ({values})")
        elif len(values) != width:
            yield Rejected(
                line, "", "", "", "ragged", f"{table.name}: the row has more or fewer values than the first line"
            )
        elif wanted(by(values)):
            yield Row(table.name, line, {name: " ".join(values[place].split()) for name, place in places.items()})


def _lines(table: Table, progress: Callable[[int], None]) -> Iterator[tuple[int, list[str] | csv.Error]]:
    with _opened(table) as (raw, text):
        reader = csv.reader(text)
        next(reader)
        start = raw.tell() if table.member else 0
        for number in count(1):
            try:
                values = next(reader)
            except StopIteration:
                progress(table.size)
                return
            except csv.Error as error:
                yield reader.line_num, error
                continue
            if number % _ROWS_PER_REPORT == 0:
                progress(min(raw.tell() - start, table.size))
            if values:
                yield reader.line_num, values


def mended_text(row: Row) -> tuple[Row, tuple[Rejected, ...]]:
    """Return a row whose bytes that are not UTF-8 were read as Windows-1252, and a warning for each such value."""
    garbled = [column for column, value in row.values.items() if not _is_utf8(value)]
    if not garbled:
        return row, ()
    mended = {column: _as_windows_1252(row[column]) for column in garbled}
    row = replace(row, values={**row.values, **mended})
    reason = "the value is not UTF-8 and was read as Windows-1252"
    return row, tuple(row.rejected("", column, "bad-encoding", reason) for column in garbled)


def _as_windows_1252(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
