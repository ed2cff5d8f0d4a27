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
    """One reading of one file: planned first, then applied, discarded or stopped by a guard, and perhaps undone."""

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    file: Mapped[str] = mapped_column(Text, default="")
    path: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    released_on: Mapped[str] = mapped_column(String(10), default="")
    covers_from: Mapped[str] = mapped_column(String(10), default="")
    covers_to: Mapped[str] = mapped_column(String(10), default="")
    who: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text, default="")
    undo_of: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))
    base_version: Mapped[int] = mapped_column(Integer, default=0)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    seconds: Mapped[float] = mapped_column(Float(53), default=0.0)
    tally: Mapped[str] = mapped_column(Text, default="{}")


class SourceRecord(Base):
    """What a source says about one key, word for word in our form, where it stands, and which run last changed it.

    ``ending`` is "" while the record is live, else "deactivated" (the source says so) or "gone" (it left the list);
    ``lists`` tells that its resource is shown in the directory for this record alone.
    """

    __tablename__ = "source_record"
    __table_args__ = (UniqueConstraint("source", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200))
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    entry: Mapped[str] = mapped_column(Text)
    lists: Mapped[bool] = mapped_column(default=True)
    file: Mapped[str] = mapped_column(Text, default="")
    line: Mapped[int] = mapped_column(Integer, default=0)
    updated_on: Mapped[str] = mapped_column(String(10), default="")
    ending: Mapped[str] = mapped_column(String(12), default="")
    ended_on: Mapped[str] = mapped_column(String(10), default="")
    changed_run: Mapped[int] = mapped_column(ForeignKey("import_run.id"))


class RecordChange(Base):
    """One change that a run plans or has made: the record's columns before and after as JSON, null for no record."""

    __tablename__ = "record_change"
    __table_args__ = (Index("record_change_run", "run_id", "action", "id"), Index("record_change_key", "key"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    action: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(200))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)


class RunProblem(Base):
    """A row that a run could not use ("error") or a value that it left out or changed ("warning")."""

    __tablename__ = "run_problem"
    __table_args__ = (Index("run_problem_run", "run_id", "code", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    severity: Mapped[str] = mapped_column(String(8))
    line: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(Text)
    column: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)


class Override(Base):
    """A person's correction of one field of a resource; it wins over every source until it is withdrawn."""

    __tablename__ = "override"

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    field: Mapped[str] = mapped_column(String(40))
    value: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Review(Base):
    """Something that waits for a person: "duplicate", "disagreement", "unplaced" or "report"; ``detail`` is JSON.

    One that an import raises is "planned" until its run is applied, and "closed" when that run is undone.
    """

    __tablename__ = "review"
    __table_args__ = (Index("review_state", "state", "kind", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), default="open")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    resource_id: Mapped[str] = mapped_column(String(120), index=True)
    detail: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str] = mapped_column(Text, default="")


class LinkDecision(Base):
    """A person's word that a source's record is ("link") or is not ("apart") the resource; it outlives re-imports."""

    __tablename__ = "link_decision"

    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(5))
    who: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


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


class Affiliation(Base):
    """A hospital, by its CMS number, at which a practitioner is said to bill."""

    __tablename__ = "affiliation"

    id: Mapped[int] = mapped_column(primary_key=True)
    practitioner_role_id: Mapped[str] = mapped_column(ForeignKey("practitioner_role.id"), index=True)
    ccn: Mapped[str] = mapped_column(String(6), index=True)


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
        Index("listing_postal_code", "layer", "postal_code"),
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


class User(Base):
    """Somebody who may work in the admin area. A password or a link is kept only as its hash.

    ``password`` is "" until the first one is set. ``code_secret`` is the shared secret of one-time codes; they are
    asked for only when ``code_since`` is set, and ``code_step`` is the last step of time whose code was used.
    """

    __tablename__ = "admin_user"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(10))
    active: Mapped[bool] = mapped_column(default=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    password: Mapped[str] = mapped_column(Text, default="")
    failures: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    link: Mapped[str | None] = mapped_column(String(64), unique=True)
    link_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    code_secret: Mapped[str] = mapped_column(String(64), default="")
    code_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    code_step: Mapped[int] = mapped_column(BigInteger, default=0)


class UserSession(Base):
    """One signed-in browser, by the SHA-256 of its token."""

    __tablename__ = "admin_session"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("admin_user.name"), index=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AuditEvent(Base):
    """One thing that somebody did in the admin area; ``who`` is "" where nobody was signed in."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    who: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[str] = mapped_column(Text, default="")


class Job(Base):
    """One piece of work for the worker: "plan", "apply" or "undo". How far it has come stands in the queue's store.

    ``state`` is "waiting", "working", "done", "failed" or "cancelled". ``run_id`` is the run that it works on or made;
    ``done`` of ``total`` bytes or changes and ``rows`` are what it had done at its end.
    """

    __tablename__ = "job"
    __table_args__ = (Index("job_state", "state", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"))
    source: Mapped[str] = mapped_column(String(40), default="")
    path: Mapped[str] = mapped_column(Text, default="")
    force: Mapped[bool] = mapped_column(default=False)
    who: Mapped[str] = mapped_column(Text)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    rows: Mapped[int] = mapped_column(Integer, default=0)
    message: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
