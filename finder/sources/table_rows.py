"""The rows of any CSV or XLSX file as texts, and what is wrong with a file that has none."""

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO

from finder.errors import SourceError

Cells = list[str]
Line = tuple[int, Cells | None]
"""The number of a row and its texts; None for a row that cannot be read."""
Progress = Callable[[int], None]

_LARGEST = 500_000_000  # bytes of a workbook when it is unpacked
_STEP = 500  # rows between two words on how far the reading is
_START = 60


@dataclass(frozen=True, slots=True)
class Grid:
    """One way to read a file as rows: a sheet of a workbook, or a text whose values are parted by one sign.

    ``start`` holds its first rows; ``padded`` tells that empty values at a row's end are not written.
    """

    start: tuple[Line, ...]
    rows: Callable[[Progress], Iterator[Line]]
    padded: bool


def grids(path: Path) -> list[Grid]:
    """Return the ways in which a file may be read; what it is follows from its first bytes, not from its name."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read ({error.strerror}). Name a CSV or XLSX file.") from error
    if not head.strip(b"\x00\xef\xbb\xbf\xff\xfe \r\n\t"):
        raise SourceError(f"{path.name} is empty. Save the table again.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sheets(path)
    _refuse_others(path, head)
    encoding = _encoding(head)
    readers = [_csv_reader(path, encoding, delimiter) for delimiter in ",;\t|"]
    return [Grid(tuple(islice(rows(_silent), _START)), rows, padded=False) for rows in readers]


def _silent(_bytes: int) -> None:
    return None


def _refuse_others(path: Path, head: bytes) -> None:
    mend = "Open it in a spreadsheet program and save it as XLSX or as CSV in UTF-8."
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise SourceError(f"{path.name} is protected by a password. Save it without one.")
        raise SourceError(f"{path.name} is a workbook of the old kind (.xls). {mend}")
    if start.startswith((b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta", b"<head", b"<style")):
        raise SourceError(f"{path.name} is a web page or XML, whatever its name says. {mend}")
    if start.startswith(b"%pdf"):
        raise SourceError(f"{path.name} is a PDF. Ask for the table as XLSX or CSV.")


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.count(0) * 4 < len(head):
        return "utf-8-sig"
    return "utf-16-be" if head[::2].count(0) > head[1::2].count(0) else "utf-16-le"


def _csv_reader(path: Path, encoding: str, delimiter: str) -> Callable[[Progress], Iterator[Line]]:
    # A byte that is not UTF-8 is kept, so that its value alone can be read in another way.
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"

    def rows(progress: Progress) -> Iterator[Line]:
        with path.open("rb") as file, io.TextIOWrapper(file, encoding, errors, newline="") as text:
            reader = csv.reader(text, delimiter=delimiter)
            for number in count(1):
                try:
                    cells: Cells | None = next(reader)
                except StopIteration:
                    return
                except csv.Error:
                    cells = None
                yield reader.line_num, cells
                if number % _STEP == 0:
                    progress(file.tell())

    return rows


def _sheets(path: Path) -> list[Grid]:
    _check_archive(path)
    with path.open("rb") as file:
        book = _opened(path, file)
        seen = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        found = [Grid(_start(path, sheet), _sheet_reader(path, sheet.title), padded=True) for sheet in seen]
    if not found:
        raise SourceError(f"{path.name} has no sheet that can be seen. Save it again as XLSX with the table in it.")
    return found


def _check_archive(path: Path) -> None:
    mend = "Open it in a spreadsheet program and save it as XLSX."
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if sum(one.file_size for one in archive.infolist()) > _LARGEST:
                raise SourceError(
                    f"{path.name} is too large when it is unpacked (over 500 MB). Save it as CSV in UTF-8."
                )
            if "xl/workbook.xml" not in names:
                raise SourceError(f"{path.name} is not an XLSX workbook but an archive of another kind. {mend}")
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise SourceError(f"{path.name} is broken ({error}). Get it again, or save it again as XLSX.") from error
    if broken:
        raise SourceError(f"{path.name} is broken (at {broken}). Get it again, or save it again as XLSX.")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Keep the reader's warnings on styles and the like to ourselves, and name the file where it fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:
            cause = type(error).__name__
            raise SourceError(f"{path.name} is broken ({cause}). Get it again, or save it again as XLSX.") from error


def _opened(path: Path, file: BinaryIO) -> Any:
    with _reading(path):
        # It loads numpy where that is installed: memory that only readers of workbooks should pay for.
        from openpyxl import load_workbook  # noqa: PLC0415

        return load_workbook(file, read_only=True, data_only=True)


def _sheet_reader(path: Path, title: str) -> Callable[[Progress], Iterator[Line]]:
    def rows(progress: Progress) -> Iterator[Line]:
        with path.open("rb") as file:
            for step in _steps(path, _opened(path, file)[title], _STEP):
                yield from step
                progress(file.tell())

    return rows


def _start(path: Path, sheet: Any) -> tuple[Line, ...]:
    return tuple(next(_steps(path, sheet, _START), []))


def _steps(path: Path, sheet: Any, size: int) -> Iterator[list[Line]]:
    sheet.reset_dimensions()  # some programs write a size that is not that of the sheet
    numbered = enumerate(sheet.iter_rows(values_only=True), 1)
    while True:
        with _reading(path):
            step: list[Line] = [(number, [_cell(value) for value in cells]) for number, cells in islice(numbered, size)]
        if not step:
            return
        yield step


def _cell(value: object) -> str:
    """Return what a cell holds as text: whole numbers without a point, days in ISO form, yes and no for truth."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    return str(value)


_NOTHING = frozenset({"-", "--", "–", "—", "n/a", "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!"})
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_POINT_ZERO = re.compile(r"([0-9]{3,})\.0")


def decoded(text: str) -> tuple[str, str]:
    """Return a value, trimmed, and what was wrong with its bytes: "", "not-utf-8" or "bad-encoding"."""
    problem = ""
    if _NOT_UTF8.search(text):
        try:
            text, problem = text.encode("utf-8", "surrogateescape").decode("cp1252"), "not-utf-8"
        except UnicodeError:
            return "", "bad-encoding"
    if "\ufffd" in text:
        return "", "bad-encoding"
    words = " ".join(text.replace("\u200b", "").replace("\ufeff", "").split())
    if words.lower() in _NOTHING:
        return "", problem
    number = _POINT_ZERO.fullmatch(words)
    return (number[1] if number else words), problem


def without_end(cells: Cells) -> Cells:
    """Return the texts of a row without the empty ones at its end."""
    filled = [place for place, cell in enumerate(cells, 1) if cell.strip()]
    return cells[: filled[-1]] if filled else []
