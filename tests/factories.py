"""Small directories for tests: entries as a source would give them, put in by the real ingest."""

import csv
from pathlib import Path

from finder.db import Database
from finder.domain.entry import Delivery, Entry, Identifier, Statement
from finder.domain.geo import GeoPoint
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.terminology import Terminology
from finder.ingest import counts_of, run_import

DATA = Path(__file__).resolve().parent.parent / "data"
BOSTON = Place("Boston, MA", GeoPoint(42.3601, -71.0589), Precision.CITY)


def terminology():
    rows = []
    for name in ("specialties", "designations"):
        with (DATA / "terminology" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows.append(list(csv.DictReader(file)))
    return Terminology.from_rows(*rows)


def said(field, value="yes", **more):
    return Statement(field, value, more.pop("source", "A test list"), as_of=more.pop("as_of", "2026-01"), **more)


def center(slug, *facts, name=None, at=(42.36, -71.06), precision="address"):
    statements = [said("name", name or slug), said("state", "MA"), said("city", "Boston"), said("zip", "02115")]
    if at:
        statements += [said("latitude", str(at[0]), scope=precision), said("longitude", str(at[1]), scope=precision)]
    identifier = Identifier("urn:all-care-finder:center", slug)
    return Entry(slug, "Organization", (identifier,), (*statements, *facts))


def specialist(npi, *codes, family="Doe", given="Ann", at=(42.36, -71.06)):
    statements = [said("family", family), said("given", given), said("credentials", "MD"), said("state", "MA")]
    statements += [said("specialty", code) for code in codes or ("207RH0003X",)]
    statements += [said("latitude", str(at[0]), scope="zip"), said("longitude", str(at[1]), scope="zip")]
    identifier = Identifier("http://hl7.org/fhir/sid/us-npi", npi)
    return Entry(npi, "PractitionerRole", (identifier,), tuple(statements))


def nowhere(address):
    return None


FULL = Delivery("full", "A test list")


def fill(database: Database, *entries: Entry, source="a-list", delivery=FULL):
    """Import a list and return its counts."""
    run = run_import(database, source, delivery, entries, nowhere, terminology())
    return counts_of(run)["counts"]


def query(near="Boston, MA", **more):
    return SearchQuery(near=near, **more)
