"""Bring the catalogs of data/translations up to date with the sentences of the program: scripts/translations.py

New sentences are added without a translation, those that are gone are dropped, and nothing else is changed. Prints how
many sentences a language still lacks.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "data" / "translations"
_CODE = ([("web/**.py", "python"), ("**.py", "python")], {})
_TEMPLATES = (
    [("admin/**.html", "ignore"), ("**.html", "jinja2")],
    {"**.html": {"trimmed": "false", "newstyle_gettext": "true", "encoding": "utf-8"}},
)
# What Babel writes into the header for whoever keeps no history elsewhere.
_NOT_KEPT = tuple(
    f'"{name}:'
    for name in (
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)
_KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
_OFTEN = 8
_WORDS = {"specialties.csv": ("words",), "designations.csv": ("name", "meaning")}


def messages() -> Catalog:
    """Return every sentence that readers may see, with the files where it stands, in order."""
    found = Catalog(project="ALL Care Finder", header_comment="# What the program says, by its English sentence.")
    for folder, (methods, options) in (("finder", _CODE), ("templates", _TEMPLATES)):
        for file, _line, message, _comments, _context in extract_from_dir(
            PROJECT / folder, methods, options, keywords=_KEYWORDS
        ):
            found.add(message, locations=[(f"{folder}/{file}", None)], flags=_flags(message))
    for name, text in chain(_terminology(), _frequent_notes()):
        found.add(text, locations=[(name, None)])
    return found


def _flags(message: object) -> list[str]:
    return ["python-format"] if "%(" in str(message) else []


def _frequent_notes() -> Iterator[tuple[str, str]]:
    """Yield what our own list of centers says of many facts; what it says of few of them stays English."""
    path = PROJECT / "data" / "centers" / "facts.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    notes, scopes = (Counter(row[column] for row in rows if row[column]) for column in ("note", "scope"))
    often = [note for note in notes if notes[note] >= _OFTEN]
    often += [scope for scope in scopes if scopes[scope] >= _OFTEN - 1 and " " in scope and scope[0].islower()]
    yield from ((path.relative_to(PROJECT).as_posix(), text) for text in often)


def _terminology() -> Iterator[tuple[str, str]]:
    for name, columns in _WORDS.items():
        path = PROJECT / "data" / "terminology" / name
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield from ((path.relative_to(PROJECT).as_posix(), row[column]) for column in columns if row[column])


def update(path: Path) -> int:
    """Bring one catalog up to date and return how many of its sentences lack a translation."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.stem)
    catalog.update(messages(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    written = BytesIO()
    write_po(written, catalog, width=0, sort_output=True)
    lines = written.getvalue().decode().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(_NOT_KEPT)), encoding="utf-8")
    return sum(1 for one in catalog if one.id and not is_translated(one))


def is_translated(message: Message) -> bool:
    """Tell whether every form of a sentence has its translation."""
    return bool(message.string) and (isinstance(message.string, str) or all(message.string))


def main() -> None:
    """Update every catalog, and say what is missing."""
    for path in sorted(FOLDER.glob("*.po")):
        missing = update(path)
        sys.stdout.write(f"{path.name}: {missing} sentences have no translation yet\n")


if __name__ == "__main__":
    main()
