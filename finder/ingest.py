"""From what sources say to what the directory holds: records kept word for word, then curated rows and listings.

Curated rows and listings are a function of the source records, so they can be thrown away and made again.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from finder.db import (
    Credential,
    HealthcareService,
    ImportRun,
    ListingRow,
    Location,
    Organization,
    Practitioner,
    PractitionerRole,
    ResourceIdentifier,
    SourceRecord,
)
from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.domain.fit import audience, capability
from finder.domain.geo import GeoPoint
from finder.domain.listing import Address, Layer
from finder.domain.place import Place, Precision
from finder.domain.precedence import best, ranked
from finder.domain.terminology import Terminology
from finder.domain.text import fold
from finder.search import NOWHERE, band_of

Locate = Callable[[Address], Place | None]
Rows = list[tuple[type[Any], dict[str, Any]]]

_CREDENTIALS = {
    "nci_designation": "nci",
    "nccn_member": "nccn",
    "cog_member": "cog",
    "fact_accredited": "fact",
    "nmdp_network": "nmdp",
}
_SERVICES = (
    "leukemia_program",
    "allogeneic_transplant",
    "autologous_transplant",
    "car_t",
    "car_t_all",
    "aya_program",
)
_BATCH = 500


@dataclass(slots=True)
class Tally:
    """What one import did, in entries; ``rejected`` holds the rows that could not be used."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    ended: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return the numbers alone."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "ended": self.ended,
            "rejected": len(self.rejected),
        }


def run_import(
    session: Session,
    source: str,
    title: str,
    entries: Iterable[Entry | Rejected],
    locate: Locate,
    terminology: Terminology,
) -> Tally:
    """Bring the directory to what a complete list says now: new, changed, unchanged and ended entries.

    Everything happens in the session's transaction, so readers see the old list or the new one.
    """
    run = ImportRun(source=source, title=title, started_at=datetime.now(UTC))
    session.add(run)
    session.flush()
    tally = Tally()
    changed = list(_keep_records(session, run, entries, tally))
    ended = _end_missing(session, run, tally)
    remove(session, ended)
    curate(session, changed, locate, terminology)
    run.finished_at, run.tally = datetime.now(UTC), json.dumps(tally.counts())
    return tally


def rebuild(session: Session, locate: Locate, terminology: Terminology) -> int:
    """Make every curated row and listing again from the source records; return how many entries there are."""
    for table in reversed(_INSERT_ORDER):
        session.execute(delete(table))
    stored = session.scalars(
        select(SourceRecord.entry).where(SourceRecord.ended_at.is_(None)).order_by(SourceRecord.id)
    )
    entries = [_load(text) for text in stored]
    curate(session, entries, locate, terminology)
    return len(entries)


def _keep_records(session: Session, run: ImportRun, entries: Iterable[Entry | Rejected], tally: Tally) -> list[Entry]:
    """Store what changed and return it."""
    known = {
        record.key: record for record in session.scalars(select(SourceRecord).where(SourceRecord.source == run.source))
    }
    changed = []
    for entry in entries:
        if isinstance(entry, Rejected):
            tally.rejected.append(entry)
            continue
        text = _dump(entry)
        digest = hashlib.sha256(text.encode()).hexdigest()
        record = known.get(entry.key)
        if record and record.content_hash == digest and record.ended_at is None:
            record.last_run = run.id
            tally.unchanged += 1
            continue
        if record is None:
            record = SourceRecord(source=run.source, key=entry.key, first_run=run.id)
            session.add(record)
            tally.created += 1
        else:
            tally.updated += 1
        record.content_hash, record.entry, record.last_run, record.ended_at = digest, text, run.id, None
        changed.append(entry)
    session.flush()
    return changed


def _end_missing(session: Session, run: ImportRun, tally: Tally) -> list[Entry]:
    gone = session.scalars(
        select(SourceRecord).where(
            SourceRecord.source == run.source, SourceRecord.last_run != run.id, SourceRecord.ended_at.is_(None)
        )
    ).all()
    for record in gone:
        record.ended_at = datetime.now(UTC)
    tally.ended = len(gone)
    return [_load(record.entry) for record in gone]


