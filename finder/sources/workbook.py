"""Reading the first sheet of an Excel workbook as rows of text."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import BinaryIO

from finder.errors import SourceError


def read_sheet(name: str, source: Path | BinaryIO) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the number and the values of each row; SourceError for a file that is no workbook.

    Dates are given as MM/DD/YYYY and whole numbers without a point, as a reader of the sheet sees them.
    """
    # openpyxl loads numpy where it is installed: memory that only the readers of workbooks should pay for.
    from openpyxl import load_workbook  # noqa: PLC0415

    try:
        with closing(load_workbook(source, read_only=True, data_only=True)) as workbook:
            for number, values in enumerate(workbook.worksheets[0].iter_rows(values_only=True), 1):
                yield number, tuple(_text(value) for value in values)
    except Exception as error:  # openpyxl lets through whatever a broken part of the file led it to
        raise SourceError(f"{name} is not a workbook that can be read ({error}). Save it as .xlsx again.") from error


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.strftime("%m/%d/%Y")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
