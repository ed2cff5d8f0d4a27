"""How the facts of a listing are said on its page: grouped, in plain words, each with its source and date."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from finder.domain.dates import ends_with_date, is_stale, words
from finder.domain.entry import Statement
from finder.domain.listing import Layer, Listing, phone_for
from finder.domain.terminology import Terminology
from finder.formats import kind_of
from finder.language import ENGLISH, N_, _, current

KINDS = {
    "cancer-center": N_("Cancer center"),
    "childrens-hospital": N_("Children’s hospital or clinic"),
    "hospital": N_("Hospital"),
    "military-hospital": N_("Military hospital"),
    "unknown": N_("Cancer program"),
}
_AGES = {"adult": N_("adults"), "pediatric": N_("children"), "both": N_("adults and children")}
_NO_AGE = N_("age group not stated")
_CONTACT = {
    "new_patient_phone": N_("Phone for new patients"),
    "phone": N_("Main number"),
    "second_opinion": N_("Second opinion"),
    "interpreter_note": N_("Interpreters"),
    "international_note": N_("Patients from other countries"),
    "referral_phone": N_("Phone for doctors who refer"),
    "referral_fax": N_("Fax for doctors who refer"),
    "trial_contact_phone": N_("Phone about trials"),
    "website": N_("Website"),
    "leukemia_page": N_("Page about leukemia"),
    "clinic_address": N_("Clinic address"),
    "telehealth": N_("Visits by video or phone"),
    "other_location": N_("Other location"),
}
_TREATED = {"treats_adults": N_("Treats adults"), "treats_children": N_("Treats children")}
_DESIGNATIONS = {
    "cog_member": "cog",
    "nccn_member": "nccn",
    "fact_accredited": "fact",
    "nmdp_network": "nmdp",
}
_PROGRAMS = {
    "leukemia_program": "leukemia-program",
    "allogeneic_transplant": "transplant",
    "autologous_transplant": "transplant-autologous",
    "car_t": "car-t",
    "car_t_all": "car-t",
    "aya_program": "aya-program",
}
_CAR_T_ALL = {
    "authorized": N_("Authorized center for CAR-T therapy for ALL"),
    "offers": N_("Offers CAR-T therapy for ALL"),
    "treated": N_("Has treated patients with CAR-T therapy for ALL"),
    "trial-site": N_("Took part in a trial of CAR-T therapy for ALL"),
}
_TRIALS = {
    "all_trial": N_("Trials of treatment for ALL"),
    "car_t_trial": N_("Trials of CAR-T therapy, for any disease"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fact, or several of one source, as a page shows it.

    ``values`` are (words, link); a link is an address, a telephone link or "". ``said`` comes before the source's name;
    ``record`` is the number of the source record that holds the fact, 0 for a correction by hand. ``english`` tells
    that the note is in English on a page that is not; ``others`` are rows of other sources that say the same.
    """

    label: str
    values: tuple[tuple[str, str], ...]
    meaning: str = ""
    note: str = ""
    said: str = ""
    source: str = ""
    url: str = ""
    date: str = ""
    stale: bool = False
    english: bool = False
    record: int = 0
    others: tuple["Row", ...] = ()

    @property
    def tellers(self) -> tuple["Row", ...]:
        """The row of each source that says this."""
        return self, *self.others


@dataclass(frozen=True, slots=True)
class Group:
    """Facts that belong together under one heading."""

    title: str
    rows: tuple[Row, ...]


def kind_words(listing: Listing, terminology: Terminology) -> str:
    """Return what a listing is, in a few plain words."""
    if listing.layer is Layer.CENTERS:
        return _(KINDS.get(kind_of(listing), KINDS["unknown"]))
    known = [terminology.specialty(fact.value) for fact in listing.facts_about("specialty")]
    core = [specialty.words for specialty in known if specialty and specialty.role == "core"]
    return _(core[0]) if core else _("Specialist")


def phone_words(phone: Statement, layer: Layer) -> str:
    """Return whose line a number is and, of a hospital's main number, what to ask for."""
    center = layer is Layer.CENTERS
    main = _("Main number. Ask for the leukemia or new-patient line.") if center else _("Office")
    said = _("New patients") if phone.field == "new_patient_phone" else _scope(phone).capitalize() or main
    return f"{said} ({_(_AGES[phone.population])})" if phone.population in ("adult", "pediatric") else said


