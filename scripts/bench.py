"""The figures of scripts/bench: each is measured in this one run, and ratios compare things measured side by side."""

import argparse
import csv
import json
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import bench_import
import bench_ingest
import bench_pages
import folium
from bench_directory import fill, points, queries, zips
from sqlalchemy import Connection, event, select

from finder import fhir, search
from finder.db import Database, ListingRow
from finder.domain import fit
from finder.domain.geo import GeoPoint
from finder.domain.listing import Layer, Who
from finder.domain.place import Place, Precision
from finder.domain.query import SearchQuery
from finder.domain.terminology import Terminology
from finder.fhir.searching import DEFAULT_COUNT, PAST, Cursor
from finder.geocoding import Index, Locator, suggest
from finder.services import index_path, load_terminology, setup
from finder.settings import PROJECT, Settings, load
from finder.web import create_app, maps

NEAREST = SearchQuery(near="x", who=Who.ADULT, radius=50, layer="specialists", offers=("transplant",))
SEARCHES = 600


@dataclass(frozen=True)
class Figure:
    """One measured value and the limit that it must keep; ``limit`` None means that it is shown for information."""

    name: str
    unit: str
    limit: float | None
    at_least: bool
    measure: Callable[[], float]

    def met(self, value: float) -> bool | None:
        if self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


FIGURES: list[Figure] = []


def figure(
    name: str, unit: str, *, at_most: float | None = None, at_least: float | None = None
) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register the function below as the measurement of a figure."""

    def register(measure: Callable[[], float]) -> Callable[[], float]:
        limit = at_most if at_least is None else at_least
        FIGURES.append(Figure(name, unit, limit, at_least is not None, measure))
        return measure

    return register


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="finder-bench-"))


@cache
def settings() -> Settings:
    made = load({"FINDER_INSTANCE": str(folder() / "instance"), "FINDER_RATE_LIMIT": ""})
    setup(made, lambda line: None)
    return made


@cache
def directory(size: int) -> Database:
    """An embedded directory of so many synthetic specialists."""
    database = Database(f"sqlite:///{folder() / f'{size}.sqlite'}")
    fill(database, size)
    return database


@cache
def postgres_directory(size: int) -> Database:
    database = fresh_postgres(str(size))
    fill(database, size)
    return database


def fresh_postgres(name: str) -> Database:
    """An empty database on the throwaway server."""
    server = os.environ.get("BENCH_POSTGRES_URL")
    if not server:
        raise RuntimeError("there is no PostgreSQL server here")
    Database(server).engine.execution_options(isolation_level="AUTOCOMMIT").connect().exec_driver_sql(
        f"CREATE DATABASE bench_{name}"
    )
    return Database(server.rsplit("/", 1)[0] + f"/bench_{name}")


def nearest_25(connection: Connection, point: GeoPoint) -> None:
    place = Place("x", point, Precision.ZIP)
    search.LayerSearch(connection, NEAREST, place, Layer.SPECIALISTS).nearest(fit.known_mask(Who.ADULT), 0, 25)


def times_of_nearest(database: Database) -> list[float]:
    """Milliseconds of each search for the 25 nearest with an age and an offer."""
    times = []
    with database.reading() as connection:
        for point in queries(SEARCHES):
            started = time.perf_counter()
            nearest_25(connection, point)
            times.append((time.perf_counter() - started) * 1000)
    return times


def p50_side_by_side(*databases: Database) -> list[float]:
    """The median of each database, measured in turns so that a change of the machine's pace meets all alike."""
    for database in databases:
        times_of_nearest(database)
    rounds = [[statistics.median(times_of_nearest(database)) for database in databases] for _ in range(5)]
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


