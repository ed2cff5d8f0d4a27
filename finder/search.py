"""The one search: from a query and a place to the listings that fit, nearest first.

The order within a layer is: known to fit before not known, then distance, name, id. Distances are compared as squared
chords of the unit sphere, which any database can compute from stored columns with plain arithmetic, and which gives the
same order as great-circle distance; see docs/decisions/search-chords.md.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, literal, select, union_all
from sqlalchemy import or_ as any_of

from finder import language
from finder.db import Database, Explain, ListingRow, Prepared
from finder.domain import fit
from finder.domain.entry import Statement
from finder.domain.geo import HALF_TURN_M, METRES_PER_MILE, GeoPoint, boxes, chord2_to_metres, metres_to_chord2
from finder.domain.listing import Address, Found, Layer, Listing, Reason, Who
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery, Sort
from finder.domain.reasons import distance_reason, fixed_reasons
from finder.domain.terminology import Terminology

PAGE_SIZE = {Layer.CENTERS: 15, Layer.SPECIALISTS: 10}
SINGLE_LAYER_PAGE_SIZE = 25
COUNT_LIMIT = 200
DEEPEST = 1_000
FALLBACK_SIZE = 3
BANDS_PER_DEGREE = 4
NOWHERE = -1
Hit = tuple[str, int, float]  # id, digest, squared chord
Gathered = tuple[str, int, str, int, float]  # id, digest, name key, audience, squared chord
_START_M = 2.5 * METRES_PER_MILE
_GROWTH = 4
LISTINGS_KEPT = 1_500


@dataclass(frozen=True, slots=True)
class LayerPage:
    """One layer's share of a page.

    ``total`` counts what is within the radius, up to COUNT_LIMIT (``more`` tells that there are more; pages go on to
    DEEPEST). ``beyond`` tells that nothing is within the radius and that ``found`` holds the nearest ones farther away.
    """

    layer: Layer
    total: int
    more: bool
    found: tuple[Found, ...]
    beyond: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search's result, layer by layer."""

    query: SearchQuery
    place: Place
    layers: tuple[LayerPage, ...]

    @property
    def found(self) -> tuple[Found, ...]:
        """Every listing of the page, in the order in which they are shown."""
        return tuple(found for layer in self.layers for found in layer.found)

    @property
    def has_next(self) -> bool:
        """Whether a further page has anything on it."""
        return any(layer.has_next for layer in self.layers)


def band_of(latitude: float) -> int:
    """Return the number of the quarter degree of latitude, from 0 at the south pole."""
    return math.floor((latitude + 90) * BANDS_PER_DEGREE)


_T = ListingRow.__table__.c
_CARD = (
    _T.id, _T.layer, _T.slug, _T.name, _T.street, _T.city, _T.state, _T.postal_code,
    _T.latitude, _T.longitude, _T.precision, _T.audience, _T.capability, _T.facts, _T.digest,
)  # fmt: skip
_DX, _DY, _DZ = _T.x - bindparam("x"), _T.y - bindparam("y"), _T.z - bindparam("z")
_CHORD2 = _DX * _DX + _DY * _DY + _DZ * _DZ


@dataclass(frozen=True, slots=True)
class _Shape:
    """What of a circle decides the statement's text: its boxes (two across the 180th meridian) and room for bands."""

    boxes: int
    bands: int

    def conditions(self, layer: str = "layer") -> tuple[Any, ...]:
        """Return the conditions of every search; the argument names what the statement binds."""
        longitudes = [_T.longitude.between(bindparam(f"west{n}"), bindparam(f"east{n}")) for n in range(self.boxes)]
        return (
            _T.layer == bindparam(layer),
            _T.band.in_([bindparam(f"band{n}", type_=Integer) for n in range(self.bands)]),
            any_of(*longitudes) if self.boxes > 1 else longitudes[0],
            _T.audience.op("&")(bindparam("audience")) != 0,
            _T.capability.op("&")(bindparam("designation")) != 0,
            _T.capability.op("&")(bindparam("transplant")) != 0,
            _T.capability.op("&")(bindparam("car_t")) != 0,
            bindparam("limit2") >= _CHORD2,
        )


