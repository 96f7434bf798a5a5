"""Writes small projects with their environments, and asks whether vulnerable code is reached."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from known_advisories import Known, known, record
from probatum.analyzers.supply.vulnerable_code_not_reached import judged
from probatum.audit.targets import roots
from probatum.formats.python_project import packed
from probatum.ports import Material
from probatum.vocabulary import Reason, Undecided, Verdict

SITE = ".venv/lib/python3.11/site-packages"
_DEFAULTS = {
    "site/weak/__init__.py": "",
    "site/weak/core.py": (
        "def flaw(*given, **named):\n    print('reached')\n\n"
        "class Loader:\n    def load(self, *given):\n        print('reached')\n"
    ),
}


def verdict(files: Mapping[str, str | bytes], flaw: str = "weak.core: flaw") -> Verdict:
    """What is said of a project: names that begin with `site/` lie in its environment."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        packs = Path(folder).with_suffix(".packs")
        packs.mkdir()
        try:
            (packs / "weak.toml").write_text(pack(flaw))
            material = program(folder)
            if isinstance(material, Undecided):
                return material
            return judged(material, advisories(), packs)
        finally:
            (packs / "weak.toml").unlink(missing_ok=True)
            packs.rmdir()


def advisories() -> Known:
    """A snapshot in which one vulnerability affects `weak` 1.0."""
    said = record("TEST-2026-1", "weak", {"introduced": "0"}, {"fixed": "2.0"})
    import json

    return known(json.dumps(said))


def pack(flaw: str) -> str:
    module, _, functions = flaw.strip("`").partition(":")
    listed = [f'"{one.strip()}"' for one in functions.split(",") if one.strip()]
    return (
        f'[[symbol]]\nadvisory = "TEST-2026-1"\npackage = "weak"\nmodule = "{module.strip()}"\n'
        f"functions = [{', '.join(listed)}]\n"
        'evidence = "https://example.org/commit/1"\n'
    )


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """The project's files, and an environment in which `weak` 1.0 is installed."""
    every: dict[str, str | bytes] = {**_DEFAULTS, **files}
    tops = {name.split("/")[1].partition(".")[0] for name in every if name.startswith("site/")}
    for top in sorted(tops):
        if not any(name.startswith(f"site/{top}-") for name in files) and top.isidentifier():
            info = f"site/{top}-1.0.dist-info/METADATA"
            name = top.strip("_")
            every[info] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    for name, content in every.items():
        path = folder / name.replace("site/", f"{SITE}/", 1) if name.startswith("site/") else (
            folder / name
        )  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def program(folder: str) -> Material | Undecided:
    """The program in a folder, as an audit puts it together."""
    for root in roots(os.fspath(folder)):
        if root.name.endswith("!/program") and root.project is not None:
            return packed(root.project)
    return Undecided(Reason.NOT_ANALYSED, "no program is in the folder")
