"""The search within the guidance: pages, words and help lines by what stands in them.

Accents, capitals and plurals make no difference, other names for the same thing are found too, and a word that nobody
wrote is read as the nearest one that somebody did. Nothing of what is searched for is kept.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from math import log
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from finder.domain.text import fold
from finder.errors import SourceError
from finder.guidance.glossary import Word
from finder.guidance.lists import entries
from finder.guidance.pages import SURVIVAL_PAGE, Guidance, GuidancePage, HelpLine

MAX_QUERY = 100
_MOST_WORDS = 8
_MOST_BEGUN = 12
_MOST = {"page": 10, "word": 4, "line": 5}
_TITLE, _HEADING, _SUMMARY, _TEXT = 10.0, 5.0, 4.0, 1.0
_SAME, _NAMED_ALIKE, _BEGINS = 0.9, 0.6, 0.4
_WHOLE_NAME = 10.0  # More, where a name is nothing but what was searched for.
_PARTED = " | "
_EXCERPT = 220
_WORD = re.compile(r"[\w'’]+")
_SMALL_WORDS = (
    "a about am an and are as at be by can do does for from has have how i if in is it me my of on or our that the "
    "there they this to was we what when where which who will with you your "
    "al como con cual cuales cuando de del donde e el ella en es esta este hay la las lo los mi mis o para pero por "
    "puede puedo que quien se ser si son su sus tengo tiene un una unas unos y yo"
)
_SKIPPED = frozenset(_SMALL_WORDS.split())


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an excerpt; ``found`` where it is what was searched for."""

    text: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class PageHit:
    """A page with where on it the words stand: ``heading`` and its ``anchor`` are "" before the first heading."""

    page: GuidancePage
    title: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]
    anchor: str
    heading: str


@dataclass(frozen=True, slots=True)
class WordHit:
    """A word of the glossary with its meaning."""

    word: Word
    term: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class LineHit:
    """A help line with what it does."""

    line: HelpLine
    name: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, best first; ``read_as`` is what was looked for where a word was misspelled, else ""."""

    pages: tuple[PageHit, ...]
    words: tuple[WordHit, ...]
    lines: tuple[LineHit, ...]
    read_as: str

    @property
    def total(self) -> int:
        """How many are shown."""
        return len(self.pages) + len(self.words) + len(self.lines)


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece of running text, with the heading that it stands under."""

    text: str
    anchor: str = ""
    heading: str = ""


