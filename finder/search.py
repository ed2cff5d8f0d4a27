"""The one search: from a query and a place to the listings that fit, nearest first.

The order within a layer is: known to fit before not known, then distance, name, id. Distances are compared as squared
chords of the unit sphere, which any database can compute from stored columns with plain arithmetic, and which gives the
same order as great-circle distance; see docs/decisions/search-chords.md.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Subquery, bindparam, func, literal, select
from sqlalchemy import or_ as any_of

from finder.db import Database, Explain, ListingRow
from finder.domain import fit
from finder.domain.entry import Statement
from finder.domain.geo import HALF_TURN_M, METRES_PER_MILE, GeoPoint, boxes, chord2_to_metres, metres_to_chord2
from finder.domain.listing import Address, Found, Layer, Listing
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery, Sort
from finder.domain.reasons import distance_reason, fixed_reasons
from finder.domain.terminology import Terminology

PAGE_SIZE = {Layer.CENTERS: 15, Layer.SPECIALISTS: 10}
SINGLE_LAYER_PAGE_SIZE = 25
COUNT_LIMIT = 1_000
FALLBACK_SIZE = 3
BANDS_PER_DEGREE = 4
NOWHERE = -1
_START_M = 2 * METRES_PER_MILE
_ROWS_KEPT = 2_048


@dataclass(frozen=True, slots=True)
class LayerPage:
    """One layer's share of a page.

    ``total`` counts what is within the radius, up to COUNT_LIMIT (``more`` tells that there are more). ``beyond`` tells
    that nothing is within the radius and that ``found`` holds the nearest ones farther away.
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
    _T.latitude, _T.longitude, _T.precision, _T.audience, _T.capability, _T.facts,
)  # fmt: skip
_DX, _DY, _DZ = _T.x - bindparam("x"), _T.y - bindparam("y"), _T.z - bindparam("z")
_CHORD2 = _DX * _DX + _DY * _DY + _DZ * _DZ


def _within(parts: int, layer: str = "layer", audience: str = "audience") -> tuple[Any, ...]:
    """Return the conditions of every search; ``parts`` is the number of boxes (two across the 180th meridian)."""
    longitudes = [_T.longitude.between(bindparam(f"west{n}"), bindparam(f"east{n}")) for n in range(parts)]
    return (
        bindparam(audience) != literal(0),
        _T.layer == bindparam(layer),
        _T.band.in_(bindparam("bands", expanding=True)),
        any_of(*longitudes) if parts > 1 else longitudes[0],
        _T.audience.op("&")(bindparam(audience)) != 0,
        _T.capability.op("&")(bindparam("designation")) != 0,
        _T.capability.op("&")(bindparam("transplant")) != 0,
        _T.capability.op("&")(bindparam("car_t")) != 0,
        bindparam("limit2") >= _CHORD2,
    )


def _page_statement(parts: int, *order: Any) -> Select[Any]:
    hits = (
        select(_T.id, _T.name_key, _CHORD2.label("chord2"))
        .where(*_within(parts))
        .order_by(*order)
        .limit(bindparam("size"))
        .offset(bindparam("offset"))
        .subquery("hit")
    )
    return (
        select(*_CARD, hits.c.chord2)
        .join_from(hits, ListingRow.__table__, hits.c.id == _T.id)
        .order_by(*(_outer(hits, column) for column in order))
    )


def _outer(hits: Subquery, column: Any) -> Any:
    return hits.c.chord2 if column is _CHORD2 else hits.c[column.name]


def _count_statement(parts: int) -> Select[Any]:
    counts = []
    for layer in Layer:
        for audience in ("known", "unknown"):
            hits = select(literal(1)).where(*_within(parts, f"layer{layer.number}", audience)).limit(COUNT_LIMIT + 1)
            counts.append(select(func.count()).select_from(hits.subquery()).scalar_subquery())
    return select(*counts)


