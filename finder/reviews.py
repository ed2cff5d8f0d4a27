"""What waits for a person: possible duplicates, sources that contradict a correction, reports, places without a pin."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from finder.accounts import Account, audit
from finder.curation import load, resources
from finder.db import Database, ListingRow, Review
from finder.domain.entry import Entry
from finder.domain.listing import Layer
from finder.domain.precedence import best
from finder.editing import CannotEdit, Editor, end_corrections, find_record, join, keep_apart
from finder.errors import FinderError, NotFound
from finder.language import N_, _
from finder.search import NOWHERE

KINDS: Mapping[str, str] = {
    "report": "Reported by visitors",
    "duplicate": "Possible duplicates",
    "disagreement": "Sources against corrections",
    "unplaced": "Without a place on the map",
}
VERDICTS: Mapping[str, Mapping[str, str]] = {
    "report": {"fixed": "Checked, and right now", "unconfirmed": "Cannot be confirmed", "later": "Later"},
    "duplicate": {"same": "The same", "apart": "Not the same", "later": "Later"},
    "disagreement": {"keep": "Keep the correction", "take": "Take the source’s value", "later": "Later"},
}
WRONG: Mapping[str, str] = {
    "phone": N_("The phone number is wrong"),
    "address": N_("The address is wrong"),
    "closed": N_("It has closed or moved"),
    "not-all": N_("They do not treat ALL"),
    "other": N_("Something else"),
}
LONGEST_REPORT = 1_000
PAGE_SIZE = 50
_WAITING = ("open", "later")
_Rows = Select[*tuple[Any, ...]]
_COMPARED = {
    "name": "Name",
    "street": "Street",
    "city": "City",
    "state": "State",
    "zip": "ZIP code",
    "phone": "Phone",
    "website": "Website",
    "parent": "Part of",
    "facility_type": "Kind of place",
}


class CannotReport(FinderError):
    """A visitor's report cannot be taken; ``field`` names the field of the form that needs a change, if one does."""

    status = 422
    code = "cannot-report"

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that waits, as the queue shows it; ``number`` is 0 and ``words`` the address for what has no pin.

    ``layer`` is None where no source lists the entry any more.
    """

    number: int
    resource_id: str
    layer: Layer | None
    name: str
    made_on: date | None
    words: str
    later: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One field of two sides."""

    label: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        """Whether both sides speak and do not say the same."""
        return bool(self.left and self.right) and self.left.casefold() != self.right.casefold()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits, with both sides: what a source or visitor says, and what the directory shows."""

    number: int
    kind: str
    state: str
    resource_id: str
    layer: Layer | None
    name: str
    made_on: date
    words: str
    left: str
    right: str
    pairs: tuple[Pair, ...]

    @property
    def verdicts(self) -> Mapping[str, str]:
        """What can be decided, each with its words; nothing once it is decided."""
        return VERDICTS[self.kind] if self.state in _WAITING else {}


@dataclass(frozen=True, slots=True)
class ReportState:
    """What a listing's page says about reports: whether one is being checked, and since when, or when it was."""

    waiting: bool
    on: date


def counts(database: Database) -> dict[str, int]:
    """Return how much waits, by kind, in the order of KINDS."""
    with database.reading() as connection:
        firsts = _firsts().subquery()
        found = connection.execute(select(firsts.c.kind, func.count()).group_by(firsts.c.kind))
        waiting: dict[str, int] = {row[0]: row[1] for row in found}
        waiting["unplaced"] = connection.scalar(select(func.count()).where(ListingRow.band == NOWHERE)) or 0
    return {kind: waiting.get(kind, 0) for kind in KINDS}


def _firsts() -> _Rows:
    """Select what waits, once where several plans or visitors said the very same."""
    same = (Review.kind, Review.resource_id, Review.detail)
    waiting = select(func.min(Review.id).label("id"), *same, func.max(Review.state).label("state"))
    return waiting.where(Review.state.in_(_WAITING)).group_by(*same)


def queue(database: Database, kind: str, page: int = 1) -> list[Line]:
    """Return one page of what waits of one kind, the oldest first and what was put off last."""
    with database.transaction() as session:
        if kind == "unplaced":
            return _unplaced(session, page)
        firsts = _firsts().where(Review.kind == kind).subquery()
        # "open" comes after "later" in the alphabet.
        order = select(firsts.c.id, firsts.c.state).order_by(firsts.c.state.desc(), firsts.c.id)
        states = {row.id: row.state for row in session.execute(_page(order, page))}
        reviews = {one.id: one for one in session.scalars(select(Review).where(Review.id.in_(states)))}
        names = _names(session, {one.resource_id for one in reviews.values()})
        return [_line(reviews[number], state, names) for number, state in states.items()]


def _page(statement: _Rows, page: int) -> _Rows:
    return statement.limit(PAGE_SIZE).offset((max(page, 1) - 1) * PAGE_SIZE)


