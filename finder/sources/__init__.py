"""The outside lists that can be imported, one module each: a path in, entries and rejected rows out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from finder.domain.entry import Entry, Rejected
from finder.errors import NotFound
from finder.sources import centers, specialists

__all__ = ["SOURCES", "Source", "get"]


@dataclass(frozen=True, slots=True)
class Source:
    """A list that can be imported.

    ``complete`` tells that the list holds everything it ever said, so that what is absent has ended. ``read`` raises
    SourceError when the list cannot be read at all; a row that cannot be used comes out as Rejected.
    """

    name: str
    title: str
    complete: bool
    read: Callable[[Path], Iterator[Entry | Rejected]]
    licence: str


SOURCES = {
    source.name: source
    for source in (
        Source(
            "centers",
            "leukemia centers",
            True,
            centers.read,
            "facts from public lists and pages, each with its own source; see data/centers/README.md",
        ),
        Source(
            "specialists",
            "a sample of specialists",
            True,
            specialists.read,
            "US government works, public domain; see data/specialists/README.md",
        ),
    )
}


def get(name: str) -> Source:
    """Return the source with this name; NotFound, with the names there are, when there is none."""
    try:
        return SOURCES[name]
    except KeyError:
        raise NotFound(f"There is no source {name!r}; there are {', '.join(SOURCES)}.") from None
