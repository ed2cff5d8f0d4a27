"""Where trials for acute lymphoblastic leukemia are, from ClinicalTrials.gov or from NCI's trial search, as JSON.

A trial that recruits may have sites that do not, so only what the record says of the site itself counts. The people
whom a record names as contacts are not kept, and neither is its position, which is that of the city.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from finder.domain.dates import is_iso
from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Statement
from finder.domain.text import fold, slug
from finder.errors import SourceError
from finder.sources.reading import STATES

__all__ = ["TRIAL_SITE_SYSTEM", "identify", "read", "state_code"]

TRIAL_SITE_SYSTEM = "urn:all-care-finder:trial-site"

_TITLE = "Trials for acute lymphoblastic leukemia"
_REGISTRY = "ClinicalTrials.gov"
_NCI = "NCI, the trial search of the National Cancer Institute"
_LARGEST = 500_000_000  # bytes of one file, which is held in memory whole; a page of the registry has about 30 million

_NCT = re.compile(r"NCT[0-9]{8}")
_ZIP = re.compile(r"([0-9]{5})(?:-?[0-9]{4})?")
_MESH = frozenset({"D054198", "D015452", "D054218"})  # precursor cell lymphoblastic leukemia-lymphoma, of B and T cells
_LEUKEMIA = re.compile(
    r"lymphoblastic leuka?emia|acute (?:(?:b|t|pre|cell|precursor) )*lympho(?:cytic|id) leuka?emia"
    r"|leuka?emia (?:acute )?lymphoblastic|leuka?emia acute lympho(?:cytic|id)|leuka?emia lympho(?:cytic|id) acute"
)
_NO_AGE_LIMIT = re.compile(r"(?:0|999) .*|n/a")

_STATUSES = frozenset({
    "recruiting", "not yet recruiting", "enrolling by invitation", "active not recruiting", "suspended", "completed",
    "terminated", "withdrawn", "available",
})  # fmt: skip
_BEFORE_THE_END = frozenset({"", "recruiting", "not yet recruiting", "enrolling by invitation", "available"})
# NCI's own words and those under which it hands its trials to ClinicalTrials.gov.
_NCI_STATUSES = {
    "active": "recruiting",
    "approved": "not yet recruiting",
    "in review": "not yet recruiting",
    "closed to accrual": "active not recruiting",
    "closed to accrual and intervention": "active not recruiting",
    "temporarily closed to accrual": "suspended",
    "temporarily closed to accrual and intervention": "suspended",
    "complete": "completed",
    "administratively complete": "terminated",
}
_NCI_PHASES = {
    "o": "early phase 1",
    "i": "phase 1",
    "i ii": "phase 1/phase 2",
    "ii": "phase 2",
    "ii iii": "phase 2/phase 3",
    "iii": "phase 3",
    "iv": "phase 4",
}

_TERRITORIES = {
    "american samoa": "AS",
    "guam": "GU",
    "northern mariana islands": "MP",
    "puerto rico": "PR",
    "us virgin islands": "VI",
    "u s virgin islands": "VI",
    "virgin islands": "VI",
    "virgin islands u s": "VI",
}
_STATE_NAMES = {
    "alabama": "AL", "alaska": "AK", "arizona": "AZ", "arkansas": "AR", "california": "CA", "colorado": "CO",
    "connecticut": "CT", "delaware": "DE", "district of columbia": "DC", "washington dc": "DC", "florida": "FL",
    "georgia": "GA", "hawaii": "HI", "idaho": "ID", "illinois": "IL", "indiana": "IN", "iowa": "IA", "kansas": "KS",
    "kentucky": "KY", "louisiana": "LA", "maine": "ME", "maryland": "MD", "massachusetts": "MA", "michigan": "MI",
    "minnesota": "MN", "mississippi": "MS", "missouri": "MO", "montana": "MT", "nebraska": "NE", "nevada": "NV",
    "new hampshire": "NH", "new jersey": "NJ", "new mexico": "NM", "new york": "NY", "north carolina": "NC",
    "north dakota": "ND", "ohio": "OH", "oklahoma": "OK", "oregon": "OR", "pennsylvania": "PA", "rhode island": "RI",
    "south carolina": "SC", "south dakota": "SD", "tennessee": "TN", "texas": "TX", "utah": "UT", "vermont": "VT",
    "virginia": "VA", "washington": "WA", "west virginia": "WV", "wisconsin": "WI", "wyoming": "WY",
    **_TERRITORIES,
}  # fmt: skip


def state_code(text: str) -> str:
    """Return the two letters of a US state or territory given by name or by letters, "" for anything else."""
    letters = text.replace(".", "").strip().upper()
    return letters if letters in STATES else _STATE_NAMES.get(fold(text), "")


@dataclass(frozen=True, slots=True)
class _Site:
    """A place of a trial as the record writes it; ``status`` is in the registry's words, "" where it has none."""

    facility: str
    city: str
    state: str
    zip: str
    country: str
    status: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class _Study:
    """A trial in the one form that both formats are brought to."""

    nct: str
    title: str
    source: str
    about_leukemia: bool
    status: str
    phase: str
    minimum_age: str
    maximum_age: str
    as_of: str
    last_update: str
    sites: tuple[_Site, ...]