def _line(review: Review, state: str, names: Mapping[str, tuple[Layer, str]]) -> Line:
    layer, name = names.get(review.resource_id, (None, review.resource_id))
    words = _words(review.kind, json.loads(review.detail))
    return Line(review.id, review.resource_id, layer, name, review.made_at.date(), words, state == "later")


def _unplaced(session: Session, page: int) -> list[Line]:
    columns = (ListingRow.slug, ListingRow.layer, ListingRow.name, ListingRow.street, ListingRow.city, ListingRow.state)
    nowhere = select(*columns).where(ListingRow.band == NOWHERE).order_by(ListingRow.state, ListingRow.id)
    lines = []
    for slug, layer, name, *address in session.execute(_page(nowhere, page)):
        lines.append(Line(0, slug, _layer(layer), name, None, ", ".join(filter(None, address)) or "no address"))
    return lines


def _layer(number: int) -> Layer:
    return Layer.CENTERS if number == Layer.CENTERS.number else Layer.SPECIALISTS


def layer_of(entry: Entry) -> Layer:
    """Return the layer in which an entry is listed."""
    return Layer.CENTERS if entry.resource == "Organization" else Layer.SPECIALISTS


def name_of(entry: Entry) -> str:
    """Return what an entry is called."""
    names = [best(entry.statements, field) for field in ("name", "given", "family")]
    return " ".join(filter(None, names)) or entry.key


def _names(session: Session, ids: Iterable[str]) -> dict[str, tuple[Layer, str]]:
    return {one.id: (layer_of(one.entry), name_of(one.entry)) for one in resources(session, sorted(ids))}


def _words(kind: str, detail: Mapping[str, Any]) -> str:
    if kind == "report":
        return WRONG.get(detail["wrong"], WRONG["other"])
    if kind == "disagreement":
        said = " or ".join(detail["said"]) or "nothing"
        return f"{detail['field']}: {detail['kept']} by hand, {said} in {detail['source']}"
    return f"{detail['said'][0]} ({detail['source']}): {detail['reason']}"


def item(database: Database, number: int) -> Item:
    """Return one thing that waits or was decided; NotFound when there is none with this number."""
    with database.transaction() as session:
        review = _find(session, number)
        here = next(iter(resources(session, [review.resource_id])), None)
        detail = json.loads(review.detail)
        sides = {"duplicate": _duplicate, "disagreement": _disagreement, "report": _report}[review.kind]
        left, right, pairs = sides(session, detail, here.entry if here else None)
        return Item(
            review.id, review.kind, review.state, review.resource_id, layer_of(here.entry) if here else None,
            name_of(here.entry) if here else review.resource_id, review.made_at.date(),
            _words(review.kind, detail), left, right, pairs,
        )  # fmt: skip


def _find(session: Session, number: int) -> Review:
    review = session.get(Review, number)
    if review is None:
        raise NotFound(f"There is nothing to review with the number {number}.")
    return review


_Sides = tuple[str, str, tuple[Pair, ...]]


def _duplicate(session: Session, detail: Mapping[str, Any], here: Entry | None) -> _Sides:
    record = find_record(session, detail["source"], detail["key"])
    said = dict(zip(("name", "street", "city", "state", "zip"), detail["said"], strict=True))
    entry = load(record.entry) if record else None
    left = {field: best(entry.statements, field) for field in _COMPARED} if entry else said
    right = {field: best(here.statements, field) for field in _COMPARED} if here else {}
    pairs = [Pair(label, left.get(field, ""), right.get(field, "")) for field, label in _COMPARED.items()]
    pairs.append(Pair("Numbers", _numbers(entry), _numbers(here)))
    title = f"Record {detail['key']} of {detail['source']}" + ("" if record else ", not imported yet")
    return title, "In the directory", tuple(one for one in pairs if one.left or one.right)


def _numbers(entry: Entry | None) -> str:
    return ", ".join(one.value for one in entry.identifiers) if entry else ""


def _disagreement(_session: Session, detail: Mapping[str, Any], _here: Entry | None) -> _Sides:
    pair = Pair(detail["field"], " or ".join(detail["said"]), detail["kept"])
    return f"{detail['source']} in run {detail['run']}", "The correction by hand", (pair,)


def _report(_session: Session, detail: Mapping[str, Any], here: Entry | None) -> _Sides:
    shown = [best(here.statements, field) for field in ("street", "city", "state", "zip")] if here else []
    pairs = [
        Pair("What is wrong", WRONG.get(detail["wrong"], ""), ""),
        Pair("In the visitor’s words", detail.get("words", ""), ""),
        Pair("Phone", "", best(here.statements, "phone") if here else ""),
        Pair("Address", "", ", ".join(filter(None, shown))),
    ]
    return "The report", "In the directory", tuple(one for one in pairs if one.left or one.right)


