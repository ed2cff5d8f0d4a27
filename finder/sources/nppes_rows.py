"""Rows out of the bytes of an NPPES file, where only those that matter cost anything.

A quote within a value is doubled, and a quote at its end is followed by a comma or a line's end. So a quote that begins
a line and is followed by ten digits can only begin a row, wherever one starts to look: a row can be cut out around a
word that was found in it, and a broken row cannot spoil the next one.
"""

import csv
import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from finder.domain.entry import Rejected
from finder.domain.identifiers import npi_is_valid
from finder.errors import SourceError
from finder.sources.archive import Archive, Member

Search = Callable[[bytes, list[int]], Iterable[int]]
"""Finds in a chunk, whose line ends are given, places within the rows that matter."""

_ROW = re.compile(rb'\n(?="\d{10}",")')
_SECOND = len('\n"1234567890","')  # from the end of a line to the second value of the next one
_LONGEST_ROW = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Region:
    """Some bytes that begin where a row begins for certain: nearly always one row. ``line`` is that of the first."""

    line: int
    content: bytes

    def rows(self, file: str, width: int) -> Iterator[tuple[int, list[str]] | Rejected]:
        """Yield the line and the values of each row in it; a rejection for one that is not CSV or not so wide."""
        reader = csv.reader(io.StringIO(_decoded(self.content), newline="\n"))
        while True:
            line = self.line + reader.line_num
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejected(line, "", "", "", "unreadable", f"{file}: the row is not CSV ({error})")
                continue
            if len(values) == width:
                yield line, values
            elif values:
                npi = values[0].strip() if npi_is_valid(values[0].strip()) else ""
                yield Rejected(line, npi, "", "", "ragged", f"{file}: the row has {len(values)} values, not {width}")

    @property
    def is_utf8(self) -> bool:
        """Tell whether the bytes are UTF-8 as they should be."""
        try:
            self.content.decode()
        except UnicodeDecodeError:
            return False
        return True


def _decoded(content: bytes) -> str:
    """Return the text of bytes in UTF-8; a line that is not in it is taken for the Windows form of Latin-1."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "".join(_decoded_line(line) for line in content.splitlines(keepends=True))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _chunks(archive: Archive, member: Member) -> Iterator[bytes]:
    """Yield a member without its header, cut so that each chunk begins with the line's end before a certain row."""
    blocks = archive.blocks(member)
    rest = b""
    while (start := rest.find(b"\n")) < 0:
        block = next(blocks, None)
        if block is None:
            return
        rest += block
    rest = rest[start:]
    for block in blocks:
        cut = _row_before(block, len(block))
        if cut:
            yield b"".join((rest, memoryview(block)[:cut]))
            rest = block[cut:]
            continue
        rest += block
        if len(rest) > _LONGEST_ROW:
            raise SourceError(f"{archive.name}: a row of {member.filename} does not end. Download the file again.")
    yield rest


def _row_before(chunk: bytes, end: int) -> int:
    """Return where the last certain row before a place begins: the position of the line's end before it."""
    at = chunk.rfind(b'\n"', 0, end)
    while at > 0 and not _ROW.match(chunk, at):
        at = chunk.rfind(b'\n"', 0, at)
    return max(at, 0)


def _row_end(chunk: bytes, at: int) -> int:
    found = _ROW.search(chunk, at)
    return found.start() if found else len(chunk)


def every_row(_: bytes, ends: list[int]) -> list[int]:
    """Find every row."""
    return [end + 2 for end in ends]


def rows_with(words: re.Pattern[bytes]) -> Search:
    """Return a search for the rows in which some words stand, or whose second value is neither 1 nor 2."""

    def search(chunk: bytes, ends: list[int]) -> set[int]:
        whole = ends[: bisect_left(ends, len(chunk) - _SECOND)]
        found = {end + 2 for end in whole if chunk[end + _SECOND] not in b"12"}
        found.update(match.start() for match in words.finditer(chunk))
        return found

    return search


def rows_of(npis: set[bytes]) -> Search:
    """Return a search for the rows that begin with one of these NPIs."""
    return lambda chunk, ends: [end + 2 for end in ends if chunk[end + 2 : end + 12] in npis]


def regions(archive: Archive, member: Member, search: Search) -> Iterator[Region]:
    """Yield the rows of a member, without its header, that a search finds."""
    line = 1
    for chunk in _chunks(archive, member):
        ends = _line_ends(chunk)
        for start in sorted({_row_before(chunk, place) for place in search(chunk, ends)}):
            yield Region(line + bisect_right(ends, start), chunk[start + 1 : _row_end(chunk, start + 1)])
        line += len(ends)


def _line_ends(chunk: bytes) -> list[int]:
    """Return where the lines of a chunk end; three times as fast as counting them."""
    ends = []
    at = chunk.find(b"\n")
    while at >= 0:
        ends.append(at)
        at = chunk.find(b"\n", at + 1)
    return ends
