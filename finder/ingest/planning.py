"""Planning: a file compared with what is kept, and every change written down."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from finder.curation import dump
from finder.db import Database, ImportRun, Practitioner, RecordChange, RunProblem, SourceRecord
from finder.domain.entry import Entry, Rejected
from finder.ingest.guards import Guards, may_begin
from finder.ingest.records import BATCH, Record, change_row, insert_rows, stored
from finder.ingest.runs import Intake, Tally, discard_unfinished, new_run
from finder.linking import Linker


@dataclass(frozen=True, slots=True)
class _Known:
    """What a plan needs of every record of its source."""

    content_hash: str
    ending: str
    updated_on: str


def plan(database: Database, intake: Intake, entries: Iterable[Entry | Rejected], guards: Guards | None = None) -> int:
    """Compare a file with what is kept and write the changes down; return the run's number.

    The caller holds the import lock. The run is then "planned"; or "unchanged", when the very file was applied last; or
    "stopped", with the guard's words as its message.
    """
    guards = guards or Guards()
    with database.transaction() as session:
        discard_unfinished(session)
        run = new_run(session, intake)
        if not guards.force:
            run.status, run.message = may_begin(session, run)
        number, begins = run.id, run.status == "planning"
    if begins:
        _Plan(database, number, intake, guards).run(entries)
    return number


class _Plan:
    """One comparison of a file with the records of its source."""

    def __init__(self, database: Database, number: int, intake: Intake, guards: Guards) -> None:
        self.database, self.number, self.guards = database, number, guards
        self.source, self.delivery, self.lists = intake.source, intake.delivery, intake.lists
        self.tally = Tally()
        self.seen: set[str] = set()
        self.started = time.monotonic()
        with database.transaction() as session:
            rows = session.execute(
                select(SourceRecord.key, SourceRecord.content_hash, SourceRecord.ending, SourceRecord.updated_on).where(
                    SourceRecord.source == self.source
                )
            )
            self.known = {key: _Known(*rest) for key, *rest in rows}
            self.linker = Linker(session, self.source)
            self.people = set() if self.lists else set(session.scalars(select(Practitioner.id)))

    def run(self, entries: Iterable[Entry | Rejected]) -> None:
        waiting = iter(entries)
        while batch := list(islice(waiting, BATCH)):
            with self.database.transaction() as session:
                self._write(session, batch)
        with self.database.transaction() as session:
            for keys in _in_batches(sorted(self._absent())):
                self._write_absent(session, keys)
            self._finish(session)

    def _write(self, session: Session, batch: list[Entry | Rejected]) -> None:
        problems = [("error", one) for one in batch if isinstance(one, Rejected)]
        found = []
        for one in batch:
            if isinstance(one, Rejected):
                continue
            if one.key in self.seen:
                reason = "this key stands twice in the file; the first one counts"
                problems.append(("error", Rejected(one.line, one.key, "", one.key, "duplicate", reason)))
                continue
            problems += [("warning", warning) for warning in one.warnings]
            if action := self._action(one):
                found.append((action, one))
        self._write_problems(session, problems)
        before = stored(session, self.source, [one.key for action, one in found if action != "new"])
        rows = [self._change(action, one, before.get(one.key)) for action, one in found]
        insert_rows(session, RecordChange, rows)

    def _action(self, entry: Entry) -> str:
        """Return what an entry does to its record, or "" where there is nothing to write down."""
        known = self.known.get(entry.key)
        action = self._what(entry, known)
        if known or not entry.ended_on:
            self.seen.add(entry.key)
        if action:
            self.tally.counts[action] += 1
        elif known and (not entry.ended_on or not known.ending):
            self.tally.counts["unchanged"] += 1
        return action

    def _what(self, entry: Entry, known: _Known | None) -> str:
        if known is None:
            return "" if entry.ended_on or self._speaks_of_nobody(entry) else "new"
        if self.delivery.kind == "update" and entry.updated_on and entry.updated_on < known.updated_on:
            return ""
        if entry.ended_on:
            return "" if known.ending else "deactivated"
        if known.ending:
            return "reactivated"
        return "" if known.content_hash == _hash(dump(entry)) else "changed"

    def _speaks_of_nobody(self, entry: Entry) -> bool:
        """Tell whether a list that only adds, such as affiliations, speaks of a person who is not in the directory."""
        return not self.lists and entry.resource == "PractitionerRole" and entry.key not in self.people

    def _absent(self) -> set[str]:
        """Return the keys to which their absence from this file means something."""
        if self.delivery.kind == "full":
            return {key for key, known in self.known.items() if not known.ending} - self.seen
        if self.delivery.kind == "deactivations":
            return {key for key, known in self.known.items() if known.ending == "deactivated"} - self.seen
        return set()

    def _write_absent(self, session: Session, keys: Sequence[str]) -> None:
        action = "gone" if self.delivery.kind == "full" else "reactivated"
        self.tally.counts[action] += len(keys)
        day = self.delivery.released_on or datetime.now(UTC).date().isoformat()
        ending = ("gone", day) if action == "gone" else ("", "")
        rows = []
        for record in stored(session, self.source, keys).values():
            after = replace(record, ending=ending[0], ended_on=ending[1], changed_run=self.number)
            rows.append(change_row(self.number, action, record, after))
        insert_rows(session, RecordChange, rows)

    def _change(self, action: str, entry: Entry, before: Record | None) -> dict[str, Any]:
        if action == "deactivated" and before:
            updated_on = max(before.updated_on, entry.updated_on)
            after = replace(
                before, ending=action, ended_on=entry.ended_on, updated_on=updated_on, changed_run=self.number
            )
            return change_row(self.number, action, before, after)
        text = dump(entry)
        resource_id = before.resource_id if before else self.linker.resource_of(entry)
        after = Record(
            entry.key, resource_id, _hash(text), text, self.lists, entry.file, entry.line, entry.updated_on, "", "",
            self.number,
        )  # fmt: skip
        return change_row(self.number, action, before, after)

    def _write_problems(self, session: Session, problems: list[tuple[str, Rejected]]) -> None:
        for severity, one in problems:
            self.tally.counts["rejected" if severity == "error" else "warnings"] += 1
            self.tally.problems[one.code] += 1
        rows = [{"run_id": self.number, "severity": severity, **asdict(one)} for severity, one in problems]
        insert_rows(session, RunProblem, rows)

    def _finish(self, session: Session) -> None:
        run = session.get_one(ImportRun, self.number)
        for review in self.linker.reviews:
            review.run_id, review.state = self.number, "planned"
            session.add(review)
        rows = len(self.seen) + self.tally.counts["rejected"]
        stop = self.guards.stop(self.tally.counts, rows, sum(not one.ending for one in self.known.values()))
        run.status, run.message = ("stopped", stop) if stop else ("planned", "")
        run.tally, run.seconds = self.tally.text(), time.monotonic() - self.started


def _in_batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
