import json
import os
import subprocess
import sys

import pytest

from finder.domain.query import PARAMETERS


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    environment = os.environ | {"FINDER_INSTANCE": str(tmp_path_factory.mktemp("instance"))}
    environment.pop("FINDER_DATABASE_URL", None)

    def run(*arguments, text=None):
        return subprocess.run(
            [sys.executable, "-m", "finder", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            input=text,
            check=False,
        )

    return run


def test_a_search_prints_the_same_json_as_the_interface(run):
    done = run("search", "--near", "02139", "--who", "child", "--json")

    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["query"]["who"] == "child"
    assert answer["listings"][0]["reasons"][0]["code"] == "distance"


def test_a_search_for_a_person_gives_names_and_reasons(run):
    done = run("search", "--near", "Boston, MA", "--who", "adult")

    assert "centers within 100 miles" in done.stdout
    assert "Dana-Farber" in done.stdout


def test_all_mistakes_are_named_at_once_and_the_exit_code_says_so(run):
    done = run("search", "--radius", "0", "--who", "baby")

    assert done.returncode == 2
    assert {"--near", "--radius", "--who"} <= set(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_every_parameter_is_an_option(run):
    words = run("search", "--help").stdout

    assert all(f"--{parameter.name}" in words for parameter in PARAMETERS)


def test_each_text_and_each_line_of_a_file_is_answered(run):
    done = run("geocode", "Boston, MA", "Portland", "--file", "-", "--json", text="zzzzz\n02139\n")

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["status"] for answer in answers] == ["point", "ambiguous", "not_found", "point"]
    assert [answer["input"] for answer in answers] == ["Boston, MA", "Portland", "zzzzz", "02139"]
    assert set(answers[0]) == {
        "input", "status", "latitude", "longitude", "label", "precision", "corrected", "candidates", "message",
    }  # fmt: skip


def test_a_file_that_is_not_there_is_named(run):
    done = run("geocode", "--file", "nowhere.txt")

    assert done.returncode == 1
    assert "nowhere.txt cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_setting_up_twice_does_its_work_once(run):
    run("setup")

    again = run("setup")

    assert again.stderr == ""
    assert "ready" in again.stdout


def test_rebuilding_says_how_much_was_made(run):
    assert "Made the listings of" in run("rebuild").stdout