# A statement built anew costs ten times the index search, so each is built once and bound per request.
_NEAREST = {parts: _page_statement(parts, _CHORD2, _T.name_key, _T.id) for parts in (1, 2)}
_BY_NAME = {parts: _page_statement(parts, _T.name_key, _T.id) for parts in (1, 2)}
_COUNT = {parts: _count_statement(parts) for parts in (1, 2)}
_BY_ID = select(*_CARD).where(_T.id.in_(bindparam("ids", expanding=True)))
_BY_SLUG = select(*_CARD).where(_T.layer == bindparam("layer"), _T.slug == bindparam("slug"))
_BY_LAYER = select(*_CARD).where(_T.layer == bindparam("layer")).order_by(_T.state, _T.name_key, _T.id)
_SIZE = select(func.count()).where(_T.layer == bindparam("layer"))


def find(database: Database, terminology: Terminology, query: SearchQuery, place: Place) -> SearchPage:
    """Return one page of the listings within the radius; where there are none, the nearest ones beyond it.

    Ties are ordered by name, then id, so that pages never overlap. Raises nothing: an empty page is an answer.
    """
    with database.reading() as connection:
        counts = _counts(connection, query, place.point)
        layers = [
            LayerSearch(connection, query, place, layer).page(terminology, *counts[layer]) for layer in query.layers
        ]
        return SearchPage(query, place, tuple(layers))


@dataclass(frozen=True, slots=True)
class LayerSearch:
    """The search of one layer on one connection."""

    connection: Connection
    query: SearchQuery
    place: Place
    layer: Layer

    def page(self, terminology: Terminology, known: int, unknown: int) -> LayerPage:
        """Return the query's page, given how many listings are known to fit and of how many nobody knows."""
        length = PAGE_SIZE[self.layer] if len(self.query.layers) > 1 else SINGLE_LAYER_PAGE_SIZE
        offset = (self.query.page - 1) * length
        total = known + unknown
        rows: list[Row[Any]] = []
        if offset < known:
            rows += self._slice(fit.known_mask(self.query.who), offset, length, known)
        if len(rows) < length and unknown:
            rows += self._slice(fit.unknown_mask(self.query.who), max(0, offset - known), length - len(rows), unknown)
        if not total:
            rows += self._beyond()
        found = tuple(_found(tuple(row), self.query, self.place, terminology) for row in rows)
        shown = min(total, COUNT_LIMIT)
        return LayerPage(self.layer, shown, total > COUNT_LIMIT, found, not total, offset + length < shown)

    def nearest(self, audience: int, offset: int, size: int, start_m: float = _START_M) -> Sequence[Row[Any]]:
        """Return the rows of one slice of the order by distance, looking no farther than the query's radius.

        The circle starts at ``start_m`` and grows until it holds the slice: work follows the slice, not the directory.
        """
        radius_m = min(start_m, self.query.radius_m)
        while True:
            rows = self._rows(_NEAREST, audience, offset, size, radius_m)
            if len(rows) == size or radius_m >= self.query.radius_m:
                return rows
            radius_m = min(radius_m * 3, self.query.radius_m)

    def _slice(self, audience: int, offset: int, size: int, total: int) -> Sequence[Row[Any]]:
        if self.query.sort is Sort.NAME:
            return self._rows(_BY_NAME, audience, offset, size, self.query.radius_m)
        share = 2 * (offset + size) / total  # twice what is wanted, of what is there, if it lay evenly
        start_m = _START_M if total > COUNT_LIMIT else self.query.radius_m * math.sqrt(min(1.0, share))
        return self.nearest(audience, offset, size, start_m)

    def _beyond(self) -> Sequence[Row[Any]]:
        audience = fit.known_mask(self.query.who) | fit.unknown_mask(self.query.who)
        radius_m = self.query.radius_m
        rows: Sequence[Row[Any]] = ()
        while len(rows) < FALLBACK_SIZE and radius_m < HALF_TURN_M:
            radius_m = min(radius_m * 4, HALF_TURN_M)
            rows = self._rows(_NEAREST, audience, 0, FALLBACK_SIZE, radius_m)
        return rows

    def _rows(
        self, statements: Mapping[int, Select[Any]], audience: int, offset: int, size: int, radius_m: float
    ) -> Sequence[Row[Any]]:
        parts, values = _circle(self.query, self.place.point, radius_m)
        values |= {"layer": self.layer.number, "audience": audience, "offset": offset, "size": size}
        return self.connection.execute(statements[parts], values).all()


