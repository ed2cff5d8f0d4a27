import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finder.domain.street_key import lines_agree, place_words, street_key, street_line, unit_of, zip5


@pytest.mark.parametrize(
    ("street", "line"),
    [
        ("One Jarrett White Road", "1 JARRETT WHITE RD"),
        ("1 Jarrett White Rd", "1 JARRETT WHITE RD"),
        ("9040A Jackson Avenue", "9040A JACKSON AVE"),
        ("800 Northeast 10th Street", "800 NE 10TH ST"),
        ("800 N.E. TENTH ST.", "800 NE 10TH ST"),
        ("800 N E 10th St", "800 NE 10TH ST"),
        ("111 MICHIGAN AVE, NW", "111 MICHIGAN AVE NW"),
        ("100 N E Street", "100 N E ST"),
        ("525 East Sixty-Eighth Street", "525 E 68TH ST"),
        ("5th & Main Sts.", "5TH AND MAIN ST"),
        ("3601 West Thirteen Mile Road", "3601 W 13 MILE RD"),
        ("1130 St. Nicholas Avenue", "1130 ST NICHOLAS AVE"),
        ("1130 Saint Nicholas Ave", "1130 ST NICHOLAS AVE"),
        ("3001 West Dr. Martin Luther King Jr. Boulevard", "3001 W MLK BLVD"),
        ("3001 W MARTIN LUTHER KING BLVD", "3001 W MLK BLVD"),
        ("1044½ Main St", "1044 1/2 MAIN ST"),
        ("MEDICAL CENTER BOULEVARD", "MEDICAL CTR BLVD"),
    ],
)
def test_numbers_directions_and_suffixes_have_one_short_form(street, line):
    assert street_line(street) == line


@pytest.mark.parametrize(
    ("street", "line"),
    [
        ("270-05 76th Avenue", "27005 76TH AVE"),
        ("270 - 05 76TH AVENUE", "27005 76TH AVE"),
        ("27005 76th Ave", "27005 76TH AVE"),
        ("98-1079 Moanalua Road", "981079 MOANALUA RD"),
        ("18-6 E Dundee Rd", "18-6 E DUNDEE RD"),
        ("201 - 16TH AVENUE EAST", "201 16TH AVE E"),
        ("1035-116th Ave NE", "1035 116TH AVE NE"),
        ("N6W23001 Bluemound Road", "N6W23001 BLUEMOUND RD"),
        ("N6 W23001 Bluemound Rd.", "N6W23001 BLUEMOUND RD"),
        ("170 NORTH 1100 EAST", "170 N 1100 E"),
        ("#3 East Benjamin Drive", "3 E BENJAMIN DR"),
    ],
)
def test_house_numbers_with_hyphens_and_grids_are_one_number(street, line):
    assert street_line(street) == line


@pytest.mark.parametrize(
    ("street", "line"),
    [
        ("1945 Route 33", "1945 HWY 33"),
        ("1945 RTE 33", "1945 HWY 33"),
        ("1945 State Highway 33", "1945 HWY 33"),
        ("1945 S.R. 33", "1945 HWY 33"),
        ("2505 U S HIGHWAY 431 NORTH", "2505 HWY 431 N"),
        ("2505 US-431 N", "2505 HWY 431 N"),
        ("2701 S I-35", "2701 S I-35"),
        ("2701 South Interstate 35", "2701 S I-35"),
        ("1454 N County Road 2050 E", "1454 N CR 2050 E"),
        ("1454 N CR 2050 E", "1454 N CR 2050 E"),
    ],
)
def test_numbered_roads_have_one_name(street, line):
    assert street_line(street) == line


@pytest.mark.parametrize(
    ("street", "line", "unit"),
    [
        ("450 Brookline Ave., Suite 300", "450 BROOKLINE AVE", "300"),
        ("450 BROOKLINE AVENUE # 300", "450 BROOKLINE AVE", "300"),
        ("450 Brookline Ave Ste. #300", "450 BROOKLINE AVE", "300"),
        ("Suite 300, 450 Brookline Ave", "450 BROOKLINE AVE", "300"),
        ("3600 TOWER AVE SUITE ONE", "3600 TOWER AVE", "1"),
        ("6720 BERTNER AVE, STE MC1-266", "6720 BERTNER AVE", "MC1266"),
        ("801 MEDICAL DRIVE, SUITE B", "801 MEDICAL DR", "B"),
        ("1575 Blondell Avenue, 2nd Floor, Suite 200", "1575 BLONDELL AVE", "FL 2 200"),
        ("6255 W SUNSET BLVD FL 21", "6255 W SUNSET BLVD", "FL 21"),
        ("691 Preston Research Building", "691 PRESTON RESEARCH BLDG", ""),
        ("100 Suite Life Road", "100 STE LIFE RD", ""),
        ("# 300", "", "300"),
    ],
)
def test_the_suite_is_kept_apart(street, line, unit):
    assert (street_line(street), unit_of(street)) == (line, unit)


@pytest.mark.parametrize(
    ("street", "line"),
    [
        ("P.O. Box 12", "PO BOX 12"),
        ("Post Office Box 12", "PO BOX 12"),
        ("po box 12", "PO BOX 12"),
        ("P O BOX 1328, 1301 EAST H ST", "1301 E H ST"),
        ("4800 SAND POINT WAY NE, PO BOX C-5371", "4800 SAND PT WAY NE"),
        ("225 E CHICAGO AVE, BOX 140", "225 E CHICAGO AVE"),
        ("43 NEW SCOTLAND AVENUE, MAIL CODE 34", "43 NEW SCOTLAND AVE"),
        ("4650 SUNSET BLVD, MS 108", "4650 SUNSET BLVD"),
        ("1201 HILL RD ATTN: FIN DIR", "1201 HL RD"),
        ("1 LOWER NAVY HILL ROAD (PO BOX 409CK)", "1 LOWER NAVY HL RD"),
        ("RR 1 Box 12", "RR 1 BOX 12"),
        ("Rural Route 1, Box 12", "RR 1 BOX 12"),
    ],
)
def test_a_box_counts_only_where_there_is_no_street(street, line):
    assert street_line(street) == line