@dataclass(frozen=True)
class _Document:
    kind: str
    item: GuidancePage | Word | HelpLine
    fields: tuple[tuple[float, str], ...]
    blocks: tuple[_Block, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """What it is called, as keys: a heading of headings is each of its parts by itself."""
        return frozenset(" ".join(_keys(name)) for _weight, text in self.fields[:2] for name in text.split(_PARTED))

    @cached_property
    def keyed(self) -> tuple[tuple[float, str], ...]:
        """The fields as their keys, each between blanks, so that a phrase can be counted."""
        return tuple((weight, f" {' '.join(_keys(text))} ") for weight, text in self.fields)

    def weigh(self, need: "_Need") -> float:
        """Return how well this document meets a need, 0 if not at all: in each field the best of its phrases counts."""
        found = 0.0
        for field, text in self.keyed:
            counts = ((worth, text.count(f" {phrase} ")) for phrase, worth in need.items())
            found += field * max((worth * (1 + log(count)) for worth, count in counts if count), default=0.0)
        return found + _WHOLE_NAME * max((need[name] for name in self.names & need.keys()), default=0.0)


# What is searched for at one place of a query: phrases of keys that would do, with what each of them is worth.
_Need = dict[str, float]


class GuidanceSearch:
    """Searches the guidance of one language."""

    def __init__(self, guidance: Guidance, aliases: Sequence[tuple[str, ...]]) -> None:
        self._documents = (
            *map(_page_document, guidance.pages()),
            *map(_word_document, guidance.glossary.words()),
            *map(_line_document, guidance.helplines()),
        )
        named = [(word.term, *word.also, *word.elsewhere) for word in guidance.glossary.words()]
        self._same: dict[str, _Need] = {}
        for names, weight in (*((names, _SAME) for names in aliases), *((names, _NAMED_ALIKE) for names in named)):
            self._alike(names, weight)
        self._longest = max((len(phrase.split()) for phrase in self._same), default=1)
        written = [text for document in self._documents for _weight, text in document.fields]
        self._spellings = _spellings((*written, *(name for names in (*aliases, *named) for name in names)))

    def find(self, query: str) -> Results:
        """Return what fits a query best; nothing where it holds no word that is known here."""
        asked = _keys(query)[:_MOST_WORDS]
        read = [self._spelled(key) for key in asked]
        needs = self._needs(read)
        found = self._ranked(needs)
        phrases = {tuple(phrase.split()) for need in needs for phrase in need}
        hits = {kind: found.get(kind, [])[:most] for kind, most in _MOST.items()}
        return Results(
            pages=tuple(_page_hit(one, needs, phrases) for one in hits["page"]),
            words=tuple(_word_hit(one, phrases) for one in hits["word"]),
            lines=tuple(_line_hit(one, phrases) for one in hits["line"]),
            read_as=" ".join(map(self._shown, read)) if read != asked else "",
        )

    def _alike(self, names: Iterable[str], weight: float) -> None:
        phrases = list(dict.fromkeys(" ".join(_keys(name)) for name in names))
        for phrase in phrases:
            others = self._same.setdefault(phrase, {})
            for other in phrases:
                worth = 1.0 if other == phrase else weight
                # A name of several words says more than a short one that may mean something else.
                others[other] = max(worth * len(other.split()) ** 0.5, others.get(other, 0.0))

    def _shown(self, key: str) -> str:
        spellings = self._spellings.get(key)
        return spellings.most_common(1)[0][0] if spellings else key

    def _spelled(self, key: str) -> str:
        """Return the key itself if it is known or begins a known one, else the nearest known one, if one is near."""
        if key in self._spellings or key in _SKIPPED or len(key) < 4 or self._beginning(key):
            return key
        longer = [known for known in self._spellings if len(known) > 4 and key.startswith(known)]
        if longer:
            return max(longer, key=len)
        # In a short word a wrong first letter makes another word: "hair" is not "air".
        most, choices = (2, list(self._spellings)) if len(key) > 5 else (1, self._beginning(key[0]))
        near = process.extract(key, choices, scorer=OSA.distance, score_cutoff=most, limit=20)
        ranked = sorted((distance, -self._spellings[known].total(), known) for known, distance, _at in near)
        return ranked[0][2] if ranked else key

    def _beginning(self, start: str) -> list[str]:
        return [known for known in self._spellings if known.startswith(start) and known != start]

    def _needs(self, keys: list[str]) -> list[_Need]:
        """Return what a query needs, place by place: a name of several words is one place, small words are none."""
        needs, at = [], 0
        while at < len(keys):
            phrase = self._name_at(keys, at)
            size = len(phrase.split())
            if size > 1 or keys[at] not in _SKIPPED:
                needs.append(self._need(phrase))
            at += size
        return needs or [self._need(key) for key in keys]

    def _name_at(self, keys: list[str], at: int) -> str:
        sizes = range(min(self._longest, len(keys) - at), 1, -1)
        names = (" ".join(keys[at : at + size]) for size in sizes)
        return next((name for name in names if name in self._same), keys[at])

    def _need(self, phrase: str) -> _Need:
        begun = self._beginning(phrase)[:_MOST_BEGUN] if len(phrase) > 3 and " " not in phrase else []
        return dict.fromkeys(begun, _BEGINS) | {phrase: 1.0} | self._same.get(phrase, {})

    def _ranked(self, needs: list[_Need]) -> dict[str, list[_Document]]:
        """Return the documents of each kind that meet most of the needs, and at least half of them, best first."""
        weights = [[document.weigh(need) for need in needs] for document in self._documents]
        rarity = [_rarity(column) for column in zip(*weights, strict=True)]
        ranked: dict[str, list[tuple[int, float, _Document]]] = {}
        for document, row in zip(self._documents, weights, strict=True):
            met = sum(weight > 0 for weight in row)
            if met and met * 2 >= len(needs):
                score = sum(weight * rare for weight, rare in zip(row, rarity, strict=True))
                ranked.setdefault(document.kind, []).append((met, score, document))
        return {kind: _best(found) for kind, found in ranked.items()}


def load_aliases(data: Path) -> tuple[tuple[str, ...], ...]:
    """Return the names that mean the same, one tuple for each thing; SourceError when an entry has no such names."""
    path = data / "guidance" / "aliases.yml"
    groups = []
    for row in entries(path):
        names = row.get("same")
        if not isinstance(names, list) or len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise SourceError(f'{path.name}: give {row} a list of two or more texts, same: ["…", "…"].')
        groups.append(tuple(names))
    return tuple(groups)


def _rarity(weights: tuple[float, ...]) -> float:
    return log(1 + len(weights) / (1 + sum(weight > 0 for weight in weights)))


def _best(found: list[tuple[int, float, _Document]]) -> list[_Document]:
    most = max(met for met, _score, _document in found)
    kept = [(score, document) for met, score, document in found if met == most]
    return [document for _score, document in sorted(kept, key=lambda one: -one[0])]


def _stem(word: str) -> str:
    """Return what a word has in common with its plural, in English and in Spanish."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return f"{word[:-1]}i" if len(word) > 3 and word.endswith("y") else word


def _keys(text: str) -> list[str]:
    return [_stem(word) for word in fold(text).split()]


def _spellings(texts: Iterable[str]) -> dict[str, Counter[str]]:
    """Return every key that stands in the texts, with the words that it comes from and how often each does."""
    spellings: dict[str, Counter[str]] = {}
    for text in texts:
        for match in _WORD.finditer(text):
            for key in _keys(match[0]):
                spellings.setdefault(key, Counter())[match[0].casefold()] += 1
    return spellings


def _page_document(page: GuidancePage) -> _Document:
    # Survival figures are for those who ask for them: that page is found by its title, and no excerpt shows a figure.
    is_open = page.slug != SURVIVAL_PAGE
    blocks = (_Block(page.summary), *(_Reader.blocks(page.html) if is_open else ()))
    headings = _PARTED.join(heading for _anchor, heading in page.headings if is_open)
    running = _PARTED.join(block.text for block in blocks[1:])
    fields = ((_TITLE, page.title), (_HEADING, headings), (_SUMMARY, page.summary), (_TEXT, running))
    return _Document("page", page, fields, blocks)


def _word_document(word: Word) -> _Document:
    names = _PARTED.join((*word.also, *word.elsewhere))
    fields = ((_TITLE, word.term), (_HEADING, names), (_TEXT, word.definition))
    return _Document("word", word, fields, (_Block(word.definition),))


def _line_document(line: HelpLine) -> _Document:
    text = " ".join((line.what_it_does, line.caution, line.group))
    fields = ((_TITLE, line.name), (_SUMMARY, text))
    return _Document("line", line, fields, (_Block(f"{line.what_it_does} {line.caution}".strip()),))


def _page_hit(document: _Document, needs: list[_Need], phrases: set[tuple[str, ...]]) -> PageHit:
    assert isinstance(document.item, GuidancePage)  # noqa: S101 - for the type checker
    block = max(document.blocks, key=lambda one: _meets(one.text, needs))
    return PageHit(
        document.item, _marked(document.item.title, phrases), _excerpt(block.text, phrases), block.anchor, block.heading
    )


def _word_hit(document: _Document, phrases: set[tuple[str, ...]]) -> WordHit:
    assert isinstance(document.item, Word)  # noqa: S101 - for the type checker
    word = document.item
    return WordHit(word, _marked(word.term, phrases), _excerpt(word.definition, phrases))


def _line_hit(document: _Document, phrases: set[tuple[str, ...]]) -> LineHit:
    assert isinstance(document.item, HelpLine)  # noqa: S101 - for the type checker
    line = document.item
    return LineHit(line, _marked(line.name, phrases), _excerpt(document.blocks[0].text, phrases))


def _meets(text: str, needs: list[_Need]) -> float:
    keyed = f" {' '.join(_keys(text))} "
    return sum(
        max((weight for phrase, weight in need.items() if f" {phrase} " in keyed), default=0.0) for need in needs
    )


def _excerpt(text: str, phrases: set[tuple[str, ...]]) -> tuple[Piece, ...]:
    """Return a text as pieces, shortened around the first place where one of the phrases stands."""
    spans = _spans(text, phrases)
    start, end = _window(text, spans[0][0] if spans else 0)
    return _pieces(text, [span for span in spans if start <= span[0] and span[1] <= end], start, end)


def _marked(text: str, phrases: set[tuple[str, ...]]) -> tuple[Piece, ...]:
    return _pieces(text, _spans(text, phrases), 0, len(text))


def _pieces(text: str, spans: list[tuple[int, int]], start: int, end: int) -> tuple[Piece, ...]:
    pieces, at = [Piece("… " if start else "")], start
    for first, last in spans:
        pieces += [Piece(text[at:first]), Piece(text[first:last], found=True)]
        at = last
    pieces += [Piece(text[at:end]), Piece(" …" if end < len(text) else "")]
    return tuple(piece for piece in pieces if piece.text)


def _spans(text: str, phrases: set[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Return where in a text the phrases stand, in order and without overlaps."""
    words = [(key, match.start(), match.end()) for match in _WORD.finditer(text) for key in _keys(match[0])]
    sizes = sorted({len(phrase) for phrase in phrases}, reverse=True)
    spans, at = [], 0
    while at < len(words):
        starting = (tuple(key for key, *_ in words[at : at + size]) for size in sizes)
        size = next((len(phrase) for phrase in starting if phrase in phrases), 0)
        if size:
            spans.append((words[at][1], words[at + size - 1][2]))
        at += size or 1
    return spans


def _window(text: str, around: int) -> tuple[int, int]:
    """Return the start and end of the part of a text to show, between words."""
    if len(text) <= _EXCERPT:
        return 0, len(text)
    start = max(0, min(around - _EXCERPT // 3, len(text) - _EXCERPT))
    start = text.find(" ", start) + 1 if start else 0
    end = start + _EXCERPT
    return start, len(text) if end >= len(text) else text.rfind(" ", start, end)


class _Reader(HTMLParser):
    """Gathers the running text of a page, block by block, without its source marks."""

    _BLOCKS = frozenset({"p", "li", "tr"})

    def __init__(self) -> None:
        super().__init__()
        self._found: list[_Block] = []
        self._text: list[str] = []
        self._anchor = self._heading = ""
        self._in_mark = False

    @classmethod
    def blocks(cls, html: str) -> tuple[_Block, ...]:
        """Return the blocks of a page in order."""
        reader = cls()
        reader.feed(html)
        reader.close()
        return tuple(reader._found)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in self._BLOCKS or tag in ("h2", "h3"):
            self._flush()
        if tag == "h2":
            self._anchor, self._heading = values.get("id") or "", ""
        self._in_mark = tag == "a" and (values.get("href") or "").startswith("#source-")

    def handle_endtag(self, tag: str) -> None:
        self._in_mark = False
        if tag == "h2":
            self._heading, self._text = " ".join("".join(self._text).split()), []
        elif tag in ("td", "th"):
            self._text.append(" · ")
        elif tag in self._BLOCKS or tag == "h3":
            self._flush()

    def handle_data(self, data: str) -> None:
        if not self._in_mark:
            self._text.append(data)

    def _flush(self) -> None:
        text = re.sub(r"\s+([.,:;?])", r"\1", " ".join("".join(self._text).split())).strip(" ·")
        self._text = []
        if text:
            self._found.append(_Block(text, self._anchor, self._heading))


def readable(query: str) -> str:
    """Return a query as it may be shown again: signs that cannot be seen are blanks, and it has an end."""
    seen = "".join(sign if sign.isprintable() else " " for sign in query)
    return " ".join(seen.split())[:MAX_QUERY].strip()
