"""What a typed text is made of, before any place is looked up: signs, coordinates, codes."""

import re
import unicodedata

from finder.domain.geo import Box, GeoPoint

MAX_LENGTH = 200

_UNSEEN = {"Cf", "So", "Sk", "Mn", "Cs", "Co", "Cn"}  # direction marks, pictures, private and broken letters
_KEPT = "°`´"
_LEAD = re.compile(r"^(?:near|around|close to|cerca de)\s+(?=\w)", re.IGNORECASE)
_WHERE_I_AM = re.compile(r"\b(?:near|around|by|close to|cerca de)\s+(?:me|us|here|mi|mí|my)\b", re.IGNORECASE)
_COUNTRY = re.compile(
    r"[\s,]+(?:U\.?S\.?A\.?|U\.S\.?|US|United States(?: of America)?|EE\.? ?UU\.?|Estados Unidos)\s*$", re.IGNORECASE
)
_NUMBER = r"([+-]?\d{1,3}(?:\.\d+)?)"
_DECIMAL_PAIR = re.compile(rf"^(?:geo:)?\s*{_NUMBER}°?\s*(?:[,;]\s*|\s+){_NUMBER}°?$", re.IGNORECASE)
_ANGLE = r"(\d{1,3}(?:\.\d+)?)\s*°?\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′]\s*)?(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|″|''|′′)\s*)?"
_SIGNED_PAIR = re.compile(rf"^{_ANGLE}([NS])\s*,?\s*{_ANGLE}([EW])$", re.IGNORECASE)
_NOT_A_NUMBER_PAIR = re.compile(r"^(?:nan|[+-]?inf(?:inity)?)\s*,", re.IGNORECASE)
_POSTAL_CODE = re.compile(
    r"^(?:(?:zip|postal|zona|c[óo]digo)(?:\s*(?:code|postal))?|c\.?p\.?)?[\s:#]*(\d{3,5})(?:\.0+)?(?:\s*-\s*\d{4})?$",
    re.IGNORECASE,
)
_NINE_DIGITS = re.compile(r"^(\d{5}) ?\d{4}$")
_LETTER_FOR_DIGIT = re.compile(r"^(?=(?:\D*\d){3})[\dOoIl]{5}$")
_MILITARY = re.compile(r"\b(?:APO|FPO|DPO)\b|\b(?:AA|AE|AP)\s+\d{5}", re.IGNORECASE)
_POST_ABROAD = re.compile(
    r"^(?:[A-Z]\d[A-Z](?:\s?\d[A-Z]\d)?|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2})$|\b[A-Z]\d[A-Z]\s\d[A-Z]\d$", re.IGNORECASE
)
_ADDRESS_OR_LINK = re.compile(r"@|://|^www\.", re.IGNORECASE)

# Boxes around the states and territories, wide enough for every settled place in them.
_UNITED_STATES = (
    Box(24.3, 49.4, -125.1, -66.8),
    Box(51.0, 71.6, -180.0, -129.9),
    Box(51.0, 53.6, 172.0, 180.0),
    Box(18.8, 28.6, -178.5, -154.6),
    Box(17.6, 18.6, -68.0, -64.5),
    Box(13.1, 20.7, 144.5, 146.2),
    Box(-14.7, -11.0, -171.2, -168.0),
)


def clean(text: str) -> str | None:
    """Return the text in plain signs, without "near" before and "USA" after it; None where it holds control signs."""
    plain = unicodedata.normalize("NFKC", text)
    if any(unicodedata.category(sign) == "Cc" and not sign.isspace() for sign in plain):
        return None
    seen = "".join(sign for sign in plain if sign in _KEPT or unicodedata.category(sign) not in _UNSEEN)
    bare = " ".join(seen.split()).lstrip(" ,;").rstrip(" ,;-")
    if is_no_place(bare):
        return bare
    return _LEAD.sub("", _COUNTRY.sub("", bare)).strip(" ,;")


def is_no_place(text: str) -> bool:
    """Tell whether the text is an e-mail address, a link, or words such as "near me"."""
    return bool(_ADDRESS_OR_LINK.search(text) or _WHERE_I_AM.search(text))


def is_military_mail(text: str) -> bool:
    """Tell whether the text holds the marks of US military mail abroad."""
    return bool(_MILITARY.search(text))


def is_post_code_abroad(text: str) -> bool:
    """Tell whether the text is, or ends in, a Canadian post code or is a British one."""
    return bool(_POST_ABROAD.search(text))


def in_united_states(point: GeoPoint) -> bool:
    """Tell whether the point lies in one of the boxes around the states and territories."""
    return any(
        box.south <= point.latitude <= box.north and box.west <= point.longitude <= box.east for box in _UNITED_STATES
    )


def coordinates(text: str) -> tuple[float, float] | None:
    """Return the latitude and longitude that the text is, valid or not (NaN where it says so); None for other text."""
    text = text.strip("()[] ")
    if _NOT_A_NUMBER_PAIR.match(text):
        return float("nan"), float("nan")
    pair = _DECIMAL_PAIR.match(text)
    if pair and ("." in text or "," in text or ";" in text):
        return float(pair[1]), float(pair[2])
    signed = _SIGNED_PAIR.match(text)
    if signed:
        return _angle(*signed.groups()[:4]), _angle(*signed.groups()[4:])
    return None


def postal_digits(text: str) -> str | None:
    """Return the digits of a ZIP code (three to five), without the four after it and words such as "ZIP"."""
    found = _NINE_DIGITS.match(text) or _POSTAL_CODE.match(text)
    return found[1] if found else None


def with_digits_for_letters(text: str) -> str | None:
    """Return the ZIP code that is meant where a letter O, I or L stands for a digit; None for other text."""
    if not _LETTER_FOR_DIGIT.match(text):
        return None
    return text.translate(str.maketrans("OoIl", "0011"))


def _angle(degrees: str, minutes: str | None, seconds: str | None, side: str) -> float:
    size = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -size if side.upper() in "SW" else size
