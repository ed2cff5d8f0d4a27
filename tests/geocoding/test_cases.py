import csv
from pathlib import Path

import pytest

from finder.domain.geo import GeoPoint, distance_m
from finder.domain.place import LocateStatus
from finder.geocoding import Locator

CASES = Path(__file__).parents[1] / "data" / "geocode_cases.csv"


def cases():
    with CASES.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=1):
            row["input"] = row["input"].replace("\\x00", "\0")
            yield pytest.param(row, id=f"{number}-{row['kind']}")


@pytest.mark.parametrize("case", list(cases()))
def test_every_case_of_the_file_is_understood(index, case):
    located = Locator(index).locate(case["input"])

    if case["expected"] == "point":
        assert located.status is LocateStatus.POINT
        wanted = GeoPoint(float(case["lat"]), float(case["lon"]))
        assert distance_m(located.place.point, wanted) <= 1000 * float(case["tolerance_km"])
    elif case["expected"] == "not_found":
        assert located.status in {LocateStatus.NOT_FOUND, LocateStatus.REFUSED}
        assert located.place is None
    else:
        labels = case["expected"].removeprefix("ambiguous: ").split("|")
        assert located.status is LocateStatus.AMBIGUOUS
        assert [place.label for place in located.candidates] == labels


def test_no_case_is_lost():
    assert len(list(cases())) == 223
