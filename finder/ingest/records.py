"""Source records as plain values, as they stand in the table and in the changes of a run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from finder.db import RecordChange, SourceRecord

ACTIONS = ("new", "changed", "deactivated", "reactivated", "gone")
BATCH = 500


@dataclass(frozen=True, slots=True)
class Record:
    """One source record as plain values, as it stands in the table or in a change."""

    key: str
    resource_id: str
    content_hash: str
    entry: str
    lists: bool
    file: str
    line: int
    updated_on: str
    ending: str
    ended_on: str
    changed_run: int

    def columns(self) -> dict[str, Any]:
        """Return the values by column."""
        return {name: getattr(self, name) for name in _COLUMNS}


_COLUMNS = tuple(Record.__dataclass_fields__)


def stored(session: Session, source: str, keys: Sequence[str]) -> dict[str, Record]:
    """Return the records with these keys, by key."""
    if not keys:
        return {}
    columns = [getattr(SourceRecord, name) for name in _COLUMNS]
    rows = session.execute(select(*columns).where(SourceRecord.source == source, SourceRecord.key.in_(keys)))
    return {row[0]: Record(*row) for row in rows}


def live_records(session: Session, source: str) -> int:
    """Return how many live records a source has."""
    wanted = select(func.count()).select_from(SourceRecord)
    return session.scalar(wanted.where(SourceRecord.source == source, SourceRecord.ending == "")) or 0


def changes_of(number: int) -> Select[str, str | None, str | None]:
    """Return the statement for a run's changes in order: the key, and the record before and after as JSON."""
    wanted = select(RecordChange.key, RecordChange.before, RecordChange.after)
    return wanted.where(RecordChange.run_id == number).order_by(RecordChange.id)


def change_row(run: int, action: str, before: Record | None, after: Record | None) -> dict[str, Any]:
    """Return the columns of a run's change; it has at least one side."""
    key = (after or before).key  # type: ignore[union-attr]  # one of the two is there
    return {"run_id": run, "action": action, "key": key, "before": _text(before), "after": _text(after)}


def record_in(text: str | None) -> Record | None:
    """Return the record of one side of a change."""
    return None if text is None else Record(**json.loads(text))


def insert_rows(session: Session, table: type[Any], rows: list[dict[str, Any]]) -> None:
    """Insert rows into the plain table, without the ORM's bookkeeping."""
    if rows:
        session.execute(insert(table.__table__), rows)


def _text(record: Record | None) -> str | None:
    return None if record is None else json.dumps(record.columns(), ensure_ascii=False)
