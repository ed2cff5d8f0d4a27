"""Street addresses in the one form that they are compared in: numbers, directions and suffixes as USPS shortens them.

A key is for comparing and never for showing: it merges spellings ("Rte 33", "Highway 33") that the Postal Service keeps
apart. Two addresses with one key stand in one ZIP (or city) at one number of one street.
"""

import re
import unicodedata

from finder.domain.text import fold


def _list(words: str) -> list[str]:
    return words.split()


# Publication 28, appendix C1 and C2, and section 231 (directions): the short form, then what is written for it.
_SHORT_FORMS = """
ALY ALLEY ALLY; ANX ANNEX; ARC ARCADE; AVE AV AVEN AVENUE AVENUES AVES AVENIDA; BCH BEACH; BLF BLUFF; BLVD BOUL
BOULEVARD BOULV; BND BEND; BRG BRIDGE; BRK BROOK; BR BRANCH; BYP BYPASS; CIR CIRC CIRCLE CRCLE; CLB CLUB; CMN COMMON;
COR CORNER; CRES CRESCENT; CRK CREEK; CRST CREST; CSWY CAUSEWAY; CT COURT; CTR CENTER CENTRE CNTR CENTR; CV COVE; DL
DALE; DR DRIVE DRIV DRV DOCTOR; EST ESTATE; ESTS ESTATES; EXPY EXPRESSWAY EXPWY EXPR; EXT EXTENSION; FLD FIELD; FLDS
FIELDS; FLS FALLS; FRK FORK; FRST FOREST; FRY FERRY; FT FORT; FWY FREEWAY; GDNS GARDENS; GLN GLEN; GRN GREEN; GRV
GROVE; GTWY GATEWAY; HBR HARBOR; HL HILL; HLS HILLS; HOLW HOLLOW; HTS HEIGHTS; HVN HAVEN; HWY HIGHWAY HIWAY HIWY HWAY;
IS ISLAND; JCT JUNCTION; KNL KNOLL; LK LAKE; LKS LAKES; LN LANE; LNDG LANDING; MDW MEADOW; MDWS MEADOWS; ML MILL; MNR
MANOR; MT MOUNT; MTN MOUNTAIN; ORCH ORCHARD; PKWY PARKWAY PKY PKWAY; PL PLACE; PLN PLAIN; PLNS PLAINS; PLZ PLAZA PLZA;
PT POINT; PTE POINTE; RD ROAD; RDG RIDGE; RIV RIVER; RTE ROUTE RT; SHR SHORE; SHRS SHORES; SPG SPRING; SPGS SPRINGS;
SQ SQUARE; ST STREET STREETS STR STRT STS SAINT; STA STATION; TER TERR TERRACE; TPKE TURNPIKE TRNPK; TRCE TRACE; TRL
TRAIL; VIS VISTA; VLG VILLAGE; VLY VALLEY; VW VIEW; WL WELL; XING CROSSING; N NORTH; S SOUTH; E EAST; W WEST; NE
NORTHEAST; NW NORTHWEST; SE SOUTHEAST; SW SOUTHWEST; STE SUITE; APT APARTMENT; RM ROOM; FL FLOOR FLR; BLDG BUILDING;
SPC SPACE; DEPT DEPARTMENT; JR JUNIOR; CR CTY
"""
_SHORT = {word: line.split()[0] for line in _SHORT_FORMS.split(";") for word in line.split()}
_SUFFIXES = frozenset(_list("AVE BLVD CIR CT DR HWY LN PKWY PL PLZ RD SQ ST TER WAY"))
_DIRECTIONS = frozenset(_list("N S E W NE NW SE SW"))

_ONES = _list(
    "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE THIRTEEN FOURTEEN FIFTEEN SIXTEEN SEVENTEEN"
    " EIGHTEEN NINETEEN TWENTY"
)
_ORDINALS = _list(
    "FIRST SECOND THIRD FOURTH FIFTH SIXTH SEVENTH EIGHTH NINTH TENTH ELEVENTH TWELFTH THIRTEENTH FOURTEENTH FIFTEENTH"
    " SIXTEENTH SEVENTEENTH EIGHTEENTH NINETEENTH TWENTIETH"
)
_TENS = _list("TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY")
_NUMBERS = {word: str(number) for number, word in enumerate(_ONES, 1)}


