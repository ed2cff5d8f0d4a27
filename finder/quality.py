"""How good the directory is, in figures: how much there is, how new, how exactly placed, and what an import broke."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from finder.curation import load
from finder.db import Database, ImportRun, ListingRow, RecordChange, SourceRecord
from finder.domain.dates import is_iso
from finder.domain.listing import Layer
from finder.domain.terminology import Terminology
from finder.ingest import counts_of, live_records, version

AGES: Mapping[str, str] = {
    "quarter": "Less than 90 days",
    "year": "90 days to a year",
    "older": "Older than a year",
    "undated": "Undated",
}
PRECISIONS: Mapping[str, str] = {
    "exact": "Exact",
    "address": "Street address",
    "zip": "Middle of the ZIP",
    "city": "Middle of the city",
    "county": "Middle of the county",
    "state": "Middle of the state",
    "": "No position",
}
SHRUNK_PERCENT = 5.0
_RUNS_SHOWN = 12
_PHONES = frozenset({"phone", "new_patient_phone"})
_BATCH = 1_000

ByLayer = Mapping[Layer, int]


@dataclass(frozen=True, slots=True)
class Growth:
    """What one applied run did to its source: records that came and went, and how many were live after it."""

    run: int
    on: date
    came: int
    went: int
    live: int

    @property
    def before(self) -> int:
        """How many records were live before the run."""
        return self.live - self.came + self.went


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about a source's last run that a person should look at."""

    source: str
    run: int
    words: str


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of one state of the directory; each mapping goes from a name to the listings of each layer."""

    version: int
    on: date
    total: ByLayer
    sources: Mapping[str, ByLayer]
    states: Mapping[str, ByLayer]
    ages: Mapping[str, ByLayer]
    precisions: Mapping[str, ByLayer]
    without_phone: ByLayer
    growth: Mapping[str, Sequence[Growth]]
    alarms: Sequence[Alarm]


def figures(database: Database, terminology: Terminology, today: date) -> Quality:
    """Return the figures of the directory as it is now; every listing is read, which takes a second or more."""
    with database.transaction() as session:
        ages, silent = _facts(session, today)
        growth = {source: _growth(session, source) for source in _sources(session)}
        return Quality(
            version(session),
            today,
            _totals(session),
            _grouped(session, SourceRecord.source),
            _grouped(session, ListingRow.state),
            ages,
            _precisions(session),
            silent,
            growth,
            [one for source, runs in growth.items() for one in _alarms(session, source, runs, terminology)],
        )


def current_version(database: Database) -> int:
    """Return the number of the directory's state, so that figures can be kept until it changes."""
    with database.transaction() as session:
        return version(session)


def _by_layer(counted: Iterable[tuple[int, int]]) -> ByLayer:
    numbers = {one.number: one for one in Layer}
    found = {numbers[layer]: count for layer, count in counted}
    return {one: found.get(one, 0) for one in Layer}


def _totals(session: Session) -> ByLayer:
    rows = session.execute(select(ListingRow.layer, func.count()).group_by(ListingRow.layer))
    return _by_layer((layer, count) for layer, count in rows)


def _grouped(session: Session, column: object) -> Mapping[str, ByLayer]:
    """Count listings by a column of theirs, or of the live records behind them."""
    belongs = func.coalesce(ListingRow.organization_id, ListingRow.practitioner_role_id) == SourceRecord.resource_id
    counted = select(column, ListingRow.layer, func.count(distinct(ListingRow.id)))  # type: ignore[call-overload]
    if column is SourceRecord.source:
        counted = counted.select_from(ListingRow).join(SourceRecord, belongs).where(SourceRecord.ending == "")
    found: dict[str, list[tuple[int, int]]] = {}
    for name, layer, count in session.execute(counted.group_by(column, ListingRow.layer).order_by(column)):
        found.setdefault(name, []).append((layer, count))
    return {name: _by_layer(counts) for name, counts in found.items()}


def _precisions(session: Session) -> Mapping[str, ByLayer]:
    found = _grouped(session, ListingRow.precision)
    nothing = dict.fromkeys(Layer, 0)
    return {name: found.get(name, nothing) for name in PRECISIONS}


