"""The search within the guidance finds what people mean, in their own words and spelling."""

import re

import pytest
import yaml

from finder.errors import SourceError
from finder.guidance import SURVIVAL_PAGE, Guidance
from finder.guidance.search import GuidanceSearch, load_aliases, readable
from finder.settings import load

DATA = load({}).data
ALIASES = load_aliases(DATA)
SEARCHES = {code: GuidanceSearch(Guidance.load(DATA, code), ALIASES) for code in ("en", "es")}


def find(query, language="en"):
    return SEARCHES[language].find(query)


def slugs(results):
    return [hit.page.slug for hit in results.pages]


def shown(pieces):
    return "".join(f"[{piece.text}]" if piece.found else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("lymphocytic leukemia", "what-is-all"),
        ("lymphoid leukaemia", "what-is-all"),
        ("LLA", "what-is-all"),
        ("ALL", "what-is-all"),
        ("second opinions", "second-opinion"),
        ("fever", "warning-signs"),
        ("records", "records-to-keep"),
        ("child school", "children-and-parents"),
        ("Ph+", "names-and-subtypes"),
        ("what is mrd?", "tests-and-results"),
        ("survival", SURVIVAL_PAGE),
    ],
)
def test_the_page_that_is_meant_comes_first(query, first):
    assert slugs(find(query))[0] == first


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("LLA", "what-is-all"),
        ("linfoide", "what-is-all"),
        ("ALL", "what-is-all"),
        ("fiebre", "warning-signs"),
        ("segundas opiniones", "second-opinion"),
        ("derechos", "your-rights"),
    ],
)
def test_the_page_that_is_meant_comes_first_in_spanish(query, first):
    assert slugs(find(query, "es"))[0] == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("médula ósea", "MEDULA OSEA"),
        ("punción lumbar", "punciones lumbares"),
        ("trial", "trials"),
        ("biopsy", "biopsies"),
        ("leukemia", "Leukemias"),
        ("transplant", "transplantation"),
    ],
)
def test_accents_capitals_and_plurals_make_no_difference(one, other):
    language = "es" if "pun" in one or "ósea" in one else "en"

    assert slugs(find(one, language)) == slugs(find(other, language)) != []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("LLS", "Blood Cancer United"),
        ("Leukemia and Lymphoma Society", "Blood Cancer United"),
        ("be the match", "NMDP Patient Support Center"),
        ("NMDP", "NMDP Patient Support Center"),
        ("1-800-4-cancer", "National Cancer Institute, Cancer Information Service"),
    ],
)
def test_an_organization_is_found_under_its_old_name(name, line):
    for language in ("en", "es"):
        assert line in [hit.line.name for hit in find(name, language).lines]


def test_a_page_with_the_new_name_is_found_by_the_old_one_and_the_new_one_is_marked():
    [hit] = [hit for hit in find("LLS").pages if hit.page.slug == "support"]

    assert "[Blood Cancer United]" in shown(hit.excerpt)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("lukemia", "leukemia"),
        ("bone marow", "bone marrow"),
        ("inheritied", "inherited"),
        ("ematologist", "hematologist"),
        ("feverr", "fever"),
    ],
)
def test_a_misspelled_word_is_read_as_the_nearest_one_and_that_is_said(typed, read):
    results = find(typed)

    assert results.read_as == read
    assert slugs(results) == slugs(find(read)) != []


def test_a_right_word_is_never_read_as_another_one():
    assert find("bone marrow").read_as == ""
    assert find("immun").read_as == ""  # It begins a word that stands somewhere.
    assert "immun" in shown(find("immun").pages[0].excerpt).lower()


@pytest.mark.parametrize("query", ["zzzzqq", "hair", "", "?!", "xx", "the", "💊"])
def test_what_nobody_wrote_of_is_not_found(query):
    results = find(query)

    assert results.total == len(results.pages) + len(results.words) + len(results.lines)
    assert results.total == 0 or query == "the"


def test_a_word_is_found_by_each_of_its_names_and_the_very_name_comes_first():
    assert find("spinal tap").words[0].word.id == "lumbar-puncture"
    assert find("ALL").words[0].word.id == "acute-lymphoblastic-leukemia"
    assert find("bone marrow").words[0].word.id == "bone-marrow"
    assert find("médula ósea").words[0].word.id == "bone-marrow"
    assert find("relapse", "es").words[0].word.id == "relapse"


def test_title_counts_more_than_heading_and_heading_more_than_text():
    found = slugs(find("shared care"))

    assert found[0] == "shared-care"
    titles = {page.slug: page.title for page in Guidance.load(DATA).pages()}
    ranks = [("second opinion" in titles[slug].lower()) for slug in slugs(find("second opinion"))]
    assert ranks == sorted(ranks, reverse=True)


def test_the_excerpt_is_short_marked_and_leads_to_its_heading():
    hit = find("tumor lysis").pages[0]

    assert "[tumor lysis]" in shown(hit.excerpt)
    assert len("".join(piece.text for piece in hit.excerpt)) < 240
    assert (hit.anchor, hit.heading) in hit.page.headings


def test_an_excerpt_says_what_its_page_says_word_for_word():
    for query in ("steroids", "fever", "spinal tap", "trial"):
        for hit in find(query).pages:
            said = "".join(piece.text for piece in hit.excerpt).strip("… ")
            whole = " ".join(re.sub(r"<[^>]+>", " ", f"{hit.page.summary} {hit.page.html}").split())
            for part in said.split(" · "):
                bare = re.sub(r"\W+", " ", part).strip()
                assert bare in re.sub(r"\W+", " ", re.sub(r"\[\d+\]", "", whole.replace("&quot;", '"'))), part


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    "query", ["survival", "death", "prognosis", "five years", "pronóstico", "trial E1910", "alive"]
)
def test_no_excerpt_shows_a_survival_figure(language, query):
    for hit in find(query, language).pages:
        said = "".join(piece.text for piece in hit.excerpt)
        if hit.page.slug == SURVIVAL_PAGE:
            assert said == hit.page.summary
        assert not re.search(r"\d\s?%.*(alive|surviv|viv)", said)


def test_survival_figures_do_not_come_to_who_asks_for_something_else():
    for query in ("blinatumomab", "remission", "children", "trial", "adults"):
        assert SURVIVAL_PAGE not in slugs(find(query))


def test_words_that_are_together_on_no_page_find_those_with_most_of_them():
    assert "support" in slugs(find("free flights xylophone"))


def test_a_long_query_costs_no_more_than_a_few_words():
    assert find(" ".join(["transplantation"] * 60)).total == find("transplantation").total


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("  bone \n marrow ", "bone marrow"), ("a\x00b", "a b"), ("x" * 300, "x" * 100), ("a\u202eb", "a b"), ("", "")],
)
def test_a_query_is_shown_again_without_what_cannot_be_seen_and_has_an_end(typed, shown):
    assert readable(typed) == shown


def test_no_name_stands_in_the_list_of_aliases_alone_or_twice():
    for names in ALIASES:
        assert len(set(names)) == len(names) >= 2


@pytest.mark.parametrize("wrong", [{"same": ["one"]}, {"same": "LLS"}, {"same": ["one", 2]}, {}])
def test_a_mistake_in_the_list_of_aliases_names_the_file_and_the_mend(tmp_path, wrong):
    (tmp_path / "guidance").mkdir()
    (tmp_path / "guidance" / "aliases.yml").write_text(yaml.safe_dump([wrong]))

    with pytest.raises(SourceError, match=re.escape("aliases.yml: give")):
        load_aliases(tmp_path)