# A statement built anew costs ten times the index search, so each is made once for its shape and bound per request.
# All of them read the index alone.
@cache
def _gathering(shape: _Shape, layers: int) -> Prepared:
    """Give what lies in the circle, of each layer no more than says that there are many, in no order."""
    columns = (_T.layer, _T.id, _T.digest, _T.name_key, _T.audience, _CHORD2.label("chord2"))
    hits = [
        select(*columns).where(*shape.conditions(f"layer{n}")).limit(COUNT_LIMIT + 1).subquery() for n in range(layers)
    ]
    return Prepared(union_all(*(select(one) for one in hits)))


@cache
def _nearest(shape: _Shape) -> Prepared:
    return _slice_statement(shape, _CHORD2, _T.name_key, _T.id)


@cache
def _by_name(shape: _Shape) -> Prepared:
    return _slice_statement(shape, _T.name_key, _T.id)


def _slice_statement(shape: _Shape, *order: Any) -> Prepared:
    hits = select(_T.id, _T.digest, _CHORD2.label("chord2")).where(*shape.conditions()).order_by(*order)
    return Prepared(hits.limit(bindparam("size")).offset(bindparam("offset")))


@cache
def _counting(shape: _Shape) -> Prepared:
    hits = select(literal(1)).where(*shape.conditions()).limit(DEEPEST).subquery()
    return Prepared(select(func.count()).select_from(hits))


_BY_ID = select(*_CARD).where(_T.id.in_(bindparam("ids", expanding=True)))
_BY_LAYER = select(*_CARD).where(_T.layer == bindparam("layer")).order_by(_T.state, _T.name_key, _T.id)
_SIZE = select(func.count()).where(_T.layer == bindparam("layer"))


def find(database: Database, terminology: Terminology, query: SearchQuery, place: Place) -> SearchPage:
    """Return one page of the listings within the radius; where there are none, the nearest ones beyond it.

    Ties are ordered by name, then id, so that pages never overlap. Raises nothing: an empty page is an answer.
    """
    with database.reading() as connection:
        gathered = _gather(connection, query, place)
        pages = [
            LayerSearch(connection, query, place, layer).page(terminology, gathered[layer.number])
            for layer in query.layers
        ]
        return SearchPage(query, place, tuple(pages))


