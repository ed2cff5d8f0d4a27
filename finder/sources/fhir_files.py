"""The files of a FHIR delivery: NDJSON read line by line, Bundles read at once, plain or compressed."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from backports import zstd

from finder.domain.entry import Rejected
from finder.errors import SourceError

SSN = re.compile(r"(?<![0-9A-Za-z])(?!000|666|9)[0-9]{3}([- ]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![0-9A-Za-z])")
BUNDLE_LIMIT = 200 * 1024**2
_LINE_LIMIT = 32 * 1024**2
_STEP = 4096  # lines between two words on the progress
_SUFFIX = re.compile(r"\.(json|ndjson|jsonl)(\.gz|\.zst)?", re.IGNORECASE)
_BY_LINE = re.compile(r"\.(ndjson|jsonl)(\.gz|\.zst)?$", re.IGNORECASE)
_KIND = re.compile(rb'"resourceType"\s*:\s*"(\w+)"')
_BROKEN = (OSError, EOFError, zlib.error, zstd.ZstdError)

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a resource: its file, the 1-based line in it, its type and its id."""

    file: str
    line: int
    kind: str
    id: str

    def rejected(self, path: str, value: str, code: str, reason: str) -> Rejected:
        """Return the word that something at a FHIR path of this resource cannot be used.

        It does not repeat what looks like a Social Security number, which CMS's releases had in ids and references.
        """
        key, shown = (SSN.sub("(withheld)", text) for text in (self.id, value))
        return Rejected(self.line, key, path, shown, code, f"{self.file}: {reason}")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource and where it stands."""

    where: Where
    body: Body


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """A file that was looked into: ``by_line`` tells NDJSON from a document, ``kinds`` what it was seen to hold.

    ``kinds`` is complete for a document; of NDJSON it is the type of the first line. ``more`` tells that the document
    is a page of search results with a link to the next one.
    """

    path: Path
    by_line: bool
    kinds: frozenset[str]
    more: bool = False

    @property
    def size(self) -> int:
        """The bytes that are stored."""
        return self.path.stat().st_size


def look_into(path: Path) -> list[DeliveredFile]:
    """Return the files of a delivery, in the order of their names; SourceError when one of them cannot be used."""
    files = [_look_into_file(one) for one in _paths(path)]
    if not any(file.kinds for file in files):
        raise SourceError(f"{path.name} holds no FHIR resource. Give a Bundle (.json) or NDJSON (.ndjson).")
    pages = [file for file in files if not file.by_line]
    if pages and all(file.more for file in pages):
        raise SourceError(f"{path.name} lacks the last page of the search results. Fetch the pages up to the last.")
    return files


def _paths(path: Path) -> list[Path]:
    if not path.exists():
        raise SourceError(f"{path.name} is not there. Give a file or a folder of files in FHIR's JSON or NDJSON.")
    if not path.is_dir():
        return [path]
    files = sorted(one for one in path.iterdir() if one.is_file())
    for one in files:
        if one.suffix == ".part":
            raise SourceError(f"{one.name} is half of a download. Finish the download, or delete the file.")
    # The manifest of a bulk export lies beside its files and holds no resource.
    return [one for one in files if _SUFFIX.search(one.name) and one.name != "manifest.json"]


def _look_into_file(path: Path) -> DeliveredFile:
    with _opened(path) as (_, stream):
        first = next((line for line in iter(lambda: stream.readline(_LINE_LIMIT), b"") if line.strip()), b"")
    first = first.removeprefix(b"\xef\xbb\xbf")
    named = _BY_LINE.search(path.name)
    if named and first and not first.lstrip().startswith(b"{"):
        raise SourceError(f"{path.name} is not NDJSON: its first line is not a JSON object. Give one resource a line.")
    kind = _kind_of_line(first)
    if named or kind not in ("", "Bundle", "OperationOutcome"):
        return DeliveredFile(path, True, frozenset([kind or "unknown"] if first else []))
    body = _document(path)[1]
    kinds = frozenset(str(one.get("resourceType")) for one in _resources(path, body) if isinstance(one, dict))
    return DeliveredFile(path, False, kinds, _has_next(body))


def _kind_of_line(line: bytes) -> str:
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return str(body.get("resourceType", "")) if isinstance(body, dict) else ""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, io.BufferedIOBase]]:
    """Give the stored file, whose position tells the progress, and what it holds, unpacked by what it begins with."""
    try:
        with path.open("rb") as raw:
            start = raw.peek(4)[:4]
            if start.startswith(b"\x1f\x8b"):
                yield raw, gzip.GzipFile(fileobj=raw)
            elif start == b"\x28\xb5\x2f\xfd":
                yield raw, zstd.ZstdFile(raw)
            else:
                yield raw, raw
    except _BROKEN as error:
        cause = getattr(error, "strerror", None) or error
        raise SourceError(f"{path.name} cannot be read ({cause}). Fetch the file again.") from error


def _document(path: Path) -> tuple[str, Any]:
    """Return a document as text and as JSON, out of the envelope that the CMS directory puts around a page."""
    with _opened(path) as (_, stream):
        data = stream.read(BUNDLE_LIMIT + 1)
    if len(data) > BUNDLE_LIMIT:
        limit = BUNDLE_LIMIT // 1024**2
        raise SourceError(f"{path.name} is larger than {limit} MB, too large for a Bundle. Use NDJSON.")
    try:
        text = data.decode("utf-8-sig")
        return text, json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path.name} is not JSON ({error}). Save it as FHIR's JSON in UTF-8.") from error


def _bundle(body: Any) -> Any:
    return body["results"] if isinstance(body, dict) and isinstance(body.get("results"), dict) else body


def _has_next(body: Any) -> bool:
    if isinstance(body, dict) and body.get("next"):
        return True
    bundle = _bundle(body)
    links = bundle.get("link") if isinstance(bundle, dict) else None
    return isinstance(links, list) and any(isinstance(link, dict) and link.get("relation") == "next" for link in links)


def _resources(path: Path, body: Any) -> list[Any]:
    """Return the resources of a document as they are, None for an entry that has none."""
    body = _bundle(body)
    kind = body.get("resourceType") if isinstance(body, dict) else None
    if kind == "OperationOutcome":
        raise SourceError(f"{path.name} holds the error of a server, no resources. Fetch it again.")
    if kind != "Bundle":
        if not isinstance(kind, str):
            raise SourceError(f"{path.name} is not FHIR: it has no resourceType. Give a Bundle or NDJSON.")
        return [body]
    entries = body.get("entry", [])
    if not isinstance(entries, list):
        raise SourceError(f"{path.name} is not a FHIR Bundle: its entry is not a list. Fetch it again.")
    return [_resource_of(entry) for entry in entries]


def _resource_of(entry: Any) -> Any:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    url = entry.get("fullUrl") if isinstance(entry, dict) else None
    if isinstance(resource, dict) and isinstance(url, str) and url.startswith("urn:uuid:"):
        return resource | {"id": url.removeprefix("urn:uuid:")}  # what the other entries refer to
    return resource


@dataclass(slots=True)
class Readings:
    """The readings of one delivery: the first goes through every file, later ones only where a type was seen."""

    files: Sequence[DeliveredFile]
    progress: Callable[[int], None]
    _kinds: dict[Path, set[str]] = field(default_factory=dict)
    _reported: set[tuple[str, int]] = field(default_factory=set)

    def kinds(self) -> frozenset[str]:
        """Return the types of resource that were seen so far."""
        return frozenset().union(*self._kinds.values())

    def read(
        self, kinds: frozenset[str], wanted: Callable[[bytes], bool], share: tuple[float, float]
    ) -> Iterator[Resource | Rejected]:
        """Return the resources of some types, of NDJSON only those whose line is wanted, and what is no resource.

        ``wanted`` may want too much, never too little. ``share`` is the part of the whole progress that this reading
        makes. A line that cannot be read is reported once, whichever reading meets it.
        """
        total = sum(file.size for file in self.files)
        plan = [file for file in self.files if kinds & self._kinds.get(file.path, kinds)]
        whole, done = sum(file.size for file in plan) or 1, 0
        for file in plan:
            for read, found in self._read_file(file, wanted):
                if found is None:
                    self.progress(int(total * (share[0] + (share[1] - share[0]) * (done + read) / whole)))
                elif isinstance(found, Rejected) or found.where.kind in kinds:
                    yield found
            done += file.size
        self.progress(int(total * share[1]))

    def _read_file(
        self, file: DeliveredFile, wanted: Callable[[bytes], bool]
    ) -> Iterator[tuple[int, Resource | Rejected | None]]:
        """Return what a file holds, and None now and then with the bytes that were read."""
        is_first = file.path not in self._kinds
        seen = self._kinds.setdefault(file.path, set(file.kinds))
        if not file.by_line:
            yield from ((0, found) for found in self._resources_of_document(file.path))
            return
        for number, read, line in _lines(file.path):
            if number % _STEP == 0:
                yield read, None
            if not (line.startswith(b"{") and line.endswith(b"}")):
                yield from self._unreadable(file.path, number, "the line is not a JSON object, or is cut off")
                continue
            if is_first:
                seen.update(kind.decode() for kind in _KIND.findall(line))
            if wanted(line):
                yield from self._resource_of_line(file.path, number, line)

    def _resource_of_line(self, path: Path, number: int, line: bytes) -> Iterator[tuple[int, Resource | Rejected]]:
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield from self._unreadable(path, number, f"the line is not JSON ({error})")
            return
        yield 0, _resource(path.name, number, body)

    def _resources_of_document(self, path: Path) -> Iterator[Resource | Rejected]:
        text, document = _document(path)
        line, position = 1, 0
        for body in _resources(path, document):
            if not isinstance(body, dict):
                yield from (one for _, one in self._unreadable(path, line, "an entry of the Bundle has no resource"))
                continue
            # Entries stand in the order of the text, so each id is searched for after the one before.
            found = re.compile(rf'"id"\s*:\s*{re.escape(json.dumps(body.get("id")))}').search(text, position)
            if found:
                line, position = line + text.count("\n", position, found.start()), found.start()
            yield _resource(path.name, line, body)

    def _unreadable(self, path: Path, line: int, reason: str) -> Iterator[tuple[int, Rejected]]:
        if (path.name, line) not in self._reported:
            self._reported.add((path.name, line))
            yield 0, Where(path.name, line, "", "").rejected("", "", "unreadable", reason)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Return the lines that are not blank, with their numbers and the bytes of the file read so far."""
    with _opened(path) as (raw, stream):
        for number, line in enumerate(iter(lambda: stream.readline(_LINE_LIMIT), b""), 1):
            if len(line) == _LINE_LIMIT:
                raise SourceError(f"{path.name} has a line of more than 32 MB. Give one resource a line.")
            stripped = line.removeprefix(b"\xef\xbb\xbf").strip()
            if stripped:
                yield number, raw.tell(), stripped


def _resource(file: str, line: int, body: Body) -> Resource:
    kind, name = body.get("resourceType"), body.get("id")
    where = Where(file, line, kind if isinstance(kind, str) else "", name if isinstance(name, str) else "")
    return Resource(where, body)
