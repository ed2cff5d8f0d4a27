import math

import pytest
from geopy.distance import great_circle
from hypothesis import assume, given
from hypothesis import strategies as st

from finder.domain.geo import (
    HALF_TURN_M,
    GeoPoint,
    boxes,
    chord2_to_metres,
    distance_m,
    metres_to_chord2,
)

points = st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
# At a pole every longitude is the same place, so a box is only asked for away from the last metre before it.
distances = st.floats(1, HALF_TURN_M)


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (0, -180.5), (math.nan, 0), (0, math.inf)])
def test_a_position_off_the_earth_cannot_exist(latitude, longitude):
    with pytest.raises(ValueError, match="not a position"):
        GeoPoint(latitude, longitude)


@given(points, points)
def test_distances_agree_with_geopys_great_circle_to_a_metre(a, b):
    theirs = great_circle((a.latitude, a.longitude), (b.latitude, b.longitude)).meters

    assert distance_m(a, b) == pytest.approx(theirs, abs=1.0, rel=1e-5)


@given(points, points)
def test_a_distance_is_the_same_there_and_back(a, b):
    assert distance_m(a, b) == distance_m(b, a)


@given(distances)
def test_a_chord_gives_back_the_distance_it_was_made_from(metres):
    # Near half a turn a chord hardly changes with distance, so only a few metres are kept there.
    assert chord2_to_metres(metres_to_chord2(metres)) == pytest.approx(metres, abs=1.0)


@given(points, points, st.floats(1, 3_000_000))
def test_every_point_within_the_radius_is_inside_a_box(center, other, radius_m):
    if distance_m(center, other) > radius_m:
        return

    inside = [
        box.south <= other.latitude <= box.north and box.west <= other.longitude <= box.east
        for box in boxes(center, radius_m)
    ]

    assert any(inside)


@given(points, st.floats(0, 360), st.floats(1, 3_000_000))
def test_a_point_on_the_circle_is_inside_a_box(center, bearing, radius_m):
    reached = great_circle(meters=radius_m * 0.999).destination((center.latitude, center.longitude), bearing)
    other = GeoPoint(reached.latitude, (reached.longitude + 180) % 360 - 180)
    assume(distance_m(center, other) <= radius_m)  # Close to a pole the destination itself is off by some metres.

    inside = [
        box.south <= other.latitude <= box.north and box.west <= other.longitude <= box.east
        for box in boxes(center, radius_m)
    ]

    assert any(inside)


def test_a_circle_in_the_aleutians_has_a_box_on_either_side_of_the_180th_meridian():
    west, east = boxes(GeoPoint(51.9, 179.5), 200_000)

    assert west.east == 180.0
    assert east.west == -180.0


def test_a_circle_around_a_pole_takes_every_longitude():
    (box,) = boxes(GeoPoint(89.9, 10), 100_000)

    assert (box.west, box.east, box.north) == (-180.0, 180.0, 90.0)


def test_rounding_keeps_about_a_kilometre():
    assert GeoPoint(42.36512, -71.10378).rounded(2) == GeoPoint(42.37, -71.1)