def _gather(connection: Connection, query: SearchQuery, place: Place) -> Mapping[int, list[Gathered]]:
    """Return what lies in the circle by the number of its layer, in no order, COUNT_LIMIT + 1 where there is more.

    Most searches have few hits; then this is their only search of the index.
    """
    shape, values = _circle(query, place.point, query.radius_m)
    values |= {f"layer{n}": layer.number for n, layer in enumerate(query.layers)}
    values["audience"] = fit.known_mask(query.who) | fit.unknown_mask(query.who)
    gathered: dict[int, list[Gathered]] = defaultdict(list)
    for layer, *hit in _gathering(shape, len(query.layers)).rows(connection, values):
        gathered[layer].append((hit[0], hit[1], hit[2], hit[3], hit[4]))
    return gathered


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """The search of one layer on an open connection."""

    connection: Connection
    query: SearchQuery
    place: Place
    layer: Layer

    def page(self, terminology: Terminology, gathered: Sequence[Gathered]) -> LayerPage:
        """Return the query's page, from every hit where there are few, else slice by slice from the database."""
        length = PAGE_SIZE[self.layer] if len(self.query.layers) > 1 else SINGLE_LAYER_PAGE_SIZE
        offset, many = (self.query.page - 1) * length, len(gathered) > COUNT_LIMIT
        if not gathered:
            hits = self._beyond()
        elif not many:
            hits = self._of_few(gathered)[offset : offset + length + 1]
        else:
            hits = self._of_many(offset, length + 1) if offset < DEEPEST else []
        found = [
            _found(listing, metres, self.query, self.place, terminology)
            for listing, metres in self.listings(hits[:length])
        ]
        total = min(len(gathered), COUNT_LIMIT)
        has_next = len(hits) > length and offset + length < DEEPEST
        return LayerPage(self.layer, total, many, tuple(found), not gathered, has_next)

    def _of_few(self, gathered: Sequence[Gathered]) -> list[Hit]:
        known, by_name = fit.known_mask(self.query.who), self.query.sort is Sort.NAME
        ordered = sorted(
            (not audience & known, 0.0 if by_name else chord2, name_key, id_, digest, chord2)
            for id_, digest, name_key, audience, chord2 in gathered
        )
        return [(id_, digest, chord2) for *_, id_, digest, chord2 in ordered]

    def _of_many(self, offset: int, size: int) -> list[Hit]:
        known_mask, unknown_mask = fit.known_mask(self.query.who), fit.unknown_mask(self.query.who)
        hits = self._slice(known_mask, offset, size)
        if len(hits) == size or not unknown_mask:
            return hits
        known = offset + len(hits) if hits else self._count(known_mask)
        return hits + self._slice(unknown_mask, max(0, offset - known), size - len(hits))

    def _count(self, audience: int) -> int:
        shape, values = _circle(self.query, self.place.point, self.query.radius_m)
        values |= {"layer": self.layer.number, "audience": audience}
        return int(_counting(shape).rows(self.connection, values)[0][0])

    def nearest(self, audience: int, offset: int, size: int) -> list[Hit]:
        """Return one slice of the order by distance, looking no farther than the query's radius.

        The circle starts small and grows until it holds the slice: work follows the slice, not the directory.
        """
        radius_m = min(_START_M, self.query.radius_m)
        while True:
            rows = self._hits(_nearest, audience, offset, size, radius_m)
            if len(rows) == size or radius_m >= self.query.radius_m:
                return rows
            radius_m = min(radius_m * _GROWTH, self.query.radius_m)

    def listings(self, hits: list[Hit]) -> list[tuple[Listing, float]]:
        """Return each hit's listing and distance in metres, in the same order."""
        by_id = by_digest(self.connection, [(id_, digest) for id_, digest, _ in hits])
        return [(by_id[id_], chord2_to_metres(chord2)) for id_, _, chord2 in hits if id_ in by_id]

    def _slice(self, audience: int, offset: int, size: int) -> list[Hit]:
        if self.query.sort is Sort.NAME:
            return self._hits(_by_name, audience, offset, size, self.query.radius_m)
        return self.nearest(audience, offset, size)

    def _beyond(self) -> list[Hit]:
        """Return the nearest ones outside the radius: those known to fit, and others only where they are too few."""
        rows = self._outside(fit.known_mask(self.query.who), FALLBACK_SIZE)
        unknown = fit.unknown_mask(self.query.who)
        if len(rows) < FALLBACK_SIZE and unknown:
            rows += self._outside(unknown, FALLBACK_SIZE - len(rows))
        return rows

    def _outside(self, audience: int, size: int) -> list[Hit]:
        radius_m = self.query.radius_m
        rows: list[Hit] = []
        while len(rows) < size and radius_m < HALF_TURN_M:
            radius_m = min(radius_m * 4, HALF_TURN_M)
            rows = self._hits(_nearest, audience, 0, size, radius_m)
        return rows

    def _hits(
        self, statement: Callable[[_Shape], Prepared], audience: int, offset: int, size: int, radius_m: float
    ) -> list[Hit]:
        shape, values = _circle(self.query, self.place.point, radius_m)
        values |= {"layer": self.layer.number, "audience": audience, "offset": offset, "size": size}
        return [(id_, digest, chord2) for id_, digest, chord2 in statement(shape).rows(self.connection, values)]


# What this process has read, by id and digest: a listing that changed has another digest, so nothing here goes stale.
_KEPT: dict[tuple[str, int], Listing] = {}


def by_digest(connection: Connection, keys: Sequence[tuple[str, int]]) -> dict[str, Listing]:
    """Return the listings with these ids and digests by id; only those that this process does not hold are read."""
    by_id = {id_: listing for id_, digest in keys if (listing := _KEPT.get((id_, digest)))}
    missing = [id_ for id_, _ in keys if id_ not in by_id]
    if missing:
        # An import may replace a listing between the two statements; then the new one is shown.
        read = dict(map(_keyed, connection.execute(_BY_ID, {"ids": missing})))
        by_id |= {listing.id: listing for listing in read.values()}
        _keep(read)
    return by_id


def _keep(read: dict[tuple[str, int], Listing]) -> None:
    if len(_KEPT) + len(read.keys() - _KEPT.keys()) > LISTINGS_KEPT:
        _KEPT.clear()
    _KEPT.update(read)


