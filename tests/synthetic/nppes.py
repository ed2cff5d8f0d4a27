"""A made-up NPPES: monthly and weekly zip files of version 2 and the deactivation report, with every fault seen there.

Every person, organization, street and telephone number is invented. NPIs are valid but lie in 29xxxxxxxx, a block that
was never issued, so no row can be taken for a real provider. City, state and ZIP agree. A row depends only on seed,
index and version: the same arguments always give the same bytes, and a weekly file changes rows of the monthly file
that was made with the same seed.

  python tests/synthetic/nppes.py monthly.zip -n 10000 --seed 7 --oncology-share 0.1 --truth truth.json
  python tests/synthetic/nppes.py weekly.zip -n 10000 --seed 7 --oncology-share 0.1 --weekly --as-of 2026-08-16
  python tests/synthetic/nppes.py monthly.zip -n 10000 --report deactivated.zip
"""

import argparse
import io
import json
import random
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

Weighted = list[tuple[Any, int]]
Row = list[str]

PERSON = ("Last Name", "First Name", "Middle Name", "Name Prefix Text", "Name Suffix Text", "Credential Text")
PLACE = ("City Name", "State Name", "Postal Code", "Country Code (If outside U.S.)", "Telephone Number", "Fax Number")


def _columns() -> Iterator[str]:
    yield from ("NPI", "Entity Type Code", "Replacement NPI", "Employer Identification Number (EIN)")
    yield from ("Provider Organization Name (Legal Business Name)", "Provider Last Name (Legal Name)")
    yield from (f"Provider {part}" for part in PERSON[1:])
    yield from ("Provider Other Organization Name", "Provider Other Organization Name Type Code")
    yield from (f"Provider Other {part}" for part in (*PERSON, "Last Name Type Code"))
    for kind in ("Mailing", "Practice Location"):
        yield from (f"Provider {line} Line Business {kind} Address" for line in ("First", "Second"))
        yield from (f"Provider Business {kind} Address {part}" for part in PLACE)
    yield from ("Provider Enumeration Date", "Last Update Date", "NPI Deactivation Reason Code")
    yield from ("NPI Deactivation Date", "NPI Reactivation Date", "Provider Sex Code")
    yield from (f"Authorized Official {part}" for part in (*PERSON[:3], "Title or Position", "Telephone Number"))
    for slot in range(1, 16):
        yield from (f"Healthcare Provider Taxonomy Code_{slot}", f"Provider License Number_{slot}")
        yield from (f"Provider License Number State Code_{slot}", f"Healthcare Provider Primary Taxonomy Switch_{slot}")
    for slot in range(1, 51):
        yield from (f"Other Provider Identifier{part}_{slot}" for part in ("", " Type Code", " State", " Issuer"))
    yield from ("Is Sole Proprietor", "Is Organization Subpart", "Parent Organization LBN", "Parent Organization TIN")
    yield from (f"Authorized Official {part}" for part in PERSON[3:])
    yield from (f"Healthcare Provider Taxonomy Group_{slot}" for slot in range(1, 16))
    yield "Certification Date"


COLUMNS = list(_columns())
PLACE_COLUMNS = [
    "NPI",
    "Provider Secondary Practice Location Address- Address Line 1",
    "Provider Secondary Practice Location Address-  Address Line 2",  # two blanks, as it is published
    *(f"Provider Secondary Practice Location Address - {part}" for part in (*PLACE[:5], "Telephone Extension")),
    "Provider Practice Location Address - Fax Number",
]
OTHER_NAME_COLUMNS = ["NPI", "Provider Other Organization Name", "Provider Other Organization Name Type Code"]
ENDPOINT_COLUMNS = [
    *("NPI", "Endpoint Type", "Endpoint Type Description", "Endpoint", "Affiliation", "Endpoint Description"),
    *("Affiliation Legal Business Name", "Use Code", "Use Description", "Other Use Description", "Content Type"),
    *("Content Description", "Other Content Description", "Affiliation Address Line One"),
    *("Affiliation Address Line Two", "Affiliation Address City", "Affiliation Address State"),
    *("Affiliation Address Country", "Affiliation Address Postal Code"),
]
HEADERS = {
    "npidata": COLUMNS, "pl": PLACE_COLUMNS, "othername": OTHER_NAME_COLUMNS, "endpoint": ENDPOINT_COLUMNS
}  # fmt: skip
PRACTICE = "Provider Business Practice Location Address"
FIRST_LINE = "Provider First Line Business Practice Location Address"
SECOND_LINE = "Provider Second Line Business Practice Location Address"


def _words(text: str) -> list[str]:
    return text.split("|")