def test_the_key_ends_in_the_zip_else_in_the_city():
    assert street_key("450 Brookline Ave", "Boston", "02215-5450") == "450 BROOKLINE AVE, 02215"
    assert street_key("450 Brookline Ave", "St. Louis", "") == "450 BROOKLINE AVE, SAINT LOUIS"
    assert street_key("450 Brookline Ave", "Saint Louis", "oops") == "450 BROOKLINE AVE, SAINT LOUIS"


@pytest.mark.parametrize("street", ["", "  ", "---", "Suite 300", "(rear)"])
def test_no_street_has_no_key(street):
    assert street_key(street, "Boston", "02215") == ""


def test_a_street_that_stands_nowhere_has_no_key():
    assert street_key("450 Brookline Ave", "", "") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("6565 FANNIN", "6565 FANNIN ST"),
        ("9333 IMPERIAL HWY", "9333 E IMPERIAL HWY"),
        ("3800 RESERVOIR RD", "3800 RESERVOIR RD NW"),
    ],
)
def test_one_side_may_lack_a_direction_or_the_suffix(one, other):
    assert lines_agree(one, other)
    assert lines_agree(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", ""),
        ("100 N MAIN ST", "100 S MAIN ST"),
        ("100 PARK AVE", "100 CENTRAL PARK AVE"),
        ("100 MAIN ST", "102 MAIN ST"),
        ("100 MAIN ST", "100 MAIN AVE"),
        ("100", "100 ST"),
        ("MEDICAL CTR", "MEDICAL CTR DR"),
        ("PO BOX 12", "PO BOX 121"),
    ],
)
def test_other_streets_do_not_agree(one, other):
    assert not lines_agree(one, other)
    assert not lines_agree(other, one)


@pytest.mark.parametrize(
    ("code", "digits"),
    [("02139", "02139"), ("02139-1234", "02139"), ("021391234", "02139"), (" 02139 ", "02139"), ("2139", ""), ("", "")],
)
def test_a_zip_is_its_first_five_digits(code, digits):
    assert zip5(code) == digits


def test_city_names_are_written_out():
    assert place_words("Ft. Lauderdale") == place_words("FORT LAUDERDALE")


LONG_AND_SHORT = [
    ("Street", "St"), ("Avenue", "Ave"), ("Boulevard", "Blvd"), ("Drive", "Dr"), ("Parkway", "Pkwy"), ("Circle", "Cir"),
    ("Place", "Pl"), ("Terrace", "Ter"), ("Plaza", "Plz"), ("Highway", "Hwy"), ("Trail", "Trl"), ("Square", "Sq"),
]  # fmt: skip
DIRECTIONS = [("North", "N"), ("Southwest", "SW"), ("East", "E."), ("Northeast", "N.E."), ("", "")]
NAMES = ["Brookline", "Jarrett White", "76th", "King's", "John R", "Elm", "Medical Center", "First", "St. Jude"]


@st.composite
def spelled_twice(draw):
    number = draw(st.integers(1, 99_999))
    name = draw(st.sampled_from(NAMES))
    before, suffix, after = (draw(st.sampled_from(pairs)) for pairs in (DIRECTIONS, LONG_AND_SHORT, DIRECTIONS))
    return tuple(" ".join(f"{number} {before[i]} {name} {suffix[i]} {after[i]}".split()) for i in (0, 1))


@given(spelled_twice())
def test_long_and_short_words_give_one_key(spellings):
    long, short = spellings
    assert street_key(long, "Boston", "02215") == street_key(short, "Boston", "02215") != ""


@given(spelled_twice(), st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_case_does_not_change_the_key(spellings, changed):
    assert street_key(changed(spellings[0]), "Boston", "02215") == street_key(spellings[0], "boston", "02215")


@given(spelled_twice(), st.lists(st.sampled_from([" ", "  ", ", ", ". ", "; ", " - ", "\t"]), min_size=8, max_size=8))
def test_punctuation_does_not_change_the_key(spellings, signs):
    number, *words = spellings[0].split()
    marked = f" {number} " + "".join(word + sign for word, sign in zip(words, signs, strict=False))
    assert street_line(marked) == street_line(spellings[0])


TOKENS = """
1 12 270-05 18-6-7 1-2-34 N S E W NE North West St Saint Street Ave # Suite Ste Apt FL Floor 2nd 3 B PO Box P.O. US U.S.
U State SR Highway Hwy Route RR HC Rural CR County Road Rd I I-35 Interstate Dr. Rev Martin Luther King Jr MLK Mail Stop
MS 108 ATTN Twenty First One & ( ) - / . , ' W23001 N6 Bldg (rear) ½ #3
"""


@given(st.lists(st.sampled_from(TOKENS.split()), max_size=9).map(" ".join) | st.text(max_size=40))
@example("SUITE 300 270-05 76TH AVE")
def test_a_street_line_is_its_own_street_line(street):
    line = street_line(street)
    assert street_line(line) == line


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=12))
def test_any_text_has_a_key_in_plain_capitals(street, city, code):
    assert street_key(street, city, code).isascii()
    assert unit_of(street) == unit_of(street).upper()