def get(database: Database, layer: Layer, slug: str) -> Listing | None:
    """Return the listing with this page name."""
    with database.reading() as connection:
        row = connection.execute(_BY_SLUG, {"layer": layer.number, "slug": slug}).first()
    return None if row is None else listing_of(tuple(row))


def by_ids(database: Database, ids: Sequence[str]) -> tuple[Listing, ...]:
    """Return the listings with these ids in the order asked for; unknown ids are left out."""
    with database.reading() as connection:
        rows = connection.execute(_BY_ID, {"ids": list(ids)}).all()
    found = {row.id: listing_of(tuple(row)) for row in rows}
    return tuple(found[one] for one in ids if one in found)


def everything(database: Database, layer: Layer) -> tuple[Listing, ...]:
    """Return every listing of a layer, by state, then name."""
    with database.reading() as connection:
        return tuple(listing_of(tuple(row)) for row in connection.execute(_BY_LAYER, {"layer": layer.number}))


def size(database: Database, layer: Layer) -> int:
    """Return how many listings a layer holds."""
    with database.reading() as connection:
        return connection.scalar(_SIZE, {"layer": layer.number}) or 0


def explain(connection: Connection, query: SearchQuery, place: Place, layer: Layer) -> str:
    """Return the database's own words on how it finds the nearest listings."""
    parts, values = _circle(query, place.point, query.radius_m)
    values |= {"layer": layer.number, "audience": fit.known_mask(query.who), "offset": 0, "size": 25}
    return "\n".join(" ".join(map(str, row)) for row in connection.execute(Explain(_NEAREST[parts]), values))


def _counts(connection: Connection, query: SearchQuery, point: GeoPoint) -> dict[Layer, tuple[int, int]]:
    parts, values = _circle(query, point, query.radius_m)
    values |= {f"layer{layer.number}": layer.number for layer in Layer}
    values |= {"known": fit.known_mask(query.who), "unknown": fit.unknown_mask(query.who)}
    counts = tuple(connection.execute(_COUNT[parts], values).one())
    return {layer: (counts[2 * n], counts[2 * n + 1]) for n, layer in enumerate(Layer)}


def _circle(query: SearchQuery, point: GeoPoint, radius_m: float) -> tuple[int, dict[str, Any]]:
    """Return the number of boxes and the values that place, radius and filters bind in every statement."""
    around = boxes(point, radius_m)
    x, y, z = point.unit_vector()
    values: dict[str, Any] = {"x": x, "y": y, "z": z, "limit2": metres_to_chord2(radius_m)}
    values["bands"] = list(range(band_of(max(-90.0, around[0].south)), band_of(min(90.0, around[0].north)) + 1))
    for n, box in enumerate(around):
        values |= {f"west{n}": box.west, f"east{n}": box.east}
    values["designation"] = sum(fit.DESIGNATIONS[one] for one in query.designation) or fit.LISTED
    for offer in ("transplant", "car-t"):
        wanted = fit.offer_mask(offer, query.who) if offer in query.offers else fit.LISTED
        values[offer.replace("-", "_")] = wanted
    return len(around), values


def _found(row: tuple[Any, ...], query: SearchQuery, place: Place, terminology: Terminology) -> Found:
    *card, chord2 = row
    listing, reasons = _explained(tuple(card), query.who, terminology)
    metres = chord2_to_metres(chord2)
    return Found(
        listing,
        metres,
        fit.fit_of(listing.audience, query.who),
        (distance_reason(listing, place, metres), *reasons),
    )


@lru_cache(_ROWS_KEPT)
def _explained(row: tuple[Any, ...], who: Any, terminology: Terminology) -> tuple[Listing, tuple[Any, ...]]:
    """Return what does not depend on the place; the row itself is the key, so a changed row is never served stale."""
    listing = listing_of(row)
    return listing, fixed_reasons(listing, who, terminology)


def listing_of(row: tuple[Any, ...]) -> Listing:
    """Return the listing that a row of the read model holds."""
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
