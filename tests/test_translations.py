"""Every sentence of the program stands in the catalog of every other language, whole and with its placeholders."""

import importlib.util
import re

import pytest
from babel.messages.pofile import read_po

from finder.language import ENGLISH, LANGUAGES, Speech, current, gettext, ngettext, speak
from finder.settings import PROJECT
from finder.web.languages import catalog

_spec = importlib.util.spec_from_file_location("translations", PROJECT / "scripts" / "translations.py")
translations = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(translations)

OTHERS = [code for code in LANGUAGES if code != ENGLISH.code]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
TAG = re.compile(r"</?\w+[^>]*>")


def entries(code):
    with (translations.FOLDER / f"{code}.po").open("rb") as file:
        return [one for one in read_po(file, locale=code, abort_invalid=True) if one.id]


def forms(text):
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_has_its_translation_and_no_other_stands_there(code):
    wanted = {one.id if isinstance(one.id, str) else one.id[0] for one in translations.messages() if one.id}
    there = {
        one.id if isinstance(one.id, str) else one.id[0] for one in entries(code) if translations.is_translated(one)
    }

    assert wanted - there == set(), "run scripts/translations.py, then translate what is new"
    assert there - wanted == set(), "run scripts/translations.py, which drops what is gone"


@pytest.mark.parametrize("code", OTHERS)
def test_placeholders_tags_and_edges_are_kept(code):
    for one in entries(code):
        originals = forms(one.id)
        for number, text in enumerate(forms(one.string)):
            original = originals[min(number, len(originals) - 1)]
            assert sorted(set(PLACEHOLDER.findall(text))) == sorted(set(PLACEHOLDER.findall(original))), original
            assert sorted(TAG.findall(text)) == sorted(TAG.findall(original)), original
            assert (text[0] == " ", text[-1] == " ") == (original[0] == " ", original[-1] == " "), original
        assert "fuzzy" not in one.flags


def test_a_sentence_is_said_in_the_language_that_is_spoken_and_in_english_else():
    spanish = Speech("es", catalog(translations.FOLDER / "es.po"))
    assert gettext("Treats adults") == "Treats adults"
    speak(spanish)
    try:
        assert current() == "es"
        assert gettext("Treats adults") == "Atiende a adultos"
        assert gettext("%(number)s miles", number="3.4") == "3.4 millas"
        assert ngettext("%(num)s mile", "%(num)s miles", 1) == "1 milla"
        assert ngettext("%(num)s mile", "%(num)s miles", 2) == "2 millas"
        assert gettext("Not a sentence of ours") == "Not a sentence of ours"
    finally:
        speak(ENGLISH)
    assert ngettext("%(num)s mile", "%(num)s miles", 1) == "1 mile"


def test_the_script_keeps_what_is_translated_and_drops_what_is_gone(tmp_path):
    whole = (translations.FOLDER / "es.po").read_text(encoding="utf-8")
    path = tmp_path / "es.po"
    path.write_text(whole + '\nmsgid "Nobody says this"\nmsgstr "Nadie dice esto"\n', encoding="utf-8")

    assert translations.update(path) == 0
    assert path.read_text(encoding="utf-8") == whole


def test_the_script_adds_what_is_new_and_counts_it(tmp_path):
    whole = (translations.FOLDER / "es.po").read_text(encoding="utf-8")
    shorter = whole[: whole.rindex("\n#: ")]
    path = tmp_path / "es.po"
    path.write_text(shorter, encoding="utf-8")

    assert translations.update(path) == 1
    assert path.read_text(encoding="utf-8").count('msgstr ""\n') == shorter.count('msgstr ""\n') + 1
