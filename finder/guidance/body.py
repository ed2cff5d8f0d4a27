"""What ALL does in the body, step by step: its words in each language, and where the cells of its pictures lie."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from finder.errors import SourceError
from finder.guidance.pages import Reference

_MARK = re.compile(r"\s*\[(\d+)\]")
# What is the same in every language and therefore stands in the English file alone.
_SHARED = ("sources", "reviewed_on", "review_by")
# What the program goes by, which a translation must leave as it is.
_FIXED = ("id", "kind", "href")


@dataclass(frozen=True, slots=True)
class Said:
    """Sentences with the numbers of the sources that they cite, counted from 1."""

    text: str
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a picture, on a sheet of 640 by 400; ``turn`` is in degrees."""

    kind: str
    x: int
    y: int
    turn: int


@dataclass(frozen=True, slots=True)
class Count:
    """A blood count that is low: what one notices, and what to call for at once."""

    name: str
    notice: tuple[Said, ...]
    call: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place that ALL can reach, with the test that looks there."""

    id: str
    name: str
    what: tuple[Said, ...]
    notice: tuple[Said, ...]
    test: tuple[Said, ...]
    plan: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``marrow`` and ``vessel`` are the cells of its picture, none where it shows the whole body."""

    id: str
    title: str
    see: tuple[tuple[Said, ...], ...]
    notice: tuple[tuple[Said, ...], ...]
    counts: tuple[Count, ...]
    more: Mapping[str, str] | None
    marrow: tuple[Cell, ...]
    vessel: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """Everything that the page says in one language; ``key`` is (kind, name, words) of each shape."""

    title: str
    summary: str
    honest: str
    labels: Mapping[str, str]
    names: Mapping[str, str]
    key: tuple[tuple[str, str, tuple[Said, ...]], ...]
    steps: tuple[Step, ...]
    places: tuple[Place, ...]
    sources: tuple[Reference, ...]
    reviewed_on: date
    review_by: date


@lru_cache(8)
def load(data: Path, language: str = "en") -> Body:
    """Read the page of a language below the data folder; SourceError names the file and the mend."""
    english = _yaml(data / "guidance" / "en" / "body.yml")
    words = english if language == "en" else _yaml(data / "guidance" / language / "body.yml")
    wrong = next(_differences({k: v for k, v in english.items() if k not in _SHARED}, words, ""), "")
    if wrong and language != "en":
        raise SourceError(f"{language}/body.yml does not match en/body.yml at {wrong}: write there what it has.")
    sources = tuple(Reference(*(str(one[name]) for name in ("title", "url", "date"))) for one in english["sources"])
    said = _Reader(len(sources), f"{language}/body.yml")
    return Body(
        title=words["title"],
        summary=words["summary"],
        honest=words["honest"],
        labels=words["labels"],
        names=words["names"],
        key=tuple((row["kind"], row["name"], said(row["words"])) for row in words["key"]),
        steps=tuple(_step(row, said) for row in words["steps"]),
        places=tuple(
            Place(row["id"], row["name"], *(said(row[name]) for name in ("what", "notice", "test", "plan")))
            for row in words["places"]
        ),
        sources=sources,
        reviewed_on=english["reviewed_on"],
        review_by=english["review_by"],
    )


def _yaml(path: Path) -> dict[str, Any]:
    try:
        words = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SourceError(f"{path.parent.name}/{path.name} cannot be read; mend its YAML: {error}") from error
    if not isinstance(words, dict):
        raise SourceError(f"{path.parent.name}/{path.name} must be a mapping of names to words.")
    return words


def _differences(english: Any, other: Any, where: str) -> Iterator[str]:
    """Name each spot where a translation has other parts, other sources or another address than the English."""
    if isinstance(english, dict) and isinstance(other, dict):
        for name in english.keys() ^ other.keys():
            yield f"{where}/{name}"
        for name in english.keys() & other.keys():
            if name in _FIXED and english[name] != other[name]:
                yield f"{where}/{name}"
            yield from _differences(english[name], other[name], f"{where}/{name}")
    elif isinstance(english, list) and isinstance(other, list) and len(english) == len(other):
        for number, (one, twin) in enumerate(zip(english, other, strict=True), 1):
            yield from _differences(one, twin, f"{where}/{number}")
    elif not (isinstance(english, str) and isinstance(other, str)) or _MARK.findall(english) != _MARK.findall(other):
        yield where


