"""Measurements of reading a monthly NPPES file: a made-up bundle of about 1 GB, streamed out of its zip."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from functools import cache
from pathlib import Path
from types import ModuleType

from finder.settings import PROJECT
from finder.sources import nppes

BLOCK = 20_000
BLOCKS = 42
REPEATED = ("npidata_pfile", "pl_pfile", "othername_pfile", "endpoint_pfile")

READ = """
import sys
from pathlib import Path
from finder.sources import nppes
count = sum(1 for _ in nppes.read(Path(sys.argv[1]), lambda _: None))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(count, peak.split()[1])
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
def bundle() -> Path:
    """Return a monthly file in which everything is as frequent as in a real one: a block many times with other NPIs."""
    small, large = Path(_folder().name) / "block.zip", Path(_folder().name) / "month.zip"
    synthetic().make(small, synthetic().Options(n=BLOCK, oncology_share=0.005, dirty_share=0.002))
    with zipfile.ZipFile(small) as block, zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as month:
        for name in block.namelist():
            header, _, rows = block.read(name).partition(b"\n")
            repeated = name.startswith(REPEATED) and "fileheader" not in name
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


def nppes_against_unzip() -> float:
    """Return the time of reading the wanted rows divided by that of unpacking it all, the best of five each."""
    unzip = shutil.which("unzip")
    if not unzip:
        raise RuntimeError("unzip is not installed (apt-get install unzip)")
    theirs, ours = [], []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([unzip, "-p", bundle()], stdout=subprocess.DEVNULL, check=True)
        unpacked = time.perf_counter()
        for _ in nppes.read(bundle(), lambda _: None):
            pass
        theirs.append(unpacked - started)
        ours.append(time.perf_counter() - unpacked)
    return min(ours) / min(theirs)


def nppes_memory_mb() -> float:
    """Return the most memory that a process of its own needs to read the file."""
    command = [sys.executable, "-c", READ, str(bundle())]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[1]) / 1024
