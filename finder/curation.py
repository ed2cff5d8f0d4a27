"""From source records and corrections to curated rows and listings.

Curated rows and listings are a function of the live records of a resource and of the corrections made by hand, so they
can be thrown away and made again.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from finder.db import (
    Affiliation,
    Credential,
    HealthcareService,
    ListingRow,
    Location,
    Organization,
    Override,
    Practitioner,
    PractitionerRole,
    ResourceIdentifier,
    SourceRecord,
)
from finder.domain.entry import Entry, Identifier, Statement
from finder.domain.fit import audience, capability
from finder.domain.geo import GeoPoint
from finder.domain.listing import Address, Layer
from finder.domain.place import Place, Precision
from finder.domain.precedence import ranked
from finder.domain.terminology import Terminology
from finder.domain.text import fold
from finder.search import NOWHERE, band_of

Locate = Callable[[Address], Place | None]
Rows = list[tuple[type[Any], dict[str, Any]]]

CORRECTED = "Corrected by the editors of this directory"
HIDDEN = "hidden"  # A correction of this field keeps what it is about out of the directory.
# What a thing is called and what kind of thing it is say the lists that list it; others name a part or a form of it.
_WHAT_IT_IS = frozenset({"name", "parent", "facility_type"})
_ADDRESS = ("street", "city", "state", "zip")
_POSITION = ("latitude", "longitude")
_ELSEWHERE = {"city", "state", "zip"}
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


# dataclasses.astuple copies every value, which makes an import take twice as long.
_said = attrgetter(*(name for name in Statement.__dataclass_fields__ if name != "record"))


def dump(entry: Entry) -> str:
    """Return what a source says as JSON; where it stands and what was left out are no part of that."""
    content = (entry.key, entry.resource, [(one.system, one.value) for one in entry.identifiers])
    statements = [_said(one) for one in entry.statements]
    return json.dumps((*content, statements), ensure_ascii=False, separators=(",", ":"))


def load(text: str, record: int = 0) -> Entry:
    """Return the entry of such a text; its statements name the record that holds it."""
    key, resource, identifiers, statements = json.loads(text)
    return Entry(
        key,
        resource,
        tuple(Identifier(*one) for one in identifiers),
        tuple(Statement(*[*one, record]) for one in statements),
    )


@dataclass(frozen=True, slots=True)
class Resource:
    """Everything that is said about one resource: the entries of its live records as one, and whether it is listed."""

    id: str
    entry: Entry
    lists: bool


def rebuild(session: Session, locate: Locate, terminology: Terminology) -> int:
    """Make every curated row and listing again; return how many resources there are."""
    for table in reversed(_INSERT_ORDER):
        session.execute(delete(table))
    live = select(SourceRecord.resource_id).where(SourceRecord.ending == "").distinct()
    ids = sorted(session.scalars(live))
    curate(session, ids, locate, terminology)
    return len(ids)


def curate(session: Session, resource_ids: Sequence[str], locate: Locate, terminology: Terminology) -> None:
    """Put the rows that follow from the records of these resources in place of what stood there for them."""
    for start in range(0, len(resource_ids), _BATCH):
        batch = resource_ids[start : start + _BATCH]
        _remove(session, batch)
        by_table: dict[type[Any], list[dict[str, Any]]] = defaultdict(list)
        for resource in resources(session, batch):
            for table, row in _rows(resource, locate, terminology):
                by_table[table].append(row)
        for table in _INSERT_ORDER:
            if by_table[table]:
                session.execute(insert(table.__table__), by_table[table])


def resources(session: Session, resource_ids: Sequence[str]) -> list[Resource]:
    """Return what is said about these resources, in their order; one without a live record is left out."""
    records = select(SourceRecord.id, SourceRecord.resource_id, SourceRecord.entry, SourceRecord.lists)
    records = records.where(SourceRecord.resource_id.in_(resource_ids), SourceRecord.ending == "")
    entries: dict[str, list[Entry]] = defaultdict(list)
    listed: set[str] = set()
    # Those that list come first, so that what only adds is known as such when its turn comes.
    for record, resource_id, text, lists in session.execute(
        records.order_by(SourceRecord.lists.desc(), SourceRecord.id)
    ):
        entry = load(text, record)
        if lists:
            listed.add(resource_id)
        elif resource_id in listed:
            entry = _adding(entry, entries[resource_id])
        entries[resource_id].append(entry)
    corrections = _corrections(session, resource_ids)
    return [
        Resource(one, _merged(entries[one], corrections.get(one, ())), one in listed)
        for one in resource_ids
        if one in entries
    ]


def _adding(entry: Entry, before: list[Entry]) -> Entry:
    """Return what an entry that only adds may add: an address only where no list that lists the thing has one."""
    has_street = any(one.field == "street" for other in before for one in other.statements)
    silent = _WHAT_IT_IS | (frozenset((*_ADDRESS, *_POSITION)) if has_street else frozenset())
    return replace(entry, statements=tuple(one for one in entry.statements if one.field not in silent))


def _corrections(session: Session, resource_ids: Sequence[str]) -> dict[str, list[Statement]]:
    standing = select(Override).where(Override.resource_id.in_(resource_ids), Override.withdrawn_at.is_(None))
    found: dict[str, list[Statement]] = defaultdict(list)
    for one in session.scalars(standing.order_by(Override.id)):
        day = one.made_at.date().isoformat()
        found[one.resource_id].append(Statement(one.field, one.value, CORRECTED, as_of=day, note=one.reason))
    return found


def _merged(entries: list[Entry], corrections: Sequence[Statement]) -> Entry:
    """Return the entries of one resource as one: corrections win, and the address is that of one record."""
    first = entries[0]
    corrected = {one.field: one for one in corrections}
    silenced = set(corrected)
    if silenced & _ELSEWHERE:
        silenced.update(_POSITION)  # A position that a source gives is that of the address that it gives.
    said = [one for entry in entries for one in entry.statements]
    if len(entries) > 1:
        said = _of_one_place(said)
    said = [one for one in said if one.field not in silenced]
    identifiers = tuple(dict.fromkeys(one for entry in entries for one in entry.identifiers))
    kept = (one for one in corrected.values() if one.value)  # An empty one says that no source is right.
    return replace(first, identifiers=identifiers, statements=(*ranked(said), *kept))


def _of_one_place(said: list[Statement]) -> list[Statement]:
    """Leave one record's address, so that no street of one source meets the ZIP of another."""
    with_street = {one.record for one in said if one.field == "street"}
    cities = ranked(one for one in said if one.field == "city" and (not with_street or one.record in with_street))
    if not cities:
        return said
    chosen = cities[0].record
    codes = {one.record: one.value[:5] for one in said if one.field == "zip"}
    numbers = {one.record: one.value.split(" ")[0] for one in said if one.field == "street"}
    kept = []
    for one in said:
        same_place = (codes.get(one.record), numbers.get(one.record)) == (codes.get(chosen), numbers.get(chosen))
        if one.record == chosen or one.field not in (*_ADDRESS, *_POSITION) or (one.field in _POSITION and same_place):
            kept.append(one)
    return kept


