"""Applying: a plan's changes made live, all at once."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from finder.curation import Locate, curate, load
from finder.db import Database, ImportRun, Override, Review, SourceRecord
from finder.domain.entry import Delivery, Entry, Rejected
from finder.domain.terminology import Terminology
from finder.errors import GuardStopped, NotFound, PlanOutdated
from finder.ingest.guards import Guards
from finder.ingest.planning import plan
from finder.ingest.records import ACTIONS, BATCH, changes_of, insert_rows
from finder.ingest.runs import Intake, advance, find, set_reviews, version

Step = Callable[[int, int], None]


def apply(
    database: Database, number: int, locate: Locate, terminology: Terminology, step: Step = lambda done, total: None
) -> None:
    """Make a plan's changes live, all at once; the caller holds the import lock.

    Raises GuardStopped for a run that a guard stopped, PlanOutdated when the directory has changed since the plan was
    made, NotFound for a run that is no plan.
    """
    started = time.monotonic()
    with database.transaction() as session:
        run = find(session, number)
        _check_plan(session, run)
        touched: set[str] = set()
        total = sum(json.loads(run.tally)["counts"].get(action, 0) for action in ACTIONS)
        for done, batch in enumerate(session.execute(changes_of(number)).partitions(BATCH)):
            touched |= apply_batch(session, run, batch)
            session.flush()
            step(done * BATCH, 2 * total)
        ids = sorted(touched)
        for start in range(0, len(ids), BATCH):
            curate(session, ids[start : start + BATCH], locate, terminology)
            step(total + start, 2 * total)
        advance(session)
        set_reviews(session, number, "planned", "open")
        if run.undo_of:
            find(session, run.undo_of).status = "undone"
            set_reviews(session, run.undo_of, "open", "closed")
        run.status, run.finished_at = "applied", datetime.now(UTC)
        run.seconds += time.monotonic() - started
    step(1, 1)


def _check_plan(session: Session, run: ImportRun) -> None:
    if run.status == "stopped":
        raise GuardStopped(run.message)
    if run.status != "planned":
        raise NotFound(f"Run {run.id} is not a plan that waits; it is {run.status}.")
    if run.base_version != version(session):
        raise PlanOutdated(f"The directory has changed since run {run.id} was planned. Plan again.")


def apply_batch(session: Session, run: ImportRun, batch: Sequence[Row[str, str | None, str | None]]) -> set[str]:
    """Make some changes of a run in the source records; return the resources that they touch."""
    sides = [(key, before and json.loads(before), after and json.loads(after)) for key, before, after in batch]
    removed = [key for key, _, after in sides if after is None]
    created = [{"source": run.source, **after} for _, before, after in sides if after and before is None]
    changed = {key: (before, after) for key, before, after in sides if before and after}
    if removed:
        session.execute(delete(SourceRecord).where(SourceRecord.source == run.source, SourceRecord.key.in_(removed)))
    insert_rows(session, SourceRecord, created)
    if changed:
        numbers = select(SourceRecord.key, SourceRecord.id)
        numbers = numbers.where(SourceRecord.source == run.source, SourceRecord.key.in_(list(changed)))
        rows = [{"id": row.id, **changed[row.key][1]} for row in session.execute(numbers)]
        session.execute(update(SourceRecord), rows)
        _note_disagreements(session, run, list(changed.values()))
    return {side["resource_id"] for _, *both in sides for side in both if side}


def _note_disagreements(session: Session, run: ImportRun, changed: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    """Ask a person when a source now says something else about a field that was corrected by hand."""
    by_resource = {after["resource_id"]: (before, after) for before, after in changed}
    standing = select(Override).where(Override.resource_id.in_(list(by_resource)), Override.withdrawn_at.is_(None))
    for override in session.scalars(standing):
        old, new = (_values(side["entry"], override.field) for side in by_resource[override.resource_id])
        if old != new and override.value not in new:
            detail = {"field": override.field, "kept": override.value, "said": new, "run": run.id, "source": run.source}
            session.add(
                Review(
                    kind="disagreement",
                    run_id=run.id,
                    resource_id=override.resource_id,
                    detail=json.dumps(detail),
                    made_at=datetime.now(UTC),
                )
            )


def _values(entry: str, name: str) -> list[str]:
    return [one.value for one in load(entry).statements if one.field == name]


def run_import(
    database: Database,
    source: str,
    delivery: Delivery,
    entries: Iterable[Entry | Rejected],
    locate: Locate,
    terminology: Terminology,
) -> ImportRun:
    """Plan a list of ours and apply it at once, whatever it changes; return the run."""
    with database.alone():
        intake = Intake(source, delivery, who="the program", file=source)
        number = plan(database, intake, entries, Guards(force=True))
        apply(database, number, locate, terminology)
    with database.transaction() as session:
        run = find(session, number)
        session.expunge(run)
        return run
