"""Imports that a worker process carries out, one at a time, while the browser shows how far they have come.

A job is a row of the directory's database; the queue only carries its number to the worker. How far a job has come, and
that somebody wants it cancelled, stands in the queue's own store, because the embedded database takes no other writes
while a plan is made live.
"""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import CursorResult, select, update

from finder import ingest
from finder.accounts import Account, audit
from finder.db import NOT_WRITTEN, server_address, why_not_written
from finder.db.models import Job
from finder.errors import FinderError, ImportBusy, NotFound, SourceError
from finder.imports import Imports, Run
from finder.services import Services
from finder.sources import get

if TYPE_CHECKING:
    from huey import Huey

OPEN = ("waiting", "working")
_QUEUE = "finder"
_TABLES_LOCK = 4_114_248  # any number that no other program on the same server is likely to lock
_TELL_EVERY = 0.5
_TRY_AGAIN = 5
_STALE = 86_400
_ENDED = {"apply": "applied", "undo": "undone"}
_DIED = "The worker ended in the middle of it. Nothing was changed. Start it again."
_BROKE = "Something went wrong on our side, and nothing was changed. The worker's log says what."
_log = logging.getLogger("finder")


class Cancelled(Exception):
    """Somebody cancelled the job that is at work."""


@dataclass(frozen=True, slots=True)
class Status:
    """One job as it is shown; ``done`` of ``total`` are bytes of a file that is read, or steps of another job."""

    number: int
    kind: str
    state: str
    run: int | None
    source: str
    file: str
    who: str
    done: int
    total: int
    rows: int
    message: str
    made_at: datetime
    seconds: float
    cancelling: bool

    @property
    def is_open(self) -> bool:
        """Whether the job waits or is at work."""
        return self.state in OPEN

    @property
    def share(self) -> float:
        """How much of the job is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def rate(self) -> float:
        """What is done in a second."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def remaining(self) -> float | None:
        """How many seconds the rest takes at the pace until now; None before anything is done."""
        return (self.total - self.done) / self.rate if self.rate and self.state == "working" else None


