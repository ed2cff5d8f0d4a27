"""Fetching the files of the outside lists from their official addresses, so that nothing is ever half there.

A file is written as ``<name>.part`` and takes its name when it is complete. What broke off goes on where it stopped, as
long as the server still offers the same version of the file: ``<name>.part.version`` holds what the server calls it.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode, urljoin, urlsplit, urlunsplit

import requests
import urllib3

from finder.errors import FetchError, NotFound
from finder.sources.nppes_releases import WHATEVER_COMES_NEXT, Need, missing, offered

_CHUNK = 1 << 18
_PAGE_LIMIT = 20 * 1024**2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 500, 502, 503, 504})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,199}")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FHIR_FILE = re.compile(r"(?:[0-9]+-)?(Practitioner|PractitionerRole|Organization|Location)\.ndjson")
_TRIALS = {
    # The codes are acute lymphoblastic leukemia, its B-cell and its T-cell kind; the words find trials without codes.
    "query.cond": "AREA[ConditionMeshId]D054198 OR AREA[ConditionMeshId]D015452 OR AREA[ConditionMeshId]D054218"
    ' OR "acute lymphoblastic leukemia"',
    "filter.advanced": 'SEARCH[Location](AREA[LocationCountry]"United States" AND AREA[LocationStatus]RECRUITING)',
    "pageSize": "100",
    "countTotal": "true",
}

Say = Callable[[str], None]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Opening:
    """How addresses are opened.

    ``limit`` is the most bytes that a file may have, ``wait`` the seconds that a server may be silent, ``seconds`` the
    most time for one file, ``attempts`` how often a connection that breaks is made, ``pause`` the seconds between two
    attempts or pages. ``hosts`` are the other hosts that a redirect may lead to; ".example.org" stands for all below.
    """

    limit: int = 4 * 1024**3
    wait: float = 60
    seconds: float = 6 * 3600
    attempts: int = 4
    pause: float = 1
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a list is published: the page or index to ask, and the files to bring when there is no network."""

    url: str
    files: str
    hosts: tuple[str, ...] = ()


_DATASETS = "https://data.cms.gov/provider-data/api/1/metastore/schemas/dataset/items/"
ADDRESSES: Mapping[str, tuple[Address, ...]] = {
    "nppes": (
        Address(
            "https://download.cms.gov/nppes/NPI_Files.html",
            "the newest NPPES_Data_Dissemination_<Month>_<Year>_V2.zip, then the files _Weekly_V2.zip after it and "
            "NPPES_Deactivated_NPI_Report_<Date>_V2.zip",
        ),
    ),
    "clinicians": (
        Address(f"{_DATASETS}mj5m-pzi6", "the Doctors and Clinicians national file (CSV)"),
        Address(f"{_DATASETS}27ea-46a8", "the Facility Affiliation file (CSV)"),
    ),
    "facilities": (Address(f"{_DATASETS}xubh-q36u", "the Hospital General Information file (CSV)"),),
    "trials": (Address("https://clinicaltrials.gov/api/v2/studies", "every page of the answer as page-0001.json ..."),),
    "fhir": (
        # The files lie in a store of Amazon's, to which the directory leads by a signed address.
        Address(
            "https://directory.cms.gov/downloads/manifest.json",
            "the files Practitioner, PractitionerRole, Organization and Location (.ndjson.zst)",
            (".amazonaws.com",),
        ),
    ),
}


class _Broken(Exception):
    """The connection ended before the file did; another attempt may go on."""


def fetch(
    url: str,
    folder: Path,
    *,
    name: str = "",
    checksum: str = "",
    say: Say = lambda _line: None,
    progress: Callable[[int], None] = lambda _bytes: None,
    opening: Opening = Opening(),
) -> Path:
    """Fetch a file into a folder and return its path; FetchError when that cannot be done.

    ``checksum`` is the file's SHA-256, "" where none is known; a file that is there already and has it is not fetched
    again. ``progress`` is told the bytes that are there.
    """
    path = folder / _file_name(url, name)
    if checksum and path.is_file() and _sha256(path) == checksum.lower():
        say(f"{path.name} is there already.")
        return path
    folder.mkdir(parents=True, exist_ok=True)
    download = _Download(url, path, progress, opening)
    try:
        download.run(say)
        _verify(download.part, path.name, url, checksum)
        download.part.replace(path)
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise FetchError(f"{path.name} cannot be written ({cause}). Make room in {folder.name}/.") from error
    download.version.unlink(missing_ok=True)
    return path