def decide(editor: Editor, number: int, verdict: str, who: Account) -> str:
    """Decide what waits, once for everything that says the same; return its kind.

    Raises CannotEdit for a verdict that does not belong to its kind, NotFound for what was decided before.
    """
    with editor.change() as (session, touched):
        review = _find(session, number)
        if review.state not in _WAITING:
            raise NotFound("This was decided before.")
        if verdict not in VERDICTS[review.kind]:
            raise CannotEdit(f"The decision must be one of {', '.join(VERDICTS[review.kind])}.")
        kind, detail, resource_id = review.kind, json.loads(review.detail), review.resource_id
        if verdict != "later":
            touched.update(_carry_out(session, kind, verdict, resource_id, detail, who))
        _mark(session, review, verdict, who)
        audit(session, who, f"review-{verdict}", resource_id, f"{kind} {number}")
    return kind


def _carry_out(
    session: Session, kind: str, verdict: str, resource_id: str, detail: Mapping[str, Any], who: Account
) -> set[str]:
    if kind == "duplicate":
        source, key = detail["source"], detail["key"]
        if verdict == "apart":
            return keep_apart(session, source, key, resource_id, who)
        _settle_others(session, source, key, resource_id, who)
        return join(session, source, key, resource_id, who)
    if verdict == "take":
        end_corrections(session, resource_id, [detail["field"]])
        return {resource_id}
    return set()


def _settle_others(session: Session, source: str, key: str, resource_id: str, who: Account) -> None:
    """A record that was joined to one entry need not be compared with others any more."""
    waiting = select(Review).where(Review.kind == "duplicate", Review.state.in_(_WAITING))
    for other in session.scalars(waiting.where(Review.resource_id != resource_id)).all():
        detail = json.loads(other.detail)
        if (detail["source"], detail["key"]) == (source, key):
            other.state, other.decided_at, other.decided_by = "settled", datetime.now(UTC), who.name


def _mark(session: Session, review: Review, verdict: str, who: Account) -> None:
    decided = (None, "") if verdict == "later" else (datetime.now(UTC), who.name)
    values: dict[str, Any] = {"state": verdict, "decided_at": decided[0], "decided_by": decided[1]}
    if review.kind == "report" and verdict != "later":
        # What a visitor wrote is needed no longer, and may say more than it should.
        values["detail"] = json.dumps({"wrong": json.loads(review.detail)["wrong"]})
    same = (Review.kind == review.kind, Review.resource_id == review.resource_id, Review.detail == review.detail)
    session.execute(update(Review).where(*same, Review.state.in_(_WAITING)).values(**values))


def following(database: Database, kind: str) -> int:
    """Return the number of what is to be decided next of a kind, 0 where nothing is left that was not put off."""
    with database.reading() as connection:
        first = select(func.min(Review.id)).where(Review.kind == kind, Review.state == "open")
        return connection.scalar(first) or 0


def draft(wrong: str, words: str) -> str:
    """Return a visitor's report as it is kept; raises CannotReport for one that says nothing or too much."""
    words = _tidy(words)
    if wrong not in WRONG:
        raise CannotReport(_("Choose what is wrong."), "wrong")
    if len(words) > LONGEST_REPORT:
        raise CannotReport(_("Please use %(number)s characters at most.", number=f"{LONGEST_REPORT:,}"), "words")
    if wrong == "other" and not words:
        raise CannotReport(_("Say in a few words what is wrong."), "words")
    return json.dumps({"wrong": wrong, "words": words}, ensure_ascii=False)


def report(database: Database, resource_id: str, kept: str) -> None:
    """Keep a report, as ``draft`` made it, for the editors; nothing about the visitor is kept."""
    try:
        with database.transaction() as session:
            session.add(Review(kind="report", resource_id=resource_id, detail=kept, made_at=datetime.now(UTC)))
    except OperationalError as error:
        raise CannotReport(_("The directory is being updated. Please send this again in a few minutes.")) from error


def _tidy(words: str) -> str:
    """Return typed lines with single blanks and without the signs that no page may hold."""
    lines = (" ".join("".join(filter(str.isprintable, line.replace("\t", " "))).split()) for line in words.splitlines())
    return "\n".join(lines).strip()


def report_state(database: Database, resource_ids: Sequence[str]) -> dict[str, ReportState]:
    """Return what is to be said about reports of these entries, by id; those that nobody reported are left out.

    A report that waits comes before one that was decided; of several the oldest that waits and the newest decided.
    """
    columns = (Review.resource_id, Review.state, Review.made_at, Review.decided_at)
    wanted = select(*columns).where(Review.kind == "report", Review.resource_id.in_(resource_ids)).order_by(Review.id)
    states: dict[str, ReportState] = {}
    with database.reading() as connection:
        for resource_id, state, made_at, decided_at in connection.execute(wanted):
            known = states.get(resource_id)
            if state in _WAITING:
                if known is None or not known.waiting:
                    states[resource_id] = ReportState(True, made_at.date())
            elif decided_at and not (known and known.waiting):
                states[resource_id] = ReportState(False, decided_at.date())
    return states
