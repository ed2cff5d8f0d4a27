"""What the values of a table's row state: words, numbers and dates as people write them, read without guessing."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from finder.domain.dates import is_iso
from finder.domain.entry import Rejected
from finder.domain.identifiers import ccn_is_valid, specialty_code_is_valid
from finder.domain.person_names import credentials, name_suffix, proper_case
from finder.domain.text import fold
from finder.sources.centers import FIELDS
from finder.sources.reading import mended_phone, mended_zip
from finder.sources.trials import state_code

Stated = Iterator[tuple[str, str, str]]
"""Field, value and note of what a row states."""


@dataclass(slots=True)
class Record:
    """A row by field; ``columns`` are the file's names of the fields, ``warnings`` grow while values are read."""

    file: str
    line: int
    columns: Mapping[str, str]
    values: Mapping[str, list[str]]
    key: str = ""
    warnings: list[Rejected] = dataclass_field(default_factory=list)

    def __getitem__(self, field: str) -> str:
        return next(iter(self.values.get(field, [])), "")

    def rejected(self, field: str, value: str, code: str, reason: str) -> Rejected:
        """Return the word that the row, or a value of it, cannot be used."""
        column = self.columns.get(field, field)
        return Rejected(self.line, self.key, column, value, code, f"{self.file}: {reason}")

    def warn(self, field: str, value: str, code: str, reason: str) -> None:
        """Keep the word that a value was left out or changed."""
        self.warnings.append(self.rejected(field, value, code, reason))


def stated(record: Record, fields: Iterable[str]) -> Stated:
    """Return what a row states of these fields, in their order; what cannot be used becomes a warning of the row."""
    for field in fields:
        for text in record.values.get(field, []):
            yield from _READERS.get(field, _as_it_is)(record, field, text)


def as_of(record: Record) -> str:
    """Return the ISO date that a row gives for itself, or ""."""
    text = record["as_of"]
    day = text[:10] if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ].*", text) else text
    if match := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", day):
        day = f"{match[3]}-{match[1]:0>2}-{match[2]:0>2}"
    if is_iso(day) or not text:
        return day
    record.warn("as_of", text, "bad-date", "this is not a date (2026-10-31 or 10/31/2026), and was left out")
    return ""


def ccn(record: Record) -> str:
    """Return the CMS Certification Number of a row, or ""."""
    text = record["ccn"].upper()
    if re.fullmatch("[0-9]{5}", text):
        record.warn("ccn", text, "lost-zero", "the zero that leads a CCN of five digits was put back")
        text = f"0{text}"
    if text and not ccn_is_valid(text):
        record.warn("ccn", text, "bad-ccn", "this is not a CMS Certification Number, and was left out")
        return ""
    return text


def _as_it_is(_record: Record, field: str, text: str) -> Stated:
    yield field, text, ""


def _not_stated(_record: Record, _field: str, _text: str) -> Stated:
    yield from ()


def _by(read_text: Callable[[str], str]) -> Callable[[Record, str, str], Stated]:
    def reader(_record: Record, field: str, text: str) -> Stated:
        if value := read_text(text):
            yield field, value, ""

    return reader


def _street(record: Record, field: str, text: str) -> Stated:
    yield field, ", ".join(filter(None, (text, record["street_2"]))), ""


def _state(record: Record, field: str, text: str) -> Stated:
    if code := state_code(text):
        yield field, code, ""
    else:
        record.warn(field, text, "bad-state", "this is not a US state or territory, and was left out")


def _zip(record: Record, field: str, text: str) -> Stated:
    digits, problem = mended_zip(text, state_code(record["state"]))
    if problem:
        record.warn(field, text, problem, _ZIP_PROBLEMS[problem])
    if digits:
        yield field, digits, ""


_ZIP_PROBLEMS = {
    "lost-zero": "the zeros that lead the ZIPs of this state were put back",
    "bad-zip": "this is not a ZIP, and was left out",
}
_EXTENSION = re.compile(r"\s*(?:,|;)?\s*(?:extension|ext\.?|x|#)\s*([0-9]{1,6})$", re.IGNORECASE)


def _phone(record: Record, field: str, text: str) -> Stated:
    extension = _EXTENSION.search(text)
    digits = re.sub(r"\D", "", text[: extension.start()] if extension else text)
    number, problem = mended_phone(digits.removeprefix("1") if len(digits) == 11 else digits)
    if problem:
        record.warn(field, text, problem, "this is not a US telephone number, and was left out")
    else:
        yield field, number, f"Extension {extension[1]}" if extension else ""


def _link(record: Record, field: str, text: str) -> Stated:
    link = text
    if re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/\S*)?", text, re.IGNORECASE):
        link = f"https://{text}"
        record.warn(field, text, "bare-address", "https:// was put before the address")
    if FIELDS["website"](link):
        yield field, link, ""
    else:
        record.warn(field, text, "bad-website", "this is not a web address, and was left out")