# State, millions of people, area code, city:ZIPs;…
PLACES = """\
TX 30 713 HOUSTON:77030,77002,77024;DALLAS:75235,75246;SAN ANTONIO:78229;AUSTIN:78705
CA 39 213 LOS ANGELES:90095,90033,90048;DUARTE:91010;SAN FRANCISCO:94143;STANFORD:94305;SAN DIEGO:92103;SACRAMENTO:95817
NY 20 212 NEW YORK:10065,10032,10029,10016;BUFFALO:14263;ROCHESTER:14642
FL 22 813 TAMPA:33612;MIAMI:33136;JACKSONVILLE:32224;ORLANDO:32806
PA 13 215 PHILADELPHIA:19104,19111;PITTSBURGH:15232;HERSHEY:17033
IL 13 312 CHICAGO:60637,60611;PEORIA:61637
OH 12 614 COLUMBUS:43210;CLEVELAND:44195;CINCINNATI:45229
GA 11 404 ATLANTA:30322;AUGUSTA:30912
NC 11 919 DURHAM:27710;CHAPEL HILL:27514;CHARLOTTE:28204
MI 10 734 ANN ARBOR:48109;DETROIT:48201
NJ 9 732 NEW BRUNSWICK:08903;HACKENSACK:07601
VA 9 804 RICHMOND:23298;CHARLOTTESVILLE:22903
WA 8 206 SEATTLE:98109,98195;SPOKANE:99204
AZ 7 602 PHOENIX:85054,85006;TUCSON:85724
TN 7 901 MEMPHIS:38105;NASHVILLE:37232
MA 7 617 BOSTON:02215,02114;WORCESTER:01655
IN 7 317 INDIANAPOLIS:46202
MO 6 314 SAINT LOUIS:63110;KANSAS CITY:64111
MD 6 410 BALTIMORE:21287,21201
WI 6 608 MADISON:53792;MILWAUKEE:53226
CO 6 720 AURORA:80045
MN 6 507 ROCHESTER:55905;MINNEAPOLIS:55455
SC 5 843 CHARLESTON:29425
AL 5 205 BIRMINGHAM:35294
LA 5 504 NEW ORLEANS:70112
KY 5 859 LEXINGTON:40536
OR 4 503 PORTLAND:97239
OK 4 405 OKLAHOMA CITY:73104
CT 4 203 NEW HAVEN:06510
UT 3 801 SALT LAKE CITY:84112
IA 3 319 IOWA CITY:52242
NV 3 702 LAS VEGAS:89148
AR 3 501 LITTLE ROCK:72205
MS 3 601 JACKSON:39216
KS 3 316 WICHITA:67214;KANSAS CITY:66160
NM 2 505 ALBUQUERQUE:87131
NE 2 402 OMAHA:68198
ID 2 208 BOISE:83712
WV 2 304 MORGANTOWN:26506
HI 1 808 HONOLULU:96813
NH 1 603 LEBANON:03756
ME 1 207 SCARBOROUGH:04074
MT 1 406 BILLINGS:59101
RI 1 401 PROVIDENCE:02903
DE 1 302 NEWARK:19713
SD 1 605 SIOUX FALLS:57105
ND 1 701 FARGO:58102
AK 1 907 ANCHORAGE:99508
VT 1 802 BURLINGTON:05401
WY 1 307 CHEYENNE:82001
DC 1 202 WASHINGTON:20007
PR 3 787 SAN JUAN:00935
"""
MEN = _words(
    "ADRIAN|BRENT|CALEB|DARIUS|ELLIOT|FELIX|GRANT|HUGO|IVAN|JONAS|KEITH|LOGAN|MILES|NOLAN|OSCAR|PAVEL|QUENTIN|"
    "RAVI|SILAS|TOBIAS|UMAR|VICTOR|WESLEY|YUSUF|WEI|RAJESH|OMAR|MATEO"
)
WOMEN = _words(
    "AMARA|BIANCA|CLARA|DEEPA|ELENA|FARAH|GRETA|HELENA|INGRID|JUNE|KAVYA|LENA|MIRIAM|NADIA|OLIVE|PRIYA|ROSA|"
    "SONIA|TESSA|UMA|VERA|WANDA|XIMENA|YARA|ZOE|MEI|ANIKA|SOFIA"
)
FAMILIES = _words(
    "ABERNATHEY|BRANDVOLD|CASTELLANE|DRUMMOND|EASTERLING|FAIRWEATHER|GALLOWMERE|HOLLOWAY|IYENGARI|JANKOWSKI|"
    "KELLERMANN|LINDQVIST|MONTCLAIRE|NAKAGAWA|OYELARAN|PEMBERLEY|QUARTERMAIN|RAMASWAMY|STAPLEFORD|TREVELYAN|"
    "ULRICHSEN|VANDERHOFF|WINTERBOURNE|XIANGLI|YARROW|ZELINSKI|O'MALLORY|SAINT-CLAIR|DE-LA-CROIX|MCTAVISHE|"
    "SMITHSON|GARCIALES|NGUYENTA|PATELOV|KIMURA"
)
PLACE_NAMES = _words(
    "NORTHFIELD|RIVERBEND|LAKEMONT|GRANITE HILLS|CEDARVALE|STONEBRIDGE|HARBORVIEW|SUMMERTON|WESTHAVEN|"
    "EASTMOOR|PINECREST|VALLEYFORD"
)
STREETS = _words(
    "MARLOWE|QUILLHAVEN|BRAMBLECOTE|LARKSPUR|OSTERLEY|FENWICKE|TALLGRASS|HOLLOWBROOK|SAINT ANSELM|MILLRACE|"
    "OLD FERRY|KESTREL|DUNMORE|WAVERTREE|ASHGROVE"
)
# One word in the spellings that people type.
STREET_WORDS = [
    ("ST", "STREET", "St"),
    ("AVE", "AVENUE", "Ave."),
    ("BLVD", "BOULEVARD", "Blvd"),
    ("RD", "ROAD", "Rd"),
    ("DR", "DRIVE", "Dr"),
    ("LN", "LANE", "Ln"),
    ("PKWY", "PARKWAY", "Pkwy"),
    ("HWY", "HIGHWAY", "Hwy"),
]
UNITS = ["STE {}", "SUITE {}", "Suite {}", "# {}", "FL {}", "RM {}", "UNIT {}", "BLDG {}"]
ONCOLOGY_ORGANIZATIONS = [
    "{} CANCER CENTER",
    "{} CANCER INSTITUTE",
    "{} HEMATOLOGY ONCOLOGY ASSOCIATES",
    "{} ONCOLOGY, P.C.",
    "{} BLOOD AND MARROW TRANSPLANT PROGRAM",
    "{} CHILDREN'S HOSPITAL",
    "{} UNIVERSITY HOSPITAL",
    "{} RADIATION ONCOLOGY LLC",
    "{} INFUSION CENTER INC",
]
OTHER_ORGANIZATIONS = [
    "{} FAMILY PRACTICE LLC",
    "{} DENTAL GROUP",
    "{} PHARMACY #{}",
    "{} HOME HEALTH INC",
    "{} PHYSICAL THERAPY",
    "{} AMBULANCE SERVICE",
    "{} MEDICAL SUPPLY CO",
    "{} COUNSELING, PLLC",
]
ONCOLOGY_PERSON_CODES: Weighted = [
    ("207RH0003X", 46),
    ("207RX0202X", 15),
    ("2080P0207X", 11),
    ("207RH0000X", 8),
    ("2085R0001X", 9),
    ("2086X0206X", 3),
    ("207ZH0000X", 2),
    ("207ZB0001X", 2),
    ("364SX0200X", 2),
    ("163WX0200X", 1),
    ("207VX0201X", 1),
]
ONCOLOGY_ORGANIZATION_CODES: Weighted = [
    ("261QX0200X", 34),
    ("207RH0003X", 22),
    ("261QX0203X", 12),
    ("282N00000X", 12),
    ("282NC2000X", 6),
    ("207RX0202X", 6),
    ("261QI0500X", 4),
    ("284300000X", 3),
    ("331L00000X", 1),
]
OTHER_PERSON_CODES: Weighted = [
    ("207R00000X", 8),
    ("207Q00000X", 8),
    ("363LF0000X", 9),
    ("363A00000X", 6),
    ("163W00000X", 12),
    ("225100000X", 7),
    ("1041C0700X", 8),
    ("101YM0800X", 8),
    ("106S00000X", 8),
    ("1223G0001X", 6),
    ("183500000X", 6),
    ("235Z00000X", 4),
    ("111N00000X", 3),
    ("2084P0800X", 2),
    ("208000000X", 3),
    ("390200000X", 4),
]
OTHER_ORGANIZATION_CODES: Weighted = [
    ("261QM1300X", 14),
    ("332B00000X", 10),
    ("3336C0003X", 14),
    ("251E00000X", 14),
    ("261QP2300X", 14),
    ("314000000X", 10),
    ("1223G0001X", 10),
    ("341600000X", 6),
    ("291U00000X", 8),
]
NOT_ONCOLOGY = {"282N00000X", "284300000X", "331L00000X", "261QI0500X"}
ONCOLOGY = {code for code, _ in ONCOLOGY_PERSON_CODES + ONCOLOGY_ORGANIZATION_CODES} - NOT_ONCOLOGY
BLOOD_AND_CANCER = {"207RH0003X", "207RH0000X", "207RX0202X", "2080P0207X"}
YEARS: Weighted = [(2026, 109), (2025, 119), (2024, 94), (2023, 80), (2022, 76), (2021, 76)]
YEARS += [(year, 32) for year in range(2007, 2021)]
FAULTS = (
    "bad_zip",
    "short_zip",
    "missing_address",
    "foreign",
    "bad_state",
    "po_box",
    "bad_phone",
    "non_ascii",
    "bad_encoding",
    "quotes",
    "newline",
    "padding",
    "bad_luhn",
    "duplicate_npi",
    "unknown_taxonomy",
    "no_primary",
    "masked_license",
    "bad_date",
    "ragged",
)


