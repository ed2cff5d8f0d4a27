"""Every subject of the map in docs/guidance-map.md has its page, two clicks from the first page at most."""

import re

import pytest
from bs4 import BeautifulSoup

from finder.settings import PROJECT

MAP = (PROJECT / "docs/guidance-map.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| `(.+?)` \|$", MAP, re.MULTILINE)
PAGES = sorted({page for _, _, pages, _ in ROWS for page in re.findall(r"`(/[^`]*)`", pages)})


def links(client, path):
    soup = BeautifulSoup(client.get(path).data, "html.parser")
    return {link["href"].partition("#")[0] for link in soup.select("a[href^='/']")}


@pytest.fixture(scope="module", params=["", "/es"])
def near_home(request):
    """The addresses that two clicks reach, in one language."""
    client = request.getfixturevalue("app").test_client()
    home = f"{request.param}/"
    first = {path for path in links(client, home) if "?" not in path}
    return request.param, {home} | first | {path for one in first for path in links(client, one)}


def test_all_thirty_six_subjects_are_there():
    assert [int(number) for number, _, _, _ in ROWS] == list(range(1, 37))


@pytest.mark.parametrize("page", PAGES)
def test_each_page_is_two_clicks_from_the_first(near_home, page):
    prefix, near = near_home

    assert page in near or f"{prefix}{page}" in near


@pytest.mark.parametrize("test", sorted({test for _, _, _, test in ROWS}))
def test_each_test_that_is_named_is_there(test):
    assert (PROJECT / test).is_file()
