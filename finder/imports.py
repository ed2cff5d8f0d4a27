"""Imports as an admin sees them: the command line and the browser call these, and nothing else, to import."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from finder import ingest
from finder.db import ImportRun
from finder.domain.entry import Entry, Rejected
from finder.errors import NotFound, SourceError
from finder.formats import csv_line
from finder.ingest import ACTIONS, Guards, Intake, Sample
from finder.services import Services
from finder.sources import Source, get, table
from finder.sources.table import Mapping_

# Changes that are made live in a second, until a run of this directory has shown its own pace.
_PACE = 1_500.0
_BLOCK = 1 << 20
MAPPED = frozenset({"table"})
"""The sources whose files have a mapping: what each of their columns gives."""

Progress = Callable[[int, int, int], None]
"""Called with the bytes read so far, the file's size in bytes, and the rows so far."""


@dataclass(frozen=True, slots=True)
class Run:
    """One import as it is shown: what it was, what it did or would do, and what stopped it."""

    number: int
    source: str
    title: str
    kind: str
    status: str
    file: str
    path: str
    size: int
    released_on: str
    covers_from: str
    covers_to: str
    who: str
    message: str
    undo_of: int | None
    started_at: datetime
    finished_at: datetime | None
    seconds: float
    counts: dict[str, int]
    problems: dict[str, int]

    @property
    def changes(self) -> int:
        """How many records the run changes."""
        return sum(self.counts[action] for action in ACTIONS)

    @property
    def mode(self) -> str:
        """Whether the run has been applied or is a plan."""
        return "apply" if self.status in ("applied", "undone") else "plan"

    def json(self, problems_csv: str = "") -> dict[str, object]:
        """Return the run for programs."""
        return {
            "run": self.number,
            "source": self.source,
            "mode": self.mode,
            "status": self.status,
            "message": self.message,
            "counts": self.counts,
            "problems": self.problems,
            "seconds": round(self.seconds, 2),
            "problems_csv": problems_csv,
        }


