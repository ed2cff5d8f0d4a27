"""NPPES, the registry of every US provider: the monthly file, the weekly one and the report of deactivated NPIs.

Of the ten million rows of a month only the doctors of blood and cancer and the deactivated NPIs are wanted. The file is
streamed out of its zip, and only rows in which a wanted code or an empty entity type stands are looked at. Those of
wanted people wait in a temporary file until their other locations have been read from the member behind, so memory
does not grow with the size of the file.
"""

import io
import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from finder.domain.entry import Delivery, Entry, Rejected
from finder.domain.identifiers import npi_is_valid
from finder.errors import SourceError
from finder.sources import nppes_columns as columns
from finder.sources import nppes_releases as releases
from finder.sources.archive import Archive, Member
from finder.sources.nppes_columns import header
from finder.sources.nppes_person import WANTED, Record, abroad, code_exists, ended, entry, iso_day, read_address, us_day
from finder.sources.nppes_rows import Region, every_row, regions, rows_of, rows_with
from finder.sources.workbook import read_sheet

Progress = Callable[[int], None]

_MAIN, _PLACES = "npidata_pfile", "pl_pfile"
# Every code ends in X, and nothing is looked for as fast as a single letter.
_WANTED_CODE = re.compile(b"X(?<=%b)" % "|".join(sorted(WANTED)).encode())
_SPAN = re.compile(r"_(\d{8})-(\d{8})")
_REPORT_TITLE = re.compile(r"\b(\d\d/\d\d/\d{4})\b")
_LARGEST_WORKBOOK = 256 * 1024**2


def identify(path: Path) -> Delivery:
    """Return which of the three files of NPPES a path is, and the days that it covers.

    They stand in the names of the members, where nobody renames them, and else in that of the file.
    """
    if path.suffix.lower() == ".xlsx":
        return _report_delivery(path)
    archive = Archive.at(path)
    if main := archive.find(_MAIN):
        return _dissemination(path.name, main.filename)
    if archive.find("", ".xlsx"):
        return _report_delivery(path)
    raise SourceError(
        f"{path.name} holds neither a {_MAIN} file nor a workbook. Give a zip file of download.cms.gov/nppes as it is."
    )


def _report_delivery(path: Path) -> Delivery:
    named = releases.by_name(path.name)
    if named and named.kind == "deactivations":
        return named
    rows = list(islice(read_sheet(*_workbook(path)), 3))
    if not any("NPPES Deactivation Date" in texts for _, texts in rows):
        raise SourceError(
            f"{path.name} is not NPPES's report of deactivated NPIs: it has no column NPPES Deactivation Date. "
            "A list of your own is imported as a table."
        )
    title = rows[0][1]
    dated = _REPORT_TITLE.search(title[0]) if title else None
    return releases.deactivations(us_day(dated[0]) if dated else "")


def _dissemination(name: str, member: str) -> Delivery:
    delivery = releases.by_name(name)
    if span := _SPAN.search(member):
        first, last = _long_day(span[1]), _long_day(span[2])
        delivery = _of_days(first, last) if first and last else None
    if delivery is None or delivery.kind == "deactivations":
        raise SourceError(
            f"{name}: neither its name nor {member} tells the days that it covers. Give the file the name it came with."
        )
    return delivery


def _of_days(first: str, last: str) -> Delivery:
    return releases.monthly(last) if first == releases.FIRST_DAY else releases.weekly(first, last)


def _long_day(text: str) -> str:
    return iso_day(text[:4], text[4:6], text[6:])


def read(path: Path, progress: Progress) -> Iterator[Entry | Rejected]:
    """Return the people of a file who hold one of the WANTED codes in any of the 15 slots, and the ended NPIs.

    WANTED are the core codes of the doctors who treat leukemia: hematology and oncology, hematology, medical oncology,
    pediatric hematology and oncology. Of a person's codes those and the primary one are stated, the primary one first.
    A deactivated NPI is an entry with ``ended_on``, whoever held it, and so is in a weekly file a person without a
    wanted code; what was never in the directory is for the caller to ignore. Organizations are not given.
    """
    delivery = identify(path)
    if delivery.kind == "deactivations":
        return _to_the_end(path, _deactivations(path, progress), progress)
    archive = Archive.at(path, progress)
    main, places = archive.find(_MAIN), archive.find(_PLACES)
    if main is None or places is None:
        raise SourceError(f"{path.name} holds no {_PLACES} file. Give the zip file as it was downloaded.")
    main_header = header(archive, main, columns.MAIN_COLUMNS)
    place_header = header(archive, places, columns.PLACE_COLUMNS)
    sift = _Sift(main.filename, main_header, delivery)
    locations = _Locations(places.filename, place_header, sift.kept)
    return _to_the_end(path, _read(archive, (main, places), sift, locations), progress)


