"""What a start leaves behind for the next one."""

import shutil
from dataclasses import replace

import pytest

from finder import services
from finder.guidance import Guidance
from finder.language import LANGUAGES
from finder.settings import PROJECT, load


@pytest.fixture
def own(tmp_path):
    """Settings with an instance and texts of their own."""
    shutil.copytree(PROJECT / "data" / "guidance", tmp_path / "data" / "guidance")
    for name in ("facts.yml", "helplines.yml"):
        shutil.copy(PROJECT / "data" / name, tmp_path / "data" / name)
    instance = tmp_path / "instance"
    instance.mkdir()
    return replace(load({"FINDER_INSTANCE": str(instance)}), data=tmp_path / "data")


def kept(settings):
    return sorted(settings.instance.glob("guidance-*"))


def titles(guidance):
    return {code: [page.title for page in one.pages()] for code, one in guidance.items()}


def test_the_guidance_is_left_behind_as_its_files_say_it(own):
    services._prepare_guidance(own)

    assert len(kept(own)) == 1
    left = services.load_guidance(own)
    assert titles(left) == titles({code: Guidance.load(own.data, code) for code in LANGUAGES})
    assert left["es"].panel("child") == Guidance.load(own.data, "es").panel("child")


def test_a_text_that_changed_is_read_anew_and_nothing_old_is_left(own):
    services._prepare_guidance(own)
    before = kept(own)
    page = own.data / "guidance" / "en" / "stories.md"
    page.write_text(page.read_text(encoding="utf-8").replace("title: ", "title: New ", 1).replace('New "', '"New '))
    services._prepare_guidance(own)

    assert kept(own) != before
    assert len(kept(own)) == 1
    assert services.load_guidance(own)["en"].page("stories").title.startswith("New ")


@pytest.mark.parametrize("content", [b"", b"broken"])
def test_what_was_left_behind_broken_is_not_used(own, content):
    services._prepare_guidance(own)
    kept(own)[0].write_bytes(content)

    assert titles(services.load_guidance(own)) == titles({code: Guidance.load(own.data, code) for code in LANGUAGES})
