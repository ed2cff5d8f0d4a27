import io
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.errors import SourceError
from finder.settings import PROJECT
from finder.sources.archive import LIMITS, Archive, Limits

TEXT = b"".join(b"line %d of a file that compresses well\n" % number for number in range(60_000))


def _zip(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return path


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return _zip(
        tmp_path / "a.zip", ("data_2020.csv", TEXT), ("data_2020_fileheader.csv", b"x"), ("ReadMe.pdf", b"%PDF")
    )


def _content(archive: Archive, prefix: str = "data") -> bytes:
    member = archive.find(prefix)
    assert member is not None
    return b"".join(archive.blocks(member))


def _refused(path: Path, saying: str, limits: Limits = LIMITS) -> None:
    with pytest.raises(SourceError, match=saying) as raised:
        Archive.at(path, limits=limits)
    assert path.name in str(raised.value)


def test_a_member_is_given_piece_by_piece_as_it_was_packed(packed: Path) -> None:
    archive = Archive.at(packed)
    member = archive.find("data")
    assert member is not None
    pieces = list(archive.blocks(member))
    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= 1024 * 1024


@given(st.binary(max_size=200_000))
def test_any_content_comes_out_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert _content(Archive.at(_zip(path, ("data.csv", content), method=method))) == content


def test_the_standard_library_does_the_same_where_isal_is_not_installed(packed: Path) -> None:
    script = (
        "import sys; sys.modules['isal'] = None\n"
        "from pathlib import Path; from finder.sources.archive import Archive, deflate\n"
        "archive = Archive.at(Path(sys.argv[1])); member = archive.find('data')\n"
        "assert deflate.__name__ == 'zlib'; sys.stdout.buffer.write(b''.join(archive.blocks(member)))"
    )
    done = subprocess.run([sys.executable, "-c", script, packed], cwd=PROJECT, capture_output=True, check=True)
    assert done.stdout == TEXT


def test_a_stored_member_is_read_too(tmp_path: Path) -> None:
    assert _content(Archive.at(_zip(tmp_path / "a.zip", ("data.csv", TEXT), method=zipfile.ZIP_STORED))) == TEXT


def test_a_zip_file_behind_other_bytes_is_read_too(packed: Path) -> None:
    packed.write_bytes(b"#!/bin/sh\n" + packed.read_bytes())
    assert _content(Archive.at(packed)) == TEXT


def test_the_progress_is_counted_in_bytes_of_the_packed_file(packed: Path) -> None:
    said: list[int] = []
    archive = Archive.at(packed, said.append)
    _content(archive)
    member = archive.find("data")
    assert member is not None
    assert said == sorted(said)
    assert said[-1] == member.compress_size < packed.stat().st_size


def test_the_head_of_a_member_is_not_progress(packed: Path) -> None:
    said: list[int] = []
    archive = Archive.at(packed, said.append)
    member = archive.find("data")
    assert member is not None
    assert archive.head(member, 100) == TEXT[:100]
    assert said == []


def test_a_member_is_found_by_how_its_name_begins_in_any_case_and_folder(tmp_path: Path) -> None:
    archive = Archive.at(
        _zip(tmp_path / "a.zip", ("August/DATA_2020.CSV", b"1"), ("August/Data_2020_FileHeader.csv", b"2"))
    )
    assert _content(archive) == b"1"
    assert archive.find("other") is None


def test_two_members_that_could_be_meant_are_not_guessed_between(tmp_path: Path) -> None:
    archive = Archive.at(_zip(tmp_path / "a.zip", ("data_1.csv", b"1"), ("data_2.csv", b"2")))
    with pytest.raises(SourceError, match=r"holds 2 files data\*\.csv"):
        archive.find("data")


@pytest.mark.parametrize("content", [b"", b"NPI,Name\n", b"<!DOCTYPE html><title>Not found</title>"])
def test_a_file_that_is_not_a_zip_is_called_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    _refused(path, "is not a zip file")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_zip_that_was_cut_short_is_called_so(packed: Path, share: float) -> None:
    whole = packed.read_bytes()
    packed.write_bytes(whole[: int(len(whole) * share)])
    _refused(packed, "is cut short")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    _refused(tmp_path / "a.zip", "cannot be read")


def test_an_encrypted_zip_is_refused(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    packed.write_bytes(content)
    _refused(packed, "is encrypted")


def test_a_method_that_is_not_read_is_refused(tmp_path: Path) -> None:
    _refused(_zip(tmp_path / "a.zip", ("data.csv", TEXT), method=zipfile.ZIP_BZIP2), "method 12")


@pytest.mark.parametrize("name", ["../data.csv", "a/../../data.csv", "/etc/data.csv", "..\\data.csv", "C:\\data.csv"])
def test_a_member_with_a_path_outside_is_refused(tmp_path: Path, name: str) -> None:
    _refused(_zip(tmp_path / "a.zip", (name, b"1")), "a path outside itself")


def test_more_members_than_the_limit_are_refused(packed: Path) -> None:
    _refused(packed, "more than 2 files", Limits(members=2))


def test_more_bytes_than_the_limit_are_refused(packed: Path) -> None:
    _refused(packed, "too many", Limits(size=len(TEXT)))


def test_what_unpacks_to_far_more_than_it_packs_is_refused(tmp_path: Path) -> None:
    _refused(_zip(tmp_path / "a.zip", ("data.csv", bytes(10_000_000))), "would unpack to 10,000,000 bytes")


def test_members_that_share_their_bytes_are_refused(packed: Path) -> None:
    content = packed.read_bytes()
    directory = content.index(b"PK\x01\x02")
    entry = content[directory : content.index(b"PK\x01\x02", directory + 4)]
    count = 20
    end = bytearray(content[content.index(b"PK\x05\x06") :])
    end[8:12] = count.to_bytes(2, "little") * 2
    end[12:16] = (len(entry) * count).to_bytes(4, "little")
    packed.write_bytes(content[:directory] + entry * count + end)
    _refused(packed, "overlap")


def test_a_member_that_is_larger_than_it_says_stops(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (1000).to_bytes(4, "little")
    packed.write_bytes(content)
    with pytest.raises(SourceError, match=r"data_2020\.csv is not what was packed"):
        _content(Archive.at(packed))


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("data.csv", TEXT), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"line 7 ", b"line 8 ", 1))
    with pytest.raises(SourceError, match="is damaged"):
        _content(Archive.at(path))


@given(st.integers(0, 10**9))
def test_whatever_is_broken_the_answer_is_the_content_or_a_plain_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    path = _zip(tmp_path_factory.mktemp("zip") / "a.zip", ("data.csv", TEXT[:5000]), ("more.csv", b"more"))
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(3):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content)
    found, said = None, ""
    try:
        archive = Archive.at(path)
        member = archive.find("data")
        found = b"".join(archive.blocks(member)) if member else None
    except SourceError as error:
        said = str(error)
    assert found in (None, TEXT[:5000])
    assert not said or re.search(r"\. [A-Z].*\.$", said), "the mend is missing"


def test_a_zip_inside_a_zip_keeps_the_same_limits(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("sheet.xml", bytes(10_000_000))
    outer = Archive.at(_zip(tmp_path / "a.zip", ("data.xlsx", inner.getvalue())))
    member = outer.find("data", ".xlsx")
    assert member is not None
    with pytest.raises(SourceError, match=r"data\.xlsx would unpack"):
        Archive.within("data.xlsx", outer.content(member, 1_000_000))


def test_a_member_that_is_too_large_is_not_read_as_a_whole(packed: Path) -> None:
    archive = Archive.at(packed)
    member = archive.find("data")
    assert member is not None
    with pytest.raises(SourceError, match="is larger than 1,000 bytes"):
        archive.content(member, 1000)
