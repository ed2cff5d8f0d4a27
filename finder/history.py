"""Everything that is known about how one entry came to be as it is: who says what, what was corrected, what changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from finder.curation import HIDDEN, Resource, load, resources
from finder.db import (
    Database,
    ImportRun,
    LinkDecision,
    ListingRow,
    Override,
    RecordChange,
    ResourceIdentifier,
    SourceRecord,
)
from finder.domain.entry import Entry, Statement
from finder.domain.geo import GeoPoint
from finder.domain.listing import Layer
from finder.domain.text import fold
from finder.editing import FIELDS, Field
from finder.errors import NotFound
from finder.ingest import Difference, sample_of
from finder.reviews import layer_of, name_of

_LABELS = {
    HIDDEN: "Hidden",
    "car_t_all": "CAR-T therapy for ALL",
    "car_t_trial": "CAR-T trial",
    "all_trial": "Trial for ALL",
    "cog_member": "Children’s Oncology Group",
    "fact_accredited": "FACT accreditation",
    "nccn_member": "NCCN member",
    "nci_designation": "NCI designation",
    "nmdp_network": "NMDP network",
}
_CHANGES = 100
_FOUND = 25


@dataclass(frozen=True, slots=True)
class Said:
    """One value that one source's record gives for a field, with where it stands and whether readers see it."""

    value: str
    about: str
    source: str
    url: str
    as_of: str
    record: int
    shown: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction by hand, standing or withdrawn."""

    number: int
    field: str
    value: str
    reason: str
    who: str
    made_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class FieldHistory:
    """One field: what each source says, and what was corrected, the newest correction first."""

    name: str
    label: str
    said: tuple[Said, ...]
    corrections: tuple[Correction, ...]

    @property
    def standing(self) -> Correction | None:
        """The correction that readers see now."""
        return next((one for one in self.corrections if one.withdrawn_at is None), None)


@dataclass(frozen=True, slots=True)
class Record:
    """One source's record of an entry: where it stands, which run last changed it, and how it ended, if it did."""

    number: int
    source: str
    key: str
    name: str
    file: str
    line: int
    updated_on: str
    run: int
    ending: str
    ended_on: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one run did to one record of an entry."""

    run: int
    title: str
    status: str
    at: datetime
    source: str
    action: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class History:
    """An entry's page for editors; ``listed`` tells that readers see it."""

    id: str
    kind: str
    layer: Layer
    name: str
    listed: bool
    point: GeoPoint | None
    precision: str
    fields: tuple[FieldHistory, ...]
    records: tuple[Record, ...]
    links: tuple[tuple[str, str, str, str], ...]
    changes: tuple[Change, ...]

    @property
    def hidden(self) -> Correction | None:
        """The correction that hides the entry, if one stands."""
        return next((one.standing for one in self.fields if one.name == HIDDEN), None)

    @property
    def correctable(self) -> dict[str, Field]:
        """The fields that can be corrected, by name."""
        return dict(FIELDS[self.kind])


def history(database: Database, resource_id: str) -> History:
    """Return all that is known of one entry; NotFound where no source ever spoke of it."""
    with database.transaction() as session:
        records = _records(session, resource_id)
        if not records:
            raise NotFound("There is no entry with this id.")
        now = next(iter(resources(session, [resource_id])), None)
        first = now.entry if now else load(records[0].entry)
        layer, listing = layer_of(first), _listing(session, resource_id)
        return History(
            resource_id, first.resource, layer, name_of(first), listing is not None,
            *(listing or (None, "")),
            tuple(_fields(session, resource_id, records, now)), tuple(_record(one) for one in records),
            _links(session, resource_id), tuple(_changes(session, records)),
        )  # fmt: skip


def _records(session: Session, resource_id: str) -> list[SourceRecord]:
    of_this = select(SourceRecord).where(SourceRecord.resource_id == resource_id)
    return list(session.scalars(of_this.order_by(SourceRecord.ending != "", SourceRecord.id)))


def _listing(session: Session, resource_id: str) -> tuple[GeoPoint | None, str] | None:
    belongs = or_(ListingRow.organization_id == resource_id, ListingRow.practitioner_role_id == resource_id)
    row = session.scalar(select(ListingRow).where(belongs))
    if row is None:
        return None
    if row.latitude is None or row.longitude is None:
        return None, row.precision
    return GeoPoint(row.latitude, row.longitude), row.precision


