"""The page on how good the directory is: each figure as a drawing and, beside it, as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask import Blueprint, Flask, current_app, render_template

from finder.accounts import Role
from finder.domain.listing import Layer
from finder.quality import AGES, PRECISIONS, ByLayer, Growth, Quality, current_version, figures
from finder.sources import SOURCES
from finder.web.accounts import Area, add_area, require
from finder.web.context import services

blueprint = Blueprint("quality", __name__)

_WIDE = 240


@dataclass(frozen=True, slots=True)
class Row:
    """One row of figures: how many of each layer, and how wide their parts of the bar are drawn."""

    name: str
    centers: int
    specialists: int
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures of both layers under one title, each row with its bar."""

    id: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The last runs of one source, each with the width of its bar."""

    id: str
    title: str
    runs: tuple[tuple[Growth, float], ...]


def init(app: Flask) -> None:
    """Add the page; ``finder.web.accounts.init`` must have run before."""
    app.register_blueprint(blueprint)
    add_area(app, Area("Quality", "/admin/quality", Role.VIEWER, "How much there is, how new, and what shrank."))


@blueprint.get("/admin/quality")
@require(Role.VIEWER)
def index() -> str:
    """Show the figures."""
    now = _figures(datetime.now(UTC).date())
    silent = {"Without any phone number": now.without_phone}
    charts = [
        chart("sources", "Listings by source", {_title(name): one for name, one in now.sources.items()}),
        chart("ages", "Age of the newest fact", _named(AGES, now.ages)),
        chart("precisions", "How exactly they are placed", _named(PRECISIONS, now.precisions)),
        chart("phones", "Missing phone numbers", silent),
        chart("states", "Listings by state", {name or "No state": one for name, one in now.states.items()}),
    ]
    courses = [course(name, _title(name), runs) for name, runs in now.growth.items()]
    return render_template(
        "admin/quality.html",
        figures=now,
        centers=now.total[Layer.CENTERS],
        specialists=now.total[Layer.SPECIALISTS],
        alarms=[(_title(one.source), one) for one in now.alarms],
        charts=charts,
        courses=courses,
        wide=_WIDE,
    )


def _figures(today: date) -> Quality:
    """Return the figures, read anew only when the directory or the day is another."""
    parts, kept = services(), current_app.extensions.get("finder_quality")
    if isinstance(kept, Quality) and (kept.version, kept.on) == (current_version(parts.database), today):
        return kept
    fresh = figures(parts.database, parts.terminology, today)
    current_app.extensions["finder_quality"] = fresh
    return fresh


def _title(source: str) -> str:
    return SOURCES[source].title if source in SOURCES else source


def _named(names: Mapping[str, str], counts: Mapping[str, ByLayer]) -> dict[str, ByLayer]:
    return {words: counts[name] for name, words in names.items()}


def chart(id_: str, title: str, counts: Mapping[str, ByLayer]) -> Chart:
    """Return figures with bars, of which the longest fills the width."""
    longest = max((sum(one.values()) for one in counts.values()), default=0)
    rows = []
    for name, one in counts.items():
        centers, specialists = one[Layer.CENTERS], one[Layer.SPECIALISTS]
        rows.append(Row(name, centers, specialists, _width(centers, longest), _width(specialists, longest)))
    return Chart(id_, title, tuple(rows))


def course(id_: str, title: str, runs: Sequence[Growth]) -> Course:
    """Return a source's runs with bars for how many records were live after each."""
    most = max((one.live for one in runs), default=0)
    return Course(id_, title, tuple((one, _width(one.live, most)) for one in runs))


def _width(count: int, of: int) -> float:
    return round(_WIDE * count / of, 1) if of else 0.0