def _file_name(url: str, name: str) -> str:
    found = name or unquote(urlsplit(url).path.rpartition("/")[2])
    if not _NAME.fullmatch(found):
        raise FetchError(f"{found!r} of {url} is not the name of a file. Fetch it by hand.")
    return found


def _verify(part: Path, name: str, url: str, checksum: str) -> None:
    if checksum and _sha256(part) != checksum.lower():
        part.unlink()
        raise FetchError(f"{name} from {url} is not the file that was expected: its SHA-256 differs. Fetch it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Download:
    """One file on its way."""

    def __init__(self, url: str, path: Path, progress: Callable[[int], None], opening: Opening) -> None:
        self.part = path.with_name(path.name + ".part")
        self.version = path.with_name(path.name + ".part.version")
        self._url, self._name, self._progress, self._opening = url, path.name, progress, opening
        self._deadline = time.monotonic() + opening.seconds

    def run(self, say: Say) -> None:
        """Fetch the whole file, in as many attempts as are allowed."""
        for attempt in range(1, self._opening.attempts + 1):
            try:
                self._attempt()
            except _Broken as error:
                cause = str(error)
                if attempt < self._opening.attempts:
                    say(f"{self._name}: {cause}; trying again.")
                    time.sleep(self._opening.pause)
            else:
                return
        raise FetchError(
            f"{self._name} could not be fetched from {self._url}: {cause}, {self._opening.attempts} times. Try later."
        )

    def _attempt(self) -> None:
        with _answer(self._url, self._name, self._opening, self._headers()) as answer:
            if answer.status_code == 416:  # the part is not the beginning of what the server has
                self._drop()
                raise _Broken("the server has another version of the file")
            start = self._start(answer)
            total = _length(answer)
            if total is not None and start + total > self._opening.limit:
                raise self._too_large()
            self._write(answer, start, total)

    def _headers(self) -> dict[str, str]:
        """Ask for the rest, when it is known which version the part is of."""
        try:
            version, size = self.version.read_text(encoding="utf-8"), self.part.stat().st_size
        except OSError:
            return {}
        return {"Range": f"bytes={size}-", "If-Range": version} if version and size else {}

    def _start(self, answer: requests.Response) -> int:
        """Return where in the file the answer begins, after noting its version."""
        if answer.status_code == 206:
            size = self.part.stat().st_size if self.part.exists() else 0
            known = self.version.read_text(encoding="utf-8") if size else ""
            is_next = answer.headers.get("Content-Range", "").startswith(f"bytes {size}-")
            if not size or not is_next or _version(answer) not in ("", known):
                self._drop()
                raise _Broken("the server answered with another piece than the missing one")
            return size
        self.part.unlink(missing_ok=True)
        self.version.write_text(_version(answer), encoding="utf-8")
        return 0

    def _write(self, answer: requests.Response, start: int, total: int | None) -> None:
        done = start
        with self.part.open("ab" if start else "wb") as file:
            for chunk in _chunks(answer):
                done += len(chunk)
                if done > self._opening.limit:
                    raise self._too_large()
                file.write(chunk)
                self._progress(done)
                if time.monotonic() > self._deadline:
                    raise FetchError(f"{self._name} from {self._url} takes too long. Start again to go on.")
        if total is not None and done != start + total:
            raise _Broken("the connection broke off")

    def _drop(self) -> None:
        self.part.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)

    def _too_large(self) -> FetchError:
        self._drop()
        limit = self._opening.limit
        return FetchError(f"{self._name} from {self._url} is larger than the limit of {limit} bytes. Raise the limit.")


