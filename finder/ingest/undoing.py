"""Undoing: the reverse of an applied run, planned like any other."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from finder.db import Database, ImportRun, RecordChange, RunProblem
from finder.domain.entry import Delivery
from finder.errors import NotFound
from finder.ingest.records import BATCH, change_row, insert_rows, record_in, stored
from finder.ingest.runs import Intake, Tally, find, new_run


def undo(database: Database, number: int, who: str) -> int:
    """Plan the reverse of an applied run and return that plan's number; the caller holds the lock and applies it.

    A record that a later run changed again is left as it is and stands among the plan's problems ("changed-since").
    Raises NotFound for a run that was not applied.
    """
    with database.transaction() as session:
        run = find(session, number)
        if run.status != "applied" or run.undo_of:
            raise NotFound(f"Run {number} cannot be undone; it is {run.status}.")
        delivery = Delivery("undo", f"Undo of run {number}: {run.title}")
        reverse = new_run(session, Intake(run.source, delivery, who, run.file))
        reverse.undo_of, reverse.status = number, "planned"
        tally = Tally()
        changes = select(RecordChange).where(RecordChange.run_id == number).order_by(RecordChange.id)
        for batch in session.scalars(changes).partitions(BATCH):
            _reverse_batch(session, run, reverse, batch, tally)
        reverse.tally = tally.text()
        return reverse.id


def _reverse_batch(
    session: Session, run: ImportRun, reverse: ImportRun, batch: Sequence[RecordChange], tally: Tally
) -> None:
    now = stored(session, run.source, [one.key for one in batch])
    rows = []
    for one in batch:
        current = now.get(one.key)
        if current is None or current.changed_run != run.id:
            tally.counts["warnings"] += 1
            tally.problems["changed-since"] += 1
            reason = "a later import changed this record again, so it was left as it is"
            session.add(
                RunProblem(run_id=reverse.id, severity="warning", line=0, key=one.key, column="", value="",
                           code="changed-since", reason=reason)
            )  # fmt: skip
            continue
        action = _reversed(one)
        tally.counts[action] += 1
        # A person may have joined the record to another resource since; that word stands.
        before = record_in(one.before)
        after = replace(before, resource_id=current.resource_id) if before else None
        rows.append(change_row(reverse.id, action, current, after))
    insert_rows(session, RecordChange, rows)


def _reversed(change: RecordChange) -> str:
    back = {"new": "gone", "gone": "reactivated", "deactivated": "reactivated", "reactivated": "deactivated"}
    return back.get(change.action, "changed")
