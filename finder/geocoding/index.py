"""The gazetteer's index: a read-only SQLite file made from the data files, asked by name, spelling or position."""

import csv
import gzip
import json
import os
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from finder.domain.geo import GeoPoint, boxes, distance_m
from finder.geocoding.names import other_keys, place_key

SHORT_PREFIX = 3  # prefixes up to this length have their best places stored
_BEST = 10
_SPELLING_PREFIX = 6  # SymSpell: deletions of a name's first letters only, the rest is compared afterwards
_ALSO_CITIES = {"New York", "Washington"}  # states that are called "… State" to tell them from the city
_RANK_WEIGHT = {"city": 1.0, "postal": 0.5, "county": 0.05, "state": 0.05}

_SCHEMA = """
CREATE TABLE zip (code TEXT PRIMARY KEY, city TEXT, state TEXT, latitude REAL, longitude REAL, population INTEGER)
    WITHOUT ROWID;
CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT, state TEXT, kind TEXT, latitude REAL, longitude REAL,
    population INTEGER);
CREATE TABLE name (key TEXT, place INTEGER, nickname INTEGER, PRIMARY KEY (key, place)) WITHOUT ROWID;
CREATE TABLE best (prefix TEXT, place INTEGER, PRIMARY KEY (prefix, place)) WITHOUT ROWID;
CREATE TABLE spelling (deletion TEXT, prefix TEXT, PRIMARY KEY (deletion, prefix)) WITHOUT ROWID;
CREATE TABLE abroad (key TEXT PRIMARY KEY, kind TEXT) WITHOUT ROWID;
"""
_FEATURE = "place.id, place.name, place.state, place.kind, place.latitude, place.longitude, place.population"


class Feature(NamedTuple):
    """A named place of the gazetteer; a smaller ``id`` is a place that more people mean."""

    id: int
    name: str
    state: str
    kind: str
    latitude: float
    longitude: float
    population: int

    @property
    def point(self) -> GeoPoint:
        """Return where it is."""
        return GeoPoint(self.latitude, self.longitude)

    @property
    def label(self) -> str:
        """Return the name with its state, as a reader knows it."""
        if self.kind == "state":
            return f"{self.name} State" if self.name in _ALSO_CITIES else self.name
        return f"{self.name}, {self.state}"


class PostalCode(NamedTuple):
    """A ZIP code. A military one has a state of AA, AE or AP and no position."""

    code: str
    city: str
    state: str
    latitude: float | None
    longitude: float | None
    population: int | None

    @property
    def point(self) -> GeoPoint | None:
        """Return where it is; None for a military code."""
        return None if self.latitude is None or self.longitude is None else GeoPoint(self.latitude, self.longitude)

    @property
    def label(self) -> str:
        """Return the code with its post office, as a reader knows it."""
        return f"{self.code} ({self.city}, {self.state})"