@figure("search: 25 nearest through SQLAlchemy ÷ raw sqlite3, 300,000 listings", "ratio", at_most=2.0)
def against_raw_sqlite() -> float:
    database = directory(300_000)
    statements: list[list[tuple[str, object]]] = []

    def keep(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements[-1].append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", keep)
    with database.reading() as connection:
        for point in queries(SEARCHES):
            statements.append([])
            nearest_25(connection, point)
    event.remove(database.engine, "before_cursor_execute", keep)
    ratios = []
    with closing(sqlite3.connect(folder() / "300000.sqlite")) as raw:
        for _ in range(5):
            ours = statistics.median(times_of_nearest(database))
            ratios.append(ours / statistics.median(raw_times(raw, statements)))
    return statistics.median(ratios)


def raw_times(raw: sqlite3.Connection, statements: list[list[tuple[str, object]]]) -> list[float]:
    times = []
    for steps in statements:
        started = time.perf_counter()
        for statement, parameters in steps:
            raw.execute(statement, parameters).fetchall()
        times.append((time.perf_counter() - started) * 1000)
    return times


@figure("search: p50 at 300,000 ÷ at 30,000 listings, SQLite", "ratio", at_most=1.3)
def ten_times_more() -> float:
    small, large = p50_side_by_side(directory(30_000), directory(300_000))
    return large / small


@figure("search: p50 at 300,000 ÷ at 30,000 listings, PostgreSQL", "ratio", at_most=1.5)
def ten_times_more_on_postgres() -> float:
    small, large = p50_side_by_side(postgres_directory(30_000), postgres_directory(300_000))
    return large / small


@figure("search: p50 at 3,000,000 ÷ at 30,000 listings, SQLite", "ratio", at_most=1.5)
def hundred_times_more() -> float:
    small, large = p50_side_by_side(directory(30_000), directory(3_000_000))
    return large / small


@figure("search: p50 at 300,000 listings, SQLite", "ms")
def search_time() -> float:
    return statistics.median(times_of_nearest(directory(300_000)))


@figure("whole find with counts: p50 at 300,000 listings, SQLite", "ms")
def find_time() -> float:
    times = []
    for point in queries(200):
        started = time.perf_counter()
        search.find(directory(300_000), terminology(), NEAREST, Place("x", point, Precision.ZIP))
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


@cache
def terminology() -> Terminology:
    return load_terminology(settings().data)


@cache
def page_instance() -> Path:
    """An instance with the shipped centers and as many specialists as a registry of the whole country lists."""
    target = folder() / "pages"
    shutil.copytree(settings().instance, target)
    fill(Database(f"sqlite:///{target / 'directory.sqlite'}"), 30_000)
    return target


EMPTY = "from flask import Flask\napp = Flask('empty')\n@app.get('/')\ndef empty(): return ''\n"


@contextmanager
def served(target: str, workers: int = 2, **environment: str) -> Iterator[tuple[str, int]]:
    """A gunicorn with our own configuration around an application: its address and process id."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--config", "python:finder.web.server", "--preload"]
    command += ["--workers", str(workers), "--bind", f"127.0.0.1:{port}", target]
    paths = f"{PROJECT}{os.pathsep}{folder()}"
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": paths, "FINDER_RATE_LIMIT": ""} | environment,
        cwd=folder(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


def requests_per_second(url: str, paths: list[str]) -> float:
    """Requests a second that wrk gets from a server in 4 seconds over 16 connections, each path in turn."""
    if not shutil.which("wrk"):
        raise RuntimeError("wrk is not installed (apt-get install wrk)")
    script = folder() / "paths.lua"
    listed = ",".join(json.dumps(path) for path in paths)
    script.write_text(
        f"local paths = {{{listed}}}\nlocal n = math.random(#paths)\n"
        "request = function() n = n % #paths + 1; return wrk.format('GET', paths[n]) end\n"
    )
    command = ["wrk", "-t1", "-c16", "-d4s", "-s", str(script), "-H", "Accept-Encoding: gzip, deflate, br, zstd", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    if failed:
        raise RuntimeError(f"{failed[1]} answers were errors")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])


def search_paths(count: int) -> list[str]:
    """Searches that fill a page with 15 centers and 10 specialists, each from another ZIP."""
    codes = [row["zip"] for row in zips() if int(row["population"]) > 5_000]
    return [f"/search?near={code}&who=adult&radius=500" for code in Random(3).sample(codes, count)]


def against_empty(paths: list[str]) -> float:
    """Requests a second for these paths, each in turn, divided by those of an empty view; the middle of three."""
    (folder() / "empty_app.py").write_text(EMPTY)
    ratios = []
    with (
        served("finder.web:create_app()", FINDER_INSTANCE=str(page_instance())) as (ours, _),
        served("empty_app:app") as (empty, _),
    ):
        requests_per_second(ours, paths)
        for _ in range(3):
            base = requests_per_second(empty, ["/"])
            ratios.append(requests_per_second(ours, paths) / base)
    return statistics.median(ratios)


@figure("results page, requests/s ÷ an empty Flask view", "ratio", at_least=0.33)
def page_throughput() -> float:
    return against_empty(search_paths(2_000))


@figure("/api/v1/listings of 25, requests/s ÷ an empty Flask view", "ratio", at_least=0.45)
def listings_throughput() -> float:
    return against_empty([path.replace("/search", "/api/v1/listings") for path in search_paths(2_000)])


@figure("FHIR roles near a place with people and places, requests/s ÷ an empty Flask view", "ratio", at_least=0.25)
def roles_throughput() -> float:
    rows = [row for row in zips() if int(row["population"]) > 5_000]
    asked = "_include=PractitionerRole:practitioner&_include=PractitionerRole:location"
    near = [f"{row['latitude']}%7C{row['longitude']}%7C800%7Ckm" for row in Random(3).sample(rows, 2_000)]
    return against_empty([f"/fhir/R4/PractitionerRole?location.near={one}&{asked}" for one in near])


@figure("page 1,000 of a FHIR cursor ÷ page 1, time", "ratio", at_most=1.2)
def deep_page() -> float:
    database = Database(f"sqlite:///{page_instance() / 'directory.sqlite'}")
    stored = fhir.Stored(database, terminology())
    with database.reading() as connection:
        ids = select(ListingRow.id).where(ListingRow.layer == Layer.SPECIALISTS.number).order_by(ListingRow.id)
        last = connection.scalars(ids.offset(999 * DEFAULT_COUNT - 1).limit(1)).one()
    cursor = str(Cursor(None, last, PAST))
    pages: dict[str, list[float]] = {"": [], cursor: []}
    for _ in range(40):
        for at, times in pages.items():
            pairs = [("_total", "none"), *([("_cursor", at)] if at else [])]
            began = time.perf_counter()
            fhir.searchset(stored, fhir.TYPES["Practitioner"], pairs, "http://localhost/fhir/R4", strict=True)
            times.append(time.perf_counter() - began)
    return statistics.median(pages[cursor]) / statistics.median(pages[""])


@figure("worker's memory after 1,000 searches", "MB", at_most=120)
def worker_memory() -> float:
    with served("finder.web:create_app()", workers=1, FINDER_INSTANCE=str(page_instance())) as (url, pid):
        for path in search_paths(1_000):
            urllib.request.urlopen(url + path, timeout=10).close()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        sizes = [Path(f"/proc/{child}/status").read_text() for child in children]
    return max(int(re.search(r"VmRSS:\s+(\d+)", size)[1]) for size in sizes) / 1024


@figure("reading an NPPES zip of 1 GB, the wanted rows ÷ unzip -p, wall time", "ratio", at_most=0.8)
def nppes_against_unzip() -> float:
    return bench_import.nppes_against_unzip()


@figure("peak memory of reading it", "MB", at_most=64)
def nppes_memory() -> float:
    return bench_import.nppes_memory_mb()


@figure("reading an NPPES zip of 10 GB, the wanted rows ÷ unzip -p, wall time", "ratio", at_most=0.8)
def national_against_unzip() -> float:
    return bench_import.national()[0]


@figure("peak memory of reading 10 GB", "MB", at_most=64)
def national_memory() -> float:
    return bench_import.national()[1]


@figure("upsert of source rows, rows/s ÷ raw sqlite3 executemany, 100,000 rows", "ratio", at_least=0.5)
def upsert() -> float:
    return bench_ingest.upsert_against_raw(folder(), 100_000)


@cache
def import_seconds(kind: str) -> tuple[float, float]:
    database = fresh_postgres("import") if kind == "PostgreSQL" else Database(f"sqlite:///{folder() / 'import.sqlite'}")
    return bench_ingest.first_and_again(database, 40_000, terminology())


@figure("first import of 40,000 practitioners, without reading, SQLite", "s", at_most=40)
def first_import() -> float:
    return import_seconds("SQLite")[0]


@figure("first import of 40,000 practitioners, without reading, PostgreSQL", "s", at_most=40)
def first_import_into_postgres() -> float:
    return import_seconds("PostgreSQL")[0]


@figure("the same list again ÷ the first time, SQLite", "ratio", at_most=0.25)
def import_again() -> float:
    first, again = import_seconds("SQLite")
    return again / first


@figure("search p95 while an import applies ÷ idle, SQLite", "ratio", at_most=2)
def searches_while_importing() -> float:
    url = f"sqlite:///{folder() / 'busy.sqlite'}"
    return bench_ingest.searches_while_importing(url, 10_000, terminology())


@cache
def pins() -> list[maps.Pin]:
    return [
        maps.Pin(f"c{n}", "centers", f"Center {n}", point.latitude, point.longitude, "12 miles", f"/centers/c{n}", n)
        for n, point in enumerate(points(25))
    ]


def milliseconds(work: Callable[[], object], times: int) -> float:
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def obvious_map() -> str:
    shown = folium.Map(location=(40, -100), zoom_start=4)
    for pin in pins():
        folium.Marker((pin.lat, pin.lon), popup=folium.Popup(pin.name), tooltip=pin.name).add_to(shown)
    return str(shown.get_root().render())


def our_map() -> str:
    shell = maps.shell()
    return shell.html + shell.script + maps.map_json(None, pins())


@figure("map the obvious way (a folium Marker with popup each) ÷ ours", "ratio", at_least=30)
def obvious_against_ours() -> float:
    return milliseconds(obvious_map, 20) / milliseconds(our_map, 500)


@figure("folium's share of a results page", "ms", at_most=0.1)
def folium_share() -> float:
    return milliseconds(maps.shell, 1_000)


@cache
def index() -> Index:
    return Index(index_path(settings()))


@cache
def geocode_times() -> list[float]:
    locator = Locator(index())
    with (PROJECT / "tests" / "data" / "geocode_cases.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["input"].replace("\\x00", "\0") for row in csv.DictReader(file)]
    for text in texts:
        locator.locate(text)
    times = []
    for text in texts * 5:
        started = time.perf_counter()
        locator.locate(text)
        times.append((time.perf_counter() - started) * 1000)
    return times


@figure("geocode p50 over the case file", "ms", at_most=1)
def geocode_p50() -> float:
    return percentile(geocode_times(), 0.5)


@figure("geocode p99 over the case file", "ms", at_most=10)
def geocode_p99() -> float:
    return percentile(geocode_times(), 0.99)


@figure("suggest p99 over every prefix of 500 names", "ms", at_most=5)
def suggest_p99() -> float:
    cities = json.loads((PROJECT / "data" / "basemap" / "cities.json").read_text())
    times = []
    for name, *_ in cities[:500]:
        for length in range(1, len(name) + 1):
            started = time.perf_counter()
            suggest(index(), name[:length])
            times.append((time.perf_counter() - started) * 1000)
    return percentile(times, 0.99)


@cache
def first_view() -> dict[str, int]:
    """Compressed bytes of a full results page and of everything that its first view loads, by address."""
    client = create_app(load({"FINDER_INSTANCE": str(page_instance()), "FINDER_RATE_LIMIT": ""})).test_client()
    brotli = {"Accept-Encoding": "br"}
    page = "/search?near=Chicago%2C+IL&who=young-adult"
    text = client.get(page).get_data(as_text=True)
    wanted = set(re.findall(r'(?:src|href|data-states|data-cities)="(/static/[^"]+)"', text))
    sizes = {"page": len(client.get(page, headers=brotli).data)}
    return sizes | {path: len(client.get(path, headers=brotli).data) for path in wanted}


@figure("results page: HTML, compressed", "kB", at_most=25)
def html_size() -> float:
    return first_view()["page"] / 1000


@figure("results page: everything that the first view loads, compressed", "kB", at_most=120)
def first_view_size() -> float:
    return sum(first_view().values()) / 1000


@cache
def lighthouse(page: str, language: str) -> bench_pages.Scores:
    with served("finder.web:create_app()", FINDER_INSTANCE=str(settings().instance)) as (url, _):
        return bench_pages.scores(url, page, language)


def lighthouse_lowest(category: str, *, without: str = "") -> float:
    return min(lighthouse(*key)[category] for key in bench_pages.EVERY if without not in key)


def lighthouse_figures() -> None:
    """Speed page by page, and of the rest the lowest; a search asks not to be found by search engines, by design."""
    for key in bench_pages.EVERY:
        figure(f"lighthouse: performance, {', '.join(key)}", "of 100", at_least=95)(
            lambda key=key: lighthouse(*key)["performance"]
        )
    for category in ("accessibility", "best-practices"):
        figure(f"lighthouse: {category}, lowest of all pages", "of 100", at_least=100)(
            lambda category=category: lighthouse_lowest(category)
        )
    figure("lighthouse: seo, lowest of all pages but results", "of 100", at_least=100)(
        lambda: lighthouse_lowest("seo", without="results")
    )


lighthouse_figures()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures speed and size.")
    parser.add_argument("--json", action="store_true", help="print one JSON object per figure")
    parser.add_argument("--list", action="store_true", help="print the figures' names and stop")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="only figures whose name has this")
    options = parser.parse_args()
    chosen = [one for one in FIGURES if not options.only or any(word in one.name for word in options.only)]
    if options.list:
        print("\n".join(one.name for one in chosen))
        return 0
    failed = 0
    try:
        for one in chosen:
            failed += not show(one, as_json=options.json)
    finally:
        if folder.cache_info().currsize:
            shutil.rmtree(folder())
    return 1 if failed else 0


def show(one: Figure, *, as_json: bool) -> bool:
    """Measure and print one figure; return whether it could be measured."""
    try:
        value = one.measure()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(f"not measured: {one.name}: {error}", file=sys.stderr)
        return False
    met = one.met(value)
    if as_json:
        record = {"figure": one.name, "value": round(value, 4), "unit": one.unit, "limit": one.limit, "met": met}
        print(json.dumps(record, ensure_ascii=False), flush=True)
        return True
    sign = "≥" if one.at_least else "≤"
    limit = f"{sign} {one.limit:g}" if one.limit is not None else ""
    said = {True: "met", False: "NOT MET", None: ""}[met]
    print(f"{one.name:<75} {value:>9.3f} {one.unit:<6} {limit:>8} {said}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