@dataclass
class Options:
    """What is made; the shares are parts of one."""

    n: int = 10_000
    seed: str = "1"
    as_of: str = "2026-08-09"
    oncology_share: float = 0.05
    organization_share: float = 0.21
    deactivated_share: float = 0.036
    reactivated_share: float = 0.004
    dirty_share: float = 0.01
    only_dirty: str = ""
    weekly: bool = False
    weekly_share: float = 0.01

    @property
    def last_day(self) -> date:
        return date.fromisoformat(self.as_of)

    @property
    def addresses(self) -> int:
        """How many addresses the providers share: about 2.8 of them stand at one."""
        return max(1, int(self.n / 2.8))


@dataclass
class Truth:
    """What a right reader finds: counts, the NPIs of each fault and weekly change, and those of wanted people."""

    rows: int = 0
    individuals: int = 0
    organizations: int = 0
    deactivated: int = 0
    reactivated: int = 0
    oncology_individuals: int = 0
    oncology_organizations: int = 0
    oncology_primary: dict[str, int] = field(default_factory=dict)
    dirty: dict[str, list[str]] = field(default_factory=dict)
    weekly: dict[str, list[str]] = field(default_factory=dict)
    side_rows: dict[str, int] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    dark: dict[str, str] = field(default_factory=dict)

    def count(self, made: "Made") -> None:
        values = made.values
        self.rows += 1
        if made.fault:
            self.dirty.setdefault(made.fault, []).append(values["NPI"])
        if not values["Entity Type Code"]:
            self.deactivated += 1
            self.dark[values["NPI"]] = values["NPI Deactivation Date"]
            return
        is_person = values["Entity Type Code"] == "1"
        self.individuals += is_person
        self.organizations += not is_person
        self.reactivated += bool(values["NPI Reactivation Date"])
        self._count_codes(values, is_person=is_person)

    def _count_codes(self, values: dict[str, str], *, is_person: bool) -> None:
        codes = {values[f"Healthcare Provider Taxonomy Code_{slot}"] for slot in range(1, 16)}
        self.oncology_individuals += is_person and bool(codes & ONCOLOGY)
        self.oncology_organizations += not is_person and bool(codes & ONCOLOGY)
        if is_person and codes & BLOOD_AND_CANCER:
            self.wanted.append(values["NPI"])
        for slot in range(1, 16):
            code = values[f"Healthcare Provider Taxonomy Code_{slot}"]
            is_primary = values[f"Healthcare Provider Primary Taxonomy Switch_{slot}"] == "Y"
            if is_person and is_primary and code in ONCOLOGY:
                self.oncology_primary[code] = self.oncology_primary.get(code, 0) + 1


