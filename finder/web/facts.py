"""How the facts of a listing are said on its page: grouped, in plain words, each with its source and date."""

from dataclasses import dataclass, replace
from datetime import date

from finder.domain.dates import is_stale, words
from finder.domain.entry import Statement
from finder.domain.listing import Layer, Listing, phone_for
from finder.domain.terminology import Terminology
from finder.formats import kind_of

KINDS = {
    "cancer-center": "Cancer center",
    "childrens-hospital": "Children’s hospital or clinic",
    "hospital": "Hospital",
    "military-hospital": "Military hospital",
    "unknown": "Cancer program",
}
_AGES = {"adult": "adults", "pediatric": "children", "both": "adults and children"}
_CONTACT = {
    "new_patient_phone": "Phone for new patients",
    "phone": "Main number",
    "second_opinion": "Second opinion",
    "interpreter_note": "Interpreters",
    "international_note": "Patients from other countries",
    "referral_phone": "Phone for doctors who refer",
    "referral_fax": "Fax for doctors who refer",
    "trial_contact_phone": "Phone about trials",
    "website": "Website",
    "leukemia_page": "Page about leukemia",
    "clinic_address": "Clinic address",
    "telehealth": "Visits by video or phone",
    "other_location": "Other location",
}
_TREATED = {"treats_adults": "adults", "treats_children": "children"}
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
    "authorized": "Authorized center for CAR-T therapy for ALL",
    "offers": "Offers CAR-T therapy for ALL",
    "treated": "Has treated patients with CAR-T therapy for ALL",
    "trial-site": "Took part in a trial of CAR-T therapy for ALL",
}
_TRIALS = {"all_trial": "Trials of treatment for ALL", "car_t_trial": "Trials of CAR-T therapy, for any disease"}


@dataclass(frozen=True, slots=True)
class Row:
    """One fact, or several of one source, as a page shows it.

    ``values`` are (words, link); a link is an address, a telephone link or "". ``said`` comes before the source's name;
    ``record`` is the number of the source record that holds the fact, 0 for a correction by hand.
    """

    label: str
    values: tuple[tuple[str, str], ...]
    meaning: str = ""
    note: str = ""
    said: str = "Source:"
    source: str = ""
    url: str = ""
    date: str = ""
    stale: bool = False
    record: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Facts that belong together under one heading."""

    title: str
    rows: tuple[Row, ...]


def kind_words(listing: Listing, terminology: Terminology) -> str:
    """Return what a listing is, in a few plain words."""
    if listing.layer is Layer.CENTERS:
        return KINDS.get(kind_of(listing), KINDS["unknown"])
    known = [terminology.specialty(fact.value) for fact in listing.facts_about("specialty")]
    core = [specialty.words for specialty in known if specialty and specialty.role == "core"]
    return core[0] if core else "Specialist"


def phone_words(phone: Statement, layer: Layer) -> str:
    """Return whose line a number is and, of a hospital's main number, what to ask for."""
    main = "Main number. Ask for the leukemia or new-patient line." if layer is Layer.CENTERS else "Office"
    said = "New patients" if phone.field == "new_patient_phone" else phone.scope.capitalize() or main
    return f"{said} ({_AGES[phone.population]})" if phone.population in ("adult", "pediatric") else said


def first_calls(listing: Listing) -> list[tuple[str, str, str]]:
    """Return (number, whose line, link) of the numbers to call first: all lines for new patients, else the main one."""
    lines = [fact for fact in listing.facts_about("new_patient_phone") if fact.audience != "clinician"]
    main = phone_for(listing, None)
    return [
        (fact.value, phone_words(fact, listing.layer), tel(fact.value)) for fact in lines or ([main] if main else [])
    ]


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
            "How to reach them", tuple(_contact(one, listing.layer, today) for one in listing.facts_about(*_CONTACT))
        ),
        Group("Who is treated", tuple(_treated(fact, today) for fact in listing.facts_about(*_TREATED))),
        Group("Specialty", tuple(_specialties(listing, terminology, today))),
        Group("Designations and memberships", tuple(_designations(listing, terminology, today))),
        Group("Leukemia, transplant and CAR-T programs", tuple(_programs(listing, terminology, today))),
        Group("Trials they took part in", tuple(_trials(listing, today))),
        Group("Where they are", tuple(_where(listing, today))),
        Group("In the registry", tuple(_registry(listing, today))),
    )
    return tuple(group for group in made if group.rows)


def _row(fact: Statement, label: str, value: str, today: date, *, link: str = "", meaning: str = "") -> Row:
    """Return a row; a note that says no more than the label is left out."""
    return Row(
        label,
        ((value, link),) if value else (),
        meaning,
        note="" if fact.note.rstrip(".").casefold() in label.casefold() else fact.note,
        source=fact.source,
        url=web(fact.url),
        date=words(fact.as_of),
        stale=is_stale(fact.as_of, today),
        record=fact.record,
    )