class Jobs:
    """What can be asked of the worker, and what the worker does.

    ``url`` is that of the PostgreSQL database or the Redis server that holds the queue, "" for a file of ours.
    """

    def __init__(self, services: Services, url: str = "") -> None:
        self._database, self._instance, self._url = services.database, services.settings.instance, url
        self._imports = Imports(services)
        self._kinds = {"plan": self._plan, "apply": self._apply, "undo": self._undo}

    @cached_property
    def queue(self) -> "Huey":
        """The queue, opened at its first use, so that processes that are forked before then have their own."""
        queue = _open_queue(self._url, self._instance)
        self._send = queue.task(name="carry_out")(self._carry_out)
        queue.periodic_task(lambda _minute: True, name="recover")(self.recover)
        return queue

    # Asking

    def plan(self, by: Account, source: str, path: Path, *, force: bool = False) -> int:
        """Ask for a plan and return the job's number; raises SourceError for a file that the source refuses at once."""
        known = get(source)
        if not path.exists():
            raise SourceError(f"{path.name} is not there any more. Upload it again.")
        known.identify(path)
        return self._ask(by, path.name, kind="plan", source=source, path=str(path), force=force)

    def apply(self, by: Account, number: int) -> int:
        """Ask for a plan to be made live."""
        return self._ask_for_run(by, "apply", self._imports.run(number))

    def undo(self, by: Account, number: int) -> int:
        """Ask for an applied run to be undone."""
        return self._ask_for_run(by, "undo", self._imports.run(number))

    def cancel(self, by: Account, number: int) -> None:
        """Stop a job: at once while it waits, within moments while it is at work. What it had done is taken back."""
        if self._change(number, "waiting", state="cancelled", finished_at=_now(), message="Nothing was changed."):
            self._audit(by, "import-cancel", f"job {number}")
        elif self.status(number).state == "working":
            self.queue.put(f"cancel-{number}", True)
            self._audit(by, "import-cancel", f"job {number}")

    def outdated(self, number: int) -> bool:
        """Tell whether the directory has changed since a plan was made, so that it cannot be applied."""
        with self._database.transaction() as session:
            run = ingest.find(session, number)
            return run.status == "planned" and run.base_version != ingest.version(session)

    def status(self, number: int) -> Status:
        """Return one job; NotFound when there is none."""
        with self._database.transaction() as session:
            job = session.get(Job, number)
            if job is None:
                raise NotFound(f"There is no job {number}.")
            return self._status(job)

    def open(self, run: int | None = None) -> list[Status]:
        """Return the jobs that wait or are at work, for one run or all; the first to be done comes first."""
        with self._database.transaction() as session:
            wanted = select(Job).where(Job.state.in_(OPEN)).order_by(Job.id)
            wanted = wanted if run is None else wanted.where(Job.run_id == run)
            return [self._status(job) for job in session.scalars(wanted)]

    def worker_is_running(self) -> bool:
        """Tell whether a worker takes jobs from this instance folder."""
        with self._lock_path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
            return False

    def _ask_for_run(self, by: Account, kind: str, run: Run) -> int:
        return self._ask(by, run.title, kind=kind, source=run.source, path=run.path, run_id=run.number)

    def _ask(self, by: Account, detail: str, **columns: Any) -> int:
        """Make a job, or return the one that was asked for already: a button may be pressed twice."""
        with self._database.transaction() as session:
            same = [getattr(Job, name) == value for name, value in columns.items()]
            there = session.scalar(select(Job.id).where(Job.state.in_(OPEN), *same))
            if there:
                return there
            job = Job(who=by.name, made_at=_now(), **columns)
            session.add(job)
            session.flush()
            subject = f"run {job.run_id}" if job.run_id else job.source
            audit(session, by, f"import-{'force' if job.force else job.kind}", subject, detail)
            number = job.id
        self._enqueue(number)
        return number

    def _enqueue(self, number: int, delay: int = 0) -> None:
        _ = self.queue  # makes the task
        self._send.schedule((number,), delay=delay) if delay else self._send(number)

    def _audit(self, by: Account, action: str, subject: str) -> None:
        with self._database.transaction() as session:
            audit(session, by, action, subject)

    def _status(self, job: Job) -> Status:
        done, total, rows = job.done, job.total, job.rows
        cancelling = False
        if job.state == "working":
            done, total, rows = self.queue.get(f"progress-{job.id}", peek=True) or (0, 0, 0)
            cancelling = self.queue.get(f"cancel-{job.id}", peek=True) is True
        started, ended = _utc(job.started_at), _utc(job.finished_at) or _now()
        return Status(
            job.id, job.kind, job.state, job.run_id, job.source, Path(job.path).name, job.who, done, total, rows,
            job.message, _utc(job.made_at) or _now(), (ended - started).total_seconds() if started else 0.0, cancelling,
        )  # fmt: skip

    # Working

    def recover(self) -> None:
        """Say of every job that ended in the middle what became of it, and put in again what the queue has lost.

        Only for a worker that is not at work on a job; it does so when it starts and about every minute.
        """
        self._give_up()
        for path in self._imports.inbox.glob(".upload-*"):
            if path.stat().st_mtime < time.time() - _STALE:
                path.unlink(missing_ok=True)
        with self._database.transaction() as session:
            for job in session.scalars(select(Job).where(Job.state == "working")):
                run = ingest.find(session, job.run_id) if job.run_id else None
                made = run is not None and run.status == _ENDED.get(job.kind)
                job.state, job.message, job.finished_at = "done" if made else "failed", "" if made else _DIED, _now()
            waiting = session.scalars(select(Job.id).where(Job.state == "waiting").order_by(Job.id)).all()
        held = {number for task in (*self.queue.pending(), *self.queue.scheduled()) for number in task.args}
        for number in waiting:
            if number not in held:
                self._enqueue(number)

    def work(self) -> None:
        """Carry out jobs until the process is told to end; a second worker waits until the first has ended."""
        self._lock = self._lock_path.open("a")  # held until the process has ended, and its thread with it
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        while not self._has_recovered():
            time.sleep(_TRY_AGAIN)
        self.queue.create_consumer(workers=1, max_delay=1.0, shutdown_timeout=5).run()

    def _has_recovered(self) -> bool:
        try:
            self.recover()
        except NOT_WRITTEN as error:
            _log.error("worker_waits cause=%s", why_not_written(error))
            return False
        return True

    @property
    def _lock_path(self) -> Path:
        return self._instance / "worker.lock"

    def _carry_out(self, number: int) -> None:
        if not self._change(number, "waiting", state="working", started_at=_now(), message=""):
            return
        with self._database.transaction() as session:
            job = session.get_one(Job, number)
            session.expunge(job)
        meter = _Meter(self.queue, number)
        try:
            run = self._kinds[job.kind](job, meter)
        except ImportBusy as error:
            self._change(number, "working", state="waiting", started_at=None, message=str(error))
            self._enqueue(number, _TRY_AGAIN)
        except Exception as error:  # Whatever happens to one job, the worker goes on with the next.
            self._failed(number, error, meter)
        else:
            self._end(number, meter, "done", "", run)

    def _failed(self, number: int, error: Exception, meter: "_Meter") -> None:
        self._give_up()
        if isinstance(error, Cancelled):
            self._end(number, meter, "cancelled", "Nothing was changed.")
            return
        if isinstance(error, FinderError):
            words = str(error)
        else:
            _log.error("job_failed job=%s", number, exc_info=error)
            words = why_not_written(error) if isinstance(error, NOT_WRITTEN) else _BROKE
        self._end(number, meter, "failed", words)

    def _plan(self, job: Job, meter: "_Meter") -> int:
        run = self._imports.plan(job.source, Path(job.path), job.who, meter, force=job.force)
        if meter.is_cancelled():
            if run.status in ("planned", "stopped"):
                self._imports.discard(run.number)
            raise Cancelled
        return run.number

    def _apply(self, job: Job, meter: "_Meter") -> int:
        return self._imports.apply(job.run_id or 0, meter.step).number

    def _undo(self, job: Job, _meter: "_Meter") -> int:
        return self._imports.undo(job.run_id or 0, job.who).number

    def _give_up(self) -> None:
        with suppress(ImportBusy):  # Whoever is at work now has cleared away what was left before.
            self._imports.give_up()

    def _end(self, number: int, meter: "_Meter", state: str, message: str, run: int | None = None) -> None:
        columns = {"run_id": run} if run else {}
        at_end = {"done": meter.done, "total": meter.total, "rows": meter.rows}
        self._change(number, "working", state=state, message=message, finished_at=_now(), **at_end, **columns)
        for name in ("progress", "cancel"):
            self.queue.delete(f"{name}-{number}")

    def _change(self, number: int, before: str, **columns: object) -> bool:
        """Change a job that is in this state, and tell whether it was."""
        with self._database.transaction() as session:
            changed = session.execute(update(Job).where(Job.id == number, Job.state == before).values(**columns))
            return isinstance(changed, CursorResult) and changed.rowcount == 1


