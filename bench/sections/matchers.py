"""What other tools match of the same records: their rules, written again, and pip-audit itself."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bench.tables import table

BOTH, NEITHER = "both", "neither"
OURS, THEIRS, OPEN = "only ours: ", "only theirs: ", "undecided here, "
MISSED = f"{THEIRS}not affected here"
_TELLS = {
    f"{OURS}a label of a build": "A build is no release that is known, or counts as later than the "
    "version that it is a build of. Here it counts as that version.",
    f"{OURS}another spelling": "The version is listed, and written in another way there.",
    f"{OURS}a range behind one of commits": "The tool looks no further than at the first range of "
    "commits; most of these records list the versions too, in one spelling.",
    f"{OURS}in a range, not listed": "A range has the version and no list does; the tool goes by "
    "lists alone.",
    f"{THEIRS}undecided here": "The version, or a bound, is none by PEP 440. The tool places it "
    "before every version; here nothing is said of it, and what it seems to mean is told beside.",
    MISSED: "Probatum would miss it.",
    f"{OPEN}not affected there": "As before, where the tool calls it not affected.",
}


def written(peers: dict[str, Any], clients: dict[str, Any] | None) -> str:
    each = "" if peers["every"] == 1 else f", of one package in {peers['every']}"
    return f"""\
### Against the rules of other tools

The same pairs of PyPI{each}, as other tools match them: by their rules, written again
from their sources (`matching/rules.py`). Neither osv-scanner itself nor what osv.dev and PyPI
answer is measured: they could not be had on this machine.

{_rules(peers["counts"])}

{_classes(peers)}

{_clients(clients)}"""


def _rules(counts: dict[str, dict[str, dict[str, int]]]) -> str:
    kinds = [*dict.fromkeys(kind for one in counts.values() for each in one.values()
                            for kind in each if kind.startswith((OURS, OPEN)))]  # fmt: skip
    head = ["rule", "version", BOTH, MISSED, f"{THEIRS}undecided here", *sorted(kinds)]
    rows = [
        [rule, spelling, *(each.get(kind, 0) for kind in head[2:])]
        for rule, spelled in counts.items()
        for spelling, each in spelled.items()
    ]
    return table(head, rows)


def _classes(peers: dict[str, Any]) -> str:
    totals: Counter[str] = Counter()
    for spelled in peers["counts"].values():
        for each in spelled.values():
            totals.update(each)
    rows = []
    for kind in sorted(totals.keys() - {BOTH, NEITHER}):
        first = next(one[kind] for one in peers["examples"].values() if kind in one)
        rows.append([kind, totals[kind], _TELLS.get(kind, ""), first])
    return table(["difference", "pairs", "why", "the first of them"], rows)


def _clients(clients: dict[str, Any] | None) -> str:
    if clients is None:
        return ""
    rows = [[spelling, *(each.get(kind, 0) for kind in _TOLD)]
            for spelling, each in clients["counts"].items()]  # fmt: skip
    apart = "".join(f"\n\nOnly pip-audit's: {line}" for line in clients["apart"])
    return f"""\
pip-audit itself, on files of requirements that pin 100 packages with advisories each, asking a
server on the same machine that answers by osv.dev's rule. Vulnerabilities are counted, by all their
names; pins and bounds are versions by PEP 440.

{table(["version", *_TOLD], rows)}{apart}
"""


_TOLD = ("pins", BOTH, "only theirs", "only ours", f"{OPEN}told there", f"{OPEN}not told there")


def goals(peers: dict[str, Any], clients: dict[str, Any] | None) -> Iterator[tuple[str, str, bool]]:
    """No true match that only another tool has."""
    each = [one for spelled in peers["counts"].values() for one in spelled.values()]
    missed, matched = (sum(one.get(kind, 0) for one in each) for kind in (MISSED, BOTH))
    told = f"{missed} missed, {matched:,} shared, by {len(peers['counts'])} rules"
    yield "advisories: all that other rules match", told, not missed
    if clients is not None:
        counts = clients["counts"].values()
        missed, matched = (sum(one.get(kind, 0) for one in counts) for kind in _TOLD[2:0:-1])
        told = f"{missed} missed, {matched:,} shared"
        yield "advisories: all that pip-audit tells", told, not missed
