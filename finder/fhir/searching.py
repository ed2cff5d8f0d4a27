"""A search for resources of one type: what was asked, which resources match, and the page of them that is wanted.

The order is that of the listings' ids, or by distance where ``near`` is asked. A page begins behind the last resource
of the one before (its distance, its listing's id and its number there), so an import in between repeats none.
"""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, case, false, func, literal, or_, select

from finder import search
from finder.db import ListingRow
from finder.domain.geo import chord2_to_metres
from finder.domain.listing import Listing
from finder.fhir.near import Circle, chord2, circles
from finder.fhir.parameters import PARAMETERS, Asked, Condition, Parameter, Refused, split
from finder.fhir.reading import Stored, last_updated, of_listings
from finder.fhir.resources import TYPES, Resource, Type

DEFAULT_COUNT, MAX_COUNT = 20, 200
_T = ListingRow.__table__.c
_BATCH = 200
_MOST_PARAMETERS, _MOST_VALUES = 50, 100
_MOST_BOUND = 30_000  # SQLite takes 32,766 values in a statement
PAST = 1_000_000  # the number of a cursor that stands behind all resources of its listing
_WHOLE = re.compile(r"\d{1,6}")
_CHOICES = {
    "_summary": ("true", "text", "data", "count", "false"),
    "_total": ("none", "estimate", "accurate"),
    "_sort": ("_id", "-_id"),
}
CONTROLS = ("_count", "_sort", "_summary", "_elements", "_total", "_include", "_revinclude", "_format", "_cursor")
Row = tuple[str, int, float | None]
Test = tuple[Parameter, tuple[Asked, ...]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: behind this resource."""

    chord2: float | None
    listing_id: str
    number: int

    def __str__(self) -> str:
        text = json.dumps([self.chord2, self.listing_id, self.number], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Return the cursor that was written so; Refused for any other text."""
        try:
            distance, id_, number = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, TypeError, RecursionError):
            raise Refused("_cursor", "is none of ours; begin at the first page") from None
        fits = isinstance(distance, float | None) and isinstance(id_, str) and isinstance(number, int)
        if not fits or not id_.isprintable():
            raise Refused("_cursor", "is none of ours; begin at the first page")
        return cls(distance, id_, number)