def _version(answer: requests.Response) -> str:
    """Return what names the version of a file in If-Range, "" for nothing that would be exact."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _length(answer: requests.Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    """Return the bytes as they are sent, without unpacking, so that they can be counted."""
    try:
        while chunk := answer.raw.read1(_CHUNK, decode_content=False):
            yield chunk
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _Broken("the connection broke off") from error


@contextmanager
def _answer(url: str, name: str, opening: Opening, headers: Mapping[str, str]) -> Iterator[requests.Response]:
    """Give the answer to a request, with redirects followed as far as they are allowed."""
    address = url
    for _ in range(5):
        _check(address, url, opening)
        with _request(address, url, name, opening, headers) as answer:
            if answer.status_code not in _REDIRECTS:
                _check_answer(answer, name, url, headers)
                yield answer
                return
            address = urljoin(address, answer.headers.get("Location", ""))
    raise FetchError(f"{url} leads from one address to the next without end. Fetch {name} by hand.")


def _check(address: str, first: str, opening: Opening) -> None:
    """Refuse an address that is not safe to open, or not of the first one's host or an allowed one."""
    parts, host = urlsplit(address), urlsplit(address).hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise FetchError(f"{address} is not an address of https. Give one that begins with https://.")
    allowed = (urlsplit(first).hostname, *opening.hosts)
    if not any(host == one or (one and one.startswith(".") and host.endswith(one)) for one in allowed):
        raise FetchError(f"{first} leads to another host, {host}, which is not allowed. Fetch the file by hand.")


def _request(address: str, url: str, name: str, opening: Opening, headers: Mapping[str, str]) -> requests.Response:
    headers = {"User-Agent": "all-care-finder", "Accept-Encoding": "identity", **headers}
    try:
        return requests.get(
            address, headers=headers, stream=True, allow_redirects=False, timeout=(min(10, opening.wait), opening.wait)
        )
    except requests.exceptions.SSLError as error:
        raise FetchError(f"{url} cannot be trusted: its certificate is not valid. Fetch {name} by hand.") from error
    except requests.exceptions.ConnectionError as error:
        if _is_offline(error):
            host = urlsplit(address).hostname
            raise FetchError(
                f"There is no network to {host}. Fetch {name} from {url} on another machine and import that file."
            ) from error
        raise _Broken("the connection broke off") from error
    except requests.exceptions.Timeout as error:
        raise _Broken("the server did not answer in time") from error
    except requests.exceptions.RequestException as error:
        raise FetchError(f"{url} cannot be opened ({type(error).__name__}). Fetch {name} by hand.") from error


def _is_offline(error: requests.exceptions.ConnectionError) -> bool:
    """Tell whether no connection was made at all: an unknown name, a refusal, a proxy or a host that is away."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), urllib3.exceptions.NewConnectionError)


def _check_answer(answer: requests.Response, name: str, url: str, headers: Mapping[str, str]) -> None:
    status = answer.status_code
    if status in _BUSY:
        raise _Broken(f"the server answered {status}")
    if status != 200 and not ("Range" in headers and status in (206, 416)):
        raise FetchError(f"{url} answered {status}. Look for the new address of {name}.")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchError(f"{url} answered with a packed file that nobody asked for. Fetch {name} by hand.")


def fetch_source(
    source: str,
    folder: Path,
    *,
    need: Need = WHATEVER_COMES_NEXT,
    base: str = "",
    say: Say = lambda _line: None,
    progress: Callable[[int], None] = lambda _bytes: None,
    opening: Opening = Opening(),
) -> Path | None:
    """Fetch the newest files of a list from its official address into a folder; return what is to be imported.

    That is a file, or a folder of its own when there are several. Of NPPES it is the next file that is needed, and None
    where the directory lacks none. ``base`` takes the place of the official host, as in "http://127.0.0.1:8000".
    """
    if source not in ADDRESSES:
        raise NotFound(f"The list {source!r} cannot be fetched; these can: {', '.join(ADDRESSES)}.")
    fetcher = _Fetcher(folder, base, say, progress, opening)
    if source == "trials":
        return fetcher.trials(ADDRESSES[source][0])
    if source == "nppes":
        return fetcher.nppes(ADDRESSES[source][0], need)
    files = [file for address in ADDRESSES[source] for file in fetcher.files(source, address)]
    if len(files) == 1:
        return fetcher.fetch(files[0], folder)
    return fetcher.together(source, files)


@dataclass(frozen=True, slots=True)
class _Wanted:
    url: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Fetcher:
    """Fetches the files of one list."""

    folder: Path
    base: str
    say: Say
    progress: Callable[[int], None]
    opening: Opening

    def files(self, source: str, address: Address) -> list[_Wanted]:
        """Return the files that an index page, a manifest or a dataset's description offers now."""
        url, names = self._read(address, _fhir_files if source == "fhir" else _dataset_file)
        return [_Wanted(urljoin(url, name), address.hosts) for name in names]

    def nppes(self, address: Address, need: Need) -> Path | None:
        """Fetch the next file of NPPES that is needed."""
        url, offers = self._read(address, offered)
        lacking = missing(offers, need)
        return self.fetch(_Wanted(urljoin(url, lacking[0].link), address.hosts), self.folder) if lacking else None

    def _read(self, address: Address, find: Callable[[str], Found]) -> tuple[str, Found]:
        """Return where an index page is, and what it offers."""
        url = self._moved(address.url)
        page = _page(url, address.files, self.opening)
        try:
            return url, find(page)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise FetchError(
                f"{url} does not look as expected, so the files are not known. Fetch {address.files} by hand."
            ) from error

    def fetch(self, wanted: _Wanted, folder: Path) -> Path:
        """Fetch one file."""
        self.say(f"Fetching {wanted.url}.")
        opening = replace(self.opening, hosts=(*self.opening.hosts, *wanted.hosts))
        return fetch(wanted.url, folder, say=self.say, progress=self.progress, opening=opening)

    def together(self, source: str, files: list[_Wanted]) -> Path:
        """Fetch several files into a folder that takes the place of the last one when all are there."""
        stage = self.folder / f"{source}.part"
        names = {self.fetch(wanted, stage).name for wanted in files}
        for stray in stage.iterdir():  # from an earlier release, whose files had other names
            if stray.name not in names:
                stray.unlink()
        return _put_in_place(stage, self.folder / source)

    def trials(self, address: Address) -> Path:
        """Fetch every page of the trials, at most one a second, into a folder of their own."""
        stage = self.folder / "trials.part"
        shutil.rmtree(stage, ignore_errors=True)  # a token of an earlier run leads to other pages
        url, token, number = self._moved(address.url), "", 1
        while number == 1 or token:
            began = time.monotonic()
            query = _TRIALS | ({"pageToken": token} if token else {})
            name = f"page-{number:04}.json"
            path = fetch(f"{url}?{urlencode(query)}", stage, name=name, say=self.say, opening=self._for_pages())
            token = _next_token(path, url, token)
            self.progress(number)
            number += 1
            time.sleep(max(0, self.opening.pause - (time.monotonic() - began)) if token else 0)
        return _put_in_place(stage, self.folder / "trials")

    def _for_pages(self) -> Opening:
        return replace(self.opening, limit=min(self.opening.limit, _PAGE_LIMIT))

    def _moved(self, url: str) -> str:
        if not self.base:
            return url
        scheme, host, *_ = urlsplit(self.base)
        return urlunsplit((scheme, host, *urlsplit(url)[2:]))