def _facts(session: Session, today: date) -> tuple[Mapping[str, ByLayer], ByLayer]:
    """Return how old each listing's newest fact is, and how many listings have no phone."""
    ages: Counter[tuple[str, int]] = Counter()
    silent: Counter[int] = Counter()
    every = select(ListingRow.layer, ListingRow.facts).execution_options(yield_per=_BATCH)
    for layer, text in session.execute(every):
        facts = json.loads(text)  # each a list in the order of Statement's fields
        ages[age(max((one[4] for one in facts), key=_latest, default=""), today), layer] += 1
        silent[layer] += not any(one[0] in _PHONES for one in facts)
    by_age = {name: _by_layer((one.number, ages[name, one.number]) for one in Layer) for name in AGES}
    return by_age, _by_layer(silent.items())


def age(as_of: str, today: date) -> str:
    """Return which of AGES an ISO date is; a year or month counts as its last day."""
    if not is_iso(as_of):
        return "undated"
    days = (today - _latest(as_of)).days
    return "quarter" if days < 90 else "year" if days < 365 else "older"


def _latest(as_of: str) -> date:
    """Return the last day that a date can mean; the first of all days for none."""
    if not is_iso(as_of):
        return date.min
    year, month, day = (*map(int, as_of.split("-")), 0, 0)[:3]
    if day or year == date.max.year:
        return date(year, month or 1, day or 1)
    return date(year + (month or 12) // 12, (month or 12) % 12 + 1, 1) - timedelta(days=1)


def _sources(session: Session) -> list[str]:
    applied = select(ImportRun.source).where(ImportRun.status == "applied")
    return sorted(session.scalars(applied.distinct()))


def _growth(session: Session, source: str) -> list[Growth]:
    """Return a source's last applied runs, the oldest first; how many were live is counted back from now."""
    applied = select(ImportRun).where(ImportRun.source == source, ImportRun.status.in_(("applied", "undone")))
    runs, live = [], live_records(session, source)
    for run in session.scalars(applied.order_by(ImportRun.id.desc()).limit(_RUNS_SHOWN)):
        counts = counts_of(run)["counts"]
        came = counts.get("new", 0) + counts.get("reactivated", 0)
        went = counts.get("gone", 0) + counts.get("deactivated", 0)
        runs.append(Growth(run.id, (run.finished_at or run.started_at).date(), came, went, live))
        live = runs[-1].before
    return runs[::-1]


def _alarms(session: Session, source: str, runs: Sequence[Growth], terminology: Terminology) -> list[Alarm]:
    last = runs[-1]
    if last.before <= 0:
        return []
    found = []
    lost = 100 * (last.before - last.live) / last.before
    if lost > SHRUNK_PERCENT:
        words = f"It shrank by {lost:.1f} %, from {last.before:,} to {last.live:,} records."
        found.append(Alarm(source, last.run, words))
    came, went = _changed_codes(session, source, last.run)
    for codes, said in ((came, "Specialty codes that no record had before"), (went, "Specialty codes that are gone")):
        if codes:
            named = ", ".join(_code(one, terminology) for one in sorted(codes))
            found.append(Alarm(source, last.run, f"{said}: {named}."))
    return found


def _code(code: str, terminology: Terminology) -> str:
    known = terminology.specialty(code)
    return f"{code} ({known.display_name})" if known else f"{code} (not known here)"


def _changed_codes(session: Session, source: str, run: int) -> tuple[set[str], set[str]]:
    """Return the specialty codes that a source's records have only since a run, and those that only had been before."""
    change: Counter[str] = Counter()
    rows = select(RecordChange.before, RecordChange.after).where(RecordChange.run_id == run)
    for before, after in session.execute(rows.execution_options(yield_per=_BATCH)):
        change.update(_codes(after))
        change.subtract(_codes(before))
    now = {code: _having(session, source, code) for code, more in change.items() if more}
    came = {code for code, count in now.items() if count and count == change[code]}
    return came, {code for code, count in now.items() if not count}


def _codes(record: str | None) -> set[str]:
    """Return the specialty codes of a record as a change holds it; those of one that is not live do not count."""
    if record is None or "specialty" not in record:
        return set()
    kept = json.loads(record)
    entry = load(kept["entry"])
    return set() if kept["ending"] else {one.value for one in entry.statements if one.field == "specialty"}


def _having(session: Session, source: str, code: str) -> int:
    """Count the live records of a source that have a specialty code; finder.curation.dump writes it so."""
    holds = SourceRecord.entry.contains(f'["specialty","{code}",', autoescape=True)
    live = (
        select(func.count()).select_from(SourceRecord).where(SourceRecord.source == source, SourceRecord.ending == "")
    )
    return session.scalar(live.where(holds)) or 0
