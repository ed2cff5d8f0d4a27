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
    in our own words. ``record`` is the number of the source record that holds it, 0 before it is kept.
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
    record: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not be used, or a value of it: where it stands and why, by a code and in words."""

    line: int
    key: str
    column: str
    value: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a source's list: ``key`` is stable within the source; statements stand in the source's order.

    The first identifier names the thing: the NPI of a practitioner, the page name or CMS number of an organization.
    ``ended_on`` is the ISO date since when the source itself says that the thing is no longer active ("" while it is);
    such an entry has no statements, and what was known before is kept. ``updated_on`` is the source's own ISO date of
    the row's last change, "" where it has none. ``file`` and ``line`` say where the row stands (the first of several).
    ``warnings`` are the values of the row that were left out or changed.
    """

    key: str
    resource: Resource
    identifiers: tuple[Identifier, ...]
    statements: tuple[Statement, ...]
    ended_on: str = ""
    updated_on: str = ""
    file: str = ""
    line: int = 0
    warnings: tuple[Rejected, ...] = ()


Kind = Literal["full", "update", "deactivations", "undo"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one file of a source is, known before its rows are read.

    A "full" list holds everything, so what is absent has gone. An "update" holds what changed from ``covers_from`` to
    ``covers_to`` and says nothing about the rest. "deactivations" is the complete list of what is not active now: what
    is absent from it is active again. An "undo" is made by the program itself. Dates are ISO, "" where the file does
    not tell.
    """

    kind: Kind
    title: str
    released_on: str = ""
    covers_from: str = ""
    covers_to: str = ""