def identify(path: Path) -> Delivery:
    """Tell what a file or folder is: "full", or an "update" where every page says that another one follows it."""
    pages = [document for file in _files(path) for _, _, document in _documents(file) if _is_page(document)]
    unfinished = bool(pages) and all(_text(page, "nextPageToken") for page in pages)
    return Delivery("update" if unfinished else "full", _TITLE, released_on=_released_on(path))


def read(path: Path, progress: Callable[[int], None]) -> Iterator[Entry | Rejected]:
    """Return one entry for each site in the US of each trial for ALL, file by file in the order of names.

    Every file is parsed once before the first entry, so that a broken page does not pass for trials that have gone.
    """
    files = _files(path)
    for file in files:
        for _, _, document in _documents(file):
            _studies(document, file)
    return _read(files, progress)


def _read(files: Iterable[Path], progress: Callable[[int], None]) -> Iterator[Entry | Rejected]:
    seen: set[str] = set()
    done = 0
    for file in files:
        for first_line, text, document in _documents(file):
            for line, study in _with_lines(_studies(document, file), text, first_line):
                yield from _entries(study, file.name, line, seen)
        done += file.stat().st_size
        progress(done)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    names = {*path.glob("*.json"), *path.glob("*.ndjson"), *path.glob("*.jsonl")}
    files = sorted(file for file in names if file.name != "version.json")
    if not files:
        raise SourceError(f"{path.name} holds no JSON file. Put the pages of ClinicalTrials.gov there, as page-1.json.")
    return files


def _documents(file: Path) -> Iterator[tuple[int, str, Any]]:
    """Return the JSON documents of a file, each with its first line and its text; an NDJSON file has one a line."""
    try:
        if file.stat().st_size > _LARGEST:
            raise SourceError(f"{file.name} is too large to be read whole. Save the trials in pages of 1000.")
        if file.suffix.lower() not in (".ndjson", ".jsonl"):
            text = file.read_text(encoding="utf-8-sig")
            yield 1, text, _parsed(text, file, 1)
            return
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line, _parsed(line, file, number)
    except OSError as error:
        raise SourceError(
            f"{file.name} cannot be read ({error.strerror}). Name a file or a folder of files."
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.name} is not UTF-8 at byte {error.start}. Download it again.") from error


