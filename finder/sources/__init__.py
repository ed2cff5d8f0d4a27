"""The outside lists that can be imported, one module each: a path in, entries and rejected rows out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from finder.domain.entry import Delivery, Entry, Rejected
from finder.errors import NotFound
from finder.sources import centers, clinicians, facilities, fhir, nppes, specialists, table, trials

__all__ = ["SOURCES", "Progress", "Source", "get"]


Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A list that can be imported.

    ``identify`` tells what a file is without reading its rows, ``read`` gives its entries and the rows that cannot be
    used, calling ``progress`` with the bytes of the file read so far. Both raise SourceError, with the cause and the
    mend, when the file cannot be used at all; ``read`` before its first row. ``lists`` tells that a thing of this list
    is shown in the directory for that alone; the others add to what is there.
    """

    name: str
    title: str
    licence: str
    lists: bool
    identify: Callable[[Path], Delivery]
    read: Callable[[Path, Progress], Iterator[Entry | Rejected]]


def _shipped(title: str) -> Callable[[Path], Delivery]:
    return lambda _path: Delivery("full", title)


SOURCES = {
    source.name: source
    for source in (
        Source(
            "centers",
            "leukemia centers",
            "facts from public lists and pages, each with its own source; see data/centers/README.md",
            True,
            _shipped("leukemia centers"),
            lambda path, _progress: centers.read(path),
        ),
        Source(
            "specialists",
            "a sample of specialists",
            "US government works, public domain; see data/specialists/README.md",
            True,
            _shipped("a sample of specialists"),
            lambda path, _progress: specialists.read(path),
        ),
        Source(
            "clinicians",
            "CMS Doctors and Clinicians",
            "US government work, public domain",
            True,
            clinicians.identify,
            clinicians.read,
        ),
        Source(
            "facilities",
            "CMS hospitals and the doctors who bill at them",
            "US government works, public domain",
            False,
            facilities.identify,
            facilities.read,
        ),
        Source(
            "nppes",
            "NPPES, the national provider registry",
            "US government work, public domain",
            True,
            nppes.identify,
            nppes.read,
        ),
        Source("table", "a table of your own (CSV or XLSX)", "as its owner allows", True, table.identify, table.read),
        Source("fhir", "a FHIR R4 directory", "as its publisher allows", True, fhir.identify, fhir.read),
        Source(
            "trials",
            "ClinicalTrials.gov, trials for ALL",
            "US government work, public domain",
            False,
            trials.identify,
            trials.read,
        ),
    )
}


def get(name: str) -> Source:
    """Return the source with this name; NotFound, with the names there are, when there is none."""
    try:
        return SOURCES[name]
    except KeyError:
        raise NotFound(f"There is no source {name!r}; there are {', '.join(SOURCES)}.") from None