@dataclass
class Made:
    """A row of the main file by column, its fault, and the rows that follow from it in the other files."""

    values: dict[str, str]
    fault: str = ""
    side: dict[str, list[Row]] = field(default_factory=lambda: {"pl": [], "othername": [], "endpoint": []})

    def put(self, values: dict[str, str]) -> None:
        self.values.update(values)

    def row(self) -> Row:
        return list(self.values.values())


@dataclass(frozen=True)
class Address:
    """An address of the pool that providers share."""

    number: str
    direction: str
    street: str
    words: tuple[str, ...]
    city: str
    state: str
    zip5: str
    plus4: str
    phone: str


def check_digit(nine: str) -> str:
    """The Luhn digit over "80840", which adds 24, and nine digits."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(nine))]
    return str(-(24 + sum(digit - 9 if digit > 9 else digit for digit in doubled)) % 10)


def npi(index: int) -> str:
    nine = f"29{index:07d}"
    return nine + check_digit(nine)


def _pick(source: random.Random, weighted: Weighted) -> Any:
    return source.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


def _us(day: date) -> str:
    return day.strftime("%m/%d/%Y")


def _states() -> Iterator[tuple[str, int, str, list[tuple[str, str]]]]:
    for text in PLACES.splitlines():
        state, weight, area, rest = text.split(" ", 3)
        towns = (town.split(":") for town in rest.split(";"))
        yield state, int(weight), area, [(city, code) for city, codes in towns for code in codes.split(",")]


STATES = list(_states())


def pool_address(seed: str, number: int) -> Address:
    r = random.Random(f"{seed}/addr/{number}")
    state, _, area, towns = r.choices(STATES, [weight for _, weight, *_ in STATES])[0]
    city, zip5 = r.choice(towns)
    return Address(
        number=str(r.randint(9000, 9999)),
        direction=r.choice(["", "", "", "N ", "S ", "E ", "W ", "NORTH "]),
        street=r.choice(STREETS),
        words=r.choice(STREET_WORDS),
        city=city,
        state=state,
        zip5=zip5,
        plus4=f"{r.randint(1000, 9999)}",
        phone=f"{area}55501{r.randint(0, 99):02d}",
    )


def _spelled(r: random.Random, address: Address) -> tuple[str, str]:
    """One provider's own spelling of an address, in two lines."""
    first = f"{address.number} {address.direction}{address.street} {r.choice(address.words)}"
    second = r.choice(UNITS).format(r.choice([100, 200, 210, 300, 400, "A", "B"])) if r.random() < 0.55 else ""
    if second and r.random() < 0.2:
        first, second = f"{first} {second}", ""
    return (first.title(), second.title()) if r.random() < 0.12 else (first.upper(), second.upper())