def _parsed(text: str, file: Path, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        place = f"line {line}, column {error.colno}"
        mend = "Download it again; a file with one study a line must be named .ndjson."
        raise SourceError(f"{file.name} is not JSON at {place} ({error.msg}). {mend}") from error
    except RecursionError as error:
        raise SourceError(f"{file.name} is nested too deep to be a list of trials. Download it again.") from error


def _is_page(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("studies"), list)


def _released_on(path: Path) -> str:
    version = (path if path.is_dir() else path.parent) / "version.json"
    if not version.exists():
        return ""
    _, _, document = next(_documents(version))
    return _date(document, "dataTimestamp")


def _studies(document: Any, file: Path) -> list[_Study]:
    if isinstance(document, dict):
        lists = [document[name] for name in ("studies", "trials", "data") if isinstance(document.get(name), list)]
        nodes = lists[0] if lists else [document]
    else:
        nodes = document if isinstance(document, list) else [document]
    return [_study(node, file) for node in nodes]


def _study(node: Any, file: Path) -> _Study:
    if isinstance(node, dict) and "protocolSection" in node:
        return _registry_study(node)
    if isinstance(node, dict) and "nct_id" in node:
        return _nci_study(node)
    mend = "Save the answer of clinicaltrials.gov/api/v2/studies as it is."
    raise SourceError(f"{file.name} holds something that is not a trial. {mend}")


def _registry_study(node: Any) -> _Study:
    protocol = _part(node, "protocolSection")
    browsed = _part(node, "derivedSection", "conditionBrowseModule")
    codes = {_text(one, "id") for one in (*_list(browsed, "meshes"), *_list(browsed, "ancestors"))}
    conditions = [one for one in _list(protocol, "conditionsModule", "conditions") if isinstance(one, str)]
    updated = _date(protocol, "statusModule", "lastUpdatePostDateStruct", "date")
    phases = [one for one in _list(protocol, "designModule", "phases") if isinstance(one, str) and one != "NA"]
    return _Study(
        nct=_text(protocol, "identificationModule", "nctId"),
        title=_text(protocol, "identificationModule", "briefTitle"),
        source=_REGISTRY,
        about_leukemia=bool(codes & _MESH) or _names_leukemia(conditions),
        status=_words(protocol, "statusModule", "overallStatus"),
        phase="/".join(one.lower().replace("_", " ").replace("phase", "phase ") for one in phases),
        minimum_age=_age(protocol, "eligibilityModule", "minimumAge"),
        maximum_age=_age(protocol, "eligibilityModule", "maximumAge"),
        as_of=updated,
        last_update=updated,
        sites=tuple(map(_registry_site, _list(protocol, "contactsLocationsModule", "locations"))),
    )


def _registry_site(node: Any) -> _Site:
    return _Site(
        facility=_text(node, "facility"),
        city=_text(node, "city"),
        state=_text(node, "state"),
        zip=_text(node, "zip"),
        country=_text(node, "country"),
        status=_words(node, "status"),
    )


def _nci_study(node: Any) -> _Study:
    diseases = _list(node, "diseases")
    named = [_text(one, name) for one in diseases for name in ("display_name", "preferred_name")]
    phase = _words(node, "phase") or _words(node, "phase", "phase")
    status = _words(node, "current_trial_status")
    return _Study(
        nct=_text(node, "nct_id"),
        title=_text(node, "brief_title"),
        source=_NCI,
        about_leukemia=_names_leukemia(named),
        status=_NCI_STATUSES.get(status, status),
        phase=_NCI_PHASES.get(phase, ""),
        minimum_age=_age(node, "eligibility", "structured", "min_age"),
        maximum_age=_age(node, "eligibility", "structured", "max_age"),
        as_of=_date(node, "record_verification_date"),
        last_update="",
        sites=tuple(map(_nci_site, _list(node, "sites"))),
    )


def _nci_site(node: Any) -> _Site:
    status = _words(node, "recruitment_status")
    return _Site(
        facility=_text(node, "org_name"),
        city=_text(node, "org_city"),
        state=_text(node, "org_state_or_province"),
        zip=_text(node, "org_postal_code"),
        country=_text(node, "org_country"),
        status=_NCI_STATUSES.get(status, status),
        as_of=_date(node, "recruitment_status_date"),
    )


def _names_leukemia(conditions: Iterable[str]) -> bool:
    return any(_LEUKEMIA.search(fold(condition)) for condition in conditions)


def _with_lines(studies: Iterable[_Study], text: str, first_line: int) -> Iterator[tuple[int, _Study]]:
    """Return the studies with the lines on which their numbers first stand."""
    line, position = first_line, 0
    for study in studies:
        found = max(text.find(f'"{study.nct}"', position), position)
        line += text.count("\n", position, found)
        position = found
        yield line, study


def _entries(study: _Study, file: str, line: int, seen: set[str]) -> Iterator[Entry | Rejected]:
    if not study.about_leukemia:
        return
    if not _NCT.fullmatch(study.nct):
        yield Rejected(line, study.nct, "nctId", study.nct, "bad-nct", f"{file}: this is not the number of a trial")
        return
    for site in study.sites:
        if _is_american(site):
            entry = _entry(study, site, file, line, seen)
            if isinstance(entry, Entry):
                seen.add(entry.key)
            yield entry


def _is_american(site: _Site) -> bool:
    # The registry lists Puerto Rico and the other territories as countries, without a state.
    return site.country == "United States" or fold(site.country) in _TERRITORIES


def _entry(study: _Study, site: _Site, file: str, line: int, seen: set[str]) -> Entry | Rejected:
    place = (site.facility, site.city, _state(site) or site.state, _zip(site) or site.zip)
    key = f"{study.nct}|{slug(' '.join(place))}"

    def report(column: str, value: str, code: str, reason: str) -> Rejected:
        return Rejected(line, key, column, value, code, f"{file}: {reason}")

    if not site.facility or not site.city:
        return report("city" if site.facility else "facility", "", "missing", "the site has no name or no city")
    if key in seen:
        return report("facility", site.facility, "duplicate", "the same site of the trial stands twice")
    return Entry(
        key,
        "Organization",
        (Identifier(TRIAL_SITE_SYSTEM, key),),
        tuple(_statements(study, site)),
        updated_on=study.last_update,
        file=file,
        line=line,
        warnings=tuple(report(*breach) for breach in _breaches(study, site)),
    )


def _state(site: _Site) -> str:
    return state_code(site.state) or _TERRITORIES.get(fold(site.country), "")


def _zip(site: _Site) -> str:
    match = _ZIP.fullmatch(site.zip)
    return match[1] if match else ""


def _site_status(study: _Study, site: _Site) -> str:
    """Return the site's own status; none where it says that it recruits while the trial has stopped recruiting."""
    if site.status not in _STATUSES or (site.status == "recruiting" and study.status not in _BEFORE_THE_END):
        return ""
    return site.status


def _breaches(study: _Study, site: _Site) -> Iterator[tuple[str, str, str, str]]:
    if not _state(site):
        yield "state", site.state, "bad-state", "this is not a US state or territory, and was left out"
    if site.zip and not _zip(site):
        yield "zip", site.zip, "bad-zip", "this is not a ZIP, and was left out"
    if site.status and site.status not in _STATUSES:
        yield "status", site.status, "bad-status", "this is not a status of a site, and was left out"
    elif site.status != _site_status(study, site):
        reason = f"the site recruits but the trial is {study.status}, and the site's status was left out"
        yield "status", site.status, "status-conflict", reason


def _statements(study: _Study, site: _Site) -> Iterator[Statement]:
    dated = partial(
        Statement, source=study.source, url=f"https://clinicaltrials.gov/study/{study.nct}", as_of=study.as_of
    )
    yield dated("name", site.facility)
    yield dated("city", site.city)
    yield dated("trial", study.nct, scope=study.title)
    values = {
        "state": _state(site),
        "zip": _zip(site),
        "trial_phase": study.phase,
        "trial_minimum_age": study.minimum_age,
        "trial_maximum_age": study.maximum_age,
        "trial_last_update": study.last_update,
    }
    yield from (dated(field, value) for field, value in values.items() if value)
    if status := _site_status(study, site):
        yield dated("trial_site_status", status, as_of=site.as_of or study.as_of)


def _part(node: Any, *path: str) -> Any:
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _list(node: Any, *path: str) -> list[Any]:
    found = _part(node, *path)
    return found if isinstance(found, list) else []


def _text(node: Any, *path: str) -> str:
    found = _part(node, *path)
    return " ".join(found.split()) if isinstance(found, str) else ""


def _words(node: Any, *path: str) -> str:
    return _text(node, *path).lower().replace("_", " ")


def _date(node: Any, *path: str) -> str:
    text = _text(node, *path)[:10]
    return text if is_iso(text) else ""


def _age(node: Any, *path: str) -> str:
    """Return an age in words, "" where the record writes 0, 999 or N/A for no limit."""
    words = _words(node, *path)
    if _NO_AGE_LIMIT.fullmatch(words):
        return ""
    return words.removesuffix("s") if words.startswith("1 ") else words
