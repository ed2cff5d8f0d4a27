"""The words: each explained plainly in both languages, and linked where a page says it first."""

import re

import pytest
import yaml
from bs4 import BeautifulSoup

from finder.errors import SourceError
from finder.guidance import Guidance
from finder.guidance.glossary import Glossary
from finder.settings import load
from tests.guidance.test_pages import GRADE, grade, sentences
from tests.guidance.test_pages import data as data  # noqa: PLC0414 - a fixture
from tests.guidance.test_spanish import EASY, ease

DATA = load({}).data
BOTH = {"en": Guidance.load(DATA), "es": Guidance.load(DATA, "es")}
EVERY_PAGE = [(language, page) for language, guidance in BOTH.items() for page in guidance.pages()]

each_page = pytest.mark.parametrize(
    ("language", "page"), EVERY_PAGE, ids=[f"{language}-{page.slug}" for language, page in EVERY_PAGE]
)

WORD = {
    "id": "bone-marrow",
    "term": "bone marrow",
    "also": ["marrow"],
    "definition": "The soft part inside the bones.",
    "spanish": "médula ósea",
    "also_spanish": [],
    "definition_spanish": "La parte blanda de adentro de los huesos.",
    "source": "A source",
    "url": "",
    "seen_on": "2024",
}
ILLNESS = WORD | {"id": "all", "term": "acute leukemia", "also": ["ALL"], "spanish": "leucemia aguda"}
TEST = WORD | {"id": "test", "term": "bone marrow test", "also": [], "spanish": "prueba de médula ósea"}


def linked(language_page):
    return BeautifulSoup(language_page.linked, "html.parser").select("a.word")


def test_the_definitions_by_themselves_read_at_us_grade_seven_or_below():
    definitions = "".join(f"<p>{word.definition}</p>" for word in BOTH["en"].glossary.words())

    assert grade(definitions) <= GRADE


def test_the_spanish_definitions_by_themselves_read_easily():
    definitions = "".join(f"<p>{word.definition}</p>" for word in BOTH["es"].glossary.words())

    assert ease(definitions) >= EASY


def test_both_languages_have_the_same_words_and_each_knows_the_other_ones_name():
    english, spanish = ({word.id: word for word in one.glossary.words()} for one in BOTH.values())

    assert english.keys() == spanish.keys()
    for id_, word in english.items():
        assert word.elsewhere == (spanish[id_].term, *spanish[id_].also)
        assert spanish[id_].elsewhere == (word.term, *word.also)
        assert word.source


def test_words_stand_in_the_order_of_the_alphabet_whatever_their_accents():
    for guidance in BOTH.values():
        letters = [letter for letter, _words in guidance.glossary.letters()]
        assert letters == sorted(set(letters))
        assert all(re.fullmatch("[A-Z]", letter) for letter in letters)


@each_page
def test_the_links_change_nothing_that_a_reader_reads(language, page):
    assert list(sentences(page.linked, ["p", "li"])) != []
    unlinked = re.sub(r'<a class="word"[^>]*>(.*?)</a>', r"\1", page.linked)
    assert unlinked == page.html


@each_page
def test_a_page_stays_calm_and_explains_each_of_its_words_once(language, page):
    links = linked(page)

    assert [link["href"] for link in links] == [f"#word-{word.id}" for word in page.words]
    assert len({word.id for word in page.words}) == len(page.words) <= 12
    for link in links:
        assert not link.find_parent(["a", "h2", "h3", "th", "blockquote"])


def test_most_pages_explain_some_words():
    assert sum(bool(page.words) for _language, page in EVERY_PAGE) > len(EVERY_PAGE) * 0.8


@pytest.fixture
def read(data):
    """Return one page made of a text and the words that are given."""

    def read(text, *words, title="A page", language="en"):
        (data / "guidance" / "glossary.yml").write_text(yaml.safe_dump(list(words)))
        path = data / "guidance" / "en" / "page.md"
        whole = path.read_text().replace("A sentence with {{fact:one}}. [1]", text)
        path.write_text(whole.replace("title: A page", f"title: {title}"))
        return Guidance.load(data, language).page("page")

    return read