def _to_the_end(path: Path, found: Iterator[Entry | Rejected], progress: Progress) -> Iterator[Entry | Rejected]:
    yield from found
    progress(path.stat().st_size)


def _read(
    archive: Archive, members: tuple[Member, Member], sift: "_Sift", locations: "_Locations"
) -> Iterator[Entry | Rejected]:
    with TemporaryFile("w+", encoding="utf-8") as waiting:
        yield from sift.read(regions(archive, members[0], sift.search), waiting)
        npis = {npi.encode() for npi in sift.kept}
        yield from locations.read(regions(archive, members[1], rows_of(npis)))
        waiting.seek(0)
        for text in waiting:
            line, is_utf8, *values = json.loads(text)
            record = Record(members[0].filename, line, dict(zip(columns.USED_COLUMNS, values, strict=True)), is_utf8)
            yield entry(record, locations.of(record.npi), locations.warnings(record.npi), sift.released_on)


class _Sift:
    """Parts the rows of the main file: what can be said at once is said, the wanted people's rows are kept."""

    def __init__(self, file: str, names: Sequence[str], delivery: Delivery) -> None:
        self.kept: dict[str, int] = {}
        self.released_on = delivery.released_on
        self.search = rows_with(_WANTED_CODE) if delivery.kind == "full" else every_row
        self._says_who_left = delivery.kind == "update"
        self._file = file
        self._width = len(names)
        before = names.index(columns.DEACTIVATED) - 1
        after = len(names) - before - 2
        self._dark = re.compile(rb'"(\d{10})"%b,"([^"\x80-\xff]*)"%b\s*' % (b',""' * before, b',""' * after))
        self._place = {name: names.index(name) for name in columns.USED_COLUMNS}

    def read(self, found: Iterator[Region], waiting: IO[str]) -> Iterator[Entry | Rejected]:
        """Yield the ended and the rejected, and write the wanted people's values to a file, a line of JSON each."""
        for region in found:
            if dark := self._dark.fullmatch(region.content):
                yield self._ended(region.line, *(value.decode() for value in dark.groups()))
                continue
            for row in region.rows(self._file, self._width):
                said = row if isinstance(row, Rejected) else self._said(*row)
                if isinstance(said, Record):
                    waiting.write(json.dumps([said.line, region.is_utf8, *said.values.values()]) + "\n")
                elif said:
                    yield said

    def _said(self, line: int, values: list[str]) -> Record | Entry | Rejected | None:
        """Return the record of a wanted person, or what there is to say of another row."""
        record = Record(self._file, line, {name: values[at] for name, at in self._place.items()})
        entity, is_wanted = values[1].strip(), record.is_wanted
        if not entity:
            if values.count("") < len(values) - 2:
                return record.rejected(columns.ENTITY, "bad-entity", "the row does not say whether this is a person")
            return self._ended(line, record.npi, record.values[columns.DEACTIVATED])
        if entity == "2" or not (is_wanted or self._says_who_left):
            return None
        if entity != "1":
            return record.rejected(columns.ENTITY, "bad-entity", "this is neither a person nor an organization")
        if not npi_is_valid(record.npi):
            return record.not_an_npi()
        return self._kept(record, hash(tuple(values))) if is_wanted else _left(record)

    def _ended(self, line: int, npi: str, day: str) -> Entry | Rejected:
        """Return what a row says in which there is nothing but an NPI and the day since when it is not active."""
        if npi_is_valid(npi) and npi not in self.kept and (ended_on := us_day(day.strip())):
            return ended(npi, ended_on, self._file, line)
        # Only now, for a month has 300,000 such rows and hardly one of them comes so far.
        record = Record(self._file, line, {columns.NPI: npi, columns.DEACTIVATED: day})
        if not npi_is_valid(npi):
            return record.not_an_npi()
        if npi in self.kept:
            return record.rejected(columns.NPI, "duplicate", "the NPI stands above as an active person")
        return record.ended(columns.DEACTIVATED)

    def _kept(self, record: Record, content: int) -> Record | Rejected:
        if record.npi not in self.kept:
            self.kept[record.npi] = content
            return record
        said = "the same" if self.kept[record.npi] == content else "something else"
        return record.rejected(columns.NPI, "duplicate", f"the NPI stands above with {said}; the first row was used")


