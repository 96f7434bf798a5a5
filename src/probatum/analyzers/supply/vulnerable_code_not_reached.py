"""Decides whether a project may run the code in which known vulnerabilities of its packages lie.

A project with its environment (a `.venv` in its folder) holds packages that a known vulnerability
affects. Where a symbol pack (`probatum/rules/symbols`) says in which functions the flaw is, all
that the project may run is worked out by names, from the sources of both: everything of the project
runs; of a package a module runs if something that runs may import it, and a function if something
that runs has its name. Nothing is imported or executed.

- **Proven**: of every known vulnerability that affects an installed package, nothing imports the
  module, or nothing has the name of the function. Where that holds of some of them alone, they are
  told as known flaws that are proven, with a certificate for these.
- **Undecided**: such code may be reached, or something that runs could reach what has no name
  there: it imports a computed name, runs a text as code, unpickles, or has no source. The place is
  told. So it is where no pack knows the code, or no advisories are installed, or old
  ones.

Assumed are: that the program runs with this environment alone; that of the commands of installed
packages those run whose names stand in the program; that the environment's compiled modules
reach only what they spell; that cached bytecode is that of its sources; and that archives of
modules there are called `.egg`, `.pyz`, `.whl` or `.zip`.

Source: openvex.dev, `vulnerable_code_not_in_execute_path`.
"""

from pathlib import Path

from probatum.advisories.knowledge import Knowledge
from probatum.advisories.matching import Affects, affected
from probatum.check.vulnerable_code import Reach
from probatum.components import Component
from probatum.errors import FormatError, Rejected
from probatum.ports import Advisories, Material, informed_analyzer
from probatum.vocabulary import (
    FLAW,
    Artifact,
    Certificate,
    Claim,
    Entries,
    Entry,
    Place,
    Proven,
    Reason,
    Undecided,
    Verdict,
)

VULNERABLE_CODE_NOT_REACHED = Claim(
    "vulnerable-code-not-reached",
    "No code that the installed advisories call vulnerable is reached from this project.",
)

_ASSUMED = (
    "The program runs with this environment alone.",
    "Of the commands of installed packages those run whose names stand in the program.",
    "Compiled modules of the environment reach only what they spell.",
    "Cached bytecode is that of the sources beside it.",
    "Archives of modules in the environment are called .egg, .pyz, .whl or .zip.",
)


@informed_analyzer(
    id="vulnerable-code-not-reached",
    claim=VULNERABLE_CODE_NOT_REACHED,
    accepts={"python-program"},
)
def vulnerable_code_not_reached(
    artifact: Artifact, material: Material, advisories: Advisories
) -> Verdict:
    """Work out what may run, and look for the vulnerable code in it."""
    return judged(material, advisories)


def judged(material: Material, advisories: Advisories, packs: Path | None = None) -> Verdict:
    """The verdict by the symbols in `packs`, or those that are known."""
    try:
        reach = Reach(material.read, material.size, packs)
        packages = reach.packages()
    except Rejected as exc:
        return Undecided(Reason.UNRESOLVED, _told(str(exc)))
    knowledge = Knowledge(advisories)
    entries = []
    for name, version in sorted(set(packages)):
        entries += _entries(reach, knowledge, name, version)
    entries += [
        Entry(one, FLAW, Place(), "undecided", "it is not from the registry")
        for one in reach.strangers
    ]
    if advisories.stale:
        return Undecided(Reason.MISSING_ADVISORIES, advisories.stale)
    unreached = [one.name for one in entries if one.verdict == "proven"]
    facts = {
        "snapshot": advisories.digest,
        "size": material.size,
        "sha256": "" if reach.doubt else reach.digest(),
        "entries": unreached,
        "all": [one.name for one in entries],
    }
    certificate = Certificate("vulnerable_code", facts)
    if reach.doubt:
        return Undecided(Reason.UNRESOLVED, reach.doubt, entries=Entries(tuple(entries)))
    if "PyPI" not in advisories.covers:
        return Undecided(Reason.MISSING_ADVISORIES, "the installed advisories do not cover PyPI")
    open_ones = [one for one in entries if one.verdict != "proven"]
    if not open_ones:
        return Proven(certificate, _ASSUMED)
    more = f", and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
    detail = f"{open_ones[0].name}: {open_ones[0].detail}{more}"
    shown = Entries(tuple(entries), certificate if unreached else None, _ASSUMED)
    return Undecided(Reason.UNRESOLVED, detail, entries=shown)


def _entries(reach: Reach, knowledge: Knowledge, name: str, version: str) -> list[Entry]:
    """Each vulnerability that affects an installed package, or may, and whether its code runs."""
    component = Component(ecosystem="PyPI", name=name, version=version)
    try:
        matches = affected(knowledge.index, component)
    except FormatError as exc:
        return [Entry(f"{name} {version}", FLAW, Place(), "undecided", exc.detail)]
    found = []
    for match in matches:
        if match.verdict is Affects.NO:
            continue
        ids = frozenset((match.id, *match.names, *match.records))
        try:
            why = reach.doubt or reach.why_reached(ids, name, version)
        except Rejected as exc:
            why = str(exc)
        verdict = "undecided" if why else "proven"
        called = f"{match.id} {name} {version}"
        found.append(Entry(called, FLAW, Place(), verdict, _told(why)))
    return found


def _told(why: str) -> str:
    """What a checker says, without the number of its step."""
    number, colon, rest = why.partition(": ")
    return rest if colon and number.isdigit() else why
