"""What specialties and designations are called and mean, in words for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from finder.errors import NotFound

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Specialty:
    """A NUCC provider taxonomy code.

    ``population`` is "adult", "pediatric" or "any". ``role`` says what the code counts for here: "core" treats
    leukemia, "supporting" helps, "context" says too little alone, "exclude" is never meant, "legacy" is an old double
    and "group-flag" marks a group. ``entity`` is "person" or "organization".
    """

    code: str
    display_name: str
    words: str
    population: str
    role: str
    entity: str = "person"


@dataclass(frozen=True, slots=True)
class Designation:
    """A designation, accreditation, membership or program, and one sentence on what it means."""

    code: str
    name: str
    short: str
    meaning: str
    population: str
    url: str
    source: str


@dataclass(frozen=True, eq=False)
class Terminology:
    """The specialties and designations by code; equal only to itself, so that it can be part of a cache's key."""

    specialties: Mapping[str, Specialty]
    designations: Mapping[str, Designation]

    @classmethod
    def from_rows(cls, specialties: Iterable[Row], designations: Iterable[Row]) -> "Terminology":
        """Make a terminology of rows whose keys are the fields' names; KeyError for a missing one."""
        return cls(
            {row["code"]: Specialty(**_fields(Specialty, row)) for row in specialties},
            {row["code"]: Designation(**_fields(Designation, row)) for row in designations},
        )

    def specialty(self, code: str) -> Specialty | None:
        """Return the specialty with this code, None for one that nobody here has described."""
        return self.specialties.get(code)

    def designation(self, code: str) -> Designation:
        """Return the designation with this code; NotFound when there is none."""
        found = self.designations.get(code)
        if found is None:
            raise NotFound(f"There is no designation {code!r}.")
        return found

    def core_codes(self, population: str) -> frozenset[str]:
        """Return the codes of doctors who treat leukemia in "adult" or "pediatric" patients."""
        return self._core_codes.get(population, frozenset())

    @cached_property
    def _core_codes(self) -> dict[str, frozenset[str]]:
        doctors = [one for one in self.specialties.values() if one.role == "core" and one.entity == "person"]
        return {
            population: frozenset(one.code for one in doctors if one.population in (population, "any"))
            for population in ("adult", "pediatric")
        }


def _fields(kind: type[Specialty] | type[Designation], row: Row) -> dict[str, str]:
    return {name: row[name] for name in kind.__dataclass_fields__}