def build_index(data_dir: Path, target: Path) -> None:
    """Write the index file for the gazetteer data in ``data_dir``; a reader sees the old file or the whole new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    try:
        _write_index(data_dir, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


class Index:
    """The index file, opened read-only at the first question of each process; threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, sqlite3.Connection, threading.Lock] | None = None
        self._inherited: list[object] = []
        self._opening = threading.Lock()
        self._states: dict[str, str] = {}

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        with self._opening:
            if self._opened and self._opened[0] == os.getpid():
                self._opened[1].close()
            self._opened = None

    def postal_code(self, code: str) -> PostalCode | None:
        """Return the ZIP code of five digits, or None where there is no such code."""
        rows = self._ask("SELECT * FROM zip WHERE code = ?", code)
        return PostalCode(*rows[0]) if rows else None

    def postal_codes(self, first_digits: str, limit: int) -> list[PostalCode]:
        """Return the codes with a position that begin with the digits, those of most people first."""
        found = self._ask(
            "SELECT * FROM zip WHERE code >= ? AND code < ? AND latitude IS NOT NULL"
            " ORDER BY population DESC, code LIMIT ?",
            first_digits,
            first_digits + ":",
            limit,
        )
        return [PostalCode(*row) for row in found]

    def named(self, key: str, state: str = "") -> list[Feature]:
        """Return the places of exactly this key (see ``place_key``), best known first."""
        found = self._features("FROM name JOIN place ON place.id = name.place WHERE key = ? ORDER BY place", key)
        return [feature for feature in found if state in {"", feature.state}]

    def nicknamed(self, key: str) -> list[Feature]:
        """Return the places that have this key as a nickname."""
        return self._features(
            "FROM name JOIN place ON place.id = name.place WHERE key = ? AND nickname ORDER BY place", key
        )

    def states(self) -> dict[str, str]:
        """Return the state code by the key of each name and nickname of a state."""
        if not self._states:
            query = "SELECT key, state FROM place JOIN name ON name.place = place.id WHERE kind = 'state'"
            self._states = {str(key): str(state) for key, state in self._ask(query)}
        return self._states

    def state_code(self, key: str) -> str:
        """Return the code of the state that the key names or is the code of, else an empty text."""
        code = key.upper()
        return code if len(code) == 2 and code in self.states().values() else self.states().get(key, "")

    def state(self, code: str) -> Feature:
        """Return the state as a place: the middle of its people."""
        return self._features("FROM place WHERE kind = 'state' AND state = ?", code)[0]

    def is_abroad(self, key: str) -> str:
        """Return "country" or "city" for the name of one outside the United States, else an empty text."""
        rows = self._ask("SELECT kind FROM abroad WHERE key = ?", key)
        return str(rows[0][0]) if rows else ""

    def starting(self, prefix: str, limit: int) -> list[Feature]:
        """Return places with a name that begins with the prefix, best known first."""
        if len(prefix) <= SHORT_PREFIX and limit <= _BEST:
            return self._features(
                "FROM best JOIN place ON place.id = best.place WHERE prefix = ? ORDER BY place LIMIT ?", prefix, limit
            )
        return self._features(
            "FROM (SELECT DISTINCT place FROM name WHERE key >= ? AND key < ? ORDER BY place LIMIT ?)"
            " JOIN place ON place.id = place ORDER BY place.id",
            prefix,
            prefix + "{",
            limit,
        )

    def any_starting(self, prefixes: Iterable[str], limit: int) -> list[Feature]:
        """Return places with a name that begins with one of the prefixes, best known first."""
        return self._features(
            "FROM place WHERE id IN (SELECT place FROM json_each(?) AS begun"
            " CROSS JOIN name ON name.key >= begun.value AND name.key < begun.value || '{') ORDER BY id LIMIT ?",
            json.dumps(list(prefixes)),
            limit,
        )

    def keys_like(self, key: str, edits: int) -> list[str]:
        """Return the keys of like length whose first letters are at most two deletions apart from this key's.

        The caller compares the whole keys: see ``deletions`` for what is stored.
        """
        tried = sorted(deletions(key))
        marks = ",".join("?" * len(tried))
        return [
            name
            for (name,) in self._ask(
                f"WITH begun AS (SELECT DISTINCT prefix FROM spelling WHERE deletion IN ({marks}))"  # noqa: S608 - only question marks
                " SELECT DISTINCT key FROM begun CROSS JOIN name"
                " ON key >= prefix AND key < prefix || iif(length(prefix) = ?, '{', char(1))"
                " WHERE length(key) BETWEEN ? AND ?",
                *tried,
                *(_SPELLING_PREFIX, len(key) - edits, len(key) + edits),
            )
        ]

    def nearest(self, point: GeoPoint, radius_m: float, population: int, limit: int) -> list[Feature]:
        """Return the cities of at least this population within the radius, nearest first; with 0, post offices too."""
        found: list[Feature] = []
        for box in boxes(point, radius_m):
            found += self._features(
                "FROM place INDEXED BY place_latitude WHERE kind IN ('city', 'postal') AND (kind = 'city' OR ? = 0)"
                " AND latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? AND population >= ?",
                *(population, box.south, box.north, box.west, box.east, population),
            )
        near = [(distance_m(point, feature.point), feature) for feature in found]
        return [feature for metres, feature in sorted(near)[:limit] if metres <= radius_m]

    def _features(self, rest: str, *values: object) -> list[Feature]:
        return [Feature(*row) for row in self._ask(f"SELECT {_FEATURE} {rest}", *values)]

    def _ask(self, query: str, *values: object) -> list[Any]:
        connection, lock = self._connection()
        with lock:
            return connection.execute(query, values).fetchall()

    def _connection(self) -> tuple[sqlite3.Connection, threading.Lock]:
        opened = self._opened
        if opened and opened[0] == os.getpid():
            return opened[1], opened[2]
        return self._open()

    def _open(self) -> tuple[sqlite3.Connection, threading.Lock]:
        """Open the file for this process; a connection that came through a fork is kept, never used or closed."""
        with self._opening:
            if self._opened and self._opened[0] != os.getpid():
                self._inherited.append(self._opened)
                self._opened = None
            if self._opened is None:
                connection = sqlite3.connect(
                    f"{self._path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
                )
                connection.execute("PRAGMA cache_size = -1000")
                self._opened = os.getpid(), connection, threading.Lock()
            return self._opened[1], self._opened[2]