def _contact(fact: Statement, layer: Layer, today: date) -> Row:
    label = "Office phone" if layer is Layer.SPECIALISTS and fact.field == "phone" else _CONTACT[fact.field]
    if fact.population:
        label += f" ({_AGES.get(fact.population, fact.population)})"
    if fact.field.endswith("phone"):
        return _row(fact, label, fact.value, today, link=tel(fact.value))
    if fact.field in ("website", "leukemia_page"):
        return _row(fact, label, fact.value.split("://", 1)[-1].rstrip("/"), today, link=web(fact.value))
    if fact.field == "telehealth":
        return _row(fact, label, "Yes, for some visits", today)
    return _row(fact, label, fact.value, today)


def _treated(fact: Statement, today: date) -> Row:
    group = _TREATED[fact.field]
    return _row(fact, f"Treats {group}", "Yes" if fact.value == "yes" else "No", today)


def _specialties(listing: Listing, terminology: Terminology, today: date) -> list[Row]:
    rows = [_specialty(fact, terminology, today) for fact in listing.facts_about("specialty")]
    for fact in listing.facts_about("medicare_specialty"):
        rows.append(_row(fact, "Specialty in Medicare", fact.value, today))
    for fact in listing.facts_about("transplant_specialist"):
        rows.append(_row(fact, "Transplant and cell therapy doctor", "Yes, by Medicare’s specialty", today))
    return rows


def _specialty(fact: Statement, terminology: Terminology, today: date) -> Row:
    known = terminology.specialty(fact.value)
    said = known.words if known else "A specialty that we have no words for"
    name = f"{known.display_name} (NUCC {fact.value})" if known else f"NUCC {fact.value}"
    return _row(fact, name, said, today)


def _designations(listing: Listing, terminology: Terminology, today: date) -> list[Row]:
    rows = []
    for fact in listing.facts_about("nci_designation", *_DESIGNATIONS):
        code = f"nci-{fact.value}" if fact.field == "nci_designation" else _DESIGNATIONS[fact.field]
        known = terminology.designation(code)
        scope = "; ".join(part for part in (_AGES.get(fact.population, ""), fact.scope) if part)
        rows.append(_row(fact, known.name, scope[:1].upper() + scope[1:], today, meaning=known.meaning))
    return rows


def _programs(listing: Listing, terminology: Terminology, today: date) -> list[Row]:
    rows = []
    for fact in listing.facts_about(*_PROGRAMS):
        known = terminology.designation(_PROGRAMS[fact.field])
        label = _CAR_T_ALL.get(fact.value, known.name) if fact.field == "car_t_all" else known.name
        ages = _AGES.get(fact.population, "age group not stated")
        scope = "; ".join(part for part in (ages, fact.scope) if part)
        row = _row(fact, label, scope[:1].upper() + scope[1:], today, meaning=known.meaning)
        rows.append(replace(row, said="Stated by"))
    return rows


def _trials(listing: Listing, today: date) -> list[Row]:
    """Return the trials of one source and date together, since a center may have taken part in many."""
    rows: dict[tuple[str, str, str], Row] = {}
    for fact in listing.facts_about(*_TRIALS):
        link = f"https://clinicaltrials.gov/study/{fact.value}"
        key = (fact.field, fact.source, fact.as_of)
        row = _row(
            fact, _TRIALS[fact.field], f"{fact.scope} ({fact.value})" if fact.scope else fact.value, today, link=link
        )
        rows[key] = replace(row, values=rows[key].values + row.values) if key in rows else replace(row, note="")
    return list(rows.values())


def _where(listing: Listing, today: date) -> list[Row]:
    rows = []
    address, fact = str(listing.address), listing.first("street", "city", "zip", "state")
    if address and fact:
        rows.append(_row(fact, "Address", address, today))
    if employer := listing.first("organization_name"):
        rows.append(_row(employer, "Practice", employer.value, today))
    if parent := listing.first("parent"):
        rows.append(_row(parent, "Part of", parent.value, today))
    return rows


def _registry(listing: Listing, today: date) -> list[Row]:
    named = listing.first("family")
    if listing.layer is Layer.CENTERS or named is None:
        return []
    rows = [_row(named, "Name", listing.name, today)]
    if degree := listing.first("credentials"):
        rows.append(_row(degree, "Degree or title", degree.value, today))
    rows.append(_row(named, "National provider number (NPI)", listing.slug, today))
    return rows


def unknowns(listing: Listing) -> tuple[str, ...]:
    """Return what no source says about a center, as questions to ask."""
    if listing.layer is Layer.SPECIALISTS:
        return (
            "Do you treat acute lymphoblastic leukemia, and how often?",
            "Are you taking new patients now?",
            "Which leukemia center do you work with?",
        )
    asked = {
        "treats_adults": "Do you treat adults with ALL?",
        "treats_children": "Do you treat children with ALL?",
        "allogeneic_transplant": "Do you do donor (allogeneic) stem cell transplants?",
        "car_t_all": "Do you give CAR-T therapy for ALL?",
    }
    known = {fact.field for fact in listing.facts if fact.value != "trial-site"}
    questions = [question for field, question in asked.items() if field not in known]
    return (*questions, "How soon can you see a new patient with ALL?", "Do you take my insurance?")