_YES = frozenset({"yes", "y", "true", "1", "x", "✓", "✔", "si"})
_NO = frozenset({"no", "n", "false", "0", "none"})


def _answer(text: str) -> str:
    plain = fold(text) or text
    return "yes" if plain in _YES else "no" if plain in _NO else ""


def _yes_or_no(record: Record, field: str, text: str) -> Stated:
    answer = _answer(text)
    if not answer:
        record.warn(field, text, "bad-value", "this is neither yes nor no, and was left out")
    elif FIELDS[field](answer):  # of most fields nobody states a no
        yield field, answer, ""


def _transplant(record: Record, field: str, text: str) -> Stated:
    words = set(fold(text).split())
    donor = words & {"allogeneic", "allo", "donor", "alogenico", "both", "ambos"}
    own = words & {"autologous", "auto", "autologo", "both", "ambos"}
    if donor and not record["allogeneic_transplant"]:
        yield "allogeneic_transplant", "yes", ""
    if own and not record["autologous_transplant"]:
        yield "autologous_transplant", "yes", ""
    if not donor and not own and _answer(text) != "no":
        reason = "this does not tell transplants from a donor from others, and was left out; write allogeneic or both"
        record.warn(field, text, "bad-value", reason)


def _designation(record: Record, field: str, text: str) -> Stated:
    plain = fold(text)
    if "comprehensive" in plain:
        yield field, "comprehensive", ""
    elif "laborator" in plain:
        yield field, "basic-laboratory", ""
    elif plain == "clinical" or plain.endswith("cancer center"):
        yield field, "clinical", ""
    elif _answer(text) != "no":
        reason = "this is not an NCI designation (comprehensive, clinical, basic laboratory), and was left out"
        record.warn(field, text, "bad-value", reason)


_SAME_WORDS = {
    **dict.fromkeys(("hematologist", "haematology", "heme", "hem", "hematologia", "hematologo"), "hematology"),
    **dict.fromkeys(("oncologist", "onc", "oncologia", "oncologo"), "oncology"),
    **dict.fromkeys(("paediatric", "pediatrics", "peds", "ped", "pediatrica", "pediatrico", "infantil"), "pediatric"),
    **dict.fromkeys(("medica", "medico"), "medical"),
    **dict.fromkeys(("hematooncologia", "hematooncology", "hemonc"), "hematology oncology"),
}
_UNSPOKEN = frozenset({"and", "y", "e", "physician", "doctor", "specialist", "internal", "medicine", "interna"})
_SPECIALTIES = {
    frozenset({"hematology", "oncology"}): "207RH0003X",
    frozenset({"hematology", "medical", "oncology"}): "207RH0003X",
    frozenset({"hematology"}): "207RH0000X",
    frozenset({"medical", "oncology"}): "207RX0202X",
    frozenset({"pediatric", "hematology", "oncology"}): "2080P0207X",
    frozenset({"pediatric", "oncology"}): "2080P0207X",
    frozenset({"pediatric", "hematology"}): "2080P0207X",
}


def _specialty(record: Record, field: str, text: str) -> Stated:
    parts: list[str] = []
    for one in re.split("[;|]", text):
        parts += [one] if _specialty_code(one) else one.split(",")
    for part in filter(None, map(str.strip, parts)):
        if code := _specialty_code(part):
            yield field, code, ""
        else:
            record.warn(field, part, "unknown-specialty", "this is not a specialty of leukemia care, and was left out")


def _specialty_code(text: str) -> str:
    """Return the NUCC code that a text is or means, "" for words such as "oncology", which may be of any kind."""
    code = text.strip().upper()
    if specialty_code_is_valid(code):
        return code
    words = " ".join(_SAME_WORDS.get(word, word) for word in fold(text).split() if word not in _UNSPOKEN)
    return _SPECIALTIES.get(frozenset(words.split()), "")


_READERS: Mapping[str, Callable[[Record, str, str], Stated]] = {
    **dict.fromkeys(("family", "given", "middle"), _by(proper_case)),
    "suffix": _by(name_suffix),
    "credentials": _by(credentials),
    "specialty": _specialty,
    "street": _street,
    "state": _state,
    "zip": _zip,
    **dict.fromkeys(("phone", "fax", "new_patient_phone", "referral_phone", "referral_fax"), _phone),
    **dict.fromkeys(("website", "leukemia_page"), _link),
    "nci_designation": _designation,
    "transplant": _transplant,
    **dict.fromkeys(("treats_adults", "treats_children", "leukemia_program", "aya_program", "allogeneic_transplant",
                     "autologous_transplant", "car_t", "cog_member", "nccn_member", "fact_accredited", "nmdp_network"),
                    _yes_or_no),
    **dict.fromkeys(("npi", "ccn", "street_2", "as_of"), _not_stated),
}  # fmt: skip