def _keyed(row: Sequence[Any]) -> tuple[tuple[str, int], Listing]:
    *card, digest = tuple(row)
    return (card[0], digest), _listing_of(card)


def get(database: Database, layer: Layer, slug: str) -> Listing | None:
    """Return the listing with this page name."""
    return next(iter(by_ids(database, [layer.id_of(slug)])), None)


def by_ids(database: Database, ids: Sequence[str]) -> tuple[Listing, ...]:
    """Return the listings with these ids in the order asked for; unknown ids are left out."""
    possible = [one for one in ids if "\0" not in one]  # PostgreSQL takes no such text.
    with database.reading() as connection:
        read = dict(map(_keyed, connection.execute(_BY_ID, {"ids": possible})))
    # One object for each listing, so that what is made of it is found again.
    found = {key[0]: _KEPT.get(key, listing) for key, listing in read.items()}
    _keep({key: found[key[0]] for key in read})
    return tuple(found[one] for one in ids if one in found)


def everything(database: Database, layer: Layer) -> tuple[Listing, ...]:
    """Return every listing of a layer, by state, then name."""
    with database.reading() as connection:
        return tuple(_keyed(row)[1] for row in connection.execute(_BY_LAYER, {"layer": layer.number}))


def size(database: Database, layer: Layer) -> int:
    """Return how many listings a layer holds."""
    with database.reading() as connection:
        return connection.scalar(_SIZE, {"layer": layer.number}) or 0


def explain(connection: Connection, query: SearchQuery, place: Place, layer: Layer) -> str:
    """Return the database's own words on how it finds the nearest listings."""
    shape, values = _circle(query, place.point, query.radius_m)
    values |= {"layer": layer.number, "audience": fit.known_mask(query.who), "offset": 0, "size": 25}
    rows = connection.execute(Explain(_nearest(shape).statement), values)
    return "\n".join(" ".join(map(str, row)) for row in rows)


def _circle(query: SearchQuery, point: GeoPoint, radius_m: float) -> tuple[_Shape, dict[str, Any]]:
    """Return the shape of a circle and the values that place, radius and filters bind in every statement."""
    around = boxes(point, radius_m)
    x, y, z = point.unit_vector()
    values: dict[str, Any] = {"x": x, "y": y, "z": z, "limit2": metres_to_chord2(radius_m)}
    south, north = band_of(max(-90.0, around[0].south)), band_of(min(90.0, around[0].north))
    # Room is made in powers of two, so that few statements serve all radii; the last band fills what is left.
    room = 1 << (north - south).bit_length()
    values |= {f"band{n}": min(south + n, north) for n in range(room)}
    for n, box in enumerate(around):
        values |= {f"west{n}": box.west, f"east{n}": box.east}
    values["designation"] = sum(fit.DESIGNATIONS[one] for one in query.designation) or fit.LISTED
    for offer in ("transplant", "car-t"):
        wanted = fit.offer_mask(offer, query.who) if offer in query.offers else fit.LISTED
        values[offer.replace("-", "_")] = wanted
    return _Shape(len(around), room), values


def _found(listing: Listing, metres: float, query: SearchQuery, place: Place, terminology: Terminology) -> Found:
    reasons = (distance_reason(listing, place, metres), *_reasons(listing, query.who, terminology, language.current()))
    return Found(listing, metres, fit.fit_of(listing.audience, query.who), reasons)


@lru_cache(2 * LISTINGS_KEPT)
def _reasons(listing: Listing, who: Who | None, terminology: Terminology, _language: str) -> tuple[Reason, ...]:
    return fixed_reasons(listing, who, terminology)


def _listing_of(row: Sequence[Any]) -> Listing:
    id_, layer, slug, name, street, city, state, code, latitude, longitude, precision, audience, capability, facts = row
    return Listing(
        id=id_,
        layer=Layer.CENTERS if layer == Layer.CENTERS.number else Layer.SPECIALISTS,
        slug=slug,
        name=name,
        address=Address(street, city, state, code),
        point=None if latitude is None else GeoPoint(latitude, longitude),
        precision=Precision(precision) if precision else None,
        audience=audience,
        capability=capability,
        facts=tuple(Statement(*fact) for fact in json.loads(facts)),
    )