class Imports:
    """Everything that can be done with imports on the directory of these services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database

    @property
    def inbox(self) -> Path:
        """The folder from which files can be chosen in the browser, and where uploads are kept."""
        folder = self._services.settings.instance / "inbox"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def plan(
        self, source_name: str, path: Path, who: str, progress: Progress = lambda *_: None, *, force: bool = False
    ) -> Run:
        """Read a file and write down what it would change; nothing that readers see is touched.

        Raises NotFound for an unknown source, SourceError for a file that cannot be used, ImportBusy while another
        import is at work. A guard does not raise: the run's status is then "stopped".
        """
        source = get(source_name)
        if not path.exists():
            raise SourceError(f"{path.name} is not there. Check the path.")
        digest = _sha256(path, self._settle_mapping(path) if source_name in MAPPED else "")
        delivery = source.identify(path)
        size = _size(path)
        intake = Intake(source.name, delivery, who, path.name, str(path.resolve()), digest, size, source.lists)
        with self._database.alone():
            entries = _counted(source, path, size, progress)
            return self.run(ingest.plan(self._database, intake, entries, self._guards(force)))

    def mapping(self, path: Path) -> Mapping_:
        """Return what the columns of a file give: as it was decided for its headings, or else as it is proposed."""
        return table.mapping_of(path, self._mappings)

    def remember_mapping(self, path: Path, mapping: Mapping_) -> None:
        """Keep a mapping for a file and for the next one with its headings; SourceError when it cannot be used."""
        if mistakes := table.mistakes(mapping):
            raise SourceError(" ".join(mistakes.values()))
        table.remember(path, mapping, self._mappings)

    def apply(self, number: int, step: ingest.Step = lambda done, total: None) -> Run:
        """Make a plan live; raises GuardStopped, PlanOutdated, NotFound or ImportBusy, and then nothing has changed."""
        with self._database.alone():
            ingest.apply(self._database, number, self._services.place_of, self._services.terminology, step)
        with suppress(OperationalError):  # The plan is live; that its statistics could not be written changes nothing.
            self._database.analyze()
        return self.run(number)

    def undo(self, number: int, who: str) -> Run:
        """Restore what was before an applied run; what later runs changed stays and stands among the problems."""
        with self._database.alone():
            reverse = ingest.undo(self._database, number, who)
            ingest.apply(self._database, reverse, self._services.place_of, self._services.terminology)
        return self.run(reverse)

    def discard(self, number: int) -> Run:
        """Drop a plan that waits or was stopped."""
        ingest.discard(self._database, number)
        return self.run(number)

    def give_up(self) -> None:
        """Clear away the plans of processes that ended in the middle."""
        with self._database.alone():
            ingest.clear_unfinished(self._database)

    def runs(self, limit: int = 50) -> list[Run]:
        """Return the newest runs, the newest first."""
        with self._database.transaction() as session:
            newest = select(ImportRun).order_by(ImportRun.id.desc()).limit(limit)
            return [_run(one) for one in session.scalars(newest)]

    def run(self, number: int) -> Run:
        """Return one run; NotFound when there is none."""
        with self._database.transaction() as session:
            return _run(ingest.find(session, number))

    def samples(self, number: int, size: int = 5) -> dict[str, list[Sample]]:
        """Return the first changes of each kind that a run makes, field by field."""
        with self._database.transaction() as session:
            found = {action: ingest.samples(session, number, action, size) for action in ACTIONS}
        return {action: some for action, some in found.items() if some}

    def seconds_to_apply(self, run: Run) -> float:
        """Return about how long a plan takes to be made live, by the pace of the runs before it."""
        paces = [one.changes / one.seconds for one in self.runs() if one.status == "applied" and one.seconds > 1]
        return run.changes / (sorted(paces)[len(paces) // 2] if paces else _PACE)

    def problems_csv(self, number: int) -> Iterator[str]:
        """Yield the lines of a CSV of the rows that a run could not use and the values that it left out."""
        header = ("severity", "line", "key", "column", "value", "code", "reason")
        yield csv_line(header)
        with self._database.transaction() as session:
            for one in ingest.problems(session, number):
                yield csv_line(getattr(one, name) for name in header)

    def write_problems(self, number: int) -> Path:
        """Write that CSV into the instance folder and return its path."""
        folder = self._services.settings.instance / "imports"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"run-{number}-problems.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(self.problems_csv(number))
        return path

    def from_inbox(self, name: str) -> Path:
        """Return a file of the inbox by its name; NotFound when there is none."""
        path = self.inbox / name
        if path.parent != self.inbox or name in ("", ".", "..") or not path.exists():
            raise NotFound(f"There is no file {name!r} in the inbox.")
        return path

    @property
    def _mappings(self) -> Path:
        return self._services.settings.instance / "mappings"

    def _settle_mapping(self, path: Path) -> str:
        """Put beside a file what was decided for its headings, and return what its columns give, to be told apart by.

        The same file read by other columns is another import.
        """
        mapping = self.mapping(path)
        if mapping.decided:
            table.remember(path, mapping)
        return repr((mapping.kind, [column.field for column in mapping.columns]))

    def _guards(self, force: bool) -> Guards:
        settings = self._services.settings
        return Guards(
            settings.import_rejected_percent,
            settings.import_gone_percent,
            settings.import_deactivated_percent,
            force,
        )


def _run(row: ImportRun) -> Run:
    tally = json.loads(row.tally)
    counts = dict.fromkeys((*ACTIONS, "unchanged", "rejected", "warnings"), 0) | tally.get("counts", {})
    own = (name for name in Run.__dataclass_fields__ if name not in ("number", "counts", "problems"))
    return Run(
        number=row.id, counts=counts, problems=tally.get("problems", {}), **{one: getattr(row, one) for one in own}
    )


def _counted(source: Source, path: Path, size: int, progress: Progress) -> Iterator[Entry | Rejected]:
    """Return the entries of a file and tell how far its reading has come."""
    read = rows = 0

    def note(count: int) -> None:
        nonlocal read
        read = count
        progress(read, size, rows)

    def told(entries: Iterator[Entry | Rejected]) -> Iterator[Entry | Rejected]:
        nonlocal rows
        for rows, entry in enumerate(entries, 1):
            if rows % 200 == 0:
                progress(read, size, rows)
            yield entry
        progress(size, size, rows)

    # Opened here and not in the generator: a file that cannot be used must be refused before a run is begun.
    return told(source.read(path, note))


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in _files(path))


def _sha256(path: Path, mapping: str) -> str:
    """Return the hash of a file and how its columns are read, or of a folder's files with their names."""
    digest = hashlib.sha256(mapping.encode())
    for one in _files(path):
        if path.is_dir():
            digest.update(f"{one.relative_to(path)}:{one.stat().st_size}:".encode())
        with one.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
