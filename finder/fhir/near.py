"""The search parameter ``near``: circles on the globe, and the listings within them (R4 Location, type special)."""

import math
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_

from finder.db import ListingRow
from finder.domain.geo import METRES_PER_MILE, GeoPoint, boxes, metres_to_chord2
from finder.search import band_of

_T = ListingRow.__table__.c
UNITS = {
    "km": (1_000.0, "km"),
    "m": (1.0, "m"),
    "[mi_i]": (METRES_PER_MILE, "[mi_i]"),
    "[mi_us]": (6336000 / 3937, "[mi_us]"),  # the survey mile
    "mi": (METRES_PER_MILE, "[mi_i]"),
    "ft": (0.3048, "[ft_i]"),
}
_DEFAULT_KM, _LONGEST_M = 50.0, 1_000_000.0


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle: its middle, its radius in metres, and the unit (metres, UCUM code) in which distances are told."""

    center: GeoPoint
    radius_m: float
    unit_m: float
    unit: str


def circles(text: str) -> tuple[Circle, ...]:
    """Return the circles of a value; ValueError with the sentence that a client needs."""
    return tuple(_circle(part) for part in text.split(","))


def _circle(text: str) -> Circle:
    parts = text.split("|")
    if not 2 <= len(parts) <= 4:
        raise ValueError("must be latitude|longitude|distance|units; distance and units may be left out")
    latitude, longitude = _number(parts[0], "latitude"), _number(parts[1], "longitude")
    for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if abs(value) > most:
            raise ValueError(f"{name} {value:g} is outside -{most}..{most}")
    units = parts[3] if len(parts) == 4 and parts[3] else "km"
    if units not in UNITS:
        raise ValueError(f"units must be one of {', '.join(UNITS)}")
    metres, code = UNITS[units]
    told = parts[2] if len(parts) > 2 else ""
    radius_m = _number(told, "distance") * metres if told else _DEFAULT_KM * 1_000
    if not 0 < radius_m <= _LONGEST_M:
        raise ValueError("distance must be more than 0 and at most 1,000 km")
    return Circle(GeoPoint(latitude, longitude), radius_m, metres, code)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a number")
    return value


def chord2(circle: Circle) -> ColumnElement[float]:
    """Return the squared chord from a circle's middle to a listing, which orders like the distance."""
    x, y, z = circle.center.unit_vector()
    dx, dy, dz = _T.x - x, _T.y - y, _T.z - z
    return dx * dx + dy * dy + dz * dz


def within(circle: Circle) -> ColumnElement[bool]:
    """Return the condition of lying in a circle; what has no position never does."""
    around = boxes(circle.center, circle.radius_m)
    south, north = band_of(max(-90.0, around[0].south)), band_of(min(90.0, around[0].north))
    longitudes = or_(*(_T.longitude.between(box.west, box.east) for box in around))
    inside = chord2(circle) <= metres_to_chord2(circle.radius_m)
    return _T.band.in_(range(south, north + 1)) & longitudes & inside
