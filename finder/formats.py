"""A search's result as JSON, GeoJSON and CSV; every door that answers a program uses these."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any

from finder.domain.entry import Statement
from finder.domain.listing import Found, Layer, Listing, Reason, Who, phone_for
from finder.domain.place import Place
from finder.domain.query import PARAMETERS, SearchQuery
from finder.search import LISTINGS_KEPT, SearchPage

CSV_COLUMNS = (
    "id", "layer", "name", "kind", "distance_mi", "fit", "street", "city", "state", "zip", "phone", "website",
    "latitude", "longitude", "precision", "reasons", "url",
)  # fmt: skip

# dataclasses.asdict copies every value, which took most of the time of an answer.
_SAID = tuple(one.name for one in fields(Statement) if one.name != "field")
_REASON = tuple(one.name for one in fields(Reason))


def path_of(listing: Listing) -> str:
    """Return the path of a listing's page."""
    return f"/{listing.layer}/{listing.slug}"


def kind_of(listing: Listing) -> str:
    """Return what a listing is, as a code: a kind of facility, or "specialist"."""
    if listing.layer is Layer.SPECIALISTS:
        return "specialist"
    fact = listing.first("facility_type")
    return fact.value if fact else "unknown"


def search_json(page: SearchPage, links: dict[str, str | None]) -> dict[str, Any]:
    """Return a page of results as a plain JSON object; ``links`` are the addresses "self" and "next"."""
    return {
        "query": _query_json(page.query),
        "place": place_json(page.place),
        "total": {layer.layer.value: layer.total for layer in page.layers},
        "more_than_total": [layer.layer.value for layer in page.layers if layer.more],
        "beyond_radius": [layer.layer.value for layer in page.layers if layer.beyond and layer.found],
        "listings": [found_json(found, page.query) for found in page.found],
        "links": links,
    }


def _query_json(query: SearchQuery) -> dict[str, Any]:
    values = {parameter.name: getattr(query, parameter.name, None) for parameter in PARAMETERS}
    values["latitude"] = query.point.latitude if query.point else None
    values["longitude"] = query.point.longitude if query.point else None
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def place_json(place: Place) -> dict[str, Any]:
    """Return a place as a plain JSON object."""
    return {
        "label": place.label,
        "latitude": place.point.latitude,
        "longitude": place.point.longitude,
        "precision": place.precision.value,
        "corrected": place.corrected,
    }


def listing_json(listing: Listing, query: SearchQuery | None = None) -> dict[str, Any]:
    """Return a listing as a plain JSON object with every fact; the phone is the one that ``query.who`` should call."""
    return dict(_listing_json(listing, query.who if query else None))


@lru_cache(LISTINGS_KEPT)
def _listing_json(listing: Listing, who: Who | None) -> dict[str, Any]:
    phone, website = phone_for(listing, who), listing.first("website")
    facts: dict[str, list[dict[str, Any]]] = {}
    for fact in listing.facts:
        facts.setdefault(fact.field, []).append({name: getattr(fact, name) for name in _SAID})
    return {
        "id": listing.id,
        "layer": listing.layer.value,
        "name": listing.name,
        "kind": kind_of(listing),
        "address": asdict(listing.address) | {"text": str(listing.address)},
        "phone": phone.value if phone else None,
        "website": website.value if website else None,
        "latitude": listing.point.latitude if listing.point else None,
        "longitude": listing.point.longitude if listing.point else None,
        "precision": listing.precision.value if listing.precision else None,
        "facts": facts,
        "url": path_of(listing),
    }


def found_json(found: Found, query: SearchQuery) -> dict[str, Any]:
    """Return a listing of a result as a plain JSON object with its distance, fit and reasons."""
    return listing_json(found.listing, query) | {
        "distance_m": None if found.distance_m is None else round(found.distance_m),
        "distance_mi": found.distance_mi,
        "fit": found.fit.name.lower(),
        "reasons": [{name: getattr(reason, name) for name in _REASON} for reason in found.reasons],
    }


def search_geojson(page: SearchPage, links: dict[str, str | None]) -> dict[str, Any]:
    """Return a page of results as a GeoJSON FeatureCollection (RFC 7946), with the rest as foreign members."""
    whole = search_json(page, links)
    return {
        "type": "FeatureCollection",
        "features": [_feature(record) for record in whole.pop("listings")],
        **whole,
    }


def _feature(record: dict[str, Any]) -> dict[str, Any]:
    longitude, latitude = record.pop("longitude"), record.pop("latitude")
    geometry = None if longitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "id": record.pop("id"), "geometry": geometry, "properties": record}


def search_csv(page: SearchPage) -> Iterator[str]:
    """Yield a page of results as CSV lines with a header; a text that a spreadsheet would run is made harmless."""
    yield csv_line(CSV_COLUMNS)
    for found in page.found:
        record = found_json(found, page.query)
        address = record.pop("address")
        record |= {"street": address["street"], "city": address["city"], "state": address["state"]}
        record |= {"zip": address["postal_code"]}
        record["reasons"] = "; ".join(reason.text for reason in found.reasons)
        yield csv_line(tuple(record[column] for column in CSV_COLUMNS))


def csv_line(values: Iterable[object]) -> str:
    """Return one line of a CSV in which no spreadsheet finds a formula."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(_harmless(value) for value in values)
    return buffer.getvalue()


def _harmless(value: object) -> object:
    """Put an apostrophe before a text that begins like a formula (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
