"""Which specialists a center has, as far as registries tell: by its street address and by its CMS number."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from finder.db import Affiliation, Database, ListingRow, ResourceIdentifier
from finder.domain.identifiers import CCN_SYSTEM
from finder.domain.listing import Layer, Listing
from finder.domain.street_key import street_key

_ROW = ListingRow.__table__.c
_PERSON = (_ROW.slug, _ROW.name, _ROW.name_key)


@dataclass(frozen=True, slots=True)
class Staff:
    """The specialists of a center as (page name, name) in order of name: who list its address, who bill there."""

    at_address: tuple[tuple[str, str], ...]
    billing: tuple[tuple[str, str], ...]


def staff(database: Database, center: Listing) -> Staff:
    """Return the specialists that registries place at a center."""
    with database.reading() as connection:
        return Staff(_ordered(_at_address(connection, center)), _ordered(_billing(connection, center)))


def _at_address(connection: Connection, center: Listing) -> Iterator[tuple[str, str, str]]:
    address = center.address
    key = street_key(address.street, address.city, address.postal_code)
    if not key or not address.postal_code:
        return
    near = select(*_PERSON, _ROW.street, _ROW.city, _ROW.postal_code)
    near = near.where(_ROW.layer == Layer.SPECIALISTS.number, _ROW.postal_code == address.postal_code)
    for slug, name, name_key, street, city, code in connection.execute(near):
        if street_key(street, city, code) == key:
            yield name_key, slug, name


def _billing(connection: Connection, center: Listing) -> Iterator[tuple[str, str, str]]:
    numbers = select(ResourceIdentifier.value).where(
        ResourceIdentifier.resource_type == "Organization",
        ResourceIdentifier.resource_id == center.slug,
        ResourceIdentifier.system == CCN_SYSTEM,
    )
    roles = select(Affiliation.practitioner_role_id).where(Affiliation.ccn.in_(numbers))
    people = select(*_PERSON).where(_ROW.practitioner_role_id.in_(roles), _ROW.layer == Layer.SPECIALISTS.number)
    for slug, name, name_key in connection.execute(people):
        yield name_key, slug, name


def _ordered(people: Iterator[tuple[str, str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((slug, name) for _, slug, name in sorted(set(people)))
