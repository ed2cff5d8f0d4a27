"""The map: a shell that folium renders once, and data that one script of ours draws. Nobody else uses folium.

folium compiles the text of markers and popups as Jinja templates on the server, so no imported or typed text may ever
reach a folium object. Listings and the searched place go into the page as JSON instead.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import branca.element
import folium
import xstatic.pkg.leaflet
from jinja2 import Template
from markupsafe import Markup

from finder.settings import PROJECT

_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_MIDDLE_OF_THE_COUNTRY = (39.8, -98.6)


@dataclass(frozen=True, slots=True)
class Pin:
    """One listing on the map: ``label`` is its distance in words, ``n`` its card's number; degrees for lat, lon."""

    id: str
    layer: str
    name: str
    lat: float
    lon: float
    label: str
    url: str
    n: int


@dataclass(frozen=True, slots=True)
class MapPlace:
    """The searched place: degrees for lat, lon, and how far the search went in metres."""

    label: str
    lat: float
    lon: float
    precision: str
    radius_m: float


@dataclass(frozen=True, slots=True)
class MapShell:
    """What a page needs besides the data: the map's element, the script that starts it, and tiles if there are any."""

    html: Markup
    script: Markup
    tile_url: str
    tile_attribution: str


class _BareMap(folium.Map):
    """A folium map that asks no other server for anything: our pages link Leaflet themselves."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - folium reads these names from the class
    default_css: list[tuple[str, str]] = []  # noqa: RUF012


class _Draw(branca.element.MacroElement):
    """Hands the map to our script."""

    _template = Template("{% macro script(this, kwargs) %}finderMap({{ this._parent.get_name() }});{% endmacro %}")


@cache
def shell(tile_url: str = "", tile_attribution: str = "") -> MapShell:
    """Return the map's element and script, rendered once for these settings and the same for every page.

    Without ``tile_url`` the map draws the outlines that ship with the program.
    """
    map_ = _BareMap(
        location=_MIDDLE_OF_THE_COUNTRY,
        tiles=None,
        zoom_start=4,
        attribution_control=False,
        scroll_wheel_zoom=False,
        zoom_snap=0.5,
    )
    map_._id = "finder"
    map_.add_child(_Draw())  # type: ignore[no-untyped-call]  # branca has no types
    root: Any = map_.get_root()
    root.render()
    html, script = Markup(root.html.render()), Markup(root.script.render())  # noqa: S704 - made of constants alone
    return MapShell(html, script, tile_url, tile_attribution)


def map_json(place: MapPlace | None, pins: Iterable[Pin]) -> Markup:
    """Return what the script draws as JSON text that is safe inside a script element."""
    # Written out, because dataclasses.asdict copies deeply and costs more than the rest of the page's map.
    drawn = [
        {"id": one.id, "layer": one.layer, "name": one.name, "lat": one.lat, "lon": one.lon}
        | {"label": one.label, "url": one.url, "n": one.n}
        for one in pins
    ]
    data = {"place": asdict(place) if place else None, "pins": drawn}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
    return Markup(text)  # noqa: S704 - every sign that could end the script element is escaped


def asset_files() -> dict[str, Path]:
    """Return the files that the map loads, by the name under which they are served."""
    leaflet = Path(xstatic.pkg.leaflet.BASE_DIR)
    basemap = PROJECT / "data" / "basemap"
    files = {f"leaflet/{name}": leaflet / name for name in ("leaflet.js", "leaflet.css")}
    return files | {f"basemap/{path.name}": path for path in sorted(basemap.glob("*.json"))}