def first_calls(listing: Listing) -> list[tuple[str, str, str]]:
    """Return (number, whose line, link) of the numbers to call first: all lines for new patients, else the main one."""
    lines = [fact for fact in listing.facts_about("new_patient_phone") if fact.audience != "clinician"]
    main = phone_for(listing, None)
    shown = lines or ([main] if main else [])
    return list(dict.fromkeys((fact.value, phone_words(fact, listing.layer), tel(fact.value)) for fact in shown))


def web(address: str) -> str:
    """Return an address if it is one of the web, else "": what was imported may be anything, a script too."""
    return address if address.startswith(("https://", "http://")) else ""


def tel(phone: str) -> str:
    """Return the link that calls a US number."""
    return f"tel:+1-{phone}"


def groups(listing: Listing, terminology: Terminology, today: date) -> tuple[Group, ...]:
    """Return everything that is known, in the order in which a reader needs it; empty groups are left out."""
    made = (
        Group(
            _("How to reach them"), tuple(_contact(one, listing.layer, today) for one in listing.facts_about(*_CONTACT))
        ),
        Group(_("Who is treated"), tuple(_treated(fact, today) for fact in listing.facts_about(*_TREATED))),
        Group(_("Specialty"), tuple(_specialties(listing, terminology, today))),
        Group(_("Designations and memberships"), tuple(_designations(listing, terminology, today))),
        Group(_("Leukemia, transplant and CAR-T programs"), tuple(_programs(listing, terminology, today))),
        Group(_("Trials they took part in"), tuple(_trials(listing, today))),
        Group(_("Where they are"), tuple(_where(listing, today))),
        Group(_("In the registry"), tuple(_registry(listing, today))),
    )
    return tuple(Group(group.title, _joined(group.rows)) for group in made if group.rows)


