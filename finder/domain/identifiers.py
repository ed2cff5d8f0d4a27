"""Identifiers of other registries: what they look like and the URIs by which FHIR names them."""

import re

CENTER_SYSTEM = "urn:all-care-finder:center"
CCN_SYSTEM = "http://hl7.org/fhir/sid/us-ccn"
NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"

_NPI = re.compile(r"[12][0-9]{9}")
_CCN = re.compile(r"[0-9]{2}[0-9A-Z][0-9]{2}[0-9A-Z]")
_SPECIALTY = re.compile(r"[0-9]{3}[0-9A-Z]{6}X")
_NPI_PREFIX_SUM = 24  # what the digits of "80840", the prefix of US health identifiers, add to the Luhn sum


def npi_is_valid(text: str) -> bool:
    """Tell whether a text is a National Provider Identifier: ten digits that pass the Luhn check after "80840"."""
    if not _NPI.fullmatch(text):
        return False
    doubled = [2 * int(digit) for digit in text[-2::-2]]
    plain = [int(digit) for digit in text[-1::-2]]
    return (_NPI_PREFIX_SUM + sum(plain) + sum(value // 10 + value % 10 for value in doubled)) % 10 == 0


def ccn_is_valid(text: str) -> bool:
    """Tell whether a text looks like a CMS Certification Number: six characters, text because zeros may lead."""
    return _CCN.fullmatch(text) is not None


def specialty_code_is_valid(text: str) -> bool:
    """Tell whether a text looks like a NUCC provider taxonomy code."""
    return _SPECIALTY.fullmatch(text) is not None
