"""Dates as sources give them: a year, a month or a day, in ISO form, or none."""

import re
from datetime import date

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
STALE_AFTER_YEARS = 2
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def is_iso(text: str) -> bool:
    """Tell whether a text is an ISO year, month or day that exists."""
    match = _ISO.fullmatch(text)
    if not match:
        return False
    try:
        date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return False
    return True


def words(as_of: str) -> str:
    """Return an ISO date in American words: "2024", "October 2024", "October 5, 2024"; "undated" for an empty one."""
    match = _ISO.fullmatch(as_of)
    if not match:
        return "undated"
    year, month, day = match.groups()
    if not month:
        return year
    name = _MONTHS[int(month) - 1]
    return f"{name} {int(day)}, {year}" if day else f"{name} {year}"


def is_stale(as_of: str, today: date) -> bool:
    """Tell whether the latest day that a date can mean is more than two years ago; an undated fact counts as stale."""
    match = _ISO.fullmatch(as_of)
    if not match:
        return True
    latest = (int(match[1]), int(match[2] or 12), int(match[3] or 28))
    return latest < (today.year - STALE_AFTER_YEARS, today.month, today.day)
