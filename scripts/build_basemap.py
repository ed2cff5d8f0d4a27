#!/usr/bin/env python3
"""Builds data/basemap/ from the US Census outlines in the npm package us-atlas.

Run by hand when the outlines change: `scripts/build_basemap.py`. It needs npm, fetches the pinned package into a
temporary folder, keeps states as polygons and counties as border lines, and writes quantized TopoJSON. Each state has
a ``label``: longitude and latitude of the middle of its largest part, and that part's width in degrees. City names come
from the gazetteer that ships in data/gazetteer/.
"""

import csv
import gzip
import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

PACKAGES = ("us-atlas@3.0.1", "topojson-client@3.1.0", "topojson-simplify@3.0.3", "topojson-server@3.0.1")
DATA = Path(__file__).resolve().parent.parent / "data"
TARGET = DATA / "basemap"
LARGEST_CITIES = 600
CITIES_OF_EACH_STATE = 5

# Simplified by triangle area in square degrees; quantized to a grid of so many steps over the whole extent.
SCRIPT = """
const fs = require('fs');
const client = require('topojson-client'), server = require('topojson-server'), simplify = require('topojson-simplify');
function compact(topology, area, steps) {
  let t = simplify.simplify(simplify.presimplify(topology), area);
  t = simplify.filter(t, simplify.filterAttachedWeight(t, area));
  return client.quantize(t, steps);
}
// Middle and width of the part with the largest area, both by the shoelace formula.
function label(geometry) {
  const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  const measured = parts.map(([ring]) => {
    let [twice, x, y] = [0, 0, 0];
    for (let i = 1; i < ring.length; i++) {
      const [[ax, ay], [bx, by]] = [ring[i - 1], ring[i]];
      const cross = ax * by - bx * ay;
      twice += cross; x += (ax + bx) * cross; y += (ay + by) * cross;
    }
    const longitudes = ring.map(([longitude]) => longitude);
    const width = Math.max(...longitudes) - Math.min(...longitudes);
    return {area: Math.abs(twice), at: [x / 3 / twice, y / 3 / twice, width]};
  });
  const largest = measured.reduce((one, other) => (other.area > one.area ? other : one));
  return largest.at.map(degrees => Math.round(degrees * 10) / 10);
}
const states = JSON.parse(fs.readFileSync('node_modules/us-atlas/states-10m.json'));
const plain = {type: 'FeatureCollection', features: client.feature(states, states.objects.states).features.map(
  f => ({type: 'Feature', properties: {name: f.properties.name, label: label(f.geometry)}, geometry: f.geometry}))};
fs.writeFileSync('states.json', JSON.stringify(compact(server.topology({states: plain}), 0.0004, 40000)));
const counties = JSON.parse(fs.readFileSync('node_modules/us-atlas/counties-10m.json'));
const inOneState = (a, b) => a !== b && a.id.slice(0, 2) === b.id.slice(0, 2);
const borders = client.mesh(counties, counties.objects.counties, inOneState);
fs.writeFileSync('counties.json', JSON.stringify(compact(server.topology({counties: borders}), 0.0005, 40000)));
"""


def main() -> None:
    """Write the three files."""
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
    """Return name, latitude and longitude of the largest cities and of each state's own largest, by population."""
    with gzip.open(DATA / "gazetteer" / "places.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "city" and row["population"]]
    rows.sort(key=lambda row: (-int(row["population"]), row["name"], row["state"]))
    of_state: Counter[str] = Counter()
    kept = []
    for rank, row in enumerate(rows):
        of_state[row["state"]] += 1
        if rank < LARGEST_CITIES or of_state[row["state"]] <= CITIES_OF_EACH_STATE:
            name = re.sub(r" village$", "", row["name"], flags=re.IGNORECASE)
            kept.append((name, round(float(row["latitude"]), 2), round(float(row["longitude"]), 2)))
    return kept


if __name__ == "__main__":
    main()
