"""Imports: planned first, applied as planned, and undone.

A plan compares a file with the records that are kept and writes down every change, before and after, without touching
what readers see. Applying runs exactly those changes in one transaction; undoing runs them backwards.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from finder.curation import Locate, curate, dump, load
from finder.db import Database, ImportRun, Meta, Override, Practitioner, RecordChange, Review, RunProblem, SourceRecord
from finder.domain.entry import Delivery, Entry, Rejected
from finder.domain.terminology import Terminology
from finder.errors import GuardStopped, NotFound, PlanOutdated
from finder.linking import Linker

ACTIONS = ("new", "changed", "deactivated", "reactivated", "gone")
_BATCH = 500
# Guards speak in shares; so few rows stop nothing, however small the list.
_FEW = 10

Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Guards:
    """The largest shares, in percent, of a file's or a list's rows that an import may reject, lose or deactivate."""

    rejected: float = 1.0
    gone: float = 5.0
    deactivated: float = 2.0
    force: bool = False


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


@dataclass(frozen=True, slots=True)
class _Known:
    """What a plan needs of every record of its source."""

    content_hash: str
    ending: str
    updated_on: str


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
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        names = (*ACTIONS, "unchanged", "rejected", "warnings")
        return json.dumps({"counts": {name: self.counts[name] for name in names}, "problems": dict(self.problems)})


def plan(database: Database, intake: Intake, entries: Iterable[Entry | Rejected], guards: Guards | None = None) -> int:
    """Compare a file with what is kept and write the changes down; return the run's number.

    The caller holds the import lock. The run is then "planned"; or "unchanged", when the very file was applied last; or
    "stopped", with the guard's words as its message.
    """
    guards = guards or Guards()
    with database.transaction() as session:
        _discard_unfinished(session)
        run = _new_run(session, intake)
        if not guards.force:
            run.status, run.message = _may_begin(session, run)
        number, begins = run.id, run.status == "planning"
    if begins:
        _Plan(database, number, intake, guards).run(entries)
    return number


def _new_run(session: Session, intake: Intake) -> ImportRun:
    columns = asdict(intake) | asdict(intake.delivery)
    del columns["delivery"], columns["lists"]
    run = ImportRun(status="planning", base_version=version(session), started_at=datetime.now(UTC), **columns)
    session.add(run)
    session.flush()
    return run


def clear_unfinished(database: Database) -> None:
    """Clear away plans whose process ended in the middle; the caller holds the import lock."""
    with database.transaction() as session:
        _discard_unfinished(session)


def _discard_unfinished(session: Session) -> None:
    """Clear away plans whose process died; the caller holds the lock, so nobody is at work on them."""
    died = session.scalars(select(ImportRun).where(ImportRun.status == "planning")).all()
    for run in died:
        run.status, run.message = "discarded", "The process ended before the plan was ready."
        for table in (RecordChange, RunProblem):
            session.execute(delete(table).where(table.run_id == run.id))


def _may_begin(session: Session, run: ImportRun) -> tuple[str, str]:
    """Return the status with which a run goes on, and why where it does not: its file must follow the one before."""
    applied = select(ImportRun).where(ImportRun.source == run.source, ImportRun.status == "applied")
    before = session.scalars(applied.where(ImportRun.undo_of.is_(None)).order_by(ImportRun.id.desc())).all()
    if run.sha256 and before and before[0].sha256 == run.sha256:
        return "unchanged", f"This very file was applied as run {before[0].id}. There is nothing to do."
    reason = _out_of_order(run, before)
    return ("stopped", reason) if reason else ("planning", "")


def _out_of_order(run: ImportRun, before: Sequence[ImportRun]) -> str:
    """Return why a file may not follow what was applied before from its source, or "" where it may."""
    reached = max((one.covers_to or one.released_on for one in before), default="")
    if run.kind == "update" and run.covers_to and not any(one.kind == "full" for one in before):
        return "No full list of this source was applied yet. Import the full list first, then its updates."
    ends = run.covers_to or run.released_on
    if reached and ends and ends < reached:
        return f"This file ends on {ends}, but the directory already holds this source as of {reached}."
    if run.kind == "update" and reached and run.covers_from:
        next_day = (date.fromisoformat(reached) + timedelta(days=1)).isoformat()
        if run.covers_from > next_day:
            return f"There is a gap: the directory is as of {reached}, this file begins on {run.covers_from}."
    return ""


class _Plan:
    """One comparison of a file with the records of its source."""

    def __init__(self, database: Database, number: int, intake: Intake, guards: Guards) -> None:
        self.database, self.number, self.guards = database, number, guards
        self.source, self.delivery, self.lists = intake.source, intake.delivery, intake.lists
        self.tally = _Tally()
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
            self.people = set() if self.lists else _people(session)

    def run(self, entries: Iterable[Entry | Rejected]) -> None:
        waiting = iter(entries)
        while batch := list(islice(waiting, _BATCH)):
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
        before = self._stored(session, [one.key for action, one in found if action != "new"])
        rows = [self._change(action, one, before.get(one.key)) for action, one in found]
        _insert(session, RecordChange, rows)

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
        for record in self._stored(session, keys).values():
            after = replace(record, ending=ending[0], ended_on=ending[1], changed_run=self.number)
            rows.append(self._row(action, record, after))
        _insert(session, RecordChange, rows)

    def _change(self, action: str, entry: Entry, before: Record | None) -> dict[str, Any]:
        if action == "deactivated" and before:
            updated_on = max(before.updated_on, entry.updated_on)
            after = replace(
                before, ending=action, ended_on=entry.ended_on, updated_on=updated_on, changed_run=self.number
            )
            return self._row(action, before, after)
        text = dump(entry)
        resource_id = before.resource_id if before else self.linker.resource_of(entry)
        after = Record(
            entry.key, resource_id, _hash(text), text, self.lists, entry.file, entry.line, entry.updated_on, "", "",
            self.number,
        )  # fmt: skip
        return self._row(action, before, after)

    def _row(self, action: str, before: Record | None, after: Record | None) -> dict[str, Any]:
        key = (after or before).key  # type: ignore[union-attr]  # a change has at least one side
        return {
            "run_id": self.number,
            "action": action,
            "key": key,
            "before": _text(before),
            "after": _text(after),
        }

    def _stored(self, session: Session, keys: Sequence[str]) -> dict[str, Record]:
        return stored(session, self.source, keys)

    def _write_problems(self, session: Session, problems: list[tuple[str, Rejected]]) -> None:
        for severity, one in problems:
            self.tally.counts["rejected" if severity == "error" else "warnings"] += 1
            self.tally.problems[one.code] += 1
        rows = [{"run_id": self.number, "severity": severity, **asdict(one)} for severity, one in problems]
        _insert(session, RunProblem, rows)

    def _finish(self, session: Session) -> None:
        run = session.get_one(ImportRun, self.number)
        for review in self.linker.reviews:
            review.run_id, review.state = self.number, "planned"
            session.add(review)
        stop = "" if self.guards.force else self._stop()
        run.status, run.message = ("stopped", stop) if stop else ("planned", "")
        run.tally, run.seconds = self.tally.text(), time.monotonic() - self.started

    def _stop(self) -> str:
        """Return the words of the first guard that this plan runs into, or ""."""
        counts, live = self.tally.counts, sum(not one.ending for one in self.known.values())
        rows = len(self.seen) + counts["rejected"]
        for name, share, of in (
            ("rejected", self.guards.rejected, rows),
            ("gone", self.guards.gone, live),
            ("deactivated", self.guards.deactivated, live),
        ):
            if counts[name] > max(_FEW, of * share / 100):
                return (
                    f"{counts[name]:,} of {of:,} rows would be {name}, more than the {share:g} % that are allowed. "
                    "Look at the file. If it is right, import it again with --force."
                )
        return ""


def _people(session: Session) -> set[str]:
    return set(session.scalars(select(Practitioner.id)))


def stored(session: Session, source: str, keys: Sequence[str]) -> dict[str, Record]:
    """Return the records with these keys, by key."""
    if not keys:
        return {}
    columns = [getattr(SourceRecord, name) for name in _COLUMNS]
    rows = session.execute(select(*columns).where(SourceRecord.source == source, SourceRecord.key.in_(keys)))
    return {row[0]: Record(*row) for row in rows}


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
        for done, batch in enumerate(session.execute(changes_of(number)).partitions(_BATCH)):
            touched |= apply_batch(session, run, batch)
            session.flush()
            step(done * _BATCH, 2 * total)
        ids = sorted(touched)
        for start in range(0, len(ids), _BATCH):
            curate(session, ids[start : start + _BATCH], locate, terminology)
            step(total + start, 2 * total)
        _set_version(session, run.base_version + 1)
        _set_reviews(session, number, "planned", "open")
        if run.undo_of:
            find(session, run.undo_of).status = "undone"
            _set_reviews(session, run.undo_of, "open", "closed")
        run.status, run.finished_at = "applied", datetime.now(UTC)
        run.seconds += time.monotonic() - started
    step(1, 1)


def _set_reviews(session: Session, number: int, before: str, after: str) -> None:
    session.execute(update(Review).where(Review.run_id == number, Review.state == before).values(state=after))


def _check_plan(session: Session, run: ImportRun) -> None:
    if run.status == "stopped":
        raise GuardStopped(run.message)
    if run.status != "planned":
        raise NotFound(f"Run {run.id} is not a plan that waits; it is {run.status}.")
    if run.base_version != version(session):
        raise PlanOutdated(f"The directory has changed since run {run.id} was planned. Plan again.")


def changes_of(number: int) -> Select[str, str | None, str | None]:
    """Return the statement for a run's changes in order: the key, and the record before and after as JSON."""
    wanted = select(RecordChange.key, RecordChange.before, RecordChange.after)
    return wanted.where(RecordChange.run_id == number).order_by(RecordChange.id)