@dataclass(slots=True)
class Query:
    """What was asked for; ``understood`` are the parameters as they were taken, ``unknown`` those that were not."""

    type: Type
    base: str
    conditions: list[Condition] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    circles: tuple[Circle, ...] = ()
    controls: dict[str, str] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)
    revincludes: list[str] = field(default_factory=list)
    understood: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many matches a page holds."""
        return min(int(self.controls.get("_count", DEFAULT_COUNT)), MAX_COUNT)

    @property
    def only_total(self) -> bool:
        """Whether nothing but the number of matches is wanted."""
        return self.count == 0 or self.controls.get("_summary") == "count"

    @property
    def cursor(self) -> Cursor | None:
        """Where the page begins, None for the first one."""
        return Cursor.read(self.controls["_cursor"]) if "_cursor" in self.controls else None


@dataclass(frozen=True, slots=True)
class Match:
    """A resource that matches, the cursor of what comes behind it, and its distance in metres where that was asked."""

    resource: Resource
    listing: Listing
    cursor: Cursor
    distance_m: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """One page: the matches, what goes with them, how many there are in all (None where not asked), and the next."""

    matches: tuple[Match, ...]
    included: tuple[Resource, ...]
    total: int | None
    next: Cursor | None


def parse(connection: Connection, type_: Type, args: Sequence[tuple[str, str]], base: str, *, stored: Stored) -> Query:
    """Return the query that parameters make; raises Refused for the first one that cannot be taken."""
    query = _of_type(type_, base)
    if len(args) > _MOST_PARAMETERS:
        raise Refused(args[-1][0], f"at most {_MOST_PARAMETERS} parameters are taken", "too-costly")
    for name, text in args:
        if "\0" in name + text:
            raise Refused(name, "must not hold the character NUL")
        if name in CONTROLS:
            _take_control(query, name, text)
        elif not _take(connection, query, name, text, stored):
            query.unknown.append(name)
            continue
        query.understood.append((name, text))
    _ = query.cursor  # A text that is no cursor is refused before anything is read.
    return query


def _of_type(type_: Type, base: str) -> Query:
    return Query(type_, base, [_T.layer.in_([layer.number for layer in type_.layers])])


def _take_control(query: Query, name: str, text: str) -> None:
    if name in ("_include", "_revinclude"):
        _take_include(query, name, text)
        return
    if name in query.controls:
        raise Refused(name, "must be given once")
    if name == "_count" and not _WHOLE.fullmatch(text):
        raise Refused(name, "must be a whole number")
    if name in _CHOICES and text not in _CHOICES[name]:
        raise Refused(name, f"must be one of {', '.join(_CHOICES[name])}")
    query.controls[name] = text


def _take_include(query: Query, name: str, text: str) -> None:
    source, _, parameter = text.partition(":")
    parameter, _, target = parameter.partition(":")
    held = TYPES[source].references.get(parameter) if source in TYPES else None
    own = query.type.name
    fits = source == own if name == "_include" else held == own
    if not held or not fits or (target and target != held):
        possible = includes(query.type) if name == "_include" else revincludes(query.type)
        raise Refused(name, f"must be one of {', '.join(possible) or 'none: this type has none'}", "not-supported")
    if name == "_include":
        query.includes.append(held)
    else:
        query.revincludes.append(source)


def includes(type_: Type) -> list[str]:
    """Return what _include takes."""
    return [f"{type_.name}:{parameter}" for parameter in type_.references]


def revincludes(type_: Type) -> list[str]:
    """Return what _revinclude takes."""
    return [f"{one.name}:{name}" for one in TYPES.values() for name, to in one.references.items() if to == type_.name]


def _take(connection: Connection, query: Query, name: str, text: str, stored: Stored) -> bool:
    """Add a filter, and tell whether there is one of this name."""
    type_, bare = query.type, name
    if name.startswith("_has:"):
        parts = name.split(":", 3)
        if len(parts) != 4 or parts[1] not in TYPES or TYPES[parts[1]].references.get(parts[2]) != type_.name:
            return False
        type_, bare = TYPES[parts[1]], parts[3]
        return _take_other(connection, query, type_, bare, text, stored)
    link, dot, rest = name.partition(".")
    if dot:
        parameter, _, target = link.partition(":")
        held = type_.references.get(parameter)
        return bool(held and target in ("", held)) and _take_other(
            connection, query, TYPES[held or ""], rest, text, stored
        )
    return _take_own(connection, query, type_, bare, text)


def _take_own(connection: Connection, query: Query, type_: Type, name: str, text: str) -> bool:
    bare, _, modifier = name.partition(":")
    parameter = PARAMETERS[type_.name].get(bare)
    if parameter is None:
        return False
    if modifier not in parameter.modifiers:
        raise Refused(name, f"the modifier {modifier} is not taken here", "not-supported")
    values = tuple(Asked(connection, name, modifier, one, query.base) for one in split(text))
    if not 0 < len(values) <= _MOST_VALUES:
        raise Refused(name, f"must have from 1 to {_MOST_VALUES} values")
    if parameter.condition:
        query.conditions.append(or_(*(parameter.condition(one) for one in values)))
        if parameter.kind == "string":
            _weigh(query, name)
    if parameter.test:
        query.tests.append((parameter, values))
    if parameter.kind == "special" and not query.circles:
        query.circles = circles(text)
    return True


def _weigh(query: Query, name: str) -> None:
    """Refuse a query whose names have more spellings in this directory than a statement can hold."""
    bound = and_(*query.conditions).compile().params.values()
    if sum(len(one) if isinstance(one, list | tuple) else 1 for one in bound) > _MOST_BOUND:
        raise Refused(name, "too many names match; give more letters", "too-costly")


def _take_other(connection: Connection, query: Query, type_: Type, name: str, text: str, stored: Stored) -> bool:
    """Add a filter on resources of another type of the same listing: those of a chain, or of _has."""
    other = _of_type(type_, query.base)
    if not _take(connection, other, name, text, stored):
        return False
    query.conditions += other.conditions
    query.circles = query.circles or other.circles
    if other.tests:
        ids = {match.cursor.listing_id for match in _matches(connection, stored, other)}
        query.conditions.append(_T.id.in_(sorted(ids)) if ids else false())
    return True


def find(connection: Connection, stored: Stored, query: Query) -> Found:
    """Return the page that was asked for."""
    total = _total(connection, stored, query) if query.controls.get("_total") != "none" or query.only_total else None
    if query.only_total:
        return Found((), (), total, None)
    page = tuple(islice(_matches(connection, stored, query, query.cursor), query.count + 1))
    matches = page[: query.count]
    following = matches[-1].cursor if len(page) > len(matches) else None
    return Found(matches, _included(stored, query, matches), total, following)


def _total(connection: Connection, stored: Stored, query: Query) -> int:
    if query.type.many or query.tests:
        return sum(1 for _match in _matches(connection, stored, query))
    return connection.scalar(select(func.count()).select_from(ListingRow).where(*query.conditions)) or 0


def _matches(connection: Connection, stored: Stored, query: Query, after: Cursor | None = None) -> Iterator[Match]:
    """Yield what matches, from a cursor on."""
    size = _BATCH if query.type.many or query.tests else min(query.count + 1, _BATCH)
    while rows := _rows(connection, query, after, size):
        distances, number, before = {id_: chord for id_, _digest, chord in rows}, 0, ""
        read = search.by_digest(connection, [(id_, digest) for id_, digest, _chord in rows])
        listings = [read[id_] for id_ in distances if id_ in read]
        for listing, resource in of_listings(stored, query.type, listings):
            number, before = (number + 1 if before == listing.id else 0), listing.id
            seen = after and after.listing_id == listing.id and number <= after.number
            if not seen and all(_passes(test, resource) for test in query.tests):
                chord = distances[listing.id]
                metres = None if chord is None else chord2_to_metres(chord)
                yield Match(resource, listing, Cursor(chord, listing.id, number if query.type.many else PAST), metres)
        if len(rows) < size:
            return
        after = Cursor(rows[-1][2], rows[-1][0], PAST)


def _rows(connection: Connection, query: Query, after: Cursor | None, size: int) -> list[Row]:
    """Return the ids, digests and squared chords of the next listings that the conditions let through."""
    distance: Any = _distance(query.circles)
    downwards = query.controls.get("_sort") == "-_id"
    by_distance = query.circles and "_sort" not in query.controls
    conditions = list(query.conditions)
    if after:
        behind = _behind(after, downwards=downwards)
        if by_distance and after.chord2 is not None:
            behind = (distance > after.chord2) | ((distance == after.chord2) & behind)
        conditions.append(behind)
    order = [distance, _T.id] if by_distance else [_T.id.desc() if downwards else _T.id]
    statement = select(_T.id, _T.digest, distance.label("distance")).where(*conditions).order_by(*order).limit(size)
    return [(id_, digest, chord) for id_, digest, chord in connection.execute(statement)]


def _behind(after: Cursor, *, downwards: bool) -> Condition:
    """Ask for the listings behind a cursor, and for its own where some of that one's resources are still to come."""
    further = _T.id < after.listing_id if downwards else _T.id > after.listing_id
    return further if after.number == PAST else further | (_T.id == after.listing_id)