def deletions(key: str) -> set[str]:
    """Return the key's first letters with up to two of them left out; one in a short key, none in a very short one."""
    first = key[:_SPELLING_PREFIX]
    most = 2 if len(first) == _SPELLING_PREFIX else 1 if len(first) > 3 else 0
    kept = range(len(first) - most, len(first) + 1)
    return {"".join(letters) for size in kept for letters in combinations(first, size)}


def _write_index(data_dir: Path, path: Path) -> None:
    features = _ranked(data_dir / "places.csv.gz")
    names = _names(features, _nicknames(data_dir / "nicknames.csv"))
    connection = sqlite3.connect(path)
    try:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        _insert(connection, "zip", 6, _postal_codes(data_dir / "zips.csv.gz"))
        _insert(connection, "place", 7, features)
        _insert(connection, "name", 3, names)
        _insert(connection, "best", 2, _best(names))
        _insert(connection, "spelling", 2, _spellings(names))
        _insert(connection, "abroad", 2, ((row["name"], row["kind"]) for row in _rows(data_dir / "abroad.csv.gz")))
        connection.execute("CREATE INDEX place_latitude ON place (latitude) WHERE kind IN ('city', 'postal')")
        connection.execute("CREATE INDEX place_state ON place (state) WHERE kind = 'state'")
        connection.commit()
    finally:
        connection.close()


def _insert(connection: sqlite3.Connection, table: str, columns: int, rows: Iterable[tuple[object, ...]]) -> None:
    marks = ",".join("?" * columns)
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 - names of our own tables


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _postal_codes(path: Path) -> Iterator[tuple[object, ...]]:
    for row in _rows(path):
        yield tuple([value or None for value in row.values()])


def _ranked(path: Path) -> list[Feature]:
    """Return the places numbered from the one that most people mean."""
    rows = sorted(
        _rows(path),
        key=lambda row: (-_RANK_WEIGHT[row["kind"]] * int(row["population"]), row["kind"], row["name"], row["state"]),
    )
    return [
        Feature(
            rank,
            row["name"],
            row["state"],
            row["kind"],
            float(row["latitude"]),
            float(row["longitude"]),
            int(row["population"]),
        )
        for rank, row in enumerate(rows, start=1)
    ]


def _nicknames(path: Path) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found[row["kind"], row["name"], row["state"]].append(place_key(row["nickname"]))
    return found


def _names(features: list[Feature], nicknames: dict[tuple[str, str, str], list[str]]) -> list[tuple[str, int, int]]:
    """Return key, place and whether it is a nickname, in the order of the table's key."""
    names: dict[tuple[str, int], int] = {}
    for feature in features:
        names[place_key(feature.name), feature.id] = 0
        for key in other_keys(feature.name, feature.state):
            names[key, feature.id] = 0
        for key in nicknames.pop((feature.kind, feature.name, feature.state), ()):
            names[key, feature.id] = 1
    return sorted((key, place, nickname) for (key, place), nickname in names.items())


def _best(names: list[tuple[str, int, int]]) -> Iterator[tuple[str, int]]:
    """Yield the best places of every short prefix, so that the first letters typed cost no sorting."""
    by_prefix: dict[str, set[int]] = defaultdict(set)
    for key, place, _ in names:
        for length in range(1, SHORT_PREFIX + 1):
            by_prefix[key[:length]].add(place)
    for prefix in sorted(by_prefix):
        yield from ((prefix, place) for place in sorted(by_prefix[prefix])[:_BEST])


def _spellings(names: list[tuple[str, int, int]]) -> list[tuple[str, str]]:
    prefixes = {key[:_SPELLING_PREFIX] for key, _, _ in names}
    return sorted((deletion, prefix) for prefix in prefixes for deletion in deletions(prefix))
