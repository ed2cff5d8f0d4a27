from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finder.domain.entry import Rejected
from finder.errors import SourceError
from finder.sources.reading import Row, is_phone, is_position, is_zip, read_rows


def _write(folder: Path, content: bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(content)
    return path


def test_values_are_trimmed_and_found_by_name_in_any_order(tmp_path: Path) -> None:
    (row,) = read_rows(_write(tmp_path, b"b,extra,a\r\n  two ,x,one  and\ta half\r\n"), ("a", "b"))
    assert isinstance(row, Row)
    assert dict(row.values) == {"a": "one and a half", "b": "two"}


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (row,) = read_rows(_write(tmp_path, "a\nñ\n".encode("utf-8-sig")), ("a",))
    assert isinstance(row, Row)
    assert row["a"] == "ñ"


@pytest.mark.parametrize("line", [b"1\n", b"1,2,3\n"])
def test_a_ragged_row_is_rejected_and_the_next_one_read(tmp_path: Path, line: bytes) -> None:
    bad, good = read_rows(_write(tmp_path, b"a,b\n" + line + b"3,4\n"), ("a", "b"))
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.code) == (2, "ragged")
    assert isinstance(good, Row)


def test_a_value_that_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    bad, good = read_rows(_write(tmp_path, b"a,b\n1,Mu\xf1oz\n3,4\n"), ("a", "b"))
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.column, bad.value, bad.code) == (2, "b", "", "bad-encoding")
    assert isinstance(good, Row)


def test_a_field_of_impossible_length_is_rejected(tmp_path: Path) -> None:
    bad, good = read_rows(_write(tmp_path, b"a\n" + b"x" * 200_000 + b"\n3\n"), ("a",))
    assert isinstance(bad, Rejected)
    assert bad.code == "unreadable"
    assert isinstance(good, Row)


def test_an_empty_file_has_no_column(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column a, b"):
        read_rows(_write(tmp_path, b""), ("a", "b"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_rows(tmp_path, ("a",))


@given(content=st.binary(max_size=300))
def test_no_bytes_break_the_reading(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = _write(tmp_path_factory.getbasetemp(), b"a,b\n" + content)
    for row in read_rows(path, ("a", "b")):
        assert isinstance(row, Row | Rejected)
        texts = list(row.values.values()) if isinstance(row, Row) else [row.value, row.reason]
        assert "".join(texts).encode().decode() == "".join(texts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("617-555-0100", True), ("117-555-0100", False), ("617-155-0100", False), ("6175550100", False), ("", False)],
)
def test_a_telephone_number_has_one_form(text: str, expected: bool) -> None:
    assert is_phone(text) is expected


@pytest.mark.parametrize(("text", "expected"), [("02115", True), ("2115", False), ("02115-1234", False)])
def test_a_zip_has_five_digits(text: str, expected: bool) -> None:
    assert is_zip(text) is expected


@given(st.text(), st.text())
def test_no_texts_break_the_check_of_a_position(latitude: str, longitude: str) -> None:
    assert is_position(latitude, longitude) in {True, False}
