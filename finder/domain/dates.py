"""Dates as sources give them: a year, a month or a day, in ISO form, or none."""

import re
from datetime import date

from finder.language import N_, _

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
STALE_AFTER_YEARS = 2
_MONTHS = (
    N_("January"),
    N_("February"),
    N_("March"),
    N_("April"),
    N_("May"),
    N_("June"),
    N_("July"),
    N_("August"),
    N_("September"),
    N_("October"),
    N_("November"),
    N_("December"),
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
    """Return an ISO date in words: "2024", "October 2024", "October 5, 2024"; "undated" for an empty one."""
    match = _ISO.fullmatch(as_of)
    if not match:
        return _("undated")
    year, month, day = match.groups()
    if not month:
        return year
    name = _(_MONTHS[int(month) - 1])
    if day:
        return _("%(month)s %(day)s, %(year)s", month=name, day=int(day), year=year)
    return _("%(month)s %(year)s", month=name, year=year)


def ends_with_date(text: str, as_of: str) -> bool:
    """Tell whether an English text, such as the title of a source, ends with this date in words."""
    match = _ISO.fullmatch(as_of)
    if not match:
        return False
    year, month, day = match.groups()
    named = f"{_MONTHS[int(month) - 1]} " if month else ""
    return text.endswith(f"{named}{int(day)}, {year}" if day else f"{named}{year}")


def is_stale(as_of: str, today: date) -> bool:
    """Tell whether the latest day that a date can mean is more than two years ago; an undated fact counts as stale."""
    match = _ISO.fullmatch(as_of)
    if not match:
        return True
    latest = (int(match[1]), int(match[2] or 12), int(match[3] or 28))
    return latest < (today.year - STALE_AFTER_YEARS, today.month, today.day)
