"""The records to keep, as the form of the record keeper: its words in each language, read once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from finder.errors import SourceError

KINDS = ("text", "date", "notes")
_ORIGINAL = "en"  # What is the same in every language stands in this one alone.
# What a list holds, by its name, with the words that each entry of it has.
_PARTS = {"groups": ("title",), "items": ("what", "why"), "fields": ("label",)}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in; ``kind`` is one of KINDS."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Item:
    """A record to keep, and why; ``many`` tells that it can be there several times. Marks are numbers of sources."""

    id: str
    what: str
    why: str
    marks: tuple[int, ...]
    many: bool
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Records that belong together."""

    id: str
    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a reason comes from; its date is ISO, or "" where it has none."""

    title: str
    url: str
    date: str


@dataclass(frozen=True, slots=True)
class Records:
    """The whole form in one language."""

    groups: tuple[Group, ...]
    sources: tuple[Source, ...]
    reviewed_on: date
    review_by: date


@lru_cache(8)
def load(data: Path, language: str = _ORIGINAL) -> Records:
    """Read the form in a language below the data folder; SourceError names the file and the mend."""
    original = _yaml(data / "guidance" / _ORIGINAL / "records.yml")
    words = original if language == _ORIGINAL else _yaml(data / "guidance" / language / "records.yml")
    where = f"{language}/records.yml"
    sources = tuple(Source(*(str(one[name]) for name in ("title", "url", "date"))) for one in original["sources"])
    groups = tuple(_group(row, where, len(sources)) for row in _worded(original, words, "groups", where))
    return Records(groups, sources, original["reviewed_on"], original["review_by"])


def _yaml(path: Path) -> dict[str, Any]:
    where = f"{path.parent.name}/{path.name}"
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SourceError(f"{where} cannot be read; mend its YAML: {error}") from error
    if not isinstance(read, dict) or not read.get("groups"):
        raise SourceError(f"{where} must be a mapping with groups.")
    return read


def _worded(original: Mapping[str, Any], words: Mapping[str, Any], part: str, where: str) -> Iterator[dict[str, Any]]:
    """Give each entry of a list with the words of the language; both must have the same ids in the same order."""
    theirs, ours = words.get(part) or [], original[part]
    ids = [row.get("id") for row in ours]
    if [row.get("id") for row in theirs] != ids or len(set(ids)) != len(ids):
        raise SourceError(f"{where}: {part} must have the ids {', '.join(map(str, ids))}, each once, in this order.")
    for row, own in zip(ours, theirs, strict=True):
        missing = [name for name in _PARTS[part] if not own.get(name)]
        if missing:
            raise SourceError(f"{where}: {row['id']} needs {', '.join(missing)}.")
        below = {name: list(_worded(row, own, name, where)) for name in ("items", "fields") if name in row}
        yield row | {name: own[name] for name in _PARTS[part]} | below


def _group(row: Mapping[str, Any], where: str, sources: int) -> Group:
    return Group(row["id"], row["title"], tuple(_item(one, where, sources) for one in row["items"]))


def _item(row: Mapping[str, Any], where: str, sources: int) -> Item:
    marks = tuple(row.get("sources", ()))
    for number in marks:
        if not 1 <= number <= sources:
            raise SourceError(f"{where}: {row['id']}: there is no source number {number}.")
    fields = tuple(Field(one["id"], one.get("kind", ""), one["label"]) for one in row["fields"])
    for field in fields:
        if field.kind not in KINDS:
            raise SourceError(f"{where}: {row['id']}.{field.id}: kind must be one of {', '.join(KINDS)}.")
    return Item(row["id"], row["what"], row["why"], marks, bool(row.get("many")), fields)
