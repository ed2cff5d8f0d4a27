"""Positions on Earth, distances between them, and the boxes that a search reads."""

import math
from dataclasses import dataclass

EARTH_RADIUS_M = 6_371_008.8  # mean radius of WGS 84 (IUGG)
METRES_PER_MILE = 1_609.344
HALF_TURN_M = math.pi * EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A WGS 84 position in degrees. One that exists is valid."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise ValueError("not a position on Earth")

    def unit_vector(self) -> tuple[float, float, float]:
        """Return the point on the unit sphere as x, y, z."""
        latitude, longitude = math.radians(self.latitude), math.radians(self.longitude)
        return (
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        )

    def rounded(self, digits: int) -> "GeoPoint":
        """Return this position rounded to so many decimal places."""
        return GeoPoint(round(self.latitude, digits), round(self.longitude, digits))


@dataclass(frozen=True, slots=True)
class Box:
    """A latitude and longitude range in degrees that does not cross the 180th meridian."""

    south: float
    north: float
    west: float
    east: float


def distance_m(a: GeoPoint, b: GeoPoint) -> float:
    """Return the great-circle distance in metres on the mean-radius sphere."""
    return chord2_to_metres(chord2(a.unit_vector(), b.unit_vector()))


def chord2(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    """Return the squared straight-line distance between two points of the unit sphere (0 to 4)."""
    dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return dx * dx + dy * dy + dz * dz


def chord2_to_metres(value: float) -> float:
    """Return the great-circle distance in metres that belongs to a squared chord."""
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(value) / 2))


def metres_to_chord2(metres: float) -> float:
    """Return the squared chord that belongs to a great-circle distance; half a turn at most."""
    return (2 * math.sin(min(metres, HALF_TURN_M) / (2 * EARTH_RADIUS_M))) ** 2


def boxes(center: GeoPoint, radius_m: float) -> tuple[Box, ...]:
    """Return one box, or two where the 180th meridian is crossed, that hold every point within the radius.

    The longitude range is that of the circle's tangent meridians; a circle that holds a pole takes every longitude.
    """
    reach = math.degrees(min(radius_m, HALF_TURN_M) / EARTH_RADIUS_M) + 1e-9
    south, north = center.latitude - reach, center.latitude + reach
    if south <= -90 or north >= 90:
        return (Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0),)
    sine = math.sin(math.radians(reach)) / math.cos(math.radians(center.latitude))
    half = math.degrees(math.asin(min(1.0, sine))) + 1e-9
    west, east = center.longitude - half, center.longitude + half
    if west < -180:
        return (Box(south, north, west + 360, 180.0), Box(south, north, -180.0, east))
    if east > 180:
        return (Box(south, north, west, 180.0), Box(south, north, -180.0, east - 360))
    return (Box(south, north, west, east),)