_INSERT_ORDER: tuple[type[Any], ...] = (
    Organization,
    Location,
    Practitioner,
    PractitionerRole,
    Affiliation,
    HealthcareService,
    Credential,
    ResourceIdentifier,
    ListingRow,
)


def _remove(session: Session, ids: Sequence[str]) -> None:
    """Delete the curated rows and listings of these resources."""
    session.execute(
        delete(ListingRow).where(ListingRow.organization_id.in_(ids) | ListingRow.practitioner_role_id.in_(ids))
    )
    session.execute(delete(ResourceIdentifier).where(ResourceIdentifier.resource_id.in_(ids)))
    session.execute(delete(Credential).where(Credential.organization_id.in_(ids)))
    session.execute(delete(HealthcareService).where(HealthcareService.organization_id.in_(ids)))
    session.execute(delete(Affiliation).where(Affiliation.practitioner_role_id.in_(ids)))
    session.execute(delete(PractitionerRole).where(PractitionerRole.id.in_(ids)))
    session.execute(delete(Practitioner).where(Practitioner.id.in_(ids)))
    session.execute(delete(Location).where(Location.id.in_(ids)))
    session.execute(delete(Organization).where(Organization.id.in_(ids)))


def _rows(resource: Resource, locate: Locate, terminology: Terminology) -> Rows:
    if resource.entry.resource == "Organization":
        return _organization_rows(resource, _located(resource.entry, locate), terminology)
    # Lists that only add to a doctor, such as affiliations, do not make one.
    if not resource.lists:
        return []
    return _practitioner_rows(resource, _located(resource.entry, locate), terminology)


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


