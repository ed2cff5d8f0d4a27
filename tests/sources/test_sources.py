from pathlib import Path

import pytest

from finder.domain.entry import Delivery
from finder.errors import NotFound
from finder.sources import SOURCES, get

DATA = Path(__file__).parents[2] / "data"


def test_a_source_is_found_by_its_name() -> None:
    assert get("centers") is SOURCES["centers"]
    assert get("centers").identify(DATA / "centers") == Delivery("full", "leukemia centers")


def test_an_unknown_source_is_not_found_and_the_known_ones_are_named() -> None:
    with pytest.raises(NotFound, match="centers, specialists"):
        get("atlantis")


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_says_under_what_terms_it_is_used(name: str) -> None:
    assert SOURCES[name].name == name
    assert SOURCES[name].licence


@pytest.mark.parametrize("name", ["centers", "specialists"])
def test_a_shipped_source_has_a_folder_that_explains_it(name: str) -> None:
    assert (DATA / name / "README.md").is_file()