def _joined(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows in order, those that say the same as one."""
    made: list[Row] = []
    for row in rows:
        same = next((n for n, one in enumerate(made) if _say_the_same(one, row)), None)
        if same is None:
            made.append(row)
        else:
            told = made[same] if made[same].note else replace(made[same], note=row.note, english=row.english)
            made[same] = replace(told, others=(*told.others, row))
    return tuple(made)


def _say_the_same(one: Row, other: Row) -> bool:
    notes = {one.note, other.note} - {""}
    return (one.label, one.values, one.meaning) == (other.label, other.values, other.meaning) and len(notes) < 2


def _row(fact: Statement, label: str, value: str, today: date, *, link: str = "", meaning: str = "") -> Row:
    """Return a row; a note that says no more than the label, and a date that the source's name holds, are left out."""
    note, stale = _(fact.note) if fact.note else "", is_stale(fact.as_of, today)
    return Row(
        label,
        ((value, link),) if value else (),
        meaning,
        said=_("Source:"),
        note="" if note.rstrip(".").casefold() in label.casefold() else note,
        english=current() != ENGLISH.code and note == fact.note,
        source=fact.source,
        url=web(fact.url),
        date="" if not stale and ends_with_date(fact.source, fact.as_of) else words(fact.as_of),
        stale=stale,
        record=fact.record,
    )


def _scope(fact: Statement) -> str:
    return _(fact.scope) if fact.scope else ""


def _contact(fact: Statement, layer: Layer, today: date) -> Row:
    office = layer is Layer.SPECIALISTS and fact.field == "phone"
    label = _("Office phone") if office else _(_CONTACT[fact.field])
    if fact.population:
        label += f" ({_(_AGES.get(fact.population, fact.population))})"
    if fact.field.endswith("phone"):
        return _row(fact, label, fact.value, today, link=tel(fact.value))
    if fact.field in ("website", "leukemia_page"):
        return _row(fact, label, fact.value.split("://", 1)[-1].rstrip("/"), today, link=web(fact.value))
    if fact.field == "telehealth":
        return _row(fact, label, _("Yes, for some visits"), today)
    return _row(fact, label, fact.value, today)


def _treated(fact: Statement, today: date) -> Row:
    return _row(fact, _(_TREATED[fact.field]), _("Yes") if fact.value == "yes" else _("No"), today)


def _specialties(listing: Listing, terminology: Terminology, today: date) -> list[Row]:
    rows = [_specialty(fact, terminology, today) for fact in listing.facts_about("specialty")]
    for fact in listing.facts_about("medicare_specialty"):
        rows.append(_row(fact, _("Specialty in Medicare"), fact.value, today))
    for fact in listing.facts_about("transplant_specialist"):
        rows.append(_row(fact, _("Transplant and cell therapy doctor"), _("Yes, by Medicare’s specialty"), today))
    return rows


def _specialty(fact: Statement, terminology: Terminology, today: date) -> Row:
    known = terminology.specialty(fact.value)
    said = _(known.words) if known else _("A specialty that we have no words for")
    name = f"{known.display_name} (NUCC {fact.value})" if known else f"NUCC {fact.value}"
    return _row(fact, name, said, today)


def _designations(listing: Listing, terminology: Terminology, today: date) -> list[Row]:
    rows = []
    for fact in listing.facts_about("nci_designation", *_DESIGNATIONS):
        code = f"nci-{fact.value}" if fact.field == "nci_designation" else _DESIGNATIONS[fact.field]
        known = terminology.designation(code)
        ages = _(_AGES[fact.population]) if fact.population in _AGES else ""
        scope = "; ".join(part for part in (ages, _scope(fact)) if part)
        words = scope[:1].upper() + scope[1:]
        rows.append(_row(fact, _(known.name), words, today, meaning=_(known.meaning)))
    return rows


def _programs(listing: Listing, terminology: Terminology, today: date) -> list[Row]:
    rows = []
    for fact in listing.facts_about(*_PROGRAMS):
        known = terminology.designation(_PROGRAMS[fact.field])
        label = _(_CAR_T_ALL.get(fact.value, known.name)) if fact.field == "car_t_all" else _(known.name)
        ages = _(_AGES.get(fact.population, _NO_AGE))
        scope = "; ".join(part for part in (ages, _scope(fact)) if part)
        row = _row(fact, label, scope[:1].upper() + scope[1:], today, meaning=_(known.meaning))
        rows.append(replace(row, said=_("Stated by")))
    return rows


def _trials(listing: Listing, today: date) -> list[Row]:
    """Return the trials of one source and date together, since a center may have taken part in many."""
    rows: dict[tuple[str, str, str], Row] = {}
    for fact in listing.facts_about(*_TRIALS):
        link = f"https://clinicaltrials.gov/study/{fact.value}"
        key = (fact.field, fact.source, fact.as_of)
        name = f"{fact.scope} ({fact.value})" if fact.scope else fact.value
        row = _row(fact, _(_TRIALS[fact.field]), name, today, link=link)
        rows[key] = replace(row, values=rows[key].values + row.values) if key in rows else replace(row, note="")
    return list(rows.values())


def _where(listing: Listing, today: date) -> list[Row]:
    rows = []
    address, fact = str(listing.address), listing.first("street", "city", "zip", "state")
    if address and fact:
        rows.append(_row(fact, _("Address"), address, today))
    if employer := listing.first("organization_name"):
        rows.append(_row(employer, _("Practice"), employer.value, today))
    if parent := listing.first("parent"):
        rows.append(_row(parent, _("Part of"), parent.value, today))
    return rows


def _registry(listing: Listing, today: date) -> list[Row]:
    named = listing.first("family")
    if listing.layer is Layer.CENTERS or named is None:
        return []
    rows = [_row(named, _("Name"), listing.name, today)]
    if degree := listing.first("credentials"):
        rows.append(_row(degree, _("Degree or title"), degree.value, today))
    rows.append(_row(named, _("National provider number (NPI)"), listing.slug, today))
    return rows


def unknowns(listing: Listing) -> tuple[str, ...]:
    """Return what no source says about a center, as questions to ask."""
    if listing.layer is Layer.SPECIALISTS:
        return (
            _("Do you treat acute lymphoblastic leukemia, and how often?"),
            _("Are you taking new patients now?"),
            _("Which leukemia center do you work with?"),
        )
    asked = {
        "treats_adults": _("Do you treat adults with ALL?"),
        "treats_children": _("Do you treat children with ALL?"),
        "allogeneic_transplant": _("Do you do donor (allogeneic) stem cell transplants?"),
        "car_t_all": _("Do you give CAR-T therapy for ALL?"),
    }
    known = {fact.field for fact in listing.facts if fact.value != "trial-site"}
    questions = [question for field, question in asked.items() if field not in known]
    return (*questions, _("How soon can you see a new patient with ALL?"), _("Do you take my insurance?"))
