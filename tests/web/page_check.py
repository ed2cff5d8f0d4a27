"""Reads a page as a browser would and checks what every one must hold."""

import html5lib
from bs4 import BeautifulSoup
from bs4.builder import HTML5TreeBuilder

SITE = "ALL Care Finder"


class _Strict(HTML5TreeBuilder):
    """Builds the tree of a page and fails at the first thing that the HTML standard calls an error."""

    def feed(self, markup):
        html5lib.HTMLParser(strict=True, tree=self.create_treebuilder).parse(markup)


def page(response, status=200):
    """Return the parsed page after checking it."""
    assert response.status_code == status
    assert response.mimetype == "text/html"
    text = response.get_data(as_text=True)
    soup = BeautifulSoup(text, builder=_Strict())
    _says_where_one_is(soup)
    _names_everything(soup)
    _loads_only_ours(soup, response)
    return soup


def words(soup):
    """Return the text of an element with single blanks."""
    return " ".join(soup.get_text(" ", strip=True).split())


def _says_where_one_is(soup):
    (heading,) = soup.find_all("h1")
    assert words(soup.title) == f"{words(heading)} – {SITE}"
    assert soup.html["lang"]
    assert len(soup.find_all("main")) == 1
    assert soup.select_one("a.skip")["href"] == "#main"
    viewport = soup.find("meta", attrs={"name": "viewport"})["content"]
    assert "maximum-scale" not in viewport
    assert "user-scalable" not in viewport
    level = 0
    for one in soup.find_all(["h1", "h2", "h3", "h4"]):
        assert int(one.name[1]) <= level + 1, f"{words(one)} skips a level"
        level = int(one.name[1])


def _names_everything(soup):
    ids = [one["id"] for one in soup.find_all(id=True)]
    assert len(ids) == len(set(ids)), "two elements have the same id"
    for attribute in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
        for one in soup.find_all(attrs={attribute: True}):
            assert set(one[attribute].split()) <= set(ids), f"{attribute}={one[attribute]} leads nowhere"
    for link in soup.select('a[href^="#"]'):
        assert link["href"][1:] in ids, f"{link['href']} leads nowhere"
    for control in soup.find_all(["input", "select", "textarea"]):
        if control.get("type") != "hidden":
            assert control.find_parent("label") or soup.find("label", attrs={"for": control["id"]})
    for one in [*soup.find_all("a"), *soup.find_all("button")]:
        assert words(one), f"{one} has no name"
    for image in soup.find_all("svg"):
        assert image.get("aria-hidden") == "true"
    assert not soup.find_all("img", alt=False)


def _loads_only_ours(soup, response):
    nonces = set()
    for one in soup.find_all(True):
        assert not [name for name in one.attrs if name == "style" or name.startswith("on")]
        if one.name == "link" and one["rel"] == ["alternate"]:
            continue  # It names the same page in another language, and loads nothing.
        loaded = one.get("src") or (one.get("href") if one.name == "link" else one.get("action"))
        assert loaded is None or (loaded.startswith("/") and not loaded.startswith("//"))
        if one.name == "a" and one["href"].startswith("http"):
            assert {"noreferrer", "external"} <= set(one["rel"])
        if one.name in ("script", "style") and not one.get("src"):
            nonces.add(one["nonce"])
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert all(f"'nonce-{nonce}'" in policy for nonce in nonces)
    assert len(nonces) <= 1
