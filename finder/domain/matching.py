"""Whether two records of different lists speak of the same organization, or of the same person.

The bands are "same" (merge), "review" (a person decides) and "apart". A false merge sends a patient to the wrong place
and is hard to undo, a missed one shows a place twice; so only what is certain is "same". The rules and what they
measured stand in docs/decisions/matching.md.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

from finder.domain.identifiers import CCN_SYSTEM, NPI_SYSTEM, ccn_is_valid, npi_is_valid
from finder.domain.street_key import lines_agree, place_words, street_line, unit_of, zip5
from finder.domain.text import fold

Verdict = Literal["same", "review", "apart"]

ALIKE_LETTERS = 0.9  # Jaro-Winkler of two whole names
ALIKE_WORDS = 0.6  # share of the shorter name's telling words that the other has too
ALIKE_PERSON = 0.85

_WRITTEN_OUT = {
    "hosp": "hospital", "hsp": "hospital", "med": "medical", "ctr": "center", "cntr": "center", "centre": "center",
    "ctrs": "centers", "st": "saint", "univ": "university", "hlth": "health", "mt": "mount", "ft": "fort",
    "mem": "memorial", "meml": "memorial", "regl": "regional", "gen": "general", "inst": "institute",
    "natl": "national", "childs": "childrens", "comm": "community", "assoc": "associates", "onc": "oncology",
    "hem": "hematology", "va": "veterans affairs", "amc": "army medical center", "nmc": "naval medical center",
}  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DROPPED = _words("a an and at co corp corporation dba for in inc incorporated llc llp lp ltd of pa pc pllc the")
_SAYS_LITTLE = _words(
    "care center centers childrens clinic clinics health healthcare hospital hospitals institute medical medicine"
    " system university campus cancer comprehensive regional general group foundation services"
)
_KINDS = {
    "child": _words("children childrens kids pediatric pediatrics"),
    "cancer": _words("blood cancer hematology leukemia marrow oncology transplant transplantation"),
    "mind": _words("behav behavioral mental psychiatric psychiatry"),
    "other": _words("affiliate clinic dialysis hospice pharmacy program rehab rehabilitation"),
}
_PARENTHESES = re.compile(r"\(.*?\)|\[.*?\]")
_TRADE_NAME = re.compile(r"^.*\bd\.?[/ ]?b\.?[/ ]?a\b\.?", re.IGNORECASE)
_PARTS = re.compile(r"[/()\[\]]| - |\b(?:formerly|dba)\b", re.IGNORECASE)
_INITIALS = re.compile(r"\b[a-z](?: [a-z])+\b")


@dataclass(frozen=True)
class Candidate:
    """What is needed to compare one record: ``identifiers`` are pairs of system and value, ``state`` is its code."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""

    @cached_property
    def names(self) -> frozenset[str]:
        """The keys of the name and the aliases; a last word that only repeats the city is left out."""
        keys = (name_key(name) for name in (self.name, *self.aliases))
        return frozenset(_without_city(key, name_key(self.city)) for key in keys if key)

    @cached_property
    def name_parts(self) -> frozenset[str]:
        """The keys of the names and of what stands in them around a slash, a dash or parentheses."""
        parts = (part for name in (self.name, *self.aliases) for part in _PARTS.split(name))
        return self.names | {key for part in parts if (key := name_key(part))}

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What kinds of care the name itself announces; a unit announces another than the hospital around it."""
        words = set(fold(_PARENTHESES.sub(" ", self.name)).replace("childs", "childrens").split())
        return frozenset(kind for kind, signs in _KINDS.items() if words & signs)

    @cached_property
    def line(self) -> str:
        """The street line that addresses are compared in."""
        return street_line(self.street)

    @cached_property
    def zip(self) -> str:
        """The ZIP of five digits, or an empty text."""
        return zip5(self.postal_code)

    def known(self, system: str) -> frozenset[str]:
        """Return the valid identifiers of one system."""
        valid = {CCN_SYSTEM: ccn_is_valid, NPI_SYSTEM: npi_is_valid}.get(system, bool)
        return frozenset(value for own, value in self.identifiers if own == system and valid(value))


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reason in words for an admin, and how alike the names are, from 0 to 1."""

    verdict: Verdict
    reason: str
    score: float


def decide(a: Candidate, b: Candidate) -> Decision:
    """Tell whether two records are the same organization; the order of the two does not matter."""
    score = likeness(a, b)
    verdict, reason = _by_ccn(a, b, score) or _by_name_and_place(a, b) or _by_likeness(a, b, score)
    return Decision(verdict, reason, score)


def best_match(one: Candidate, candidates: Iterable[Candidate]) -> tuple[Decision, str | None]:
    """Return the decision on the candidate that is the same, with its id; two that are the same go to review.

    Without any, the decision is the one nearest to a match and the id is None.
    """
    decided = [(decide(one, other), other.id) for other in candidates]
    same = [(decision, id_) for decision, id_ in decided if decision.verdict == "same"]
    if len({id_ for _, id_ in same}) > 1:
        return Decision("review", "several records are the same as this one", max(one.score for one, _ in same)), None
    if same:
        return same[0]
    reviews = [decision for decision, _ in decided if decision.verdict == "review"]
    nearest = max(reviews or [decision for decision, _ in decided], key=lambda decision: decision.score, default=None)
    return nearest or Decision("apart", "there is nothing to compare with", 0.0), None