def _record(one: SourceRecord) -> Record:
    return Record(
        one.id, one.source, one.key, name_of(load(one.entry)), one.file, one.line, one.updated_on, one.changed_run,
        one.ending, one.ended_on,
    )  # fmt: skip


def _links(session: Session, resource_id: str) -> tuple[tuple[str, str, str, str], ...]:
    decided = select(LinkDecision).where(LinkDecision.resource_id == resource_id).order_by(LinkDecision.made_at)
    return tuple((one.source, one.key, one.verdict, one.who) for one in session.scalars(decided))


def _fields(
    session: Session, resource_id: str, records: list[SourceRecord], now: Resource | None
) -> Iterable[FieldHistory]:
    """Yield the fields in the order in which editors know them; then the others, as sources give them."""
    shown = {(one.record, one.field, one.value) for one in now.entry.statements} if now else set()
    said: dict[str, list[Said]] = {}
    entries = [load(one.entry, one.id) for one in records]
    for statement in (one for entry in entries for one in entry.statements):
        visible = (statement.record, statement.field, statement.value) in shown
        said.setdefault(statement.field, []).append(_said(statement, visible))
    corrected = _corrections(session, resource_id)
    rules = FIELDS[entries[0].resource]
    for name in dict.fromkeys([HIDDEN, *rules, *said, *corrected]):
        if name in said or name in corrected:
            label = rules[name].label if name in rules else _LABELS.get(name, name.replace("_", " ").capitalize())
            yield FieldHistory(name, label, tuple(said.get(name, ())), tuple(corrected.get(name, ())))


def _said(one: Statement, visible: bool) -> Said:
    about = ", ".join(part for part in (one.population, one.scope, one.audience, one.note) if part)
    return Said(one.value, about, one.source, one.url, one.as_of, one.record, visible)


def _corrections(session: Session, resource_id: str) -> dict[str, list[Correction]]:
    made = select(Override).where(Override.resource_id == resource_id).order_by(Override.id.desc())
    found: dict[str, list[Correction]] = {}
    for one in session.scalars(made):
        correction = Correction(one.id, one.field, one.value, one.reason, one.who, one.made_at, one.withdrawn_at)
        found.setdefault(one.field, []).append(correction)
    return found


def _changes(session: Session, records: list[SourceRecord]) -> Iterable[Change]:
    """Yield what runs did to these records, the newest run first."""
    own = [and_(ImportRun.source == one.source, RecordChange.key == one.key) for one in records]
    made = select(RecordChange, ImportRun).join(ImportRun, ImportRun.id == RecordChange.run_id)
    made = made.where(ImportRun.status.in_(("applied", "undone")), or_(*own))
    for change, run in session.execute(made.order_by(ImportRun.id.desc(), RecordChange.id).limit(_CHANGES)):
        yield Change(
            run.id, run.title, run.status, run.finished_at or run.started_at, run.source, change.action,
            sample_of(change).differences,
        )  # fmt: skip


def find(database: Database, text: str) -> list[tuple[Layer, str, str]]:
    """Return layer, id and name of the entries with this id, NPI, CCN or key, or with these words in their name."""
    text, words = text.strip(), fold(text)
    if not words:
        return []
    with database.transaction() as session:
        ids = [
            *session.scalars(select(SourceRecord.resource_id).where(SourceRecord.resource_id == text).limit(1)),
            *session.scalars(select(ResourceIdentifier.resource_id).where(ResourceIdentifier.value == text)),
            *session.scalars(select(SourceRecord.resource_id).where(SourceRecord.key == text)),
            *session.scalars(_named(words)),
        ]
        wanted = list(dict.fromkeys(ids))[:_FOUND]
        entries = {one.id: one.entry for one in resources(session, wanted)}
        return [_line(one, entries.get(one), session) for one in wanted]


def _line(resource_id: str, entry: Entry | None, session: Session) -> tuple[Layer, str, str]:
    entry = entry or load(_records(session, resource_id)[0].entry)
    return layer_of(entry), resource_id, name_of(entry)


def _named(words: str) -> Select[str]:
    id_ = func.coalesce(ListingRow.organization_id, ListingRow.practitioner_role_id)
    return (
        select(id_)
        .where(ListingRow.name_key.contains(words, autoescape=True))
        .order_by(ListingRow.name_key)
        .limit(_FOUND)
    )