class Provider:
    """Makes one provider's row. The order in which chance is asked must stay: it decides every byte that follows."""

    def __init__(self, options: Options, index: int, version: int = 0, change: str = "") -> None:
        self.options = options
        self.index = index
        self.version = version
        self.change = change
        self.r = random.Random(f"{options.seed}/row/{index}")  # what never changes
        self.changing = random.Random(f"{options.seed}/row/{index}/{version}") if version else self.r
        self.made = Made(dict.fromkeys(COLUMNS, "") | {"NPI": npi(index)})

    def make(self) -> Made:
        share = self.r.random()
        is_dark, is_back = self._life(share)
        self.is_organization = self.r.random() < self.options.organization_share
        self.is_oncology = self.r.random() < self.options.oncology_share
        enumerated, updated, ended = self._days()
        if is_dark:
            self.made.put({"NPI Deactivation Date": _us(updated if self.change else ended)})
            return self.made
        self.made.put({"Entity Type Code": "2" if self.is_organization else "1"})
        self.made.put({"Provider Enumeration Date": _us(enumerated), "Last Update Date": _us(updated)})
        if updated.year >= 2020:
            self.made.put({"Certification Date": _us(updated)})
        if is_back:
            self.made.put({"NPI Deactivation Date": _us(min(ended, updated)), "NPI Reactivation Date": _us(updated)})
        self.place_name = self.r.choice(PLACE_NAMES)
        self._organization() if self.is_organization else self._person()
        self._addresses()
        self._codes()
        self._other_ids()
        self._side_rows()
        self._fault()
        return self.made

    def _life(self, share: float) -> tuple[bool, bool]:
        dark, back = self.options.deactivated_share, self.options.reactivated_share
        is_dark = self.change == "deactivated" or (share < dark and self.change not in ("reactivated", "new"))
        is_back = self.change == "reactivated" or (not self.change and dark <= share < dark + back)
        return is_dark, is_back

    def _days(self) -> tuple[date, date, date]:
        last = self.options.last_day
        enumerated = date(2005, 5, 23) + timedelta(days=self.r.randint(0, 7300))
        updated = date(_pick(self.r, YEARS), 1, 1) + timedelta(days=self.r.randint(0, 364))
        updated = min(max(updated, enumerated), last)
        enumerated = min(enumerated, updated)
        ended = min(enumerated + timedelta(days=self.r.randint(30, 4000)), last - timedelta(days=7))
        if self.version:
            updated = last - timedelta(days=self.changing.randint(0, 6))
            enumerated = updated if self.change == "new" else enumerated
        return enumerated, updated, ended

    def _organization(self) -> None:
        r = self.r
        kinds = ONCOLOGY_ORGANIZATIONS if self.is_oncology else OTHER_ORGANIZATIONS
        name = r.choice(kinds).format(self.place_name, r.randint(1, 999))
        self.made.put({"Provider Organization Name (Legal Business Name)": name})
        self.made.put({"Employer Identification Number (EIN)": "<UNAVAIL>"})
        is_subpart = r.random() < 0.15
        self.made.put({"Is Organization Subpart": "Y" if is_subpart else "N"})
        if is_subpart:
            parent = f"{self.place_name} HEALTH SYSTEM"
            self.made.put({"Parent Organization LBN": parent, "Parent Organization TIN": "<UNAVAIL>"})
        if r.random() < 0.25:
            other = name.replace("CENTER", "CTR").replace("ASSOCIATES", "ASSOC")
            kind = _pick(r, [("3", 85), ("5", 10), ("4", 5)])
            self.made.put(
                {"Provider Other Organization Name": other, "Provider Other Organization Name Type Code": kind}
            )
        self.made.put({"Authorized Official Last Name": r.choice(FAMILIES)})
        self.made.put({"Authorized Official First Name": r.choice(WOMEN)})
        title = r.choice(["CEO", "OWNER", "PRESIDENT", "CFO", "Managing Member"])
        self.made.put({"Authorized Official Title or Position": title})

    def _person(self) -> None:
        r = self.r
        sex = r.choice("MF")
        self.made.put({"Provider Sex Code": sex, "Provider Last Name (Legal Name)": r.choice(FAMILIES)})
        self.made.put({"Provider First Name": r.choice(MEN if sex == "M" else WOMEN)})
        if r.random() < 0.6:
            middle = [r.choice("ABCDEFGHJKLMNPRST"), r.choice(MEN + WOMEN)]
            self.made.put({"Provider Middle Name": r.choice(middle)})
        if r.random() < 0.25:
            self.made.put({"Provider Name Prefix Text": r.choice(["DR.", "MR.", "MS.", "MRS."])})
        if r.random() < 0.02:
            self.made.put({"Provider Name Suffix Text": r.choice(["JR.", "II", "III"])})
        doctor = ["MD", "M.D.", "M.D., PH.D.", "DO", "D.O.", "MBBS", ""]
        anybody = ["MD", "M.D.", "DO", "RN", "NP", "LCSW", "PT", "DDS", "PA-C", ""]
        self.made.put({"Provider Credential Text": r.choice(doctor if self.is_oncology else anybody)})
        self.made.put({"Is Sole Proprietor": _pick(r, [("N", 62), ("X", 20), ("Y", 18)])})
        if r.random() < 0.08:
            given = self.made.values["Provider First Name"]
            self.made.put({"Provider Other Last Name": r.choice(FAMILIES), "Provider Other First Name": given})
            self.made.put({"Provider Other Last Name Type Code": _pick(r, [("1", 70), ("2", 20), ("5", 10)])})

    def _addresses(self) -> None:
        r, options = self.changing, self.options
        if r.random() < 0.12:
            number = min(int(r.paretovariate(0.35)) - 1, 10**9) % options.addresses
        else:
            number = r.randrange(options.addresses)
        address = self.address = pool_address(options.seed, number)
        lines = self.lines = _spelled(r, address)
        self.postal_code = address.zip5 + (address.plus4 if r.random() < 0.9 else "")
        city = address.city.title() if r.random() < 0.05 else address.city
        fax = address.phone[:6] + f"{int(address.phone[6:]) ^ 1:04d}" if r.random() < 0.55 else ""
        common = (address.state, self.postal_code, "US")
        self._put_address("Practice Location", lines, (city, *common, address.phone, fax))
        if r.random() < 0.35:
            box = (f"PO BOX {r.randint(90000, 99999)}", "")
            self._put_address("Mailing", box, (address.city, *common, "", ""))
        else:
            self._put_address("Mailing", lines, (city, *common, address.phone, fax))

    def _put_address(self, kind: str, lines: tuple[str, str], parts: tuple[str, ...]) -> None:
        self.made.put({f"Provider First Line Business {kind} Address": lines[0]})
        self.made.put({f"Provider Second Line Business {kind} Address": lines[1]})
        for name, value in zip(PLACE, parts, strict=True):
            self.made.put({f"Provider Business {kind} Address {name}": value})

    def _codes(self) -> None:
        codes = self._chosen_codes()
        primary = self.changing.randrange(len(codes)) if self.changing.random() < 0.3 else 0
        for slot, code in enumerate(codes, 1):
            self.made.put({f"Healthcare Provider Taxonomy Code_{slot}": code})
            switch = "Y" if slot - 1 == primary else "N"
            self.made.put({f"Healthcare Provider Primary Taxonomy Switch_{slot}": switch})
            if not self.is_organization and self.r.random() < 0.8:
                self.made.put({f"Provider License Number_{slot}": f"SYN{self.r.randint(10000, 99999)}"})
                self.made.put({f"Provider License Number State Code_{slot}": self.address.state})
            if self.is_organization and code.startswith("20"):
                group = self.r.choice(["193200000X MULTI-SPECIALTY GROUP", "193400000X SINGLE SPECIALTY GROUP"])
                self.made.put({f"Healthcare Provider Taxonomy Group_{slot}": group})
        self.slots = len(codes)

    def _chosen_codes(self) -> list[str]:
        if self.is_organization:
            table = ONCOLOGY_ORGANIZATION_CODES if self.is_oncology else OTHER_ORGANIZATION_CODES
            more = table + OTHER_ORGANIZATION_CODES
        else:
            table = ONCOLOGY_PERSON_CODES if self.is_oncology else OTHER_PERSON_CODES
            more = [*table, ("207R00000X", 20)]
        codes = [_pick(self.changing, table)]
        while self.changing.random() < 0.22 and len(codes) < 15:
            code = _pick(self.changing, more)
            if code not in codes:
                codes.append(code)
        return codes

    def _other_ids(self) -> None:
        r = self.r
        for slot in range(1, min(50, int(r.expovariate(1.6))) + 1):
            self.made.put({f"Other Provider Identifier_{slot}": f"SYN{r.randint(100000, 999999)}"})
            kind = r.choice(["01", "05"])
            self.made.put({f"Other Provider Identifier Type Code_{slot}": kind})
            self.made.put({f"Other Provider Identifier State_{slot}": self.address.state})
            self.made.put({f"Other Provider Identifier Issuer_{slot}": "SYNTHETIC PLAN" if kind == "01" else ""})

    def _side_rows(self) -> None:
        r, number, side = self.r, npi(self.index), self.made.side
        if r.random() < 0.085:
            for _ in range(min(40, _pick(r, [(1, 733), (2, 165), (3, 50), (4, 20), (6, 20), (12, 10), (40, 2)]))):
                side["pl"].append(self._location(number))
        if self.is_organization and r.random() < 0.25:
            name = f"{self.place_name} {r.choice(['CLINIC', 'CANCER CARE', 'MEDICAL GROUP'])}"
            side["othername"].append([number, name, _pick(r, [("3", 845), ("5", 107), ("4", 48)])])
        if r.random() < 0.05:
            mail = f"synthetic{self.index}@direct.example.org"
            about = ["DIRECT", "Direct Messaging Address", mail, "N", "", "", "DIRECT", "Direct", "", "CDA"]
            where = [*self.lines, self.address.city, self.address.state, "US", self.postal_code]
            side["endpoint"].append([number, *about, "Clinical Document", "", *where])

    def _location(self, number: str) -> Row:
        address = pool_address(self.options.seed, self.r.randrange(self.options.addresses))
        lines = _spelled(self.r, address)
        place = [address.city, address.state, address.zip5 + address.plus4, "US", address.phone]
        return [number, *lines, *place, self.r.choice(["", "", "12", "4401"]), ""]

    def _fault(self) -> None:
        d = random.Random(f"{self.options.seed}/dirty/{self.index}")
        if self.version == 0 and d.random() < self.options.dirty_share:
            fault = self.made.fault = self.options.only_dirty or d.choice(FAULTS)
            if make := getattr(self, f"_{fault}", None):
                self.made.put(make(d))

    @property
    def _name_column(self) -> str:
        if self.is_organization:
            return "Provider Organization Name (Legal Business Name)"
        return "Provider Last Name (Legal Name)"

    def _bad_zip(self, d: random.Random) -> dict[str, str]:
        return {f"{PRACTICE} Postal Code": d.choice(["00000", "ABCDE", "7703O", "99999-", "77030-1402X"])}

    def _short_zip(self, d: random.Random) -> dict[str, str]:
        return {f"{PRACTICE} Postal Code": d.choice(["2215", "215", "22151234"])}

    def _missing_address(self, _: random.Random) -> dict[str, str]:
        return {FIRST_LINE: ""} | {f"{PRACTICE} {part}": "" for part in PLACE[:3]}

    def _foreign(self, d: random.Random) -> dict[str, str]:
        line, *parts = d.choice(
            [
                ("12 EXAMPLE STRASSE", "BERLIN", "BERLIN", "10115", "DE", "493055501"),
                ("400 SAMPLE ST W", "TORONTO", "ONTARIO", "M5G 2M9", "CA", "4165550142"),
                ("AV. EJEMPLO 77", "MONTERREY", "NUEVO LEON", "64000", "MX", "528155501"),
                ("PSC 9 BOX 99999", "APO", "AE", "09123", "US", ""),
            ]
        )
        places = {f"{PRACTICE} {part}": value for part, value in zip(PLACE, [*parts, ""], strict=True)}
        return {FIRST_LINE: line, SECOND_LINE: ""} | places

    def _bad_state(self, d: random.Random) -> dict[str, str]:
        return {f"{PRACTICE} State Name": d.choice(["TEXAS", "ZZ", "Tx", "N.Y.", "~"])}

    def _po_box(self, _: random.Random) -> dict[str, str]:
        return {FIRST_LINE: "P.O. BOX 90210"}

    def _bad_phone(self, d: random.Random) -> dict[str, str]:
        return {f"{PRACTICE} Telephone Number": d.choice(["0000000000", "5550100", "713-555-0100 X12", "NONE"])}

    def _non_ascii(self, d: random.Random) -> dict[str, str]:
        return {self._name_column: d.choice(["NÚÑEZ-O’DOWD", "MÜLLER", "PEÑA", "ĐẶNG", "Šimůnek"])}

    def _bad_encoding(self, _: random.Random) -> dict[str, str]:
        return {self._name_column: "NUÑEZ"}  # written as Latin-1

    def _quotes(self, _: random.Random) -> dict[str, str]:
        return {FIRST_LINE: f'{self.lines[0]} "REAR" ENTRANCE'}

    def _newline(self, _: random.Random) -> dict[str, str]:
        return {SECOND_LINE: 'STE 100\nATTN: "RECORDS"'}

    def _padding(self, _: random.Random) -> dict[str, str]:
        name = self.made.values[self._name_column]
        return {self._name_column: f"  {name}\u00a0 ", f"{PRACTICE} City Name": f"{self.address.city}   "}

    def _bad_luhn(self, _: random.Random) -> dict[str, str]:
        right = npi(self.index)
        return {"NPI": right[:9] + str((int(right[9]) + 3) % 10)}

    def _unknown_taxonomy(self, d: random.Random) -> dict[str, str]:
        return {"Healthcare Provider Taxonomy Code_1": d.choice(["207RH9999X", "2080P0207", "174400000Z"])}

    def _no_primary(self, d: random.Random) -> dict[str, str]:
        slots = range(1, self.slots + 1)
        return {f"Healthcare Provider Primary Taxonomy Switch_{slot}": d.choice("NX") for slot in slots}

    def _masked_license(self, d: random.Random) -> dict[str, str]:
        return {"Provider License Number_1": d.choice(["$$$$$$$$$", "*********", "_________"])}

    def _bad_date(self, d: random.Random) -> dict[str, str]:
        return {"Last Update Date": d.choice(["13/45/2020", "2024-02-30", "00/00/0000"])}