def _first(facts: Iterable[Statement], name: str) -> str:
    """Return the value of the first fact about a field, "" where there is none; facts of a resource are ranked."""
    return next((one.value for one in facts if one.field == name), "")


def _located(entry: Entry, locate: Locate) -> _Located:
    street, city, state, code = (_first(entry.statements, name) for name in ("street", "city", "state", "zip"))
    address = Address(street, city, state, code[:5])
    position = {one.field: one for one in entry.statements if one.field in ("latitude", "longitude")}
    if len(position) == 2:
        point = GeoPoint(float(position["latitude"].value), float(position["longitude"].value))
        return _Located(address, point, position["latitude"].scope or Precision.ADDRESS)
    place = locate(address)
    return _Located(address, place.point, place.precision) if place else _Located(address, None, "")


def _organization_rows(resource: Resource, located: _Located, terminology: Terminology) -> Rows:
    id_, facts = resource.id, resource.entry.statements
    name = _first(facts, "name")
    rows: Rows = [
        (Organization, {
            "id": id_, "name": name, "part_of": _first(facts, "parent"), "type": _first(facts, "facility_type"),
        }),
        (Location, {"id": id_, "organization_id": id_, **located.columns()}),
    ]  # fmt: skip
    rows += [(Credential, _credential(id_, fact)) for fact in facts if fact.field in _CREDENTIALS]
    services = [fact for fact in facts if fact.field in _SERVICES]
    rows += [(HealthcareService, _service(id_, n, fact)) for n, fact in enumerate(services)]
    rows += _identifier_rows("Organization", id_, resource.entry)
    # A laboratory treats nobody.
    if resource.lists and _first(facts, "nci_designation") != "basic-laboratory" and not _first(facts, HIDDEN):
        ids = {"id": Layer.CENTERS.id_of(id_), "organization_id": id_, "practitioner_role_id": None}
        rows.append((ListingRow, ids | _listing(Layer.CENTERS, id_, name, located, facts, terminology)))
    return rows


def _practitioner_rows(resource: Resource, located: _Located, terminology: Terminology) -> Rows:
    id_, facts = resource.id, resource.entry.statements
    person = {name: _first(facts, name) for name in ("family", "given", "middle", "suffix", "credentials")}
    given = " ".join(part for part in (person["given"], person["middle"]) if part)
    name = " ".join(part for part in (given, person["family"], person["suffix"]) if part)
    titled = f"{name}, {person['credentials']}" if person["credentials"] else name
    codes = list(dict.fromkeys(fact.value for fact in facts if fact.field == "specialty"))
    rows: Rows = [
        (Location, {"id": id_, "organization_id": None, **located.columns()}),
        (Practitioner, {
            "id": id_, "family": person["family"], "given": given, "suffix": person["suffix"],
            "credentials": person["credentials"],
        }),
        (PractitionerRole, {
            "id": id_, "practitioner_id": id_, "location_id": id_, "specialties": " ".join(codes),
            "organization_name": _first(facts, "organization_name"), "phone": _first(facts, "phone"),
        }),
    ]  # fmt: skip
    hospitals = dict.fromkeys(fact.value for fact in facts if fact.field == "hospital_affiliation")
    rows += [(Affiliation, {"practitioner_role_id": id_, "ccn": ccn}) for ccn in hospitals]
    rows += _identifier_rows("Practitioner", id_, resource.entry)
    treats = any((known := terminology.specialty(code)) and known.role == "core" for code in codes)
    if treats and not _first(facts, HIDDEN):
        ids = {"id": Layer.SPECIALISTS.id_of(id_), "organization_id": None, "practitioner_role_id": id_}
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
        "facts": json.dumps([(*_said(fact), fact.record) for fact in facts], ensure_ascii=False, separators=(",", ":")),
    }
    return row | {"digest": _digest(row)}


def _digest(row: dict[str, Any]) -> int:
    """Return 63 bits of a hash, which every database holds in a whole number."""
    text = json.dumps(row, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