def _page(url: str, files: str, opening: Opening) -> str:
    """Return a page as text."""
    try:
        with _answer(url, files, opening, {}) as answer:
            data = bytearray()
            for chunk in _chunks(answer):
                data += chunk
                if len(data) > _PAGE_LIMIT:
                    raise FetchError(f"{url} is too large for a page. Fetch {files} by hand.")
    except _Broken as error:
        raise FetchError(f"{url} could not be read: {error}. Try later, or fetch {files} by hand.") from error
    return data.decode("utf-8", "replace")


def _dataset_file(page: str) -> list[str]:
    """Return the address of a dataset's file in the description that the Provider Data Catalog gives."""
    url = json.loads(page)["distribution"][0]["downloadURL"]
    if not isinstance(url, str):
        raise TypeError(url)
    return [url]


def _fhir_files(page: str) -> list[str]:
    """Return the files that a manifest names for the resources that are read; their names change, their ends do not."""
    manifest = json.loads(page)
    ending = {"zstd": ".zst", "gzip": ".gz"}[manifest["compression_algorithm"]]
    found = {match[1]: name for name in manifest["files"] if (match := _FHIR_FILE.fullmatch(name))}
    if len(found) < 4:
        raise LookupError(found)
    return [f"{name}{ending}" for name in sorted(found.values())]


def _next_token(path: Path, url: str, before: str) -> str:
    try:
        page: Any = json.loads(path.read_bytes())
        token = page.get("nextPageToken", "")
    except (ValueError, AttributeError) as error:
        raise FetchError(f"{path.name} from {url} is not a page of trials. Try later.") from error
    if not isinstance(token, str) or (token and token == before):
        raise FetchError(f"{path.name} from {url} does not tell the page after it. Try later.")
    return token


def _put_in_place(stage: Path, folder: Path) -> Path:
    """Put a complete folder where the last one was; that one stays until the new one is ready to take its place."""
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    stage.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
    return folder