def line(values: Row) -> str:
    """Every value in double quotes, quotes within doubled, as the registry writes it."""
    return '"' + '","'.join(value.replace('"', '""') for value in values) + '"\n'


def providers(options: Options) -> Iterator[Provider]:
    """Yield the providers of the main file: all, or those that a week changed."""
    if not options.weekly:
        yield from (Provider(options, index) for index in range(options.n))
        return
    r = random.Random(f"{options.seed}/weekly/{options.as_of}")
    size = min(options.n, max(4, int(options.n * options.weekly_share)))
    changed = sorted(r.sample(range(options.n), size))
    live = 0
    for index in changed:
        if random.Random(f"{options.seed}/row/{index}").random() < options.deactivated_share:
            yield Provider(options, index, 1, "reactivated")
        else:
            yield Provider(options, index, 1, "updated" if live % 20 else "deactivated")
            live += 1
    for number in range(max(2, size // 4)):
        yield Provider(options, options.n + number, 1, "new")


def make(path: Path, options: Options | None = None, report: Path | None = None) -> Truth:
    """Write a monthly or weekly zip file, and the report of its deactivated NPIs if wanted; return what is in it."""
    options = options or Options()
    truth = Truth()
    last = options.last_day
    first = f"{last - timedelta(days=6):%Y%m%d}" if options.weekly else "20050523"
    span = f"{first}-{last:%Y%m%d}"
    side: dict[str, list[Row]] = {"pl": [], "othername": [], "endpoint": []}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        with _member(packed, f"npidata_pfile_{span}.csv", last) as file:
            _write_main(file, options, truth, side)
        for kind, rows in side.items():
            with _member(packed, f"{kind}_pfile_{span}.csv", last) as file:
                file.writelines(line(row).encode() for row in [HEADERS[kind], *rows])
            truth.side_rows[kind] = len(rows)
        for kind, header in HEADERS.items():
            with _member(packed, f"{kind}_pfile_{span}_fileheader.csv", last) as file:
                file.write(line(header).encode())
        with _member(packed, "SYNTHETIC_DATA_README.txt", last) as file:
            file.write(README)
    if report:
        dark = [[number, day] for number, day in sorted(truth.dark.items())]
        title = f"NPPES Deactivated Records as of {_us(last)}"
        write_report(report, [[title], ["NPI", "NPPES Deactivation Date"], *dark])
    return truth


README = (
    b"Synthetic test data in the NPPES V.2 layout. No row describes a real provider.\n"
    b"NPIs are in 29xxxxxxxx, telephone numbers in 555-01xx.\n"
)


def _member(packed: zipfile.ZipFile, name: str, day: date) -> IO[bytes]:
    info = zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return packed.open(info, "w", force_zip64=True)


def _write_main(file: IO[bytes], options: Options, truth: Truth, side: dict[str, list[Row]]) -> None:
    file.write(line(COLUMNS).encode())
    for provider in providers(options):
        made = provider.make()
        truth.count(made)
        if provider.change:
            truth.weekly.setdefault(provider.change, []).append(made.values["NPI"])
        row = made.row()
        encoding = "latin-1" if made.fault == "bad_encoding" else "utf-8"
        file.write(line(row[:-1] if made.fault == "ragged" else row).encode(encoding, "replace"))
        if made.fault == "duplicate_npi":  # the same NPI again, with an older date
            file.write(line(list((made.values | {"Last Update Date": "01/02/2008"}).values())).encode())
            truth.rows += 1
        for kind, rows in made.side.items():
            side[kind] += rows


def write_report(path: Path, rows: Iterable[Row]) -> None:
    """Write rows of text as a workbook: inside a zip file, as it is published, or alone when the path ends in .xlsx."""
    workbook = _workbook(rows)
    if path.suffix == ".xlsx":
        path.write_bytes(workbook)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("NPPES Deactivated NPI Report.xlsx", workbook)


def _workbook(rows: Iterable[Row]) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    site = "http://schemas.openxmlformats.org"
    kind = "application/vnd.openxmlformats"
    sheet = f"{kind}-officedocument.spreadsheetml"
    relations = f'{head}<Relationships xmlns="{site}/package/2006/relationships">'
    office = f"{site}/officeDocument/2006/relationships"
    parts = {
        "[Content_Types].xml": f'{head}<Types xmlns="{site}/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{kind}-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{sheet}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{relations}<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'{head}<workbook xmlns="{site}/spreadsheetml/2006/main" xmlns:r="{office}"><sheets>'
        '<sheet name="DeactivatedNPIs" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{relations}<Relationship Id="r1" Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{site}/spreadsheetml/2006/main"><sheetData>'
        f"{''.join(_cells(number, row) for number, row in enumerate(rows, 1))}</sheetData></worksheet>",
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return written.getvalue()


def _cells(number: int, row: Row) -> str:
    texts = [value.replace("&", "&amp;").replace("<", "&lt;") for value in row]
    cells = (
        f'<c r="{"ABCDEFGH"[at]}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for at, text in enumerate(texts)
    )
    return f'<row r="{number}">{"".join(cells)}</row>'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the zip file to write")
    parser.add_argument("-n", type=int, default=10_000, help="providers in the registry, at most 9,000,000")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--as-of", default="2026-08-09", help="the last day that the file covers")
    for share in ("oncology", "organization", "deactivated", "reactivated", "dirty", "weekly"):
        parser.add_argument(f"--{share}-share", type=float, default=getattr(Options, f"{share}_share"))
    parser.add_argument("--only-dirty", choices=FAULTS, default="", help="one class of fault only")
    parser.add_argument(
        "--weekly", action="store_true", help="a weekly file against the monthly one of this -n and seed"
    )
    parser.add_argument("--report", type=Path, help="also write the deactivation report")
    parser.add_argument("--truth", type=Path, help="also write what is in it as JSON")
    given = vars(parser.parse_args())
    out, report, truth_path = given.pop("out"), given.pop("report"), given.pop("truth")
    if not 0 < given["n"] <= 9_000_000:
        parser.error("-n must be 1 to 9000000")
    truth = make(out, Options(**given), report)
    if truth_path:
        truth_path.write_text(json.dumps(asdict(truth), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
