"""What runs did, as a person reads it: changes field by field, and where a record was read."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from finder.curation import load
from finder.db import Database, ImportRun, RecordChange, SourceRecord
from finder.ingest.records import record_in


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a changed record, with the values before and after."""

    field: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One change of a run as a person reads it."""

    action: str
    key: str
    name: str
    differences: tuple[Difference, ...]


def samples(session: Session, number: int, action: str, size: int = 5) -> list[Sample]:
    """Return the first changes of one kind, field by field."""
    wanted = select(RecordChange).where(RecordChange.run_id == number, RecordChange.action == action)
    return [sample_of(one) for one in session.scalars(wanted.order_by(RecordChange.id).limit(size))]


def sample_of(change: RecordChange) -> Sample:
    """Return one change field by field."""
    before, after = _fields(change.before), _fields(change.after)
    names = list(dict.fromkeys([*before, *after]))
    differing = [name for name in names if before.get(name) != after.get(name)]
    differences = tuple(Difference(name, before.get(name, ()), after.get(name, ())) for name in differing)
    return Sample(change.action, change.key, _name({**before, **after}), differences)


def _fields(text: str | None) -> dict[str, tuple[str, ...]]:
    record = record_in(text)
    if record is None:
        return {}
    fields: dict[str, tuple[str, ...]] = {"ended on": (record.ended_on,)} if record.ending else {}
    for statement in load(record.entry).statements:
        fields[statement.field] = (*fields.get(statement.field, ()), statement.value)
    return fields


def _name(fields: dict[str, tuple[str, ...]]) -> str:
    return " ".join(fields[name][0] for name in ("name", "given", "family") if name in fields)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a source record was read: the list, its release date, file and line, and the run that last changed it."""

    title: str
    released_on: str
    file: str
    line: int
    run: int
    read_on: str


def origins(database: Database, records: Iterable[int]) -> dict[int, Origin]:
    """Return where these source records were read, by their numbers in order."""
    wanted = select(
        SourceRecord.id, ImportRun.title, ImportRun.released_on, SourceRecord.file, SourceRecord.line, ImportRun.id,
        ImportRun.started_at,
    ).join(ImportRun, ImportRun.id == SourceRecord.changed_run)  # fmt: skip
    with database.reading() as connection:
        rows = connection.execute(wanted.where(SourceRecord.id.in_(list(records))).order_by(SourceRecord.id))
        return {row[0]: Origin(*row[1:6], row[6].date().isoformat()) for row in rows}
