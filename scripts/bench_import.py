"""Measurements of reading a monthly NPPES file: made-up bundles of 1 GB and 10 GB, streamed out of their zip."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO

from finder.domain.entry import Entry
from finder.settings import PROJECT
from finder.sources import nppes

BLOCK = 20_000
BLOCKS = 42
NATIONAL_BLOCKS = 420
STRIPES = 20
REPEATED = ("npidata_pfile", "pl_pfile", "othername_pfile", "endpoint_pfile")

READ = """
import sys
import time
from pathlib import Path
from finder.sources import nppes
started = time.perf_counter()
count = sum(1 for _ in nppes.read(Path(sys.argv[1]), lambda _: None))
seconds = time.perf_counter() - started
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(count, int(peak.split()[1]) / 1024, seconds)
"""


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="finder-bench-import-")


@cache
def synthetic() -> ModuleType:
    """Return the maker of synthetic files, by its path, for textstat installs another "tests"."""
    spec = importlib.util.spec_from_file_location("synthetic_nppes", PROJECT / "tests" / "synthetic" / "nppes.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def _block() -> Path:
    path = Path(_folder().name) / "block.zip"
    synthetic().make(path, synthetic().Options(n=BLOCK, oncology_share=0.005, dirty_share=0.002))
    return path


def _is_repeated(member: str) -> bool:
    return member.startswith(REPEATED) and "fileheader" not in member


@cache
def bundle() -> Path:
    """Return a monthly file in which everything is as frequent as in a real one: a block many times with other NPIs."""
    large = Path(_folder().name) / "month.zip"
    with (
        zipfile.ZipFile(_block()) as block,
        zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as month,
    ):
        for name in block.namelist():
            header, _, rows = block.read(name).partition(b"\n")
            repeated = _is_repeated(name)
            with month.open(name, "w", force_zip64=True) as file:
                file.write(header + b"\n")
                for number in range(BLOCKS if repeated else 1):
                    file.write(_renumbered(rows, number))
    return large


def _renumbered(rows: bytes, number: int) -> bytes:
    npi = synthetic().npi

    def other(found: "re.Match[bytes]") -> bytes:
        return b'\n"' + npi(int(found[1]) + number * BLOCK).encode() + b'"'

    return re.sub(rb'\n"29(\d{7})\d"', other, b"\n" + rows)[1:]


class _Deflated:
    """Stands where zipfile deflates what is written to it, and gives it what was deflated before."""

    def __init__(self) -> None:
        self.given = b""

    def compress(self, _raw: bytes) -> bytes:
        return self.given

    def flush(self) -> bytes:
        return b"\x03\x00"  # an empty block that is the last


def _deflated(raw: bytes) -> bytes:
    """Return blocks of a deflate stream that refer to nothing before them, so that they can stand anywhere in one."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(raw) + deflate.flush(zlib.Z_FULL_FLUSH)


def national_bundle() -> Path:
    """Return a monthly file whose main list has 10 GB and ten times as many wanted people as that of ``bundle``.

    The rows of everybody else are deflated once and stand in it many times, so it is made in a minute.
    """
    path = Path(_folder().name) / "national.zip"
    wanted = {one.key.encode() for one in nppes.read(_block(), lambda _: None) if _is_person(one)}
    with zipfile.ZipFile(_block()) as block, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as national:
        for name in block.namelist():
            header, _, rows = block.read(name).partition(b"\n")
            if not _is_repeated(name):
                national.writestr(name, header + b"\n" + rows)
                continue
            with national.open(name, "w", force_zip64=True) as file:
                file._compressor = _Deflated()  # zipfile has no public way to take deflated bytes
                _put(file, header + b"\n")
                stripes = list(_stripes(rows, wanted))
                for number in range(NATIONAL_BLOCKS):
                    for others, packed, theirs in stripes:
                        _put(file, others, packed)
                        _put(file, _renumbered(theirs, number))
    return path


def _is_person(one: object) -> bool:
    return isinstance(one, Entry) and not one.ended_on


def _stripes(rows: bytes, wanted: set[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield rows in parts: those of people who are not wanted, the same deflated, and those of some who are."""
    each = re.split(rb'\n(?="29\d{8}",")', rows.removesuffix(b"\n"))
    others = [row for row in each if row[1:11] not in wanted]
    theirs = [row for row in each if row[1:11] in wanted]
    for number in range(STRIPES):
        lines = [b"".join(row + b"\n" for row in part[number::STRIPES]) for part in (others, theirs)]
        yield lines[0], _deflated(lines[0]), lines[1]


def _put(file: IO[bytes], raw: bytes, packed: bytes = b"") -> None:
    file._compressor.given = packed or _deflated(raw)
    file.write(raw)


def nppes_against_unzip() -> float:
    """Return the time of reading the wanted rows divided by that of unpacking it all, the best of five each."""
    theirs, ours = [], []
    for _ in range(5):
        theirs.append(_unzip_seconds(bundle()))
        started = time.perf_counter()
        for _ in nppes.read(bundle(), lambda _: None):
            pass
        ours.append(time.perf_counter() - started)
    return min(ours) / min(theirs)


def _unzip_seconds(path: Path) -> float:
    unzip = shutil.which("unzip")
    if not unzip:
        raise RuntimeError("unzip is not installed (apt-get install unzip)")
    started = time.perf_counter()
    subprocess.run([unzip, "-p", path], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def nppes_memory_mb() -> float:
    """Return the most memory that a process of its own needs to read the file."""
    return _read_alone(bundle())[0]


def _read_alone(path: Path) -> tuple[float, float]:
    """Return the most memory, in MB, and the seconds that a process of its own needs to read a file."""
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[1]), float(done.stdout.split()[2])


@cache
def national() -> tuple[float, float]:
    """Return the time of reading 10 GB divided by that of unpacking it all, and the most memory in MB; once each."""
    path = national_bundle()
    memory, ours = _read_alone(path)
    theirs = _unzip_seconds(path)
    path.unlink()
    return ours / theirs, memory
