"""Which statement is shown first when several speak about the same field."""

from collections.abc import Iterable

from finder.domain.entry import Statement


def ranked(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Return the statements with the newest first within each field; undated ones last, else in the sources' order."""
    ordered = sorted(statements, key=lambda one: one.as_of, reverse=True)
    order: dict[str, list[Statement]] = {}
    for statement in ordered:
        order.setdefault(statement.field, []).append(statement)
    return tuple(one for group in order.values() for one in group)


def best(statements: Iterable[Statement], field: str) -> str:
    """Return the value of the first-ranked statement about a field, or "" where nobody says anything."""
    return next((one.value for one in ranked(statements) if one.field == field), "")
