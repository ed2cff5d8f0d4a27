"""A search's result as a FHIR Bundle of type searchset."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from finder.fhir.parameters import Refused
from finder.fhir.reading import Stored
from finder.fhir.resources import Resource, Type
from finder.fhir.searching import Found, Match, Query, find, parse

_DISTANCE = "http://hl7.org/fhir/StructureDefinition/location-distance"
_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS = ("resourceType", "id", "meta")


def searchset(stored: Stored, type_: Type, args: Sequence[tuple[str, str]], base: str, *, strict: bool) -> Resource:
    """Return the page of matches as a Bundle; ``base`` is this server's address.

    Raises Refused for a parameter that cannot be taken; ``strict`` refuses unknown ones too, which otherwise are left
    out of the "self" link and named in an outcome.
    """
    with stored.database.reading() as connection:
        query = parse(connection, type_, args, base, stored=stored)
        if strict and query.unknown:
            known = "see the CapabilityStatement for those that are known"
            raise Refused(query.unknown[0], f"is not a search parameter of {type_.name}; {known}", "not-supported")
        found = find(connection, stored, query)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if found.total is not None:
        bundle["total"] = found.total
    bundle["link"] = list(_links(query, found, f"{base}/{type_.name}"))
    entries = [*_entries(query, found, base), *([_left_out(query)] if query.unknown else [])]
    return bundle | ({"entry": entries} if entries else {})


def _links(query: Query, found: Found, address: str) -> Iterator[Resource]:
    pairs = [(name, text) for name, text in query.understood if name != "_cursor"]
    here = [("_cursor", query.controls["_cursor"])] if "_cursor" in query.controls else []
    yield {"relation": "self", "url": _url(address, pairs + here)}
    yield {"relation": "first", "url": _url(address, pairs)}
    if found.next:
        yield {"relation": "next", "url": _url(address, [*pairs, ("_cursor", str(found.next))])}


def _url(address: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(pairs)}" if pairs else address


def _entries(query: Query, found: Found, base: str) -> Iterator[Resource]:
    for match in found.matches:
        yield _entry(query, match.resource, base) | {"search": {"mode": "match", **_distances(query, match)}}
    for resource in found.included:
        yield _entry(query, resource, base) | {"search": {"mode": "include"}}


def _entry(query: Query, resource: Resource, base: str) -> Resource:
    shown = _subset(query, resource) if resource["resourceType"] == query.type.name else resource
    return {"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}", "resource": shown}


def _distances(query: Query, match: Match) -> Resource:
    if not query.circles or match.distance_m is None:
        return {}
    unit_m, code = query.circles[0].unit_m, query.circles[0].unit
    value = {"value": round(match.distance_m / unit_m, 2), "unit": code, "system": "http://unitsofmeasure.org"}
    return {"extension": [{"url": _DISTANCE, "valueDistance": value | {"code": code}}]}


def _subset(query: Query, resource: Resource) -> Resource:
    """Return the elements that were asked for and those that must not be absent, marked as a part."""
    elements, summary = query.controls.get("_elements"), query.controls.get("_summary")
    if elements is None and summary not in ("true", "text", "data"):
        return resource
    wanted = {*_ALWAYS, *query.type.required}
    if elements is not None:
        wanted |= {one.strip().rpartition(".")[2] for one in elements.split(",")}
    elif summary == "true":
        wanted |= set(query.type.summary)
    elif summary == "data":
        wanted |= set(resource)
    kept = {name: value for name, value in resource.items() if name in wanted}
    return kept | {"meta": resource["meta"] | {"tag": [_SUBSETTED]}}


def _left_out(query: Query) -> Resource:
    words = f"These parameters are not known here and were left out: {', '.join(query.unknown)}"
    issue = {"severity": "warning", "code": "not-supported", "details": {"text": words}}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return {"resource": outcome, "search": {"mode": "outcome"}}
