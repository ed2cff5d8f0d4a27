"""What a source says, before anything is decided: entries of statements, each with where it came from."""

from dataclasses import dataclass
from typing import Literal

Resource = Literal["Organization", "PractitionerRole"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A foreign id: ``system`` is a URI (FHIR), ``value`` the id in it."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that one source says about one field.

    ``as_of`` is an ISO year, month or day, or "" where the source has no date. ``population`` is "adult", "pediatric",
    "both" or "" (not stated). ``audience`` is "patient", "clinician", "both" or "". ``note`` is the source's statement
    in our own words.
    """

    field: str
    value: str
    source: str
    url: str = ""
    as_of: str = ""
    population: str = ""
    scope: str = ""
    audience: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a source's list: ``key`` is stable within the source; statements stand in the source's order."""

    key: str
    resource: Resource
    identifiers: tuple[Identifier, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not be used: where it stands and why, by a code and in words."""

    line: int
    key: str
    column: str
    value: str
    code: str
    reason: str