class _Meter:
    """Tells the queue's store how far a job has come, and stops the job when somebody has cancelled it."""

    def __init__(self, queue: "Huey", number: int) -> None:
        self._queue, self._number, self._told = queue, number, 0.0
        self.done = self.total = self.rows = 0

    def __call__(self, done: int, total: int, rows: int) -> None:
        self.done, self.total, self.rows = done, total, rows
        if time.monotonic() - self._told < _TELL_EVERY:
            return
        self._told = time.monotonic()
        self._queue.put(f"progress-{self._number}", (done, total, rows))
        if self.is_cancelled():
            raise Cancelled

    def step(self, done: int, total: int) -> None:
        """Note how many steps of an application are done; the last one says that it is live and cannot be stopped."""
        if done < total:
            self(done, total, 0)
        else:
            self.done = self.total

    def is_cancelled(self) -> bool:
        """Tell whether somebody has cancelled the job."""
        return self._queue.get(f"cancel-{self._number}", peek=True) is True


def _open_queue(url: str, folder: Path) -> "Huey":
    # Imported here, because it costs a third of a second, and pages that import nothing do without.
    from huey import RedisHuey, SqliteHuey  # noqa: PLC0415

    if not url:
        return SqliteHuey(_QUEUE, filename=str(folder / "jobs.sqlite"), results=False)
    if address := server_address(url):
        return _postgres_queue(address)
    return RedisHuey(_QUEUE, url=url, results=False)


def _postgres_queue(address: str) -> "Huey":
    # Imported here for the same reason.
    import psycopg  # noqa: PLC0415
    from huey import Huey  # noqa: PLC0415
    from huey.storage import PostgresStorage  # noqa: PLC0415

    class Storage(PostgresStorage):  # type: ignore[misc]  # huey has no types
        """The store of huey, which notices before each use that the server has ended a connection, by a restart say."""

        @property
        def conn(self) -> Any:
            with suppress(psycopg.OperationalError):
                super().conn.execute("")
            return super().conn

    with psycopg.connect(address) as connection:
        # Processes that make the tables at the same moment would stumble over each other.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_TABLES_LOCK])
        return Huey(_QUEUE, storage_class=Storage, dsn=address, results=False)


def start_beside() -> "subprocess.Popen[bytes]":
    """Start a worker that ends when this process and those forked from it have ended, however they end."""
    command = [sys.executable, "-m", "finder", "work", "--beside"]
    # In a session of its own: Ctrl-C ends this process, and the worker sees that.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own command


def end_with_parent() -> None:
    """End this process when its standard input ends, which the process that started it holds open while it lives."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _now() -> datetime:
    return datetime.now(UTC)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