def _dump(entry: Entry) -> str:
    content = (entry.key, entry.resource, [astuple(one) for one in entry.identifiers])
    return json.dumps((*content, [astuple(one) for one in entry.statements]), ensure_ascii=False, separators=(",", ":"))


def _load(text: str) -> Entry:
    key, resource, identifiers, statements = json.loads(text)
    return Entry(
        key,
        resource,
        tuple(Identifier(*one) for one in identifiers),
        tuple(Statement(*one) for one in statements),
    )


def curate(session: Session, entries: Iterable[Entry], locate: Locate, terminology: Terminology) -> None:
    """Put the rows that follow from these entries in place of what stood there for them."""
    entries = list(entries)
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        remove(session, batch)
        by_table: dict[type[Any], list[dict[str, Any]]] = defaultdict(list)
        for entry in batch:
            for table, row in _rows(entry, locate, terminology):
                by_table[table].append(row)
        for table in _INSERT_ORDER:
            if by_table[table]:
                session.execute(insert(table), by_table[table])


_INSERT_ORDER: tuple[type[Any], ...] = (
    Organization,
    Location,
    Practitioner,
    PractitionerRole,
    HealthcareService,
    Credential,
    ResourceIdentifier,
    ListingRow,
)


def remove(session: Session, entries: Iterable[Entry]) -> None:
    """Delete the curated rows and listings of these entries."""
    entries = list(entries)
    for start in range(0, len(entries), _BATCH):
        keys = [resource_id(entry) for entry in entries[start : start + _BATCH]]
        session.execute(
            delete(ListingRow).where(ListingRow.organization_id.in_(keys) | ListingRow.practitioner_role_id.in_(keys))
        )
        session.execute(delete(ResourceIdentifier).where(ResourceIdentifier.resource_id.in_(keys)))
        session.execute(delete(Credential).where(Credential.organization_id.in_(keys)))
        session.execute(delete(HealthcareService).where(HealthcareService.organization_id.in_(keys)))
        session.execute(delete(PractitionerRole).where(PractitionerRole.id.in_(keys)))
        session.execute(delete(Practitioner).where(Practitioner.id.in_(keys)))
        session.execute(delete(Location).where(Location.id.in_(keys)))
        session.execute(delete(Organization).where(Organization.id.in_(keys)))


def resource_id(entry: Entry) -> str:
    """Return the id of the curated resource that an entry makes: its first identifier's value."""
    return entry.identifiers[0].value


def _rows(entry: Entry, locate: Locate, terminology: Terminology) -> Rows:
    make = _organization_rows if entry.resource == "Organization" else _practitioner_rows
    located = _located(entry, locate)
    return make(replace(entry, statements=ranked(entry.statements)), located, terminology)


@dataclass(frozen=True, slots=True)
class _Located:
    """Where an entry's place is, as far as anybody knows."""

    address: Address
    point: GeoPoint | None
    precision: str

    def columns(self) -> dict[str, Any]:
        """Return the columns that Location and ListingRow share."""
        return {
            "street": self.address.street,
            "city": self.address.city,
            "state": self.address.state,
            "postal_code": self.address.postal_code,
            "latitude": self.point.latitude if self.point else None,
            "longitude": self.point.longitude if self.point else None,
            "precision": self.precision,
        }


def _located(entry: Entry, locate: Locate) -> _Located:
    street, city, state, code = (best(entry.statements, name) for name in ("street", "city", "state", "zip"))
    address = Address(street, city, state, code[:5])
    position = {one.field: one for one in entry.statements if one.field in ("latitude", "longitude")}
    if len(position) == 2:
        point = GeoPoint(float(position["latitude"].value), float(position["longitude"].value))
        return _Located(address, point, position["latitude"].scope or Precision.ADDRESS)
    place = locate(address)
    return _Located(address, place.point, place.precision) if place else _Located(address, None, "")


