"""Measurements of imports: how long planning and applying take, without the reading of the file."""

import json
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from bench_directory import points, queries

from finder import ingest, search
from finder.db import Database
from finder.domain.entry import Delivery, Entry, Identifier, Statement
from finder.domain.identifiers import NPI_SYSTEM
from finder.domain.listing import Who
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.terminology import Terminology

FULL = Delivery("full", "A synthetic list")
SOURCE, AS_OF = "A synthetic registry", "2026-08-09"
SEARCH = SearchQuery(near="x", who=Who.ADULT, radius=100)


def practitioners(size: int, phone: str = "617-555-0100") -> Iterator[Entry]:
    """Yield entries as a registry gives them: a name, a specialty, a place and a phone."""
    for n, point in enumerate(points(size)):
        npi = f"1{n:09}"
        values = {
            "family": f"Family{n % 997}",
            "given": f"Given{n % 499}",
            "credentials": "MD",
            "specialty": "207RH0003X",
            "street": f"{n % 9_999 + 1} Main Street",
            "city": "Boston",
            "state": "MA",
            "zip": "02115",
            "phone": phone,
            "latitude": str(point.latitude),
            "longitude": str(point.longitude),
        }
        said = tuple(Statement(name, value, SOURCE, as_of=AS_OF) for name, value in values.items())
        yield Entry(npi, "PractitionerRole", (Identifier(NPI_SYSTEM, npi),), said, line=n + 2, file="list.csv")


def nowhere(_address: object) -> None:
    return None


def import_all(database: Database, size: int, terminology: Terminology, phone: str = "617-555-0100") -> float:
    """Seconds to plan and apply a list of so many practitioners, all of it but making the entries."""
    entries = list(practitioners(size, phone))
    started = time.perf_counter()
    ingest.run_import(database, "bench", FULL, entries, nowhere, terminology)
    return time.perf_counter() - started


def first_and_again(database: Database, size: int, terminology: Terminology) -> tuple[float, float]:
    """Seconds of the first import and of the same list once more."""
    database.migrate()
    return import_all(database, size, terminology), import_all(database, size, terminology)


def upsert_against_raw(folder: Path, size: int) -> float:
    """Rows a second of applying source rows ÷ those of sqlite3's executemany of the same values."""
    database = Database(f"sqlite:///{folder / 'upsert.sqlite'}")
    database.migrate()
    intake = ingest.Intake("bench", FULL)
    with database.alone():
        number = ingest.plan(database, intake, practitioners(size), ingest.Guards(force=True))
    started = time.perf_counter()
    with database.transaction() as session:
        run = ingest.find(session, number)
        for batch in session.execute(ingest.changes_of(number)).partitions(500):
            ingest.apply_batch(session, run, batch)
    ours = time.perf_counter() - started
    return _raw_upsert(folder, number) / ours


def _raw_upsert(folder: Path, number: int) -> float:
    """Seconds that sqlite3 alone takes to read the changes and put the same rows into the same table."""
    with closing(sqlite3.connect(folder / "upsert.sqlite")) as raw:
        raw.execute("DELETE FROM source_record")
        raw.commit()
        started = time.perf_counter()
        texts = raw.execute("SELECT after FROM record_change WHERE run_id = ?", (number,)).fetchall()
        rows = [{"source": "bench"} | json.loads(text) for (text,) in texts]
        names = list(rows[0])
        marks = ", ".join(f":{name}" for name in names)
        raw.executemany(f"INSERT INTO source_record ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608
        raw.commit()
        return time.perf_counter() - started


def searches_while_importing(url: str, size: int, terminology: Terminology) -> float:
    """The p95 of searches while another process applies an import, as the worker does, ÷ that while nothing happens."""
    database = Database(url)
    database.migrate()
    import_all(database, size, terminology)
    search_times(database, terminology, 50)
    idle = search_times(database, terminology, 400)
    entries = list(practitioners(size, phone="617-555-0199"))
    with database.alone():
        number = ingest.plan(database, ingest.Intake("bench", FULL), entries, ingest.Guards(force=True))
    database.dispose()
    worker = get_context("fork").Process(target=_apply, args=(url, number, terminology))
    worker.start()
    busy: list[float] = []
    while worker.is_alive():
        busy += search_times(database, terminology, 5, start=len(busy))
    worker.join()
    if worker.exitcode:
        raise RuntimeError("the import failed")
    return _p95(busy) / _p95(idle)


def _apply(url: str, number: int, terminology: Terminology) -> None:
    ingest.apply(Database(url), number, nowhere, terminology)


def search_times(database: Database, terminology: Terminology, count: int, start: int = 0) -> list[float]:
    times = []
    for n in range(start, start + count):
        point = _places()[n % len(_places())]
        started = time.perf_counter()
        search.find(database, terminology, SEARCH, Place("x", point, Precision.ZIP))
        times.append(time.perf_counter() - started)
    return times


@cache
def _places() -> list[object]:
    return queries(400)


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
