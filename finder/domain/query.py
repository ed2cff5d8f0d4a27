"""A search as somebody asks for it: one table of parameters makes form, parsing, command line and API."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from finder.domain.geo import METRES_PER_MILE, GeoPoint
from finder.domain.listing import Layer, Who
from finder.errors import InvalidQuery
from finder.language import _

MAX_NEAR = 200
MAX_PAGE = 10_000
RADIUS_CHOICES = (10, 25, 50, 100, 250, 500)


class Sort(StrEnum):
    """The orders in which a reader may have the list."""

    DISTANCE = "distance"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a search: its name, type and limits, and what it means in one plain sentence.

    ``choices`` are the only values that are taken; ``minimum`` and ``maximum`` bound a number; ``default`` is what an
    absent parameter means.
    """

    name: str
    type: str
    help: str
    read: Callable[[str], object] = field(repr=False, default=str)
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: object = None
    repeatable: bool = False

    def parse(self, text: str) -> object:
        """Return the value of one text; raises ValueError with the sentence that a reader needs."""
        if self.choices and text not in self.choices:
            raise ValueError(_("must be one of: %(choices)s", choices=", ".join(self.choices)))
        value = self.read(text)
        low, high = self.minimum, self.maximum
        if isinstance(value, int | float) and low is not None and high is not None and not low <= value <= high:
            raise ValueError(_("must be from %(low)s to %(high)s", low=f"{low:g}", high=f"{high:g}"))
        return value


def _near(text: str) -> str:
    cleaned = re.sub(r"\s+", " ", text).strip()
    if len(cleaned) > MAX_NEAR:
        raise ValueError(_("must be at most %(number)s characters long", number=MAX_NEAR))
    return cleaned


def _degrees(text: str) -> float:
    if not re.fullmatch(r"[+-]?\d{1,3}(\.\d{1,15})?", text.strip()):
        raise ValueError(_("must be a number of degrees such as 42.36"))
    return float(text)


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text.strip()):
        raise ValueError(_("must be a whole number"))
    return int(text)


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("near", "string", "Where to search: a city and state, a ZIP code or an address.", _near),
    Parameter("latitude", "number", "Latitude of the place, in place of near.", _degrees, minimum=-90, maximum=90),
    Parameter("longitude", "number", "Longitude of the place, in place of near.", _degrees, minimum=-180, maximum=180),
    Parameter(
        "who",
        "string",
        "Who needs care: child (under 18), young-adult (18 to 39) or adult (40 or older).",
        Who,
        choices=tuple(Who),
    ),
    Parameter("radius", "integer", "How far to look, in miles.", _whole, minimum=1, maximum=500, default=100),
    Parameter("layer", "string", "What to list: centers, specialists, or all.", choices=("all", *Layer), default="all"),
    Parameter(
        "designation",
        "string",
        "Only centers with one of these: an NCI designation, NCCN or COG membership.",
        choices=("nci", "nccn", "cog"),
        repeatable=True,
    ),
    Parameter(
        "offers",
        "string",
        "Only centers that state each of these: donor (allogeneic) transplant, CAR-T therapy.",
        choices=("transplant", "car-t"),
        repeatable=True,
    ),
    Parameter("sort", "string", "The order within each layer.", Sort, choices=tuple(Sort), default=Sort.DISTANCE),
    Parameter("page", "integer", "Which page of the list.", _whole, minimum=1, maximum=MAX_PAGE, default=1),
)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search that makes sense: either ``near`` or ``point`` is set. Lengths in miles, as the reader chose them."""

    near: str = ""
    point: GeoPoint | None = None
    who: Who | None = None
    radius: int = 100
    layer: str = "all"
    designation: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    sort: Sort = Sort.DISTANCE
    page: int = 1

    @property
    def radius_m(self) -> float:
        """The radius in metres."""
        return self.radius * METRES_PER_MILE

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are asked for, in the order in which they are shown."""
        return tuple(Layer) if self.layer == "all" else (Layer(self.layer),)

    @property
    def filtered(self) -> bool:
        """Whether a filter narrows the list beyond place, age and distance."""
        return bool(self.designation or self.offers)

    @classmethod
    def parse(cls, args: Mapping[str, Sequence[str]], *, strict: bool) -> "SearchQuery":
        """Read a query from parameter texts; an empty text counts as absent.

        Raises InvalidQuery with every mistake at once, by parameter name. ``strict`` refuses unknown parameters too.
        """
        values: dict[str, object] = {}
        mistakes: dict[str, str] = {}
        for parameter in PARAMETERS:
            texts = [text for text in args.get(parameter.name, ()) if text.strip()]
            try:
                values[parameter.name] = _read(parameter, texts)
            except ValueError as error:
                mistakes[parameter.name] = str(error)
        if strict:
            known = {parameter.name for parameter in PARAMETERS}
            mistakes |= {name: "is not a parameter of this search" for name in args if name not in known}
        _check_where(values, mistakes)
        if mistakes:
            raise InvalidQuery(mistakes)
        latitude, longitude = values.pop("latitude"), values.pop("longitude")
        if isinstance(latitude, float) and isinstance(longitude, float):
            values["point"] = GeoPoint(latitude, longitude)
        return cls(**values)  # type: ignore[arg-type]  # PARAMETERS gives each field its type

    def args(self, **changes: object) -> list[tuple[str, str]]:
        """Return the parameters that give this query again, in the table's order, without the defaults."""
        query = replace(self, **changes)  # type: ignore[arg-type]  # the names are this class's own fields
        pairs: list[tuple[str, str]] = []
        for parameter in PARAMETERS:
            value = query._value(parameter.name)
            many = value if isinstance(value, tuple) else (value,)
            pairs += [(parameter.name, str(one)) for one in many if one not in (None, "", parameter.default)]
        return pairs

    def _value(self, name: str) -> object:
        if name in ("latitude", "longitude"):
            return getattr(self.point, name) if self.point else None
        return getattr(self, name)


def _read(parameter: Parameter, texts: list[str]) -> object:
    if parameter.repeatable:
        found = {parameter.parse(text) for text in texts}
        return tuple(choice for choice in parameter.choices if choice in found)
    if len(texts) > 1:
        raise ValueError(_("must be given once"))
    if texts:
        return parameter.parse(texts[0])
    return "" if parameter.name == "near" else parameter.default


def _check_where(values: dict[str, object], mistakes: dict[str, str]) -> None:
    if mistakes.keys() & {"near", "latitude", "longitude"}:
        return
    latitude, longitude = values["latitude"], values["longitude"]
    if (latitude is None) != (longitude is None):
        missing = "latitude" if latitude is None else "longitude"
        mistakes[missing] = _("must be given together with the other coordinate")
    elif values["near"] and latitude is not None:
        mistakes["near"] = _("cannot be combined with latitude and longitude")
    elif not values["near"] and latitude is None:
        mistakes["near"] = _("must be a city and state, a ZIP code or an address")
