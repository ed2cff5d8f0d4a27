import csv
import re
from pathlib import Path

import pytest

from finder.domain.terminology import Terminology
from finder.errors import NotFound

DATA = Path(__file__).parents[2] / "data" / "terminology"


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    return Terminology.from_rows(_rows("specialties.csv"), _rows("designations.csv"))


def test_a_specialty_is_found_by_its_code(terminology: Terminology) -> None:
    found = terminology.specialty("2080P0207X")
    assert found is not None
    assert (found.words, found.population, found.role) == (
        "Blood and cancer doctor for children",
        "pediatric",
        "core",
    )


def test_an_undescribed_specialty_is_none(terminology: Terminology) -> None:
    assert terminology.specialty("999999999X") is None


def test_an_unknown_designation_is_not_found(terminology: Terminology) -> None:
    with pytest.raises(NotFound, match="no-such"):
        terminology.designation("no-such")


def test_core_codes_are_those_of_doctors_who_treat_leukemia(terminology: Terminology) -> None:
    assert terminology.core_codes("adult") == {"207RH0003X", "207RH0000X", "207RX0202X"}
    assert terminology.core_codes("pediatric") == {"2080P0207X"}
    assert terminology.core_codes("cats") == frozenset()


def test_a_core_clinic_is_not_a_core_doctor(terminology: Terminology) -> None:
    hospital = terminology.specialty("282NC2000X")
    assert hospital is not None
    assert (hospital.role, hospital.entity) == ("core", "organization")
    assert hospital.code not in terminology.core_codes("pediatric")


def test_organ_transplant_surgeons_are_never_meant(terminology: Terminology) -> None:
    surgeon = terminology.specialty("204F00000X")
    assert surgeon is not None
    assert surgeon.role == "exclude"


def test_a_row_without_a_needed_column_is_refused() -> None:
    with pytest.raises(KeyError):
        Terminology.from_rows([{"code": "207RH0003X"}], [])


def test_every_shipped_code_is_well_formed_and_stands_once() -> None:
    codes = [row["code"] for row in _rows("specialties.csv")]
    assert len(codes) == len(set(codes)) == 44
    assert all(re.fullmatch(r"\d{3}[A-Z0-9]{6}X", code) for code in codes)


def test_every_shipped_row_uses_the_known_words() -> None:
    for row in _rows("specialties.csv"):
        assert row["population"] in {"adult", "pediatric", "any"}
        assert row["role"] in {"core", "supporting", "context", "exclude", "legacy", "group-flag"}
        assert row["entity"] in {"person", "organization"}
        assert row["words"]
        assert row["display_name"]


def test_every_designation_that_a_fact_can_name_is_described(terminology: Terminology) -> None:
    codes = (
        "nci-comprehensive nci-clinical nci-basic-laboratory nccn cog fact nmdp transplant transplant-autologous"
        " car-t leukemia-program aya-program"
    )
    assert list(terminology.designations) == codes.split()


def test_a_meaning_is_one_sentence_that_a_reader_of_grade_eight_understands(terminology: Terminology) -> None:
    for one in terminology.designations.values():
        assert one.meaning.endswith("."), one.code
        assert ". " not in one.meaning, one.code
        assert _grade(one.meaning) <= 8, one.code


def _grade(sentence: str) -> float:
    """Return the Flesch-Kincaid grade of one sentence, with a syllable for each group of vowels but a silent last e."""
    words = re.findall(r"[a-z']+", sentence.lower())
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word)))) for word in words)
    return 0.39 * len(words) + 11.8 * syllables / len(words) - 15.59