def _distance(around: tuple[Circle, ...]) -> Any:
    """Return the squared chord to the nearest of the circles' middles, NULL where none was asked."""
    if not around:
        return literal(None)
    nearest: Any = chord2(around[0])
    for circle in around[1:]:
        other = chord2(circle)
        nearest = case((other < nearest, other), else_=nearest)
    return nearest


def _passes(test: Test, resource: Resource) -> bool:
    parameter, values = test
    return parameter.test is not None and any(parameter.test(resource, one) for one in values)


def _included(stored: Stored, query: Query, matches: Sequence[Match]) -> tuple[Resource, ...]:
    """Return what the matches refer to and what refers to them, each once: all of it is of the same listings."""
    wanted = dict.fromkeys([*query.includes, *query.revincludes])
    if not wanted:
        return ()
    listings = list({match.listing.id: match.listing for match in matches}.values())
    updated = last_updated(stored, {listing.slug for listing in listings})
    found = [
        resource
        for name in wanted
        for _listing, resource in of_listings(
            stored, TYPES[name], [one for one in listings if one.layer in TYPES[name].layers], updated
        )
    ]
    held = {(one.resource["resourceType"], one.resource["id"]) for one in matches}
    return tuple(one for one in found if (one["resourceType"], one["id"]) not in held)
