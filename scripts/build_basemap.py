#!/usr/bin/env python3
"""Builds data/basemap/ from the US Census outlines in the npm package us-atlas.

Run by hand when the outlines change: `scripts/build_basemap.py`. It needs npm, fetches the pinned package into a
temporary folder, keeps states as polygons and counties as border lines, and writes quantized TopoJSON. City names come
from the gazetteer that ships in data/gazetteer/.
"""

import csv
import gzip
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

PACKAGES = ("us-atlas@3.0.1", "topojson-client@3.1.0", "topojson-simplify@3.0.3", "topojson-server@3.0.1")
DATA = Path(__file__).resolve().parent.parent / "data"
TARGET = DATA / "basemap"
CITIES = 700

# Simplified by triangle area in square degrees; quantized to a grid of so many steps over the whole extent.
SCRIPT = """
const fs = require('fs');
const client = require('topojson-client'), server = require('topojson-server'), simplify = require('topojson-simplify');
function compact(topology, area, steps) {
  let t = simplify.simplify(simplify.presimplify(topology), area);
  t = simplify.filter(t, simplify.filterAttachedWeight(t, area));
  return client.quantize(t, steps);
}
const states = JSON.parse(fs.readFileSync('node_modules/us-atlas/states-10m.json'));
const plain = {type: 'FeatureCollection', features: client.feature(states, states.objects.states).features.map(
  f => ({type: 'Feature', properties: {name: f.properties.name}, geometry: f.geometry}))};
fs.writeFileSync('states.json', JSON.stringify(compact(server.topology({states: plain}), 0.0004, 40000)));
const counties = JSON.parse(fs.readFileSync('node_modules/us-atlas/counties-10m.json'));
const borders = client.mesh(counties, counties.objects.counties, (a, b) => a !== b && (a.id / 1000 | 0) === (b.id / 1000 | 0));
fs.writeFileSync('counties.json', JSON.stringify(compact(server.topology({counties: borders}), 0.0005, 40000)));
"""


def main() -> None:
    """Write the two files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES], cwd=folder, check=True)
        subprocess.run(["node", "-e", SCRIPT], cwd=folder, check=True)
        TARGET.mkdir(parents=True, exist_ok=True)
        for file in ("states.json", "counties.json"):
            topology: dict[str, Any] = json.loads((folder / file).read_text())
            (TARGET / file).write_text(json.dumps(topology, separators=(",", ":"), ensure_ascii=False) + "\n")
    cities = json.dumps(largest_cities(), separators=(",", ":"), ensure_ascii=False)
    (TARGET / "cities.json").write_text(cities + "\n")


def largest_cities() -> list[tuple[str, float, float]]:
    """Return name, latitude and longitude of the cities with the most people, largest first."""
    with gzip.open(DATA / "gazetteer" / "places.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "city" and row["population"]]
    rows.sort(key=lambda row: (-int(row["population"]), row["name"], row["state"]))
    return [(row["name"], round(float(row["latitude"]), 2), round(float(row["longitude"]), 2)) for row in rows[:CITIES]]


if __name__ == "__main__":
    main()
