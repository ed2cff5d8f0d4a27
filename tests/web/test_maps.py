import json
import re
import time

import brotli
import folium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.web import maps

HOSTILE = [
    "{{7*7}}",
    "{% for x in y %}",
    "</script><script>alert(1)</script>",
    "${1}",
    '"><img src=x onerror=alert(1)>',
]


def pin(name="A center", n=1, **more):
    fields = {
        "id": f"center-{n}",
        "layer": "centers",
        "lat": 42.3,
        "lon": -71.1,
        "label": "2 miles",
        "url": "/centers/a",
    }
    return maps.Pin(**fields | {"name": name, "n": n} | more)


def place(label="02139"):
    return maps.MapPlace(label, 42.36, -71.1, "zip", 160_934.4)


def test_the_shell_is_rendered_once():
    assert maps.shell() is maps.shell()


def test_the_shell_asks_no_other_server_and_needs_no_unsafe_style_or_handler():
    shell = maps.shell()
    assert shell.html.count("<") == 2
    assert 'id="map_finder"' in shell.html
    for part in (shell.html, shell.script):
        assert not re.search(r"https?:|//|style=|\son\w+=|<script|user-scalable", part)


def test_the_shell_hands_the_map_to_our_script():
    assert re.search(r"var map_finder = L\.map\(.*finderMap\(map_finder\);\s*$", maps.shell().script, re.DOTALL)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_operators_tiles_never_reach_folium(text):
    shell = maps.shell("https://tiles.example/{z}/{x}/{y}.png", text)
    assert (shell.html, shell.script) == (maps.shell().html, maps.shell().script)
    assert shell.tile_attribution == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_text(text):
    shown = maps.map_json(place(text), [pin(text, id=text, label=text, url=text)])
    assert not set(shown) & set("<>&")
    drawn = json.loads(shown)
    assert drawn["place"]["label"] == text
    assert {drawn["pins"][0][field] for field in ("id", "name", "label", "url")} == {text}


@given(st.text(), st.text())
def test_any_text_comes_back_as_it_was_and_cannot_end_the_script_element(name, label):
    shown = maps.map_json(place(label), [pin(name)])
    assert not set(shown) & set("<>&\u2028\u2029")
    assert json.loads(shown)["pins"][0]["name"] == name
    assert json.loads(shown)["place"]["label"] == label


def test_a_map_of_one_listing_has_no_place():
    assert json.loads(maps.map_json(None, [pin()]))["place"] is None


def test_a_page_with_hostile_names_shows_them_unchanged_around_the_shell(app):
    page = app.jinja_env.from_string("{{ map_shell().html }}<script>{{ data }}</script>{{ map_shell().script }}")
    for text in HOSTILE:
        shown = page.render(data=maps.map_json(place(text), [pin(text)]))
        assert "49" not in shown
        assert shown.count("</script>") == 1


def test_the_served_files_are_leaflet_and_the_basemap():
    files = maps.asset_files()
    leaflet = {"leaflet/leaflet.js", "leaflet/leaflet.css"}
    assert set(files) == leaflet | {"basemap/states.json", "basemap/counties.json", "basemap/cities.json"}
    assert files["leaflet/leaflet.js"].read_bytes().count(b"\n") < 20, "Leaflet is not minified"
    assert all(path.is_file() for path in files.values())


def test_the_basemap_is_small_enough_to_send():
    sizes = {name: len(brotli.compress(path.read_bytes(), quality=9)) for name, path in maps.asset_files().items()}
    assert sizes["basemap/states.json"] <= 31_000
    assert sizes["basemap/cities.json"] <= 9_000


def read(name):
    return json.loads(maps.asset_files()[f"basemap/{name}.json"].read_text(encoding="utf-8"))


def test_the_outlines_have_every_state_and_territory_with_a_place_for_its_name():
    states = read("states")["objects"]["states"]["geometries"]
    labels = {state["properties"]["name"]: state["properties"]["label"] for state in states}
    assert len(labels) == 56
    islands = {"Puerto Rico", "Guam", "American Samoa", "United States Virgin Islands"}
    assert islands | {"Commonwealth of the Northern Mariana Islands", "District of Columbia"} <= set(labels)
    longitude, latitude, width = labels["Wyoming"]
    assert (longitude, latitude, width) == pytest.approx((-107.5, 43, 7), abs=0.2)


def coordinates(topology):
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            yield x * scale_x + left, y * scale_y + bottom


@pytest.mark.parametrize("name", ["states", "counties"])
def test_the_outlines_lie_on_the_globe(name):
    longitudes, latitudes = zip(*coordinates(read(name)), strict=True)
    assert -180 <= min(longitudes) < -170
    assert -70 < max(longitudes) <= 180  # Guam is one county, and has no border with another.
    assert -14.6 < min(latitudes) < -14.1  # American Samoa
    assert 68 < max(latitudes) < 71.5  # northern Alaska


def test_every_state_has_a_city_to_name():
    cities = read("cities")
    assert cities[0][0] == "New York City"
    for name, latitude, longitude in (
        ("Anchorage", 61.2, -149.9),
        ("Burlington", 44.5, -73.2),
        ("Cheyenne", 41.1, -104.8),
    ):
        found = [(lat, lon) for city, lat, lon in cities if city == name]
        assert any((lat, lon) == pytest.approx((latitude, longitude), abs=0.2) for lat, lon in found)


def fastest(work, times):
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def obvious_page(pins):
    shown = folium.Map(location=(40, -100), zoom_start=4)
    for one in pins:
        folium.Marker((one.lat, one.lon), popup=folium.Popup(one.name), tooltip=one.name).add_to(shown)
    return shown.get_root().render()


def test_our_map_is_thirty_times_quicker_than_a_marker_for_each_listing():
    pins = [pin(f"Center {n}", n) for n in range(1, 26)]
    ours = fastest(lambda: maps.shell().html + maps.shell().script + maps.map_json(place(), pins), 200)
    assert fastest(lambda: obvious_page(pins), 3) / ours >= 30