def _ordinal(number: int) -> str:
    ending = "TH" if number % 100 in {11, 12, 13} else {1: "ST", 2: "ND", 3: "RD"}.get(number % 10, "TH")
    return f"{number}{ending}"


_NUMBERS |= {word: _ordinal(number) for number, word in enumerate(_ORDINALS, 1)}
_NUMBERS |= {f"{word[:-1]}IETH": _ordinal(number) for number, word in zip(range(20, 100, 10), _TENS, strict=True)}
_COMPOUNDS = {
    f"{tens} {one}": _ordinal(value + number)
    for value, tens in zip(range(20, 100, 10), _TENS, strict=True)
    for number, one in enumerate(_ORDINALS[:9], 1)
}
_COMPOUND = re.compile(rf"\b(?:{'|'.join(_TENS)})[ -](?:{'|'.join(_ORDINALS[:9])})\b")

_PARENTHESES = re.compile(r"\([^()]*\)")
_AFTER_INITIAL = re.compile(r"(?<=\b[A-Z])\.")
# A sign that is part of a number stays; any other stands in the group.
_SIGN = re.compile(r"(?<=\d)[./-](?=\d)|(?<=\d)-(?=[A-Z0-9])|(?<=\b[A-Z])-(?=\d)|([^A-Z0-9#])")
_BEFORE_ORDINAL = re.compile(r"(?<=\d) ?- ?(?=\d+(?:ST|ND|RD|TH)\b)")
_LOOSE_HYPHEN = re.compile(r"(?<=\d) ?- ?(?=\d)")

_PHRASES = tuple(
    (re.compile(pattern), short)
    for pattern, short in (
        (r"^(?:# )+(?=\S+ \S)", ""),  # "#3 East Benjamin Drive" begins with its number
        (r"^(\d+)-(\d{2,})(?![\d-])", r"\1\2"),  # Queens and Hawaii print 270-05, others 27005
        (r"^([NSEW]) ?(\d+) ?([NSEW]) ?(\d+)\b", r"\1\2\3\4"),  # grid numbers: N6W23001
        (r"\b([NS]) ([EW])\b(?! (?:" + "|".join(sorted(_SUFFIXES)) + r")\b)", r"\1\2"),
        (r"\b(?:DR |REV )*(?:MARTIN LUTHER KING|M L K|MLK)(?: JR)*\b", "MLK"),
        (r"\b(?:P ?O|POST OFFICE) ?BOX\b", "PO BOX"),
        (r"\b(?:R ?R|RURAL RTE) (\d+)\b", r"RR \1"),
        (r"\b(?:CR|(?:CO|COUNTY) (?:RD|HWY|RTE)) (\d+)\b", r"CR \1"),
        (r"\b(?:I|IH|INTERSTATE)(?: HWY)*[ -](\d+)\b", r"I-\1"),
        (r"\b(?:U ?S|SR|SH|STATE RD) (\d+)\b", r"HWY \1"),
        (r"\b(?:(?:U ?S|STATE) )*(?:HWY|RTE) (\d+)\b", r"HWY \1"),
        (r"\b(\d+)(?:ST|ND|RD|TH) FL\b", r"FL \1"),
    )
)
_BOX = re.compile(r"(?:\bMAIL )?\bPO BOX (\S+)")
_MAIL_STOP = re.compile(r"(?:^|(?<!PO) )(?:MAIL ?(?:STOP|CODE|SLOT)|MS|MC|MSC|SLOT|BOX) (?:# )?(?=\S*\d)\S+| ATTN\b.*")
_UNIT = re.compile(r"(?:^| )(?:(FL|BLDG)|(?:STE|APT|UNIT|RM|SPC|LOT|DEPT|#))(?: #)* ((?=\S*\d)\S+|[A-Z])(?= |$)")
_RURAL = re.compile(r"\b(?:RR|HC) \d+ BOX \S+")


def street_line(street: str) -> str:
    """Return the number and street as USPS shortens them, without suite and mail stop: "1 JARRETT WHITE RD".

    A post-office box counts only where nothing else is given.
    """
    return _parts(street)[0]


