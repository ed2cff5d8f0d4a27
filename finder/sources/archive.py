"""Zip files from outside: checked before anything is inflated, streamed member by member, never written to disk."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from finder.errors import SourceError

try:
    from isal import isal_zlib as deflate
    from isal.isal_zlib import IsalError as DeflateError
except ImportError:  # There is no wheel for every machine; the standard library gives the same at half the pace.
    import zlib as deflate  # type: ignore[no-redef]
    from zlib import error as DeflateError  # type: ignore[assignment]  # noqa: N812

Member = zipfile.ZipInfo

_RAW = 64 * 1024
_PIECE = 512 * 1024  # fits a processor's cache, so that searching a piece costs little more than inflating it
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_ENCRYPTED = 0x1
_READ_AGAIN = "Download it again."


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a zip file may hold; the largest real one has 12 members, 12 GB and a ratio of 10."""

    members: int = 1_000
    size: int = 100 * 1024**3
    ratio: int = 250


LIMITS = Limits()


class Archive:
    """A zip file whose directory keeps the limits and names nothing outside itself.

    ``progress`` is called with the bytes of the file read so far, over all members. SourceError, with the cause and the
    mend, is raised for a file that is not a zip, is cut short, is encrypted or breaks a limit.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], BinaryIO],
        progress: Callable[[int], None] = lambda _: None,
        limits: Limits = LIMITS,
    ) -> None:
        self.name = name
        self._open = opener
        self._progress = progress
        self._read = 0
        self.members = self._directory()
        self._check(limits)

    @classmethod
    def at(cls, path: Path, progress: Callable[[int], None] = lambda _: None, limits: Limits = LIMITS) -> "Archive":
        """Return the zip file at a path."""
        return cls(path.name, lambda: path.open("rb"), progress, limits)

    @classmethod
    def within(cls, name: str, content: bytes) -> "Archive":
        """Return a zip file that was itself a member of one, such as a workbook."""
        return cls(name, lambda: io.BytesIO(content))

    def find(self, prefix: str, ending: str = ".csv") -> Member | None:
        """Return the member whose name, without folders and in any case, begins and ends so; never a "fileheader"."""
        found = [one for one in self.members if _matches(one, prefix, ending)]
        if len(found) > 1:
            raise SourceError(f"{self.name} holds {len(found)} files {prefix}*{ending}. Leave only one in it.")
        return found[0] if found else None

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Yield a member's content piece by piece; SourceError at the end when it is not what was packed."""
        with self._open() as file:
            self._seek(file, member)
            raw = self._raw(file, member)
            yield from self._verified(member, self._inflated(member, raw) if member.compress_type else raw)

    def head(self, member: Member, size: int) -> bytes:
        """Return the first bytes of a member, without counting them as progress."""
        with self._open() as file:
            self._seek(file, member)
            raw = file.read(min(size, member.compress_size))
        return next(self._inflated(member, [raw]), b"")[:size] if member.compress_type else raw

    def content(self, member: Member, limit: int) -> bytes:
        """Return a small member as a whole; SourceError when it is larger than the limit."""
        if member.file_size > limit:
            raise SourceError(f"{self.name}: {member.filename} is larger than {limit:,} bytes. {_READ_AGAIN}")
        return b"".join(self.blocks(member))

    def _directory(self) -> list[Member]:
        try:
            with self._open() as file, zipfile.ZipFile(file) as directory:
                self._size = file.seek(0, io.SEEK_END)
                return [one for one in directory.infolist() if not one.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
            raise SourceError(f"{self.name} {self._ailment()}") from error
        except OSError as error:
            raise SourceError(f"{self.name} cannot be read ({error.strerror}). Check its path and rights.") from error

    def _ailment(self) -> str:
        with self._open() as file:
            begins_as_zip = file.read(4) == b"PK\x03\x04"
        if begins_as_zip:
            return f"is cut short or damaged: its directory is missing. {_READ_AGAIN}"
        return "is not a zip file. Give the file as it was downloaded."

    def _check(self, limits: Limits) -> None:
        packed = sum(one.compress_size for one in self.members)
        size = sum(one.file_size for one in self.members)
        if len(self.members) > limits.members:
            raise SourceError(f"{self.name} holds more than {limits.members} files. Give the file as it was published.")
        if size > limits.size or size > limits.ratio * max(packed, 1):
            raise SourceError(f"{self.name} would unpack to {size:,} bytes, too many. Give the file as published.")
        if packed > self._size or any(one.header_offset < 0 for one in self.members):
            raise SourceError(f"{self.name} is damaged: its files overlap. {_READ_AGAIN}")
        for one in self.members:
            self._check_member(one)

    def _check_member(self, member: Member) -> None:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename:
            raise SourceError(f"{self.name} holds {member.filename!r}, a path outside itself. {_READ_AGAIN}")
        if member.flag_bits & _ENCRYPTED:
            raise SourceError(f"{self.name} is encrypted. Unpack it with its password and zip it again without one.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SourceError(
                f"{self.name} is packed in a way that is not read here (method {member.compress_type}). "
                "Unpack it and zip it again."
            )

    def _seek(self, file: BinaryIO, member: Member) -> None:
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
            raise self._damaged(member)
        _, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        file.seek(name_size + extra_size, io.SEEK_CUR)

    def _raw(self, file: BinaryIO, member: Member) -> Iterator[bytes]:
        left = member.compress_size
        while left:
            block = file.read(min(_RAW, left))
            if not block:
                raise self._damaged(member)
            left -= len(block)
            self._read += len(block)
            self._progress(self._read)
            yield block

    def _inflated(self, member: Member, raw: Iterable[bytes]) -> Iterator[bytes]:
        inflater = deflate.decompressobj(-15)
        try:
            for block in raw:
                rest = block
                while rest and not inflater.eof:
                    yield inflater.decompress(rest, _PIECE)
                    rest = inflater.unconsumed_tail
            yield inflater.flush()
        except DeflateError as error:  # type: ignore[misc]  # isal's types call the class an instance of it
            raise self._damaged(member) from error

    def _verified(self, member: Member, pieces: Iterable[bytes]) -> Iterator[bytes]:
        size = checksum = 0
        for piece in pieces:
            size += len(piece)
            if size > member.file_size:
                raise self._damaged(member)
            checksum = deflate.crc32(piece, checksum)
            yield piece
        if size != member.file_size or checksum != member.CRC:
            raise self._damaged(member)

    def _damaged(self, member: Member) -> SourceError:
        return SourceError(f"{self.name} is damaged: {member.filename} is not what was packed. {_READ_AGAIN}")


def _matches(member: Member, prefix: str, ending: str) -> bool:
    name = PurePosixPath(member.filename).name.lower()
    return name.startswith(prefix) and name.endswith(ending) and "fileheader" not in name
