"""The tables: what sources said, what was made of it under FHIR's names, and the listings that a search reads."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Names are compared byte by byte on every database, so that the same search has the same order everywhere.
_Key = String().with_variant(String(collation="C"), "postgresql")


class Base(DeclarativeBase):
    """The common register of all tables."""


class Curated:
    """What every curated resource has: whether it is still current."""

    active: Mapped[bool] = mapped_column(default=True)


class ImportRun(Base):
    """One reading of one source, with the counts of what it did."""

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tally: Mapped[str] = mapped_column(Text, default="{}")


class SourceRecord(Base):
    """What a source said about one key, word for word in our form, and in which runs it was seen."""

    __tablename__ = "source_record"
    __table_args__ = (UniqueConstraint("source", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200))
    content_hash: Mapped[str] = mapped_column(String(64))
    entry: Mapped[str] = mapped_column(Text)
    first_run: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    last_run: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Organization(Curated, Base):
    """A hospital, practice or cancer center (FHIR Organization)."""

    __tablename__ = "organization"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    part_of: Mapped[str] = mapped_column(Text, default="")
    type: Mapped[str] = mapped_column(String(40), default="")


class Location(Curated, Base):
    """A physical place with its address and, where a source gives one, its position in degrees (FHIR Location)."""

    __tablename__ = "location"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id"), index=True)
    street: Mapped[str] = mapped_column(Text, default="")
    city: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(2), default="")
    postal_code: Mapped[str] = mapped_column(String(10), default="")
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    precision: Mapped[str] = mapped_column(String(10), default="")


class Practitioner(Curated, Base):
    """A person who gives care (FHIR Practitioner)."""

    __tablename__ = "practitioner"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    family: Mapped[str] = mapped_column(Text)
    given: Mapped[str] = mapped_column(Text, default="")
    suffix: Mapped[str] = mapped_column(Text, default="")
    credentials: Mapped[str] = mapped_column(Text, default="")


class PractitionerRole(Curated, Base):
    """A practitioner at a location, with NUCC specialty codes parted by blanks (FHIR PractitionerRole)."""

    __tablename__ = "practitioner_role"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    practitioner_id: Mapped[str] = mapped_column(ForeignKey("practitioner.id"), index=True)
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id"), index=True)
    organization_name: Mapped[str] = mapped_column(Text, default="")
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"), index=True)
    specialties: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(String(20), default="")


class HealthcareService(Curated, Base):
    """A program that an organization is said to run: leukemia, transplant or CAR-T (FHIR HealthcareService)."""

    __tablename__ = "healthcare_service"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"), index=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"), index=True)
    category: Mapped[str] = mapped_column(String(40))
    population: Mapped[str] = mapped_column(String(10), default="")
    scope: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text, default="")
    as_of: Mapped[str] = mapped_column(String(10), default="")


class Credential(Base):
    """A designation, accreditation or membership of an organization, as a source states it."""

    __tablename__ = "credential"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"), index=True)
    scheme: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(40))
    population: Mapped[str] = mapped_column(String(10), default="")
    scope: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text, default="")
    as_of: Mapped[str] = mapped_column(String(10), default="")


class ResourceIdentifier(Base):
    """A foreign id of a curated resource; ``resource_type`` and ``resource_id`` name the resource."""

    __tablename__ = "identifier"
    __table_args__ = (Index("identifier_value", "system", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_type: Mapped[str] = mapped_column(String(40))
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    system: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)


class ListingRow(Base):
    """The read model of search: one row for each thing that a patient can contact at a place.

    ``layer``, ``audience`` and ``capability`` are the numbers of finder.domain.listing and finder.domain.fit; ``band``
    is the quarter degree of latitude; x, y, z is the position on the unit sphere; ``facts`` is JSON; ``digest`` is a
    hash of everything shown, so that a process can keep what it read. A listing without a position has band -1 and is
    never near anything.
    """

    __tablename__ = "listing"
    __table_args__ = (
        Index(
            "listing_search",
            "layer", "band", "longitude", "audience", "capability", "x", "y", "z", "name_key", "id", "digest",
        ),
        Index("listing_state", "layer", "state", "name_key"),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(_Key, primary_key=True)
    layer: Mapped[int] = mapped_column(SmallInteger)
    slug: Mapped[str] = mapped_column(String(120))
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id"), index=True)
    practitioner_role_id: Mapped[str | None] = mapped_column(ForeignKey("practitioner_role.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(_Key)
    street: Mapped[str] = mapped_column(Text, default="")
    city: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(2), default="")
    postal_code: Mapped[str] = mapped_column(String(10), default="")
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    precision: Mapped[str] = mapped_column(String(10), default="")
    band: Mapped[int] = mapped_column(Integer)
    x: Mapped[float | None] = mapped_column(Float(53))
    y: Mapped[float | None] = mapped_column(Float(53))
    z: Mapped[float | None] = mapped_column(Float(53))
    audience: Mapped[int] = mapped_column(SmallInteger)
    capability: Mapped[int] = mapped_column(Integer)
    facts: Mapped[str] = mapped_column(Text)
    digest: Mapped[int] = mapped_column(BigInteger)


class AddressLookup(Base):
    """An answer of the online geocoder; the key is a hash, so no address is kept."""

    __tablename__ = "address_lookup"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    answer: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Meta(Base):
    """Single values about this database, such as the fingerprint of the shipped data that it was filled from."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
