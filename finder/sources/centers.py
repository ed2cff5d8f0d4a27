"""The leukemia centers that ship with the program: a folder of three CSV files kept by hand.

``sources.csv`` names the documents, ``centers.csv`` the centers and their addresses, ``facts.csv`` what a document
says of a center. Facts that are held back stay in the file and are not emitted.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from finder.domain.entry import Entry, Identifier, Rejected, Statement
from finder.domain.identifiers import CCN_SYSTEM, CENTER_SYSTEM, ccn_is_valid
from finder.domain.text import slug
from finder.sources.reading import (
    STATES,
    Row,
    Rule,
    first_breach,
    is_date,
    is_phone,
    is_position,
    is_zip,
    read_rows,
)

_SOURCE_COLUMNS = ("id", "title", "url", "as_of")
_ADDRESS_FIELDS = ("street", "city", "state", "zip")
_POSITION_FIELDS = ("latitude", "longitude")
_SOURCED_BY = {
    **dict.fromkeys(("name", "parent"), "name_source"),
    "facility_type": "type_source",
    **dict.fromkeys(_ADDRESS_FIELDS, "address_source"),
    **dict.fromkeys(_POSITION_FIELDS, "position_source"),
}
_CENTER_COLUMNS = ("slug", *_SOURCED_BY, *dict.fromkeys(_SOURCED_BY.values()), "position_precision", "cms_facility_id",
                   "note")  # fmt: skip
_FACT_COLUMNS = ("slug", "field", "value", "population", "scope", "audience", "source", "as_of", "held_back", "note")

_UNKNOWN = "unknown"
FACILITY_TYPES = ("cancer-center", "childrens-hospital", "hospital", "military-hospital", "laboratory", _UNKNOWN)

_TRIAL = re.compile(r"NCT[0-9]{8}")
_LINK = re.compile(r"https?://[^\s/]+(/\S*)?")


def _one_of(*choices: str) -> Callable[[str], bool]:
    return lambda text: text in choices


def _is_trial(text: str) -> bool:
    return _TRIAL.fullmatch(text) is not None


def _is_link(text: str) -> bool:
    return _LINK.fullmatch(text) is not None


_YES = _one_of("yes")
FIELDS: Mapping[str, Callable[[str], bool]] = {
    "nci_designation": _one_of("comprehensive", "clinical", "basic-laboratory"),
    **dict.fromkeys(("nccn_member", "cog_member"), _YES),
    **dict.fromkeys(("treats_adults", "treats_children"), _one_of("yes", "no")),
    **dict.fromkeys(("leukemia_program", "aya_program"), _YES),
    **dict.fromkeys(("allogeneic_transplant", "autologous_transplant", "car_t"), _YES),
    "car_t_all": _one_of("authorized", "offers", "treated", "trial-site"),
    **dict.fromkeys(("fact_accredited", "nmdp_network"), _YES),
    **dict.fromkeys(("all_trial", "car_t_trial"), _is_trial),
    **dict.fromkeys(("new_patient_phone", "phone", "referral_phone", "referral_fax", "trial_contact_phone"), is_phone),
    **dict.fromkeys(("website", "leukemia_page"), _is_link),
    **dict.fromkeys(("second_opinion", "interpreter_note", "international_note", "clinic_address"), bool),
}
"""The fields that a fact may be about, each with the test that its value must pass."""

_CENTER_RULES = (
    Rule(("slug",), lambda text: bool(text) and slug(text) == text, "bad-key", "the slug is not a page name"),
    Rule(("name",), bool, "missing", "there is no name"),
    Rule(("facility_type",), _one_of(*FACILITY_TYPES), "bad-value", "the kind of facility is not one of ours"),
    Rule(("state",), lambda text: text in STATES, "bad-state", "this is not a US state or territory"),
    Rule(("zip",), lambda text: not text or is_zip(text), "bad-zip", "this is not a five-digit ZIP"),
    Rule(("cms_facility_id",), lambda text: not text or ccn_is_valid(text), "bad-ccn", "this is not a CCN"),
    Rule(("position_precision",), _one_of("address", "zip", "city", ""), "bad-value", "there is no such precision"),
)
_FACT_RULES = (
    Rule(("field",), lambda text: text in FIELDS, "unknown-field", "there is no such field"),
    Rule(("population",), _one_of("", "adult", "pediatric", "both"), "bad-value", "there is no such age group"),
    Rule(("audience",), _one_of("", "patient", "clinician", "both"), "bad-value", "there is no such audience"),
    Rule(("as_of",), is_date, "bad-date", "this is not an ISO year, month or day"),
)
_SOURCE_RULES = (
    Rule(("id", "title"), bool, "missing", "there is no value"),
    Rule(("as_of",), is_date, "bad-date", "this is not an ISO year, month or day"),
)


def read(path: Path) -> Iterator[Entry | Rejected]:
    """Return the centers of a folder in the order of its ``centers.csv``, and the rows that cannot be used."""
    sources = read_rows(path / "sources.csv", _SOURCE_COLUMNS)
    facts = read_rows(path / "facts.csv", _FACT_COLUMNS)
    centers = read_rows(path / "centers.csv", _CENTER_COLUMNS)
    return _read(sources, facts, centers)


def _read(
    sources: Iterable[Row | Rejected], facts: Iterable[Row | Rejected], centers: Iterable[Row | Rejected]
) -> Iterator[Entry | Rejected]:
    documents: dict[str, Statement] = {}
    yield from _documents(sources, documents)
    stated: dict[str, dict[Statement, None]] = defaultdict(dict)
    orphans: dict[str, Row] = {}
    yield from _facts(facts, documents, stated, orphans)
    seen: set[str] = set()
    for row in centers:
        if isinstance(row, Rejected):
            yield row
            continue
        orphans.pop(row["slug"], None)
        yield _center(row, documents, stated.get(row["slug"], {}), seen)
        seen.add(row["slug"])
    for key, row in orphans.items():
        yield row.rejected(key, "slug", "unknown-center", "centers.csv has no such center")


def _documents(rows: Iterable[Row | Rejected], documents: dict[str, Statement]) -> Iterator[Rejected]:
    """Fill ``documents`` with one blank statement per document; return the rows that cannot be used."""
    for row in rows:
        if isinstance(row, Rejected):
            yield row
        elif breach := first_breach(row, row["id"], _SOURCE_RULES):
            yield breach
        elif row["id"] in documents:
            yield row.rejected(row["id"], "id", "duplicate", "the id stands twice")
        else:
            documents[row["id"]] = Statement("", "", row["title"], url=row["url"], as_of=row["as_of"])


def _facts(
    rows: Iterable[Row | Rejected],
    documents: Mapping[str, Statement],
    stated: dict[str, dict[Statement, None]],
    first_rows: dict[str, Row],
) -> Iterator[Rejected]:
    """Fill ``stated`` with the facts to show by center, in order; return the rows that cannot be used."""
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        key = row["slug"]
        first_rows.setdefault(key, row)
        breach = _fact_breach(row, documents)
        if breach:
            yield breach
        elif not row["held_back"]:
            fact = _fact(row, documents[row["source"]])
            if fact in stated[key]:
                yield row.rejected(key, "value", "duplicate", "the same fact stands twice")
            stated[key][fact] = None


def _fact_breach(row: Row, documents: Mapping[str, Statement]) -> Rejected | None:
    breach = first_breach(row, row["slug"], _FACT_RULES)
    if breach:
        return breach
    if not FIELDS[row["field"]](row["value"]):
        return row.rejected(row["slug"], "value", "bad-value", f"this cannot be a {row['field']}")
    if row["source"] not in documents:
        return row.rejected(row["slug"], "source", "unknown-source", "sources.csv has no such source")
    return None


def _fact(row: Row, document: Statement) -> Statement:
    return replace(
        document,
        field=row["field"],
        value=row["value"],
        as_of=row["as_of"] or document.as_of,
        population=row["population"],
        scope=row["scope"],
        audience=row["audience"],
        note=row["note"],
    )


def _center(
    row: Row, documents: Mapping[str, Statement], facts: Iterable[Statement], seen: set[str]
) -> Entry | Rejected:
    key = row["slug"]
    breach = first_breach(row, key, _CENTER_RULES) or _position_breach(row) or _source_breach(row, documents)
    if breach:
        return breach
    if key in seen:
        return row.rejected(key, "slug", "duplicate", "the slug stands twice")
    identifiers = [Identifier(CENTER_SYSTEM, key)]
    if row["cms_facility_id"]:
        identifiers.append(Identifier(CCN_SYSTEM, row["cms_facility_id"]))
    statements = (*_own_statements(row, documents), *facts)
    return Entry(key, "Organization", tuple(identifiers), statements, file=row.file, line=row.line)


def _position_breach(row: Row) -> Rejected | None:
    if not is_position(row["latitude"], row["longitude"]):
        return row.rejected(row["slug"], "latitude", "bad-position", "this is not a position on Earth")
    if bool(row["latitude"]) != bool(row["position_precision"]):
        return row.rejected(
            row["slug"], "position_precision", "bad-position", "a position and its precision go together"
        )
    return None


def _source_breach(row: Row, documents: Mapping[str, Statement]) -> Rejected | None:
    for field, column in _SOURCED_BY.items():
        if row[field] not in ("", _UNKNOWN) and row[column] not in documents:
            return row.rejected(row["slug"], column, "unknown-source", "sources.csv has no such source")
    return None


def _own_statements(row: Row, documents: Mapping[str, Statement]) -> Iterator[Statement]:
    """Return what ``centers.csv`` itself says; its note goes with the street, or the name where there is none."""
    noted = "street" if row["street"] else "name"
    for field, column in _SOURCED_BY.items():
        if row[field] not in ("", _UNKNOWN):
            scope = row["position_precision"] if field in _POSITION_FIELDS else ""
            note = row["note"] if field == noted else ""
            yield replace(documents[row[column]], field=field, value=row[field], scope=scope, note=note)