def same_person(a: Candidate, b: Candidate) -> Decision:
    """Tell whether two records are the same person: only a shared NPI says so; without one, at most a review."""
    score = max((jaro_winkler(fold(x), fold(y)) for x, y in product(_all_names(a), _all_names(b))), default=0.0)
    mine, theirs = a.known(NPI_SYSTEM), b.known(NPI_SYSTEM)
    if mine & theirs:
        return Decision("same", "the same NPI", score)
    if mine and theirs:
        return Decision("apart", "two different NPIs", score)
    if score >= ALIKE_PERSON and (_same_zip(a, b) or _same_city(a, b)):
        return Decision("review", "similar names in one place, without a shared NPI", score)
    return Decision("apart", "no shared NPI, and names or places differ", score)


def name_key(name: str) -> str:
    """Return a name folded, in full words, without articles, legal forms and parentheses.

    "THE UNIV. OF VERMONT MED CTR, INC" is "university vermont medical center". A trade name after "DBA" is the name.
    """
    folded = fold(_PARENTHESES.sub(" ", _TRADE_NAME.sub("", name)))
    joined = _INITIALS.sub(lambda letters: letters[0].replace(" ", ""), folded)
    return " ".join(_WRITTEN_OUT.get(word, word) for word in joined.split() if word not in _DROPPED)


def likeness(a: Candidate, b: Candidate) -> float:
    """Return how alike the likest two names of the records are: 1 for equal ones."""
    return max((_alike(x, y) for x, y in product(a.name_parts, b.name_parts)), default=0.0)


def jaro_winkler(a: str, b: str) -> float:
    """Return the Jaro-Winkler similarity of two texts, from 0 (nothing in common) to 1 (equal)."""
    if not a or not b:
        return 0.0
    reach = max(len(a), len(b)) // 2 - 1
    taken: set[int] = set()
    mine = []
    for place, letter in enumerate(a):
        for other in range(max(0, place - reach), min(len(b), place + reach + 1)):
            if other not in taken and b[other] == letter:
                taken.add(other)
                mine.append(letter)
                break
    if not mine:
        return float(a == b)
    common = len(mine)
    moved = sum(x != b[y] for x, y in zip(mine, sorted(taken), strict=True)) / 2
    jaro = (common / len(a) + common / len(b) + (common - moved) / common) / 3
    prefix = max(length for length in range(5) if a[:length] == b[:length])
    return jaro + prefix * 0.1 * (1 - jaro)


def _by_ccn(a: Candidate, b: Candidate, score: float) -> tuple[Verdict, str] | None:
    mine, theirs = a.known(CCN_SYSTEM), b.known(CCN_SYSTEM)
    if not mine or not theirs:
        return None
    if mine & theirs:
        if a.kinds != b.kinds:
            return "review", "one hospital number, but one of the two may be a unit of the other"
        if score >= ALIKE_WORDS or _streets_agree(a, b):
            return "same", "the same hospital number (CCN)"
        return "review", "one hospital number, but another name at another street"
    if a.names & b.names and _streets_agree(a, b):
        return "review", "the same name and street, but two hospital numbers"
    return "apart", "two different hospital numbers (CCN)"


def _by_name_and_place(a: Candidate, b: Candidate) -> tuple[Verdict, str] | None:
    if not a.names & b.names:
        return None
    if _streets_agree(a, b):
        units = {unit_of(a.street), unit_of(b.street)} - {""}
        if len(units) > 1:
            return "review", "the same name and street, but another suite"
        return "same", "the same name at the same street"
    if not (a.line and b.line) and _same_zip(a, b):
        return "same", "the same name in the same ZIP, and no second street"
    if _same_city(a, b) or _same_zip(a, b):
        return "review", "the same name in one city"
    return None


def _by_likeness(a: Candidate, b: Candidate, score: float) -> tuple[Verdict, str]:
    if a.known(NPI_SYSTEM) & b.known(NPI_SYSTEM):
        return "review", "the same organization NPI, which several sites may share"
    if score >= ALIKE_WORDS and _streets_agree(a, b):
        return "review", "similar names at the same street"
    if score >= ALIKE_WORDS and _same_zip(a, b):
        return "review", "similar names in the same ZIP"
    return "apart", "names or places differ"


def _streets_agree(a: Candidate, b: Candidate) -> bool:
    """Tell whether both stand at one street in one ZIP, or in one city: a hospital's ZIP may be its mail room's."""
    if a.line.startswith("PO BOX"):
        return False
    return (_same_zip(a, b) and lines_agree(a.line, b.line)) or (_same_city(a, b) and a.line == b.line != "")


def _same_zip(a: Candidate, b: Candidate) -> bool:
    return bool(a.zip) and a.zip == b.zip


def _same_city(a: Candidate, b: Candidate) -> bool:
    mine, theirs = place_words(a.city), place_words(b.city)
    return bool(mine) and mine == theirs and bool(a.state) and a.state == b.state


def _all_names(one: Candidate) -> tuple[str, ...]:
    return (one.name, *one.aliases)


def _without_city(key: str, city: str) -> str:
    shorter = key.removesuffix(f" {city}") if city else key
    return shorter if set(shorter.split()) - _SAYS_LITTLE else key


def _alike(a: str, b: str) -> float:
    """Return the larger of the letters' likeness and the share of telling words in common."""
    if a == b:
        return 1.0
    letters = jaro_winkler(*sorted((a, b)))
    mine, theirs = (set(key.split()) - _SAYS_LITTLE for key in (a, b))
    words = len(mine & theirs) / min(len(mine), len(theirs)) if mine and theirs else 0.0
    return max(letters if letters >= ALIKE_LETTERS else 0.0, words)
