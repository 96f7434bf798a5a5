"""Vulnerable code of a package: no way to it is overlooked, and of what has none most is proven."""

import importlib.util
import io
import marshal
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from probatum.errors import FormatError
from probatum.vocabulary import Proven
from reaching import verdict

_DATA = Path(__file__).parent / "data"
_ELSEWHERE = ("site/moved/__init__.py", "site/weak/ways.py")


def cases(page: str) -> dict[str, str]:
    text = (_DATA / page).read_text("utf-8")
    return dict(part.split("\n", 1) for part in text.split("\n## ")[1:])


ATTACKS = cases("reach_attacks.md")
WISHES = cases("reach_wishes.md")
_PROVEN_AT_LEAST = 43


def files_of(case: str) -> dict[str, str | bytes]:
    """The files of a case: a `.pyc` is compiled, a name with `!` lies in an archive."""
    text = case.partition("```text\n--- ")[2].partition("\n```")[0]
    found: dict[str, str | bytes] = {}
    archives: dict[str, list[tuple[str, str]]] = {}
    for part in text.split("\n--- "):
        name, _, content = part.partition("\n")
        content += "\n" if content else ""
        archive, inside, member = name.partition("!")
        if inside:
            archives.setdefault(archive, []).append((member, content))
        elif name.endswith(".pyc"):
            found[name] = compiled(content)
        else:
            found[name] = content
    return found | {name: archived(members) for name, members in archives.items()}


def compiled(source: str) -> bytes:
    code = compile(source, "parts.py", "exec")
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def archived(members: list[tuple[str, str]]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return whole.getvalue()


def said(case: str, word: str) -> str:
    """What a case says of itself, as `run: ...`; empty if nothing."""
    found = re.search(rf"^{word}: `(.*)`$", case.partition("```")[0], re.M)
    return found[1] if found else ""


def variants(case: str) -> Iterator[dict[str, str | bytes]]:
    """The files as they are, and with the program in another package and in the vulnerable one."""
    files = files_of(case)
    yield files
    if "app.py" in files and not said(case, "run"):
        for place in _ELSEWHERE:
            module = place[5:-3].removesuffix("/__init__").replace("/", ".")
            yield {**files, "app.py": f"import {module}\n", place: files["app.py"]}


def is_proven(files: dict[str, str | bytes], case: str) -> bool:
    """Whether it is, without saying that what a case brings is assumed not to be."""
    try:
        found = verdict(files, said(case, "flaw") or "weak.core: flaw")
    except FormatError:
        return False
    return isinstance(found, Proven) and said(case, "assumed") not in found.assumptions


@pytest.mark.parametrize("title", ATTACKS)
def test_no_way_to_vulnerable_code_is_overlooked(title: str) -> None:
    case = ATTACKS[title]
    assert [is_proven(files, case) for files in variants(case)].count(True) == 0


def test_of_what_is_not_reached_most_is_proven() -> None:
    proven = [title for title, case in WISHES.items() if is_proven(files_of(case), case)]
    assert len(proven) >= _PROVEN_AT_LEAST, sorted(set(WISHES) - set(proven))
