"""Synthetic listings for measurements: random points around real ZIPs, weighted by people. Never shown to anybody."""

import csv
import gzip
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

from sqlalchemy import insert, text

from finder.db import Database, ListingRow
from finder.domain.geo import GeoPoint
from finder.domain.listing import Layer
from finder.search import band_of
from finder.settings import PROJECT

BATCH = 20_000


def zips() -> list[dict[str, str]]:
    """Return the shipped ZIPs that have a position and people."""
    with gzip.open(PROJECT / "data" / "gazetteer" / "zips.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["latitude"] and row["population"]]


@cache
def _weighted() -> tuple[list[GeoPoint], list[float]]:
    rows = zips()
    places = [GeoPoint(float(row["latitude"]), float(row["longitude"])) for row in rows]
    return places, [float(row["population"]) + 1 for row in rows]


def points(count: int, seed: int = 1) -> Iterator[GeoPoint]:
    """Yield random points near where people live."""
    random = Random(seed)
    places, weights = _weighted()
    for place in random.choices(places, weights, k=count):
        yield GeoPoint(
            max(-90.0, min(90.0, place.latitude + random.gauss(0, 0.02))),
            max(-180.0, min(180.0, place.longitude + random.gauss(0, 0.02))),
        )


def queries(count: int) -> list[GeoPoint]:
    """Return the places that are searched from: middles of ZIPs, weighted by people."""
    places, weights = _weighted()
    return Random(2).choices(places, weights, k=count)


def fill(database: Database, size: int) -> None:
    """Put in so many synthetic specialists, beside what is there."""
    database.migrate()
    with database.engine.begin() as connection:
        for name in ("listing_search", "listing_state"):
            connection.execute(text(f"DROP INDEX {name}"))
        batch: list[dict[str, Any]] = []
        for row in _rows(size):
            batch.append(row)
            if len(batch) == BATCH:
                connection.execute(insert(ListingRow), batch)
                batch = []
        if batch:
            connection.execute(insert(ListingRow), batch)
        for index in ListingRow.__table__.indexes:
            if index.name in ("listing_search", "listing_state"):
                index.create(connection)
    database.analyze()


def _rows(size: int) -> Iterator[dict[str, Any]]:
    random = Random(5)
    for n, point in enumerate(points(size)):
        x, y, z = point.unit_vector()
        yield {
            "id": f"bench-{n}",
            "layer": Layer.SPECIALISTS.number,
            "slug": f"bench-{n}",
            "name": f"Synthetic {n}",
            "name_key": f"synthetic {n}",
            "street": "1 Bench Street",
            "city": "Benchville",
            "state": "XX",
            "postal_code": "00000",
            "latitude": point.latitude,
            "longitude": point.longitude,
            "precision": "address",
            "band": band_of(point.latitude),
            "x": x,
            "y": y,
            "z": z,
            "audience": random.choice([0b010101, 0b010100, 0b000101]),
            "capability": 1 | random.choice([0, 2, 4, 16, 64, 80]),
            "digest": n,
            "facts": _FACTS,
        }


_FACTS = (
    '[["specialty","207RH0003X","A synthetic list","","2026","","","",""],'
    '["phone","617-555-0100","A synthetic list","","2026","","","",""]]'
)