def marked(page):
    return [(link["href"], link.get_text()) for link in linked(page)]


def test_only_the_first_of_its_names_is_a_link(read):
    page = read("The marrow is soft. Bone marrow makes blood.", WORD)

    assert marked(page) == [("#word-bone-marrow", "marrow")]
    assert '<a class="word" href="#word-bone-marrow" id="at-bone-marrow">marrow</a>' in page.linked
    assert "<a" not in page.html.partition("<p>")[2]


def test_the_longest_name_wins_and_then_the_shorter_one_has_its_turn(read):
    page = read("A bone marrow test looks at bone marrow.", WORD, TEST)

    assert marked(page) == [("#word-test", "bone marrow test"), ("#word-bone-marrow", "bone marrow")]


def test_names_in_capitals_count_only_in_capitals_and_others_however_they_are_written(read):
    page = read("After all, MARROW is part of ALL.", WORD, ILLNESS)

    assert marked(page) == [("#word-bone-marrow", "MARROW"), ("#word-all", "ALL")]


def test_only_whole_words_count(read):
    assert marked(read("Sparrows, marrows and pre-marrow and marrow-like are others.", WORD)) == []


@pytest.mark.parametrize(
    "text",
    [
        "### The marrow",
        "> The marrow",
        "See [the marrow](/help).",
        'Ask: "Is it in the marrow?"',
        "Ask: “Is it in the marrow?”",
        "Pregunte: «¿Está en el marrow?»",
        "| Marrow |\n|---|\n| text |",
        "`marrow`",
        "It is Fanconi anemia.",
    ],
)
def test_headings_quotes_links_and_other_names_are_left_alone(read, text):
    assert marked(read(text, WORD, WORD | {"id": "anemia", "term": "anemia", "also": []})) == []


def test_a_cell_and_a_list_and_bold_words_are_text_too(read):
    assert marked(read("| Head |\n|---|\n| marrow |", WORD)) != []
    assert marked(read("- **Marrow**: soft", WORD)) != []


def test_the_words_of_the_title_are_known_already(read):
    page = read("ALL begins in the marrow.", WORD, ILLNESS, title="What acute leukemia is")

    assert marked(page) == [("#word-bone-marrow", "marrow")]


def test_there_are_at_most_twelve(read):
    words = [WORD | {"id": f"w{n}", "term": f"word{n}x", "also": []} for n in range(20)]

    page = read(" ".join(f"word{n}x" for n in range(20)), *words)

    assert [word.id for word in page.words] == [f"w{n}" for n in range(12)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"definition": ""}, "glossary.yml: bone-marrow needs definition"),
        ({"spanish": None}, "glossary.yml: bone-marrow needs spanish"),
        ({"source": ""}, "glossary.yml: bone-marrow needs source"),
        ({"seen_on": "May"}, "glossary.yml: seen_on of bone-marrow must be a year"),
        ({"also": "marrow"}, "glossary.yml: also of bone-marrow must be a list of words"),
    ],
)
def test_a_mistake_in_the_list_names_the_entry_and_the_mend(tmp_path, changed, said):
    (tmp_path / "guidance").mkdir()
    (tmp_path / "guidance" / "glossary.yml").write_text(yaml.safe_dump([WORD | changed]))

    with pytest.raises(SourceError, match=re.escape(said)):
        Glossary.load(tmp_path)


def test_a_name_that_stands_for_two_words_is_refused(tmp_path):
    (tmp_path / "guidance").mkdir()
    (tmp_path / "guidance" / "glossary.yml").write_text(yaml.safe_dump([WORD, TEST | {"also": ["Marrow"]}]))

    with pytest.raises(SourceError, match="stands for bone-marrow and test"):
        Glossary.load(tmp_path)


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(SourceError, match=re.escape("glossary.yml cannot be read")):
        Glossary.load(tmp_path)
