"""The files that NPPES publishes, told by their names, and which of them a directory lacks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from finder.domain.entry import Delivery
from finder.sources.nppes_person import iso_day

FIRST_DAY = "2005-05-23"
KINDS = {"monthly": "full", "weekly": "update", "deactivations": "deactivations"}
"""What each kind of file is called by those who fetch it, and what it is as a delivery."""

_WEEK = re.compile(r"_(\d{6})_(\d{6})_Weekly", re.IGNORECASE)
_MONTH = re.compile(r"Dissemination_([A-Z][a-z]+)_(\d{4})", re.IGNORECASE)
_REPORT = re.compile(r"Report_(\d{6})", re.IGNORECASE)
_LINK = re.compile(r"""href\s*=\s*['"]([^'"]*?(NPPES_[A-Za-z0-9_]+_V2\.zip))['"]""", re.IGNORECASE)
_MONTHS = {date(2000, month, 1).strftime("%B"): f"{month:02}" for month in range(1, 13)}


@dataclass(frozen=True, slots=True)
class Release:
    """A file that the index of NPPES offers: its link, its name, and what it is as far as the name tells."""

    link: str
    name: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Need:
    """Which of the files is wanted: a kind of KINDS or, by "", whatever comes next.

    ``held`` are the files that the directory has taken in, as (kind of delivery, last day), and ``seen`` the names of
    those that need no second look.
    """

    kind: str = ""
    held: Sequence[tuple[str, str]] = ()
    seen: frozenset[str] = frozenset()


WHATEVER_COMES_NEXT = Need()


def monthly(last_day: str) -> Delivery:
    """Return what a monthly file is, as of a day or a month."""
    return Delivery("full", "NPPES, monthly file", last_day)


def weekly(first_day: str, last_day: str) -> Delivery:
    """Return what a weekly file is."""
    return Delivery("update", "NPPES, weekly file", last_day, first_day, last_day)


def deactivations(released_on: str) -> Delivery:
    """Return what a report of deactivated NPIs is."""
    return Delivery("deactivations", "NPPES, deactivated NPIs", released_on)


def by_name(name: str) -> Delivery | None:
    """Return what a file is by its name, a monthly one as of its month; None where the name does not tell."""
    if week := _WEEK.search(name):
        first, last = _short_day(week[1]), _short_day(week[2])
        return weekly(first, last) if first and last else None
    if report := _REPORT.search(name):
        day = _short_day(report[1])
        return deactivations(day) if day else None
    if (month := _MONTH.search(name)) and month[1].title() in _MONTHS:
        return monthly(f"{month[2]}-{_MONTHS[month[1].title()]}")
    return None


def _short_day(text: str) -> str:
    return iso_day(f"20{text[4:]}", text[:2], text[2:4])


def offered(page: str) -> list[Release]:
    """Return the files of version 2 to which an index page leads; LookupError where a kind of file is not among them.

    An index without a kind has changed its form, so what is missing could not be told.
    """
    named = ((link, name, by_name(name)) for link, name in _LINK.findall(page))
    found = [Release(link, name, delivery) for link, name, delivery in named if delivery]
    if {one.delivery.kind for one in found} != set(KINDS.values()):
        raise LookupError("the index lacks a kind of file")
    return found


def missing(releases: Sequence[Release], need: Need) -> list[Release]:
    """Return the files that a directory lacks, in the order in which they are to be imported.

    That is the newest monthly file; then the weekly files after what is held, oldest first; and where it is not older
    than those, the newest report, in its place among them by its day.
    """
    held_month = max((day[:7] for kind, day in need.held if kind == "full"), default="")
    reached = max((day for kind, day in need.held if kind in ("full", "update")), default="")
    reported = max((day for kind, day in need.held if kind == "deactivations"), default="")
    weeks = [one for one in releases if one.delivery.kind == "update"]
    reports = [one for one in _newest(releases, "deactivations") if one.delivery.released_on >= reached]
    lacking = [
        *(one for one in _newest(releases, "full") if one.delivery.released_on > held_month),
        *(one for one in weeks if one.delivery.released_on > reached),
        *(one for one in reports if one.delivery.released_on > reported),
    ]
    kinds = (KINDS[need.kind],) if need.kind else tuple(KINDS.values())
    wanted = (one for one in lacking if one.delivery.kind in kinds and one.name not in need.seen)
    return sorted(wanted, key=lambda one: (one.delivery.kind != "full", one.delivery.released_on))


def _newest(releases: Iterable[Release], kind: str) -> list[Release]:
    found = [one for one in releases if one.delivery.kind == kind]
    return sorted(found, key=lambda one: one.delivery.released_on)[-1:]
