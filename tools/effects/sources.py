"""The Python source of one version of a distribution, out of its wheel or its installed files."""

import contextlib
import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_SKIPPED_PARTS = frozenset(
    [
        "tests",
        "test",
        "testing",
        "_testing",
        "conftest",
        "setup",
        "__main__",
        "benchmarks",
        "examples",
        "experimental",
        "externals",
        "_vendor",
    ]
)


@dataclass(frozen=True)
class Release:
    """One version of a distribution: `texts` maps module names to source text.

    `stubs` are the modules without Python source (compiled ones), known by name only;
    `packages` the modules that are packages; `record` the sha256 of the wheel's RECORD.
    """

    distribution: str
    version: str
    record: str
    texts: dict[str, str]
    packages: frozenset[str] = frozenset()
    stubs: frozenset[str] = field(default=frozenset())


def from_wheel(path: Path) -> Release:
    """Read a wheel; nothing in it is imported or run."""
    with zipfile.ZipFile(path) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist() if _wanted(name)}
    return _release(files)


def from_folder(site_packages: Path, distribution: str) -> Release:
    """Read what pip installed for `distribution`, as its RECORD lists it."""
    pattern = distribution.replace("-", "_")
    records = [
        record
        for record in site_packages.glob("*.dist-info/RECORD")
        if record.parent.name.lower().startswith(f"{pattern}-".lower())
    ]
    if len(records) != 1:
        raise SystemExit(f"{distribution} is installed {len(records)} times in {site_packages}")
    names = [line.split(",")[0] for line in records[0].read_text("utf-8").splitlines()]
    files = {
        name: (site_packages / name).read_bytes() if not name.endswith((".so", ".pyd")) else b""
        for name in names
        if _wanted(name)
    }
    return _release(files)


def _wanted(name: str) -> bool:
    return name.endswith((".py", ".so", ".pyd")) or ".dist-info/" in name


def _release(files: dict[str, bytes]) -> Release:
    metadata = next(text for name, text in files.items() if name.endswith(".dist-info/METADATA"))
    record = next(text for name, text in files.items() if name.endswith(".dist-info/RECORD"))
    headers = dict(_headers(metadata.decode("utf-8")))
    texts: dict[str, str] = {}
    packages: set[str] = set()
    stubs: set[str] = set()
    for name, content in sorted(files.items()):
        parts = name.split("/")
        if not name.endswith(".py"):
            if name.endswith((".so", ".pyd")):
                stubs.add(".".join([*parts[:-1], parts[-1].partition(".")[0]]))
            continue
        parts[-1] = parts[-1].removesuffix(".py")
        if parts[-1] == "__init__":
            parts.pop()
            packages.add(".".join(parts))
        with contextlib.suppress(UnicodeDecodeError):  # then its classes have no source
            texts[".".join(parts)] = content.decode("utf-8")
    return Release(
        headers["Name"],
        headers["Version"],
        hashlib.sha256(record).hexdigest(),
        texts,
        frozenset(packages),
        frozenset(stubs - set(texts)),
    )


def _headers(metadata: str) -> Iterator[tuple[str, str]]:
    for line in metadata.split("\n\n", 1)[0].splitlines():
        key, colon, value = line.partition(": ")
        if colon and key in ("Name", "Version"):
            yield key, value


def is_library(module: str) -> bool:
    """Whether users' files may name classes of this module: no tests, no vendored packages."""
    return not any(part in _SKIPPED_PARTS for part in module.split("."))
