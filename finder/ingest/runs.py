"""Import runs: how one begins, what it counted, what became of it, and the number of the directory's state."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from finder.db import Database, ImportRun, Meta, RecordChange, Review, RunProblem
from finder.domain.entry import Delivery
from finder.errors import NotFound
from finder.ingest.records import ACTIONS


@dataclass(frozen=True, slots=True)
class Intake:
    """One file that is to be imported: from which source, what it is, by whom, its name, path, hash and size.

    ``lists`` tells that its entries are shown in the directory for that alone; see finder.sources.Source.
    """

    source: str
    delivery: Delivery
    who: str = ""
    file: str = ""
    path: str = ""
    sha256: str = ""
    size: int = 0
    lists: bool = True


@dataclass(slots=True)
class Tally:
    """How many rows a run counts, by action, and its problems, by code."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """Return the tally as it is kept with the run."""
        names = (*ACTIONS, "unchanged", "rejected", "warnings")
        return json.dumps({"counts": {name: self.counts[name] for name in names}, "problems": dict(self.problems)})


def new_run(session: Session, intake: Intake) -> ImportRun:
    """Begin a run, with its number."""
    columns = asdict(intake) | asdict(intake.delivery)
    del columns["delivery"], columns["lists"]
    run = ImportRun(status="planning", base_version=version(session), started_at=datetime.now(UTC), **columns)
    session.add(run)
    session.flush()
    return run


def find(session: Session, number: int) -> ImportRun:
    """Return a run; NotFound when there is none with this number."""
    run = session.get(ImportRun, number)
    if run is None:
        raise NotFound(f"There is no run {number}.")
    return run


def counts_of(run: ImportRun) -> dict[str, Any]:
    """Return a run's counts and its problems by code."""
    return dict(json.loads(run.tally))


def problems(session: Session, number: int) -> Iterator[RunProblem]:
    """Yield the rows that a run could not use and the values that it left out, in the file's order."""
    yield from session.scalars(select(RunProblem).where(RunProblem.run_id == number).order_by(RunProblem.id))


def discard(database: Database, number: int) -> None:
    """Drop a plan that waits or was stopped; NotFound when it is neither."""
    with database.transaction() as session:
        run = find(session, number)
        if run.status not in ("planned", "stopped"):
            raise NotFound(f"Run {number} cannot be discarded; it is {run.status}.")
        run.status, run.finished_at = "discarded", datetime.now(UTC)
        session.execute(delete(RecordChange).where(RecordChange.run_id == number))
        set_reviews(session, number, "planned", "closed")


def clear_unfinished(database: Database) -> None:
    """Clear away plans whose process ended in the middle; the caller holds the import lock."""
    with database.transaction() as session:
        discard_unfinished(session)


def discard_unfinished(session: Session) -> None:
    """Clear away plans whose process died; the caller holds the lock, so nobody is at work on them."""
    died = session.scalars(select(ImportRun).where(ImportRun.status == "planning")).all()
    for run in died:
        run.status, run.message = "discarded", "The process ended before the plan was ready."
        for table in (RecordChange, RunProblem):
            session.execute(delete(table).where(table.run_id == run.id))


def set_reviews(session: Session, number: int, before: str, after: str) -> None:
    """Bring what a run asks a person from one state to the next."""
    session.execute(update(Review).where(Review.run_id == number, Review.state == before).values(state=after))


def version(session: Session) -> int:
    """Return the number of the directory's state: each applied run makes the next one."""
    return int(session.scalar(select(Meta.value).where(Meta.key == "version")) or 0)


def advance(session: Session) -> None:
    """Begin the directory's next state, so that no plan made before is applied to what a person has changed since."""
    number = version(session) + 1
    session.execute(delete(Meta).where(Meta.key == "version"))
    session.execute(insert(Meta).values(key="version", value=str(number)))