def _organization_rows(entry: Entry, located: _Located, terminology: Terminology) -> Rows:
    id_, facts = resource_id(entry), entry.statements
    name = best(facts, "name")
    rows: Rows = [
        (Organization, {
            "id": id_, "name": name, "part_of": best(facts, "parent"), "type": best(facts, "facility_type"),
        }),
        (Location, {"id": id_, "organization_id": id_, **located.columns()}),
    ]  # fmt: skip
    rows += [(Credential, _credential(id_, fact)) for fact in facts if fact.field in _CREDENTIALS]
    services = [fact for fact in facts if fact.field in _SERVICES]
    rows += [(HealthcareService, _service(id_, n, fact)) for n, fact in enumerate(services)]
    rows += _identifier_rows("Organization", id_, entry)
    if best(facts, "nci_designation") != "basic-laboratory":  # A laboratory treats nobody.
        ids = {"id": f"center-{id_}", "organization_id": id_}
        rows.append((ListingRow, ids | _listing(Layer.CENTERS, id_, name, located, facts, terminology)))
    return rows


def _practitioner_rows(entry: Entry, located: _Located, terminology: Terminology) -> Rows:
    id_, facts = resource_id(entry), entry.statements
    person = {name: best(facts, name) for name in ("family", "given", "middle", "suffix", "credentials")}
    given = " ".join(part for part in (person["given"], person["middle"]) if part)
    name = " ".join(part for part in (given, person["family"], person["suffix"]) if part)
    titled = f"{name}, {person['credentials']}" if person["credentials"] else name
    codes = [fact.value for fact in facts if fact.field == "specialty"]
    rows: Rows = [
        (Location, {"id": id_, **located.columns()}),
        (Practitioner, {
            "id": id_, "family": person["family"], "given": given, "suffix": person["suffix"],
            "credentials": person["credentials"],
        }),
        (PractitionerRole, {
            "id": id_, "practitioner_id": id_, "location_id": id_, "specialties": " ".join(codes),
            "organization_name": best(facts, "organization_name"), "phone": best(facts, "phone"),
        }),
    ]  # fmt: skip
    rows += _identifier_rows("Practitioner", id_, entry)
    if any((known := terminology.specialty(code)) and known.role == "core" for code in codes):
        ids = {"id": f"specialist-{id_}", "practitioner_role_id": id_}
        rows.append((ListingRow, ids | _listing(Layer.SPECIALISTS, id_, titled, located, facts, terminology)))
    return rows


def _identifier_rows(resource_type: str, id_: str, entry: Entry) -> Rows:
    return [
        (
            ResourceIdentifier,
            {"resource_type": resource_type, "resource_id": id_, "system": one.system, "value": one.value},
        )
        for one in entry.identifiers
    ]


def _credential(organization_id: str, fact: Statement) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "scheme": _CREDENTIALS[fact.field],
        "code": fact.value,
        **_provenance(fact),
    }


def _service(organization_id: str, number: int, fact: Statement) -> dict[str, Any]:
    return {
        "id": f"{organization_id}-{fact.field.replace('_', '-')}-{number}",
        "organization_id": organization_id,
        "location_id": organization_id,
        "category": fact.field,
        **_provenance(fact),
    }


def _provenance(fact: Statement) -> dict[str, str]:
    return {
        "population": fact.population,
        "scope": fact.scope,
        "source": fact.source,
        "url": fact.url,
        "as_of": fact.as_of,
    }


def _listing(
    layer: Layer,
    slug: str,
    name: str,
    located: _Located,
    facts: tuple[Statement, ...],
    terminology: Terminology,
) -> dict[str, Any]:
    x, y, z = located.point.unit_vector() if located.point else (None, None, None)
    row: dict[str, Any] = {
        "layer": layer.number,
        "slug": slug,
        "name": name,
        "name_key": fold(name),
        **located.columns(),
        "band": band_of(located.point.latitude) if located.point else NOWHERE,
        "x": x,
        "y": y,
        "z": z,
        "audience": audience(layer, facts, terminology),
        "capability": capability(facts),
        "facts": json.dumps([astuple(fact) for fact in facts], ensure_ascii=False, separators=(",", ":")),
    }
    return row | {"digest": _digest(row)}


def _digest(row: dict[str, Any]) -> int:
    """Return 63 bits of a hash, which every database holds in a whole number."""
    text = json.dumps(row, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
