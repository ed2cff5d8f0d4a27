"""Reading resources: one by its id, or those of listings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BindParameter, bindparam, func, select

from finder import search
from finder.db import Database, ImportRun, ListingRow, Override, SourceRecord
from finder.domain.listing import Layer, Listing
from finder.domain.terminology import Terminology
from finder.errors import FinderError
from finder.fhir.resources import Resource, Type, listing_of, resources

_T = ListingRow.__table__.c
_IN: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
_BEGINNING = (
    select(_T.id).where(_T.layer == bindparam("layer"), _T.id >= bindparam("low"), _T.id < bindparam("high"))
).order_by(_T.id)
_IMPORTED = (
    select(SourceRecord.resource_id, func.max(ImportRun.finished_at))
    .join(ImportRun, ImportRun.id == SourceRecord.changed_run)
    .where(SourceRecord.resource_id.in_(_IN), SourceRecord.ending == "")
    .group_by(SourceRecord.resource_id)
)
_CORRECTED = (
    select(Override.resource_id, func.max(func.coalesce(Override.withdrawn_at, Override.made_at)))
    .where(Override.resource_id.in_(_IN))
    .group_by(Override.resource_id)
)
_RECORDS = select(SourceRecord.ending, SourceRecord.ended_on).where(SourceRecord.resource_id == bindparam("slug"))
_LAST = "\U0010ffff"  # sorts after every character that an id may hold


class NotHere(FinderError):
    """There is no resource with this id, or (``status`` 410) not any more."""

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.status = 410 if gone else 404


@dataclass(frozen=True, slots=True)
class Stored:
    """What makes resources: the database and the words of its codes."""

    database: Database
    terminology: Terminology


def read(stored: Stored, type_: Type, resource_id: str) -> Resource:
    """Return one resource; NotHere when there is none, or when its source says that it has ended."""
    for listing in _behind(stored, type_, resource_id):
        for _listing, resource in of_listings(stored, type_, [listing]):
            if resource["id"] == resource_id:
                return resource
    raise _absence(stored, type_, resource_id)


def _behind(stored: Stored, type_: Type, resource_id: str) -> Iterator[Listing]:
    """Yield the listings of which this may be a resource: a shortened id shows only how its listing's id begins."""
    id_, whole = listing_of(resource_id)
    for layer in type_.layers:
        if id_.startswith(layer.id_of("")):
            yield from search.by_ids(stored.database, [id_] if whole else _beginning(stored, layer, id_))


def _beginning(stored: Stored, layer: Layer, text: str) -> Sequence[str]:
    with stored.database.reading() as connection:
        return connection.scalars(_BEGINNING, {"layer": layer.number, "low": text, "high": text + _LAST}).all()


def of_listings(
    stored: Stored, type_: Type, listings: Sequence[Listing], updated: Mapping[str, str] | None = None
) -> Iterator[tuple[Listing, Resource]]:
    """Yield each resource of a type that these listings make, beside its listing; see last_updated for ``updated``."""
    updated = updated or last_updated(stored, {listing.slug for listing in listings})
    for listing in listings:
        for resource in resources(type_, listing, stored.terminology, updated.get(listing.slug, "")):
            yield listing, resource


def last_updated(stored: Stored, slugs: Iterable[str]) -> dict[str, str]:
    """Return when what is said of each resource last changed, by an import or by hand, as FHIR instants."""
    ids, newest = {"ids": list(slugs)}, dict[str, datetime]()
    with stored.database.reading() as connection:
        for statement in (_IMPORTED, _CORRECTED):
            for slug, moment in connection.execute(statement, ids):
                if moment:
                    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                    newest[slug] = max(at, newest.get(slug, at))
    return {slug: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for slug, at in newest.items()}


def _absence(stored: Stored, type_: Type, resource_id: str) -> NotHere:
    if "\0" in resource_id:  # PostgreSQL takes no such text.
        return NotHere(f"There is no {type_.name} with this id.")
    slug = resource_id.partition("-")[2].partition(".")[0]
    with stored.database.reading() as connection:
        records = connection.execute(_RECORDS, {"slug": slug}).all()
    if records and all(one.ending for one in records):
        ended_on = max(one.ended_on for one in records)
        since = f" since {ended_on}" if ended_on else ""
        return NotHere(f"{type_.name}/{resource_id} is not in the directory any more{since}.", gone=True)
    return NotHere(f"There is no {type_.name} with this id.")