def unit_of(street: str) -> str:
    """Return the suite, apartment, floor or building, or an empty text: "Suite 300" and "# 300" are "300"."""
    return _parts(street)[1]


def street_key(street: str, city: str, postal_code: str) -> str:
    """Return the street line with its ZIP, or with its city where there is no ZIP: "450 BROOKLINE AVE, 02215".

    It is empty where there is no street, or nothing that says where the street is.
    """
    line = street_line(street)
    place = zip5(postal_code) or place_words(city).upper()
    return f"{line}, {place}" if line and place else ""


def lines_agree(a: str, b: str) -> bool:
    """Tell whether two street lines are one, where one of them may lack a direction or the suffix.

    "6565 FANNIN" and "6565 FANNIN ST" agree; "100 N MAIN ST" and "100 S MAIN ST" do not.
    """
    if a == b:
        return bool(a)
    fewer, more = sorted((a.split(), b.split()), key=len)
    if len(fewer) < 2 or not fewer[0][0].isdigit():
        return False
    return any(
        more[:place] + more[place + 1 :] == fewer
        for place, word in enumerate(more)
        if word in _SUFFIXES or word in _DIRECTIONS
    )


def zip5(postal_code: str) -> str:
    """Return the five digits that begin a ZIP or ZIP+4 with or without its hyphen, else an empty text."""
    found = re.fullmatch(r"(\d{5})(?:[- ]?\d{4})?", postal_code.strip(), re.ASCII)
    return found[1] if found else ""


def place_words(city: str) -> str:
    """Return a city's name folded, with "St", "Ft" and "Mt" written out."""
    written = {"st": "saint", "ste": "sainte", "ft": "fort", "mt": "mount"}
    return " ".join(written.get(word, word) for word in fold(city).split())


def _parts(street: str) -> tuple[str, str]:
    """Return the street line and the unit; the line is read again until nothing changes."""
    text = _shortened(street)
    line, units = text, []
    if not _RURAL.search(text):
        line = _MAIL_STOP.sub("", _without_box(text)).strip()
    while found := _UNIT.search(line):
        units += _unit_words(line[found.start() :])
        line = line[: found.start()].strip() or line[found.end() :].strip()
    line = _one_space(line.replace("#", " "))
    return line if line == street else _parts(line)[0], " ".join(dict.fromkeys(units))


def _unit_words(text: str) -> list[str]:
    """Return the units at the beginning of a text and behind it, a floor or building with its word."""
    return [f"{kind} {value}".strip().replace("-", "") for kind, value in _UNIT.findall(text)]


def _without_box(text: str) -> str:
    """Return the text without its post-office box, or the box alone where there is nothing else."""
    box = _BOX.search(text)
    if not box:
        return text
    rest = _one_space(_BOX.sub("", text))
    return rest if re.search(r"[A-Z0-9]", rest) else f"PO BOX {box[1]}"


def _shortened(street: str) -> str:
    """Return the whole text in capitals, without punctuation, every word and phrase in its short form."""
    text = _COMPOUND.sub(lambda found: _COMPOUNDS[found[0].replace("-", " ")], _cleaned(street))
    words = (_NUMBERS.get(word, word) for word in text.split())
    text = " ".join(_SHORT.get(word, word) for word in words)
    for pattern, short in _PHRASES:
        text = pattern.sub(short, text)
    return _one_space(text)


def _cleaned(street: str) -> str:
    """Return capitals and digits with single blanks; a sign stays where it is part of a number."""
    ascii_only = (
        unicodedata.normalize("NFKD", street.replace("½", " 1/2")).encode("ascii", "ignore").decode("ascii").upper()
    )
    text = _PARENTHESES.sub(" ", ascii_only).replace("'", "").replace("`", "")
    text = _AFTER_INITIAL.sub("", text).replace("&", " AND ").replace("#", " # ")
    text = _LOOSE_HYPHEN.sub("-", _BEFORE_ORDINAL.sub(" ", text))
    return _one_space(_SIGN.sub(lambda found: " " if found[1] else found[0], text))


def _one_space(text: str) -> str:
    return " ".join(text.split())
