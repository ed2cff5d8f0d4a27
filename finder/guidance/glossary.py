"""The words that a newly told person meets, each explained once, and where they stand in a text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markdown_it.token import Token

from finder.domain.text import fold
from finder.errors import SourceError
from finder.guidance.lists import Row, check_date, entries, value

# What the file calls a word, its other names and its meaning in each language.
_COLUMNS = {
    "en": ("term", "also", "definition"),
    "es": ("spanish", "also_spanish", "definition_spanish"),
}
_MOST_ON_A_PAGE = 12
# What a reader hears as spoken by somebody stays as it is.
_QUOTED = r'"[^"]*"|“[^”]*”|«[^»]*»'
# Names of other things, in which a word of the list stands.
_NAMES = ("Fanconi anemia", "anemia de Fanconi", "BMT InfoNet", "Livestrong Fertility")
_SILENT_TAGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "th"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its meaning. ``also`` are its other names; ``elsewhere`` are its names in the other language."""

    id: str
    term: str
    also: tuple[str, ...]
    definition: str
    elsewhere: tuple[str, ...]
    source: str
    url: str
    seen_on: str


class Glossary:
    """Every word in one language."""

    def __init__(self, words: Iterable[Word]) -> None:
        self._words = tuple(sorted(words, key=lambda word: (fold(word.term), word.id)))
        self._by_form: dict[str, Word] = {}
        for word in self._words:
            for form in dict.fromkeys((word.term, *word.also)):
                self._add(form, word)
        self._pattern = _pattern(self._by_form)

    @classmethod
    def load(cls, data: Path, language: str = "en") -> "Glossary":
        """Read the list of words; SourceError names the entry and the mend."""
        path = data / "guidance" / "glossary.yml"
        return cls(_word(row, language, path.name) for row in entries(path))

    def words(self) -> tuple[Word, ...]:
        """Return every word in the order of the alphabet."""
        return self._words

    def letters(self) -> tuple[tuple[str, tuple[Word, ...]], ...]:
        """Return the words under their first letters, both in the order of the alphabet."""
        grouped = groupby(self._words, key=lambda word: fold(word.term)[:1].upper())
        return tuple((letter, tuple(words)) for letter, words in grouped)

    def link(self, tokens: Iterable[Token], title: str) -> tuple[Word, ...]:
        """Make each word a link to ``#word-<id>`` where it stands first in a parsed text; return those words in order.

        Words that stand in the title, and what stands in headings, quotes and links, are left alone.
        """
        known, linked, silent = set(self._found(title)), dict[str, Word](), 0
        for token in tokens:
            silent += token.nesting if token.tag in _SILENT_TAGS else 0
            if token.type == "inline" and not silent:
                token.children = list(self._within(token.children or [], known, linked))
        return tuple(linked.values())

    def _add(self, form: str, word: Word) -> None:
        key = _key(form)
        other = self._by_form.setdefault(key, word)
        if other is not word:
            raise SourceError(f"glossary.yml: {form!r} stands for {other.id} and {word.id}; take it from one of them.")

    def _found(self, content: str) -> Iterator[str]:
        return (word.id for match in self._pattern.finditer(content) if (word := self._word_at(match)))

    def _word_at(self, match: re.Match[str]) -> Word | None:
        found = " ".join(match[0].split())
        return self._by_form.get(found) or self._by_form.get(found.casefold())

    def _within(self, children: list[Token], known: set[str], linked: dict[str, Word]) -> Iterator[Token]:
        links = 0
        for child in children:
            links += child.nesting if child.tag == "a" else 0
            if child.type == "text" and not links:
                yield from self._parted(child.content, known, linked)
            else:
                yield child

    def _parted(self, content: str, known: set[str], linked: dict[str, Word]) -> Iterator[Token]:
        start = 0
        for match in self._pattern.finditer(content):
            word = self._word_at(match)
            if word is None or word.id in known or word.id in linked or len(linked) == _MOST_ON_A_PAGE:
                continue
            linked[word.id] = word
            yield _text_token(content[start : match.start()])
            yield Token("link_open", "a", 1, attrs=_attributes(word))
            yield _text_token(match[0])
            yield Token("link_close", "a", -1)
            start = match.end()
        yield _text_token(content[start:])


def _attributes(word: Word) -> dict[str, str | int | float]:
    return {"class": "word", "href": f"#word-{word.id}", "id": f"at-{word.id}"}


def _text_token(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _is_capitals(form: str) -> bool:
    return form == form.upper()


def _key(form: str) -> str:
    """Return what a form is found by: names in capitals, such as ALL, count only in capitals."""
    return form if _is_capitals(form) else form.casefold()


def _pattern(forms: Iterable[str]) -> re.Pattern[str]:
    """Return what finds whole words, the longest first; quoted speech and other names are passed over as one piece."""
    longest_first = sorted((*forms, *_NAMES), key=lambda form: (-len(form), form))
    choices = [_choice(form) for form in longest_first]
    return re.compile(rf"{_QUOTED}|(?<![\w-])(?:{'|'.join(choices)})(?![\w-])")


def _choice(form: str) -> str:
    escaped = r"\s+".join(map(re.escape, form.split()))
    return escaped if _is_capitals(form) else f"(?i:{escaped})"


def _word(row: Row, language: str, file: str) -> Word:
    term, also, definition = _COLUMNS[language]
    (other, also_other, _definition), *_ = (names for code, names in _COLUMNS.items() if code != language)
    for name in ("id", "source", *(column for names in _COLUMNS.values() for column in names[::2])):
        if not value(row, name):
            raise SourceError(f"{file}: {row.get('id') or row} needs {name}.")
    check_date(value(row, "seen_on"), f"{file}: seen_on of {row['id']}")
    return Word(
        id=value(row, "id"),
        term=value(row, term),
        also=_names(row, also, file),
        definition=value(row, definition),
        elsewhere=(value(row, other), *_names(row, also_other, file)),
        source=value(row, "source"),
        url=value(row, "url"),
        seen_on=value(row, "seen_on"),
    )


def _names(row: Row, column: str, file: str) -> tuple[str, ...]:
    names = row.get(column, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SourceError(f'{file}: {column} of {row["id"]} must be a list of words, such as [] or ["CNS"].')
    return tuple(names)
