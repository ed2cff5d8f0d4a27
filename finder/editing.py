"""What a person changes in the directory by hand: corrections, pins, hidden entries, records joined and parted.

Every change is made in one transaction with the rows that readers see and with its line in the audit trail, and begins
the directory's next state, so that an import that was planned before must be planned again.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from finder import ingest
from finder.accounts import Account, audit
from finder.curation import HIDDEN, Locate, Resource, curate, load, resources
from finder.db import Database, LinkDecision, Override, SourceRecord
from finder.domain.identifiers import specialty_code_is_valid
from finder.domain.terminology import Terminology
from finder.errors import FinderError, ImportBusy, NotFound
from finder.linking import own_id
from finder.sources.centers import FACILITY_TYPES
from finder.sources.reading import STATES, is_position, mended_phone, mended_zip

LONGEST_VALUE = 300
LONGEST_REASON = 500
_PATIENCE_SECONDS = 3.0
_POSITION = ("latitude", "longitude")


class CannotEdit(FinderError):
    """A change by hand is not possible; ``field`` names the field of the form that needs a change, if one does."""

    status = 422
    code = "cannot-edit"

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


@dataclass(frozen=True, slots=True)
class Field:
    """A field that can be corrected: its name in words, how a value is read, and what it must be.

    ``read`` returns the value as sources give it, or "" for one that cannot be. Without ``needed`` the value may be
    empty, which says that no source is right and nothing is known.
    """

    label: str
    read: Callable[[str], str]
    must: str
    needed: bool = False


def _phone(text: str) -> str:
    return mended_phone(text)[0]


def _zip(text: str) -> str:
    return mended_zip(text, "")[0]


def _state(text: str) -> str:
    return text.upper() if text.upper() in STATES else ""


def _secure_link(text: str) -> str:
    host = text.removeprefix("https://").split("/")[0]
    return text if text.startswith("https://") and "." in host and " " not in text else ""


def _specialty(text: str) -> str:
    return text.upper() if specialty_code_is_valid(text.upper()) else ""


def _choice(*choices: str) -> Callable[[str], str]:
    return lambda text: text if text in choices else ""


def _text(label: str, *, needed: bool = False) -> Field:
    return Field(label, str, "words", needed)


def _phone_field(label: str) -> Field:
    return Field(label, _phone, "a US telephone number such as 617-555-0100")


def _link_field(label: str) -> Field:
    return Field(label, _secure_link, "an address that begins with https://")


def _yes_field(label: str) -> Field:
    return Field(label, _choice("yes"), "yes")


_PLACE = {
    "street": _text("Street"),
    "city": _text("City", needed=True),
    "state": Field("State", _state, "the two letters of a US state or territory", needed=True),
    "zip": Field("ZIP code", _zip, "a ZIP code of five digits"),
    "phone": _phone_field("Phone"),
}
_YES_OR_NO = (_choice("yes", "no"), "yes or no")
FIELDS: Mapping[str, Mapping[str, Field]] = {
    "Organization": {
        "name": _text("Name", needed=True),
        "parent": _text("Part of"),
        "facility_type": Field("Kind of place", _choice(*FACILITY_TYPES), f"one of {', '.join(FACILITY_TYPES)}"),
        **_PLACE,
        "new_patient_phone": _phone_field("Phone for new patients"),
        "referral_phone": _phone_field("Phone for doctors who refer"),
        "referral_fax": _phone_field("Fax for doctors who refer"),
        "trial_contact_phone": _phone_field("Phone about trials"),
        "website": _link_field("Website"),
        "leukemia_page": _link_field("Page about leukemia"),
        "clinic_address": _text("Clinic address"),
        "second_opinion": _text("Second opinion"),
        "interpreter_note": _text("Interpreters"),
        "international_note": _text("Patients from other countries"),
        "treats_adults": Field("Treats adults", *_YES_OR_NO),
        "treats_children": Field("Treats children", *_YES_OR_NO),
        "leukemia_program": _yes_field("Leukemia program"),
        "allogeneic_transplant": _yes_field("Donor transplant"),
        "autologous_transplant": _yes_field("Transplant of the patient’s own cells"),
        "car_t": _yes_field("CAR-T therapy"),
        "aya_program": _yes_field("Program for young adults"),
    },
    "PractitionerRole": {
        "family": _text("Family name", needed=True),
        "given": _text("Given name"),
        "middle": _text("Middle name"),
        "suffix": _text("Suffix"),
        "credentials": _text("Degree or title"),
        "specialty": Field("Specialty", _specialty, "one NUCC code such as 207RH0003X", needed=True),
        "organization_name": _text("Practice"),
        **_PLACE,
        "telehealth": _yes_field("Visits by video or phone"),
    },
}
"""The fields that can be corrected, by the kind of thing."""


@dataclass(frozen=True, slots=True)
class Editor:
    """Makes changes by hand in one directory; ``who`` is always the account that makes them.

    Raises CannotEdit for what makes no sense, NotFound for what is not there, and ImportBusy while an import is at
    work; then nothing has changed.
    """

    database: Database
    locate: Locate
    terminology: Terminology

    def correct(self, resource_id: str, field: str, value: str, reason: str, who: Account) -> None:
        """Let a value stand in place of what every source says about a field; an empty one shows nothing at all."""
        with self.change() as (session, touched):
            kind = _resource(session, resource_id).entry.resource
            value = self._read(kind, field, " ".join(value.split()))
            self._override(session, resource_id, {field: value}, _reason(reason), who)
            touched.add(resource_id)

    def place(self, resource_id: str, latitude: str, longitude: str, reason: str, who: Account) -> None:
        """Put the pin of an entry where a person knows it to be."""
        latitude, longitude = latitude.strip(), longitude.strip()
        if not latitude or not longitude or not is_position(latitude, longitude):
            raise CannotEdit("The pin needs a latitude such as 42.3601 and a longitude such as -71.0589.", "latitude")
        north, east = float(latitude), float(longitude)
        # The states and territories, from Guam across the date line to Puerto Rico; a lost minus falls outside.
        if not (-15 <= north <= 72 and (-180 <= east <= -64 or 144 <= east <= 180)):
            raise CannotEdit(
                "This position is not in the United States. Is the minus of the longitude there?", "longitude"
            )
        with self.change() as (session, touched):
            _resource(session, resource_id)
            values = dict(zip(_POSITION, (f"{north:.6f}", f"{east:.6f}"), strict=True))
            self._override(session, resource_id, values, _reason(reason), who)
            touched.add(resource_id)

    def hide(self, resource_id: str, reason: str, who: Account) -> None:
        """Keep an entry out of the directory, whatever sources say."""
        with self.change() as (session, touched):
            _resource(session, resource_id)
            self._override(session, resource_id, {HIDDEN: "yes"}, _reason(reason), who)
            touched.add(resource_id)

    def show(self, resource_id: str, who: Account) -> None:
        """Show an entry again that was hidden by hand."""
        with self.change() as (session, touched):
            if not end_corrections(session, resource_id, [HIDDEN]):
                raise NotFound("This entry is not hidden.")
            audit(session, who, "show", resource_id)
            touched.add(resource_id)

    def withdraw(self, override_id: int, who: Account) -> str:
        """End a correction, so that the sources speak again; return the entry's id. A pin's two halves end together."""
        with self.change() as (session, touched):
            override = session.get(Override, override_id)
            if override is None or override.withdrawn_at is not None:
                raise NotFound("There is no such correction, or it was withdrawn before.")
            resource_id, field = override.resource_id, override.field
            end_corrections(session, resource_id, _POSITION if field in _POSITION else [field])
            audit(session, who, "withdraw", resource_id, field)
            touched.add(resource_id)
        return resource_id

    def merge(self, source: str, key: str, resource_id: str, who: Account) -> None:
        """Let a source's record speak about another entry from now on; every later import keeps to that."""
        with self.change() as (session, touched):
            if record_of(session, source, key).resource_id == resource_id:
                raise CannotEdit("The record speaks about this entry already.", "resource_id")
            touched.update(join(session, source, key, resource_id, who))

    def split(self, source: str, key: str, who: Account) -> str:
        """Let a source's record stand for itself from now on, and return the id of its own entry."""
        with self.change() as (session, touched):
            record = record_of(session, source, key)
            own, parted = part(session, record, who)
            touched.update(parted)
        return own

    @contextmanager
    def change(self) -> Iterator[tuple[Session, set[str]]]:
        """Give a session, and a set for the ids of what is changed in it; they are made anew at the end."""
        with _alone(self.database), self.database.transaction() as session:
            touched: set[str] = set()
            yield session, touched
            if touched:
                session.flush()
                curate(session, sorted(touched), self.locate, self.terminology)
                ingest.advance(session)

    def _read(self, kind: str, field: str, typed: str) -> str:
        rule = FIELDS[kind].get(field)
        if rule is None:
            raise CannotEdit("This field cannot be corrected by hand.", "field")
        value = rule.read(typed) if len(typed) <= LONGEST_VALUE and typed.isprintable() else ""
        if typed and not value:
            raise CannotEdit(f"{rule.label} must be {rule.must}, in {LONGEST_VALUE} characters at most.", "value")
        if not typed and rule.needed:
            raise CannotEdit(f"{rule.label} cannot be empty. To take the entry away, hide it.", "value")
        if field == "specialty" and self.terminology.specialty(value) is None:
            raise CannotEdit("This directory has no words for this specialty code, so it would show nobody.", "value")
        return value

    @staticmethod
    def _override(session: Session, resource_id: str, values: Mapping[str, str], reason: str, who: Account) -> None:
        end_corrections(session, resource_id, list(values))
        for field, value in values.items():
            session.add(
                Override(
                    resource_id=resource_id, field=field, value=value, reason=reason, who=who.name,
                    made_at=datetime.now(UTC),
                )
            )  # fmt: skip
            audit(session, who, "correct", resource_id, f"{field}: {value or '(nothing)'}")


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Hold the lock of imports; the changes of others by hand take an instant, so they are waited for."""
    until = time.monotonic() + _PATIENCE_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(database.alone())
                break
            except ImportBusy:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield


def _resource(session: Session, resource_id: str) -> Resource:
    found = resources(session, [resource_id])
    if not found:
        raise NotFound("There is no entry with this id, or no source lists it any more.")
    return found[0]


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise CannotEdit("Say why, such as “We called on November 24.”", "reason")
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise CannotEdit(f"The reason may have {LONGEST_REASON} characters.", "reason")
    return reason


def end_corrections(session: Session, resource_id: str, fields: Sequence[str]) -> bool:
    """Withdraw the standing corrections of these fields, and tell whether there were any."""
    standing = [Override.resource_id == resource_id, Override.field.in_(fields), Override.withdrawn_at.is_(None)]
    ids = session.scalars(select(Override.id).where(*standing)).all()
    session.execute(update(Override).where(Override.id.in_(ids)).values(withdrawn_at=datetime.now(UTC)))
    return bool(ids)


def record_of(session: Session, source: str, key: str) -> SourceRecord:
    """Return what a source says under a key; NotFound when nothing is kept."""
    record = find_record(session, source, key)
    if record is None:
        raise NotFound("No record of this list has this key.")
    return record


def find_record(session: Session, source: str, key: str) -> SourceRecord | None:
    """Return what a source says under a key, None where nothing was imported yet."""
    return session.scalar(select(SourceRecord).where(SourceRecord.source == source, SourceRecord.key == key))


def join(session: Session, source: str, key: str, resource_id: str, who: Account) -> set[str]:
    """Decide that a record speaks about an entry, and return the ids of what that changes.

    The record need not be there yet: then the next import finds the decision.
    """
    if _resource(session, resource_id).entry.resource != "Organization":
        raise CannotEdit("A doctor is known by the NPI alone, so nothing can be joined.", "resource_id")
    record, touched = find_record(session, source, key), {resource_id}
    if record is not None:
        if load(record.entry).resource != "Organization":
            raise CannotEdit("A doctor is known by the NPI alone, so nothing can be joined.", "resource_id")
        touched.add(record.resource_id)
        record.resource_id = resource_id
    linked = (LinkDecision.source == source, LinkDecision.key == key, LinkDecision.verdict == "link")
    session.execute(delete(LinkDecision).where(*linked))
    _decide(session, source, key, resource_id, "link", who)
    return touched


def part(session: Session, record: SourceRecord, who: Account) -> tuple[str, set[str]]:
    """Decide that a record does not speak about its entry; return its own entry's id and what that changes."""
    entry, old = load(record.entry), record.resource_id
    if entry.resource != "Organization":
        raise CannotEdit("A doctor is known by the NPI alone, so nothing can be parted.")
    live = select(func.count()).where(SourceRecord.resource_id == old, SourceRecord.ending == "")
    if (session.scalar(live.select_from(SourceRecord)) or 0) < 2:
        raise CannotEdit("This is the only record of the entry, so there is nothing to part.")
    _decide(session, record.source, record.key, old, "apart", who)
    own = own_id(record.source, entry, {old})
    record.resource_id = own
    return own, {old, own}


def keep_apart(session: Session, source: str, key: str, resource_id: str, who: Account) -> set[str]:
    """Decide that a record does not speak about an entry, and part it where it did; return what that changes."""
    record = find_record(session, source, key)
    if record is not None and record.resource_id == resource_id:
        return part(session, record, who)[1]
    _decide(session, source, key, resource_id, "apart", who)
    return {resource_id}


def _decide(session: Session, source: str, key: str, resource_id: str, verdict: str, who: Account) -> None:
    row = LinkDecision(
        source=source, key=key, resource_id=resource_id, verdict=verdict, who=who.name, made_at=datetime.now(UTC)
    )
    session.merge(row)
    audit(session, who, verdict, resource_id, f"{source}: {key}")
