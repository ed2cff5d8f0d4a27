"""The colors of finder.css, light and dark, by the contrast that WCAG 2 measures."""

import re

import pytest

from finder.settings import PROJECT

CSS = (PROJECT / "finder/web/static/finder.css").read_text(encoding="utf-8")
LIGHT = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", CSS[: CSS.index("@media")]))
DARK = LIGHT | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", re.search(r"dark\) \{(.+?)\n\}", CSS, re.DOTALL)[1]))
TEXT = [
    ("ink", "paper"), ("ink", "card"), ("ink", "tint"), ("muted", "paper"), ("muted", "card"), ("muted", "tint"),
    ("link", "paper"), ("link", "card"), ("link", "tint"), ("on-accent", "accent"), ("on-bar", "bar"),
    ("warn", "paper"), ("warn", "card"), ("warn", "warn-tint"), ("ink", "warn-tint"),
]  # fmt: skip
SHAPES = [("edge", "card"), ("edge", "paper"), ("accent", "paper"), ("mark", "bar"), ("focus", "focus-ink")]


def luminance(color):
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_stands_out_seven_times(colors, ink, ground):
    assert contrast(colors[ink], colors[ground]) >= 7


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_stand_out_three_times(colors, shape, ground):
    assert contrast(colors[shape], colors[ground]) >= 3


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "card", "tint", "bar", "accent", "warn-tint"])
def test_one_of_the_two_colors_of_the_focus_ring_stands_out_anywhere(colors, ground):
    assert max(contrast(colors[ring], colors[ground]) for ring in ("focus", "focus-ink")) >= 3
