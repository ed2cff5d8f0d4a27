"""Any table with a line of headings, CSV or XLSX: what its columns are is proposed from their names.

A table whose columns tell of a person (an NPI, or a last and a first name) is one of clinicians, and so is one in which
no column of centers is known; any other is one of centers. An admin may correct the proposal; what was decided is kept
beside the file and by the headings, so that next month's file with the same headings needs no decision.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import get_args

from finder.domain.entry import Delivery, Entry, Identifier, Rejected, Resource, Statement
from finder.domain.identifiers import CCN_SYSTEM, CENTER_SYSTEM, NPI_SYSTEM, npi_is_valid
from finder.domain.text import fold, slug
from finder.errors import SourceError
from finder.sources.table_rows import Cells, Grid, Progress, decoded, grids, without_end
from finder.sources.table_values import Record, as_of, ccn, stated
from finder.sources.trials import state_code

__all__ = [
    "FIELDS", "ROWS", "Column", "Mapping_", "as_rows_of", "identify", "in_words", "mapping_of", "mistakes", "propose",
    "read", "remember", "remembered",
]  # fmt: skip

ROWS: Mapping[str, Resource] = {"clinicians": "PractitionerRole", "centers": "Organization"}
"""What the rows of a table can be, in words."""

_PLACE = {
    "street": "street, street address, address, address 1, address line 1, direccion, calle, domicilio",
    "street_2": "address 2, address line 2, street 2, suite, unit, direccion 2",
    "city": "city, town, city town, ciudad, municipio, localidad",
    "state": "state, st, state code, state abbreviation, state or territory, state province, estado, provincia",
    "zip": "zip, zip code, zip5, postal code, postcode, zip postal code, codigo postal, cp",
    "phone": "phone, phone number, telephone, telephone number, tel, office phone, main phone, telefono, "
    "numero de telefono",
    "fax": "fax, fax number, numero de fax",
    "website": "website, web site, web, url, homepage, home page, web page, web address, sitio web, pagina web",
    "as_of": "as of, updated, updated on, last updated, last update, date updated, actualizado, actualizado el, "
    "fecha de actualizacion",
}
_CLINICIAN = {
    "npi": "npi, npi number, national provider identifier, numero npi, numero de npi",
    "family": "last name, last, surname, family name, family, provider last name, apellido, apellidos",
    "given": "first name, first, given name, given, forename, provider first name, nombre, nombres, primer nombre",
    "middle": "middle name, middle initial, middle, mi, segundo nombre",
    "suffix": "suffix, name suffix, sufijo",
    "credentials": "credentials, credential, degree, degrees, credenciales, titulo",
    "specialty": "specialty, specialties, speciality, specialty code, specialty codes, primary specialty, "
    "secondary specialty, specialty 1, specialty 2, specialty 3, taxonomy, taxonomy code, nucc, nucc code, "
    "especialidad, especialidades",
    "organization_name": "practice, practice name, organization, organization name, organisation, group, group name, "
    "clinic, clinic name, hospital, hospital name, facility, facility name, institution, employer, consultorio, "
    "clinica, organizacion, institucion",
}
_CENTER = {
    "name": "name, center, center name, centre, centre name, cancer center, hospital, hospital name, facility, "
    "facility name, institution, institution name, organization, organization name, nombre, centro, "
    "nombre del centro, nombre del hospital, institucion",
    "ccn": "ccn, cms certification number, cms number, cms facility id, facility id, medicare provider number",
    "parent": "parent, parent organization, part of, health system, system, sistema de salud",
    "nci_designation": "nci designation, nci designated, nci, designation, designacion nci",
    "treats_adults": "treats adults, adults, adult, adult patients, adult program, adultos, atiende adultos, "
    "trata adultos",
    "treats_children": "treats children, children, pediatric, pediatrics, pediatric patients, pediatric program, "
    "ninos, atiende ninos, trata ninos, pediatria",
    "transplant": "transplant, transplants, bone marrow transplant, bmt, stem cell transplant, sct, hct, trasplante, "
    "trasplante de medula, trasplante de medula osea",
    "allogeneic_transplant": "allogeneic transplant, allogeneic, allo transplant, donor transplant, "
    "trasplante alogenico",
    "autologous_transplant": "autologous transplant, autologous, auto transplant, trasplante autologo",
    "car_t": "car t, car t cell, car t cells, car t therapy, car t cell therapy, terapia car t",
    "leukemia_program": "leukemia program, leukemia, programa de leucemia",
    "aya_program": "aya program, aya, young adult program, adolescent and young adult program",
    "cog_member": "cog member, cog, childrens oncology group",
    "nccn_member": "nccn member, nccn",
    "fact_accredited": "fact accredited, fact, fact accreditation",
    "nmdp_network": "nmdp network, nmdp",
    "new_patient_phone": "new patient phone, new patients, appointments, appointment phone, telefono de citas",
    "referral_phone": "referral phone, referrals",
    "referral_fax": "referral fax",
    "leukemia_page": "leukemia page, leukemia website",
}


def _letters(text: str) -> str:
    return fold(text).replace(" ", "")


def _by_letters(*tables: Mapping[str, str]) -> dict[str, str]:
    return {_letters(name): field for table in tables for field, names in table.items() for name in names.split(",")}


_ALIASES: Mapping[Resource, Mapping[str, str]] = {
    "PractitionerRole": _by_letters(_PLACE, _CLINICIAN),
    "Organization": _by_letters(_PLACE, _CENTER),
}
FIELDS: Mapping[Resource, tuple[str, ...]] = {
    "PractitionerRole": (*_CLINICIAN, *_PLACE),
    "Organization": (*_CENTER, *_PLACE),
}
"""What the columns of each kind of table can give."""
_WORDS = {
    "npi": "NPI", "family": "last name", "given": "first name", "middle": "middle name", "suffix": "suffix to the name",
    "organization_name": "practice", "name": "name of the center", "ccn": "CCN", "parent": "part of",
    "nci_designation": "NCI designation", "transplant": "transplant, of which kind",
    "allogeneic_transplant": "transplant from a donor", "autologous_transplant": "transplant of own cells",
    "car_t": "CAR T-cell therapy", "aya_program": "AYA program", "cog_member": "COG member",
    "nccn_member": "NCCN member", "fact_accredited": "FACT accredited", "nmdp_network": "NMDP network",
    "leukemia_page": "page on leukemia", "street_2": "rest of the street", "zip": "ZIP code", "phone": "telephone",
    "new_patient_phone": "telephone for new patients", "referral_phone": "telephone for referrals",
    "referral_fax": "fax for referrals", "website": "web page", "as_of": "day of the row",
}  # fmt: skip
_SEVERAL = frozenset({"specialty"})  # fields that more than one column may give
_HEADINGS_WITHIN = 20  # rows: above them there may be a title and a word on where the table came from
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, the field that it gives ("" for none), and some of its values."""

    name: str
    field: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping_:  # noqa: N801 - the plain name is the standard library's
    """What the rows of a table are, clinicians or organizations, and what each of its columns gives."""

    kind: Resource
    columns: tuple[Column, ...]
    decided: bool = False
    """Whether somebody has decided it, and not only the names of the columns."""

    @property
    def rows(self) -> str:
        """What the rows are, in words."""
        return next(words for words, kind in ROWS.items() if kind == self.kind)

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(column.name for column in self.columns)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that some column gives."""
        return frozenset(column.field for column in self.columns) - {""}


@dataclass(frozen=True, slots=True)
class _Table:
    """A file that can be read: the grid, the line of its headings and what they mean."""

    path: Path
    grid: Grid
    line: int
    mapping: Mapping_


def propose(path: Path) -> Mapping_:
    """Return what the columns of a file seem to be, with up to three values of each; SourceError if none is known."""
    return _proposal(path).mapping


def mapping_of(path: Path, folder: Path) -> Mapping_:
    """Return what was decided for a file, or else for a table with its headings, or else what the columns seem to be.

    What was decided for a file whose headings have changed since does not count.
    """
    kept, ways = _beside(path), grids(path)
    beside = _load(kept) if kept.exists() else None
    table = _decided(path, ways, lambda _: beside) or _decided(path, ways, lambda cells: remembered(cells, folder))
    return table.mapping if table else propose(path)


def as_rows_of(kind: Resource, mapping: Mapping_) -> Mapping_:
    """Return the mapping, or where its rows are of the other kind, what the columns seem to be for rows of this one."""
    if mapping.kind == kind:
        return mapping
    fields = _fields(mapping.header, kind)
    columns = (replace(column, field=field) for column, field in zip(mapping.columns, fields, strict=True))
    return Mapping_(kind, tuple(columns))


def mistakes(mapping: Mapping_) -> dict[int, str]:
    """Return why a mapping cannot be used, by the number of the column from 1, and by 0 for what no column gives."""
    known, lacking = FIELDS[mapping.kind], _lacking(mapping)
    found = {0: f"There is no column for {lacking} yet. Choose one."} if lacking else {}
    for number, column in enumerate(mapping.columns, 1):
        name = column.name or f"Column {number}"
        if column.field and column.field not in known:
            found[number] = f"{name}: there is no field {column.field!r}. The fields are {', '.join(known)}."
        elif column.field in _twice(mapping):
            found[number] = f"{name}: only one column can give the {in_words(column.field)}."
    return found


def in_words(field: str) -> str:
    """Return what a field is, in words."""
    return _WORDS.get(field, field.replace("_", " "))


def identify(path: Path) -> Delivery:
    """Tell that a file is a table that can be read; what other tables gave is not gone for not being in this one."""
    _table(path)
    return Delivery("update", f"A table: {path.name}")


def read(path: Path, progress: Progress) -> Iterator[Entry | Rejected]:
    """Return the clinicians or centers of a table, by the mapping beside the file or else by the proposed one."""
    return _read(_table(path), progress)


def remember(path: Path, mapping: Mapping_, folder: Path | None = None) -> None:
    """Keep a mapping beside its file, as ``<name>.mapping.json``, and by its headings in ``folder`` if one is given."""
    columns = [{"name": column.name, "field": column.field} for column in mapping.columns]
    text = json.dumps({"kind": mapping.kind, "columns": columns}, ensure_ascii=False, indent=2) + "\n"
    _write(_beside(path), text)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        _write(_by_header(mapping.header, folder), text)


def remembered(header: Sequence[str], folder: Path) -> Mapping_ | None:
    """Return the mapping that was kept in a folder for a table with these headings, None where there is none."""
    kept = _by_header(header, folder)
    return _load(kept) if kept.exists() else None


def _write(path: Path, text: str) -> None:
    """Write a file as a whole, so that nobody reads half of it; one that says the same already is left alone."""
    part = path.with_name(f"{path.name}.part")
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
    except OSError as error:
        mend = f"Allow this program to write into {path.parent}, or put the table elsewhere."
        raise SourceError(f"{path.name} cannot be written ({error.strerror}). {mend}") from error


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.mapping.json")


def _by_header(header: Sequence[str], folder: Path) -> Path:
    digest = hashlib.sha256(json.dumps(_same(header)).encode()).hexdigest()
    return folder / f"{digest[:32]}.mapping.json"


def _same(header: Iterable[str]) -> list[str]:
    return [" ".join(name.casefold().split()) for name in header]


def _load(path: Path) -> Mapping_:
    mend = "Delete it to have the columns proposed again."
    try:
        kept = json.loads(path.read_text(encoding="utf-8-sig"))
        mapping = Mapping_(kept["kind"], tuple(Column(one["name"], one["field"]) for one in kept["columns"]), True)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path.name} is not a mapping of columns ({error}). {mend}") from error
    if mapping.kind not in get_args(Resource):
        raise SourceError(f"{path.name} names a kind of rows that there is not: {mapping.kind}. {mend}")
    if unknown := mapping.fields.difference(FIELDS[mapping.kind]):
        raise SourceError(f"{path.name} names fields that there are not: {', '.join(sorted(unknown))}. {mend}")
    if twice := _twice(mapping):
        raise SourceError(f"{path.name} has more than one column for {', '.join(twice)}. {mend}")
    return mapping


def _twice(mapping: Mapping_) -> list[str]:
    """Return the fields that more columns give than may."""
    given = [column.field for column in mapping.columns if column.field not in _SEVERAL | {""}]
    return sorted({name for name in given if given.count(name) > 1})


def _table(path: Path) -> _Table:
    table = _decided_beside(path) if _beside(path).exists() else _proposal(path)
    if lacking := _lacking(table.mapping):
        found = ", ".join(filter(None, table.mapping.header))
        raise SourceError(f"{path.name} has no column for {lacking}. Its columns are: {found}. Add or rename one.")
    return table


def _lacking(mapping: Mapping_) -> str:
    fields = mapping.fields
    if mapping.kind == "PractitionerRole":
        names = {"npi": "the NPI", "family": "the last name"}
        return " and ".join(words for name, words in names.items() if name not in fields)
    if "name" not in fields:
        return "the name of the center"
    return "" if "ccn" in fields or {"city", "state"} <= fields else "the CCN, or for city and state"


def _decided_beside(path: Path) -> _Table:
    kept = _beside(path)
    mapping = _load(kept)
    if table := _decided(path, grids(path), lambda _: mapping):
        return table
    raise SourceError(f"{path.name} has other columns than {kept.name} tells. Delete that to have them proposed again.")


def _decided(path: Path, ways: Iterable[Grid], kept: Callable[[Cells], Mapping_ | None]) -> _Table | None:
    """Return the table by a mapping that is kept for its headings, None where there is none."""
    for grid in ways:
        for line, cells in _first_rows(grid):
            mapping = kept(cells)
            if mapping and _same(cells) == _same(mapping.header):
                fields = [column.field for column in mapping.columns]
                return _Table(path, grid, line, Mapping_(mapping.kind, _columns(grid, line, cells, fields), True))
    return None


def _proposal(path: Path) -> _Table:
    ways = grids(path)
    best = [max(((*_meaning(cells), line, cells) for line, cells in _first_rows(grid)), key=_known, default=None)
            for grid in ways]  # fmt: skip
    found = [(grid, one) for grid, one in zip(ways, best, strict=True) if one and _known(one)]
    if not found:
        raise SourceError(_nothing_known(path, ways[0]))
    # The first sheet with headings counts; of the ways to part a text, the one that finds most.
    enough = [one for one in found if ways[0].padded and _known(one[1]) >= 2]
    grid, (kind, fields, line, cells) = enough[0] if enough else max(found, key=lambda one: _known(one[1]))
    return _Table(path, grid, line, Mapping_(kind, _columns(grid, line, cells, fields)))


def _columns(grid: Grid, line: int, cells: Cells, fields: Cells) -> tuple[Column, ...]:
    rows = [row for number, row in grid.start if row and number > line]
    return tuple(
        Column(name, field, _examples(row[n] for row in rows if n < len(row)))
        for n, (name, field) in enumerate(zip(cells, fields, strict=True))
    )


def _known(meaning: tuple[Resource, Cells, int, Cells]) -> int:
    return sum(map(bool, meaning[1]))


def _nothing_known(path: Path, grid: Grid) -> str:
    first = next((cells for _, cells in _first_rows(grid) if any(cells)), [])
    found = ", ".join(filter(None, first))[:300]
    people, centers = (
        ", ".join(names.split(",")[0] for names in table.values()) for table in ({**_CLINICIAN, **_PLACE}, _CENTER)
    )
    return (
        f"{path.name} has no column that is known. Its first line is: {found}. "
        f"Name the columns in one line, for clinicians: {people}; for centers also: {centers}."
    )


def _meaning(cells: Cells) -> tuple[Resource, Cells]:
    """Return what rows with these headings are, and the field of each column."""
    person = {_ALIASES["PractitionerRole"].get(_letters(name), "") for name in cells}
    fields = _fields(cells, "Organization")
    if "npi" in person or {"family", "given"} <= person or not any(fields):
        return "PractitionerRole", _fields(cells, "PractitionerRole")
    return "Organization", fields


def _fields(cells: Iterable[str], kind: Resource) -> Cells:
    """Return the field of each column; the first of several counts."""
    fields: Cells = []
    for name in cells:
        found = _ALIASES[kind].get(_letters(name), "")
        fields.append("" if found in fields and found not in _SEVERAL else found)
    return fields


def _examples(values: Iterable[str]) -> tuple[str, ...]:
    texts = (decoded(value)[0] for value in values)
    return tuple(islice(dict.fromkeys(text for text in texts if text), _EXAMPLES))


def _first_rows(grid: Grid) -> Iterator[tuple[int, Cells]]:
    for line, cells in grid.start[:_HEADINGS_WITHIN]:
        if cells:
            yield line, without_end([decoded(cell)[0] for cell in cells])


def _read(table: _Table, progress: Progress) -> Iterator[Entry | Rejected]:
    make = _clinician if table.mapping.kind == "PractitionerRole" else _center
    seen: set[str] = set()
    for line, cells in table.grid.rows(progress):
        record = _record(table, line, cells) if line > table.line else None
        if record is None:
            continue
        entry = record if isinstance(record, Rejected) else make(record)
        if isinstance(entry, Entry) and isinstance(record, Record):
            if entry.key in seen:
                named = "npi" if entry.resource == "PractitionerRole" else "name"
                entry = record.rejected(named, record[named], "duplicate", "an earlier row tells of the same one")
            seen.add(entry.key)
        yield entry
    progress(table.path.stat().st_size)


def _record(table: _Table, line: int, cells: Cells | None) -> Record | Rejected | None:
    """Return a row by field, None for a blank one."""
    name, columns = table.path.name, table.mapping.columns
    if cells is None:
        return Rejected(line, "", "", "", "unreadable", f"{name}: the row is not CSV")
    if not any(cell.strip() for cell in cells):
        return None
    if len(without_end(cells)) > len(columns) or (len(cells) < len(columns) and not table.grid.padded):
        return Rejected(line, "", "", "", "ragged", f"{name}: the row has more or fewer values than the headings")
    values: dict[str, list[str]] = {}
    named = {column.field: column.name for column in reversed(columns)}
    record = Record(name, line, named, values)
    for column, cell in zip(columns, cells, strict=False):
        if not column.field:
            continue
        text, problem = decoded(cell)
        if text:
            values.setdefault(column.field, []).append(text)
        if problem:
            record.warn(column.field, text, problem, _ENCODINGS[problem])
    return record


_ENCODINGS = {
    "not-utf-8": "the value is not UTF-8, and was read as Windows-1252",
    "bad-encoding": "the value is in no known encoding, and was left out",
}


def _clinician(record: Record) -> Entry | Rejected:
    npi = record.key = record["npi"]
    if not npi_is_valid(npi):
        code = "bad-npi" if npi else "missing"
        return record.rejected("npi", npi, code, "without a valid NPI nobody can tell who this is")
    if not record["family"]:
        return record.rejected("family", "", "missing", "there is no last name")
    return _entry(record, "PractitionerRole", Identifier(NPI_SYSTEM, npi))


def _center(record: Record) -> Entry | Rejected:
    name = record["name"]
    if not name:
        return record.rejected("name", "", "missing", "there is no name")
    record.key = slug(" ".join((name, record["city"], record["state"])))
    if number := ccn(record):
        record.key = number
        return _entry(record, "Organization", Identifier(CCN_SYSTEM, number))
    state = state_code(record["state"])
    if not record["city"] or not state:
        lacking = "state" if record["city"] else "city"
        return record.rejected(lacking, record[lacking], "missing", "there is neither a valid CCN nor a city and state")
    record.key = slug(f"{name} {record['city']} {state}")
    return _entry(record, "Organization", Identifier(CENTER_SYSTEM, record.key))


def _entry(record: Record, resource: Resource, identifier: Identifier) -> Entry:
    day = as_of(record)
    source = f"A table: {record.file}"
    facts = dict.fromkeys(stated(record, FIELDS[resource]))
    statements = tuple(Statement(field, value, source, as_of=day, note=note) for field, value, note in facts)
    return Entry(
        record.key,
        resource,
        (identifier,),
        statements,
        updated_on=day if len(day) == 10 else "",
        file=record.file,
        line=record.line,
        warnings=tuple(replace(one, key=record.key) for one in record.warnings),
    )