class _Reader:
    """Parts a text where it cites, and refuses a source that is not there."""

    def __init__(self, sources: int, file: str) -> None:
        self._sources, self._file = sources, file

    def __call__(self, text: str) -> tuple[Said, ...]:
        parts = re.split(r"((?:\s*\[\d+\])+)", text)
        said = tuple(
            Said(words.strip(), tuple(int(mark) for mark in _MARK.findall(marks)))
            for words, marks in zip(parts[::2], [*parts[1::2], ""], strict=True)
            if words.strip()
        )
        for number in (mark for one in said for mark in one.marks):
            if not 1 <= number <= self._sources:
                raise SourceError(f"{self._file}: there is no source number {number}.")
        return said


def _step(row: dict[str, Any], said: _Reader) -> Step:
    counts = (Count(one["name"], said(one["notice"]), said(one["call"])) for one in row.get("counts", ()))
    return Step(
        row["id"],
        row["title"],
        tuple(said(text) for text in row["see"]),
        tuple(said(text) for text in row["notice"]),
        tuple(counts),
        row.get("more"),
        _marrow(row["id"]),
        _vessel(row["id"]),
    )


# The pictures. Every step has the same places in the marrow, ordered by their distance from the cell that changes, so a
# reader who turns from step to step sees each place change hands.
_SHEET_MARROW = (320, 172, 232, 118)  # the middle, and half the width and height
_APART = 29
_HEALTHY = ("red", "platelet", "white", "red", "stem", "platelet", "red", "white", "platelet")
# How many of the places, from the changed cell outwards, blasts hold. A negative number counts from the far edge.
_BLASTS = {"healthy": 0, "change": 1, "copies": 17, "crowded": 99, "blood": 99, "remission": -2}
_SPARED = 8  # In the end one place of so many is still held by a healthy cell.
_FLOW = "red red platelet red white red platelet red red platelet red white red platelet red red platelet red red"
_VESSEL = {
    "healthy": _FLOW,
    "change": _FLOW,
    "copies": "red platelet red white red red platelet red red white red platelet red red platelet red",
    "crowded": "red red platelet red white red platelet",
    "blood": "red blast blast platelet blast red blast blast white blast red blast platelet",
    "remission": _FLOW,
}


def _marrow(step: str) -> tuple[Cell, ...]:
    if step not in _BLASTS:
        return ()
    places, held = _places(), _BLASTS[step]
    cells = []
    for number, (x, y, turn) in enumerate(places):
        kind = "stem" if number == 0 else _HEALTHY[number % len(_HEALTHY)]
        if (number < held and (number + 1) % _SPARED) or number >= len(places) + min(held, 0):
            kind = "blast"
        cells.append(Cell(kind, x, y, turn))
    return tuple(cells)


@lru_cache(1)
def _places() -> tuple[tuple[int, int, int], ...]:
    chance = random.Random(7)  # noqa: S311 - a picture that is the same every time, not a secret
    middle_x, middle_y, wide, high = _SHEET_MARROW
    found = [(middle_x, middle_y)]
    for _ in range(6_000):
        x, y = middle_x + chance.uniform(-wide, wide), middle_y + chance.uniform(-high, high)
        inside = ((x - middle_x) / wide) ** 2 + ((y - middle_y) / high) ** 4 <= 1
        if inside and all((x - one) ** 2 + (y - other) ** 2 >= _APART**2 for one, other in found):
            found.append((round(x), round(y)))
    found.sort(key=lambda place: (place[0] - middle_x) ** 2 + (place[1] - middle_y) ** 2)
    return tuple((x, y, chance.randrange(360)) for x, y in found)


def _vessel(step: str) -> tuple[Cell, ...]:
    kinds = _VESSEL.get(step, "").split()
    chance = random.Random(3)  # noqa: S311 - as above
    room = 640 / max(len(kinds), 1)
    return tuple(
        Cell(kind, round(room * (number + 0.5) + chance.uniform(-4, 4)), 348 + chance.randrange(-19, 20), turn)
        for number, kind in enumerate(kinds)
        for turn in [chance.randrange(360)]
    )
