import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from finder.domain.geo import GeoPoint
from finder.geocoding import Index, build_index
from finder.geocoding.index import deletions
from finder.geocoding.names import other_keys, place_key


def test_the_gazetteer_is_as_large_as_its_sources(index_file):
    with sqlite3.connect(index_file) as connection:
        codes = connection.execute("SELECT count(*) FROM zip WHERE latitude IS NOT NULL").fetchone()
        places = dict(connection.execute("SELECT kind, count(*) FROM place GROUP BY kind"))
    connection.close()

    assert codes[0] > 41_000
    assert places["city"] > 22_000
    assert places["postal"] > 14_000
    assert places["county"] > 3_200
    assert places["state"] == 56


def test_an_index_is_built_beside_an_old_one_and_then_takes_its_place(tmp_path, data_dir):
    target = tmp_path / "deep" / "index.sqlite"
    target.parent.mkdir()
    target.write_bytes(b"an old file")

    build_index(data_dir, target)

    assert [path.name for path in target.parent.iterdir()] == ["index.sqlite"]
    index = Index(target)
    assert index.postal_code("02139").city == "Cambridge"
    index.close()


def test_a_failed_build_leaves_the_old_index(tmp_path):
    target = tmp_path / "index.sqlite"
    target.write_bytes(b"an old file")

    with pytest.raises(FileNotFoundError):
        build_index(tmp_path / "nowhere", target)

    assert target.read_bytes() == b"an old file"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_index_is_not_written_to(index):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        index._ask("DELETE FROM zip")


def test_making_an_index_opens_nothing(tmp_path):
    index = Index(tmp_path / "not there")

    with pytest.raises(sqlite3.OperationalError):
        index.named("boston")


def test_threads_share_an_index(index_file):
    index = Index(index_file)
    barrier = threading.Barrier(8)

    def ask(number):
        barrier.wait()
        return [index.postal_code("02139").city, *(place.label for place in index.starting("bost", 3 + number % 2))]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    index.close()

    assert all(answer[:2] == ["Cambridge", "Boston, MA"] for answer in answers)


def test_a_forked_process_opens_the_index_for_itself(index_file):
    index = Index(index_file)
    index.named("boston")
    before = index._connection()[0]

    child = os.fork()
    if child == 0:
        right = index.named("boston")[0].label == "Boston, MA" and index._connection()[0] is not before
        os._exit(0 if right else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert index.named("boston")[0].label == "Boston, MA"
    index.close()


def test_an_index_closed_is_opened_again_when_asked(index_file):
    index = Index(index_file)
    assert index.named("boston")
    index.close()
    assert index.named("boston")
    index.close()


def test_the_nearest_towns_come_nearest_first(index):
    here = GeoPoint(42.36, -71.06)
    found = index.nearest(here, 20_000, 50_000, 5)

    assert found[0].label == "Boston, MA"
    assert len(found) == 5


def test_the_nearest_are_found_across_the_180th_meridian(index):
    labels = {place.label for place in index.nearest(GeoPoint(52.0, 179.99), 700_000, 0, 20)}

    assert "Adak, AK" in labels


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("St. Louis", "saint louis"),
        ("Ft Worth", "fort worth"),
        ("N. Carolina", "n carolina"),
        ("N.C.", "nc"),
        ("L A", "la"),
        ("Cañon City", "canon city"),
        ("Great Falls MT", "great falls mt"),
        ("MT", "mt"),
        ("Mt Vernon", "mount vernon"),
        ("東京", ""),
    ],
)
def test_names_are_compared_in_one_form(name, key):
    assert place_key(name) == key
    assert place_key(key) == key


def test_formal_names_are_known_without_their_forms():
    assert other_keys("City of Milford (balance)", "CT") == {"milford"}
    assert other_keys("Makakilo / Kapolei / Honokai Hale", "HI") == {"makakilo", "kapolei", "honokai hale"}
    assert "dededo" in other_keys("Dededo Village", "GU")
    assert other_keys("Prairie Village", "KS") == set()


def test_two_letters_are_left_out_of_long_names_and_none_of_short_ones():
    assert deletions("abc") == {"abc"}
    assert deletions("abcd") == {"abcd", "bcd", "acd", "abd", "abc"}
    assert "abcd" in deletions("abcdefgh")
    assert min(map(len, deletions("abcdefgh"))) == 4
