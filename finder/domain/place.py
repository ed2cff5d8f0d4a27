"""The answer to "where is that?"."""

from dataclasses import dataclass
from enum import StrEnum

from finder.domain.geo import GeoPoint


class Precision(StrEnum):
    """How exact a position is, from best to worst."""

    EXACT = "exact"
    ADDRESS = "address"
    ZIP = "zip"
    CITY = "city"
    COUNTY = "county"
    STATE = "state"


class LocateStatus(StrEnum):
    """What became of a text that was looked up."""

    POINT = "point"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Place:
    """A named position. ``corrected`` tells that the text was not taken as it stood (a typo, a nickname is not one)."""

    label: str
    point: GeoPoint
    precision: Precision
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """The outcome of one look-up.

    ``place`` is set for POINT only. ``candidates`` are the places to choose from (AMBIGUOUS, best first), near names
    (NOT_FOUND) or other readings of a corrected text (POINT). ``message`` is one plain sentence for the reader, in
    English, that never repeats what was typed; ``outside`` tells that the text names a place that is not covered.
    """

    status: LocateStatus
    place: Place | None = None
    candidates: tuple[Place, ...] = ()
    message: str = ""
    outside: bool = False
