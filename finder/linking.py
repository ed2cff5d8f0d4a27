"""Which resource of the directory a source's entry speaks about.

A person's earlier word decides, then the page name of a center; then finder.domain.matching weighs the centers that
share an identifier, a ZIP or a city. A shared CMS number alone is not enough: a hospital and a unit in it may have one.
"""

import json
from collections import defaultdict
from collections.abc import Container, Iterator
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from finder.db import LinkDecision, ListingRow, ResourceIdentifier, Review
from finder.domain.entry import Entry
from finder.domain.identifiers import CCN_SYSTEM, CENTER_SYSTEM
from finder.domain.matching import Candidate, best_match
from finder.domain.precedence import best
from finder.domain.text import fold


class Linker:
    """Finds the resource of each entry of one source; what only a person can decide is left in ``reviews``."""

    def __init__(self, session: Session, source: str) -> None:
        self.source = source
        self.reviews: list[Review] = []
        self._decided = {
            (one.key, one.resource_id): one.verdict
            for one in session.scalars(select(LinkDecision).where(LinkDecision.source == source))
        }
        self._apart: dict[str, set[str]] = defaultdict(set)
        for (key, resource), verdict in self._decided.items():
            if verdict == "apart":
                self._apart[key].add(resource)
        self._linked = {key: resource for (key, resource), verdict in self._decided.items() if verdict == "link"}
        self._centers = _centers(session)

    def resource_of(self, entry: Entry) -> str:
        """Return the id of the resource that an entry belongs to, its own where it is the first to speak of it."""
        if entry.resource == "PractitionerRole":
            return entry.identifiers[0].value
        if linked := self._linked.get(entry.key):
            return linked
        for one in entry.identifiers:
            if one.system == CENTER_SYSTEM:
                return one.value
        return self._match(entry) or own_id(self.source, entry)

    def _match(self, entry: Entry) -> str | None:
        candidate = _candidate(entry)
        near = [one for one in self._near(candidate) if self._decided.get((entry.key, one.id)) != "apart"]
        decision, found = best_match(candidate, near)
        if found is None and decision.verdict == "review":
            self._ask(entry, candidate, near, decision.reason)
        return found

    def _near(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the centers that share an identifier, the ZIP or the city: no others can be the same place."""
        seen = set()
        for key in _keys(candidate):
            for one in self._centers.get(key, ()):
                if one.id not in seen:
                    seen.add(one.id)
                    yield one

    def _ask(self, entry: Entry, candidate: Candidate, near: list[Candidate], reason: str) -> None:
        alike = [one for one in near if best_match(candidate, [one])[0].verdict == "review"]
        for one in alike:
            detail = {
                "source": self.source,
                "key": entry.key,
                "said": [candidate.name, candidate.street, candidate.city, candidate.state, candidate.postal_code],
                "here": [one.name, one.street, one.city, one.state, one.postal_code],
                "reason": reason,
            }
            self.reviews.append(
                Review(kind="duplicate", resource_id=one.id, detail=json.dumps(detail), made_at=datetime.now(UTC))
            )


def _centers(session: Session) -> dict[tuple[str, ...], list[Candidate]]:
    own = defaultdict(list)
    known = select(ResourceIdentifier).where(ResourceIdentifier.resource_type == "Organization")
    for one in session.scalars(known):
        own[one.resource_id].append((one.system, one.value))
    listed = select(
        ListingRow.organization_id, ListingRow.name, ListingRow.street, ListingRow.city, ListingRow.state,
        ListingRow.postal_code,
    ).where(ListingRow.organization_id.is_not(None))  # fmt: skip
    found = defaultdict(list)
    for id_, *rest in session.execute(listed):
        name, street, city, state, code = rest
        candidate = Candidate(str(id_), name, (), tuple(own[str(id_)]), street, city, state, code)
        for key in _keys(candidate):
            found[key].append(candidate)
    return dict(found)


def _keys(candidate: Candidate) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [*candidate.identifiers]
    if candidate.postal_code:
        keys.append(("zip", candidate.postal_code[:5]))
    if candidate.city:
        keys.append(("city", candidate.state, fold(candidate.city)))
    return keys


def _candidate(entry: Entry) -> Candidate:
    said = entry.statements
    return Candidate(
        id=entry.key,
        name=best(said, "name"),
        aliases=tuple(one.value for one in said if one.field == "other_name"),
        identifiers=tuple((one.system, one.value) for one in entry.identifiers),
        street=best(said, "street"),
        city=best(said, "city"),
        state=best(said, "state"),
        postal_code=best(said, "zip")[:5],
    )


def own_id(source: str, entry: Entry, apart: Container[str] = ()) -> str:
    """Return the id of the resource that an entry founds: its own page name or CCN, unless it is none of ``apart``."""
    center = next((one.value for one in entry.identifiers if one.system == CENTER_SYSTEM), "")
    ccn = next((one.value for one in entry.identifiers if one.system == CCN_SYSTEM), "")
    own = center or (f"ccn-{ccn}" if ccn else "")
    return own if own and own not in apart else f"{source}-{sha256(entry.key.encode()).hexdigest()[:16]}"