def apply_batch(session: Session, run: ImportRun, batch: Sequence[Row[str, str | None, str | None]]) -> set[str]:
    """Make some changes of a run in the source records; return the resources that they touch."""
    sides = [(key, before and json.loads(before), after and json.loads(after)) for key, before, after in batch]
    removed = [key for key, _, after in sides if after is None]
    created = [{"source": run.source, **after} for _, before, after in sides if after and before is None]
    changed = {key: (before, after) for key, before, after in sides if before and after}
    if removed:
        session.execute(delete(SourceRecord).where(SourceRecord.source == run.source, SourceRecord.key.in_(removed)))
    _insert(session, SourceRecord, created)
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
        reverse = _new_run(session, Intake(run.source, delivery, who, run.file))
        reverse.undo_of, reverse.status = number, "planned"
        tally = _Tally()
        changes = select(RecordChange).where(RecordChange.run_id == number).order_by(RecordChange.id)
        for batch in session.scalars(changes).partitions(_BATCH):
            _reverse_batch(session, run, reverse, batch, tally)
        reverse.tally = tally.text()
        return reverse.id


def _reverse_batch(
    session: Session, run: ImportRun, reverse: ImportRun, batch: Sequence[RecordChange], tally: _Tally
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
        before = _record(one.before)
        after = replace(before, resource_id=current.resource_id) if before else None
        rows.append(
            {
                "run_id": reverse.id,
                "action": action,
                "key": one.key,
                "before": _text(current),
                "after": _text(after),
            }
        )
    _insert(session, RecordChange, rows)


def _reversed(change: RecordChange) -> str:
    back = {"new": "gone", "gone": "reactivated", "deactivated": "reactivated", "reactivated": "deactivated"}
    return back.get(change.action, "changed")


def discard(database: Database, number: int) -> None:
    """Drop a plan that waits or was stopped; NotFound when it is neither."""
    with database.transaction() as session:
        run = find(session, number)
        if run.status not in ("planned", "stopped"):
            raise NotFound(f"Run {number} cannot be discarded; it is {run.status}.")
        run.status, run.finished_at = "discarded", datetime.now(UTC)
        session.execute(delete(RecordChange).where(RecordChange.run_id == number))
        _set_reviews(session, number, "planned", "closed")


def find(session: Session, number: int) -> ImportRun:
    """Return a run; NotFound when there is none with this number."""
    run = session.get(ImportRun, number)
    if run is None:
        raise NotFound(f"There is no run {number}.")
    return run


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
    record = _record(text)
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


def version(session: Session) -> int:
    """Return the number of the directory's state: each applied run makes the next one."""
    return int(session.scalar(select(Meta.value).where(Meta.key == "version")) or 0)


def advance(session: Session) -> None:
    """Begin the directory's next state, so that no plan made before is applied to what a person has changed since."""
    _set_version(session, version(session) + 1)


def _set_version(session: Session, number: int) -> None:
    session.execute(delete(Meta).where(Meta.key == "version"))
    session.execute(insert(Meta).values(key="version", value=str(number)))


def counts_of(run: ImportRun) -> dict[str, Any]:
    """Return a run's counts and its problems by code."""
    return dict(json.loads(run.tally))


def problems(session: Session, number: int) -> Iterator[RunProblem]:
    """Yield the rows that a run could not use and the values that it left out, in the file's order."""
    yield from session.scalars(select(RunProblem).where(RunProblem.run_id == number).order_by(RunProblem.id))


def live_records(session: Session, source: str) -> int:
    """Return how many live records a source has."""
    wanted = select(func.count()).select_from(SourceRecord)
    return session.scalar(wanted.where(SourceRecord.source == source, SourceRecord.ending == "")) or 0


def _in_batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _insert(session: Session, table: type[Any], rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(table.__table__), rows)  # The plain table: without the ORM's bookkeeping.


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _text(record: Record | None) -> str | None:
    return None if record is None else json.dumps(record.columns(), ensure_ascii=False)


def _record(text: str | None) -> Record | None:
    return None if text is None else Record(**json.loads(text))
