"""The search form: what its fields and answers are called, what was typed, and what to mend, in words for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from werkzeug.datastructures import MultiDict

from finder.domain.query import PARAMETERS, RADIUS_CHOICES, SearchQuery

LABELS = {
    "near": "City and state, ZIP code or address",
    "who": "Who needs care?",
    "radius": "Distance",
    "layer": "Show",
    "designation": "Center is any of",
    "offers": "and states that it offers",
    "sort": "Order",
}
CHOICES = {
    "who": {
        "child": "A child or teenager under 18",
        "young-adult": "A young adult, 18 to 39",
        "adult": "An adult, 40 or older",
    },
    "radius": {str(one): f"{one} miles" for one in RADIUS_CHOICES},
    "layer": {"all": "Centers and specialists", "centers": "Leukemia centers", "specialists": "Specialists"},
    "designation": {
        "nci": "NCI cancer center",
        "nccn": "NCCN member",
        "cog": "Children’s Oncology Group",
    },
    "offers": {"transplant": "Donor transplant", "car-t": "CAR-T therapy"},
    "sort": {"distance": "Nearest first", "name": "By name"},
}
FILTERS = ("radius", "layer", "designation", "offers", "sort")
_SUBJECTS = {
    "near": "The place",
    "latitude": "The position",
    "longitude": "The position",
    "who": "Who needs care",
    "radius": "The distance",
    "layer": "What to show",
    "designation": "What centers are",
    "offers": "What centers offer",
    "sort": "The order",
    "page": "The page of the list",
}


@dataclass(frozen=True, slots=True)
class Form:
    """A search form as it is shown: ``typed`` and ``mistakes`` by parameter name.

    ``hidden`` holds the answers that the form keeps without showing them; ``wrong`` names the filters that it shows
    only because their answers need mending.
    """

    labels: ClassVar[Mapping[str, str]] = LABELS
    choices: ClassVar[Mapping[str, Mapping[str, str]]] = CHOICES
    typed: Mapping[str, str | Sequence[str]]
    mistakes: Mapping[str, str]
    hidden: Sequence[tuple[str, str]]
    wrong: Sequence[str]

    @property
    def radii(self) -> dict[str, str]:
        """The distances to choose from, the one that was asked for among them."""
        asked = str(self.typed["radius"])
        miles = {asked, *CHOICES["radius"]} if asked.isdecimal() else set(CHOICES["radius"])
        return {one: f"{one} miles" for one in sorted(miles, key=int)}


def read(args: MultiDict[str, str]) -> dict[str, list[str]]:
    """Return what stands in an address, without the signs that no page may hold (control and unassigned ones)."""
    return {name: ["".join(filter(str.isprintable, text)) for text in args.getlist(name)] for name in args}


def of_args(args: Mapping[str, Sequence[str]], mistakes: Mapping[str, str] | None = None) -> Form:
    """Return the form for what stands in an address, whether or not it makes sense."""
    mistakes = mistakes or {}
    typed: dict[str, str | Sequence[str]] = {}
    for parameter in PARAMETERS:
        texts = list(args.get(parameter.name, ()))
        typed[parameter.name] = texts if parameter.repeatable else (texts or [""])[-1]
    kept = [name for name in FILTERS if name not in mistakes]
    hidden = [(name, text) for name in kept for text in args.get(name, ()) if text]
    order = ["near", "who", *FILTERS, "latitude", "longitude", "page"]
    said = {name: _sentence(name, mistakes[name]) for name in order if name in mistakes}
    return Form(typed, said, hidden, [name for name in FILTERS if name in mistakes])


def of_query(query: SearchQuery, mistakes: Mapping[str, str] | None = None) -> Form:
    """Return the form that would ask for a query again; ``mistakes`` are whole sentences."""
    args: dict[str, list[str]] = {}
    for name, text in query.args():
        args.setdefault(name, []).append(text)
    typed = of_args(args)
    defaults = {parameter.name: str(parameter.default) for parameter in PARAMETERS if parameter.default is not None}
    answers = {name: value or defaults.get(name, value) for name, value in typed.typed.items()}
    return Form(answers, mistakes or {}, typed.hidden, ())


def filters_on(query: SearchQuery) -> int:
    """Return how many filters differ from what everybody gets."""
    return len(query.designation) + len(query.offers) + (query.layer != "all") + (query.sort != "distance")


def _sentence(name: str, reason: str) -> str:
    if name in CHOICES and "one of" in reason:
        reason = "must be one of the answers shown"
    unit = " miles" if name == "radius" and reason[-1].isdigit() else ""
    return f"{_SUBJECTS[name]} {reason}{unit}."
