"""The search form: what its fields and answers are called, what was typed, and what to mend, in words for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from finder.domain.query import PARAMETERS, RADIUS_CHOICES, SearchQuery
from finder.language import N_, _

LABELS = {
    "near": N_("City and state, ZIP code or address"),
    "who": N_("Who needs care?"),
    "radius": N_("Distance"),
    "layer": N_("Show"),
    "designation": N_("Center is any of"),
    "offers": N_("and states that it offers"),
    "sort": N_("Order"),
}
CHOICES = {
    "who": {
        "child": N_("A child or teenager under 18"),
        "young-adult": N_("A young adult, 18 to 39"),
        "adult": N_("An adult, 40 or older"),
    },
    "radius": {str(one): str(one) for one in RADIUS_CHOICES},
    "layer": {
        "all": N_("Centers and specialists"),
        "centers": N_("Leukemia centers"),
        "specialists": N_("Specialists"),
    },
    "designation": {
        "nci": N_("NCI cancer center"),
        "nccn": N_("NCCN member"),
        "cog": N_("Children’s Oncology Group"),
    },
    "offers": {"transplant": N_("Donor transplant"), "car-t": N_("CAR-T therapy")},
    "sort": {"distance": N_("Nearest first"), "name": N_("By name")},
}
FILTERS = ("radius", "layer", "designation", "offers", "sort")
_SUBJECTS = {
    "near": N_("The place"),
    "latitude": N_("The position"),
    "longitude": N_("The position"),
    "who": N_("Who needs care"),
    "radius": N_("The distance"),
    "layer": N_("What to show"),
    "designation": N_("What centers are"),
    "offers": N_("What centers offer"),
    "sort": N_("The order"),
    "page": N_("The page of the list"),
}


@dataclass(frozen=True, slots=True)
class Form:
    """A search form as it is shown: ``typed`` and ``mistakes`` by parameter name.

    ``hidden`` holds the answers that the form keeps without showing them; ``wrong`` names the filters that it shows
    only because their answers need mending.
    """

    typed: Mapping[str, str | Sequence[str]]
    mistakes: Mapping[str, str]
    hidden: Sequence[tuple[str, str]]
    wrong: Sequence[str]

    @property
    def labels(self) -> dict[str, str]:
        """What each field is called."""
        return {name: _(label) for name, label in LABELS.items()}

    @property
    def choices(self) -> dict[str, dict[str, str]]:
        """The answers to choose from, by field, in words."""
        return {name: {code: _(words) for code, words in answers.items()} for name, answers in CHOICES.items()}

    @property
    def radii(self) -> dict[str, str]:
        """The distances to choose from, the one that was asked for among them."""
        asked = str(self.typed["radius"])
        miles = {asked, *CHOICES["radius"]} if asked.isdecimal() else set(CHOICES["radius"])
        return {one: _("%(number)s miles", number=one) for one in sorted(miles, key=int)}


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
    if any(parameter.name == name and parameter.choices for parameter in PARAMETERS):
        reason = _("must be one of the answers shown")
    if name == "radius" and reason[-1].isdigit():
        reason = _("%(reason)s miles", reason=reason)
    return f"{_(_SUBJECTS[name])} {reason}."