def _left(record: Record) -> Entry | Rejected:
    """Return the end of a person who, by a weekly file, holds no wanted code; not when the codes are garbled."""
    garbled = next((name for name in columns.CODES if not code_exists(record.values[name].strip())), None)
    if garbled:
        return record.rejected(garbled, "unknown-taxonomy", "there is no such NUCC code, nor a wanted one beside it")
    return record.ended(columns.UPDATED)


class _Locations:
    """The other practice locations of the people who were kept, a line of text each."""

    def __init__(self, file: str, names: Sequence[str], wanted: Container[str]) -> None:
        self._file = file
        self._names = names
        self._wanted = wanted
        self._lines: dict[str, str] = {}
        self._warnings: dict[str, list[Rejected]] = {}

    def read(self, found: Iterator[Region]) -> Iterator[Rejected]:
        """Keep the locations of the wanted NPIs and yield the rows that cannot be used."""
        for region in found:
            for row in region.rows(self._file, len(self._names)):
                rejected = row if isinstance(row, Rejected) else self._keep(*row)
                if rejected:
                    yield rejected

    def of(self, npi: str) -> list[tuple[str, str]]:
        """Return the locations of an NPI with their telephone numbers, each once, in an order of their own."""
        lines = sorted(set(self._lines.get(npi, "").split("\n")) - {""})
        return [(place, phone) for place, _, phone in (line.partition("\t") for line in lines)]

    def warnings(self, npi: str) -> Sequence[Rejected]:
        """Return what was left out of the locations of an NPI."""
        return self._warnings.get(npi, ())

    def _keep(self, line: int, values: list[str]) -> Rejected | None:
        record = Record(self._file, line, dict(zip(self._names, values, strict=True)))
        if record.npi not in self._wanted:
            return None
        if rejected := abroad(record, columns.SECONDARY):
            return rejected
        street, city, state, zip_code = read_address(record, columns.SECONDARY)
        if not city and not zip_code:
            return record.rejected(columns.SECONDARY.city, "missing-address", "there is neither a city nor a ZIP")
        place = ", ".join(part for part in (street, city, f"{state} {zip_code}".strip()) if part)
        known = self._lines.get(record.npi, "")
        self._lines[record.npi] = f"{known}{place}\t{record.phone(columns.SECONDARY.phone)}\n"
        if record.warnings:
            self._warnings.setdefault(record.npi, []).extend(record.warnings)
        return None


def _deactivations(path: Path, progress: Progress) -> Iterator[Entry | Rejected]:
    name, source = _workbook(path, progress)
    rows = read_sheet(name, source)
    first = next((row for row in rows if row[1] and re.fullmatch(r"\d{10}", row[1][0])), None)
    if first is None:
        raise SourceError(f"{name} has no row that begins with an NPI. Give the report as it was downloaded.")
    return _deactivated(name, chain([first], rows))


def _workbook(path: Path, progress: Progress = lambda _: None) -> tuple[str, Path | io.BytesIO]:
    """Return the name of the workbook and where it is: the file itself, or its content from inside a zip file."""
    archive = Archive.at(path, progress)
    member = archive.find("", ".xlsx")
    if path.suffix.lower() == ".xlsx" or member is None:
        return path.name, path
    content = archive.content(member, _LARGEST_WORKBOOK)
    Archive.within(member.filename, content)  # A workbook is a zip file too and must keep the same limits.
    return member.filename, io.BytesIO(content)


def _deactivated(name: str, rows: Iterable[tuple[int, tuple[str, ...]]]) -> Iterator[Entry | Rejected]:
    for line, values in rows:
        if any(values):
            npi, day = (*values, "")[:2]
            record = Record(name, line, {columns.NPI: npi, columns.DEACTIVATED: day})
            if npi_is_valid(record.npi):
                yield record.ended(columns.DEACTIVATED)
            else:
                yield record.not_an_npi()
