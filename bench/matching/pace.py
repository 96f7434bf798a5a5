"""How fast components are matched with the advisories of PyPI.

    python pace.py ADVISORIES FOLDER ROUNDS

Builds a snapshot in FOLDER and prints a JSON object of CPU times: lookups a second, with a fresh
index and nothing remembered, of texts that no lookup had before (one package of each) and of all
packages' versions, and of the latter again; and the milliseconds that an environment of 200
packages takes with a fresh index, all of which have advisories: the least of the rounds.
"""

import json
import random
import sys
import time
from pathlib import Path

from pip._vendor.packaging.version import InvalidVersion, Version

sys.path.insert(0, str(Path(__file__).parent))
from compare import lines

from probatum.advisories import snapshot
from probatum.advisories.fixes import upgrade
from probatum.advisories.matching import Affects, affected
from probatum.advisories.versions import key_of
from probatum.components import Component


def main() -> None:
    source, folder, rounds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in snapshot.build(lines(source / "pypi_osv.jsonl.zst"), "").files().items():
        (folder / name).write_bytes(data)
    asked = _asked(source)
    new = list({one.version: one for one in asked}.values())
    some = list({one.name: one for one in asked}.values())[:200]
    least = dict.fromkeys(("new", "first", "again", "environment", "upgrades"), float("inf"))
    for _ in range(rounds):
        index = _fresh(folder)
        took = {"new": _took(index, new)}
        index = _fresh(folder)
        took |= {"first": _took(index, asked), "again": _took(index, asked)}
        index = _fresh(folder)
        took |= {"environment": _took(index, some), "upgrades": _upgraded(index, some)}
        least = {name: min(one, took[name]) for name, one in least.items()}
    told = {
        "texts": len(new), "versions": len(asked), "new": len(new) / least["new"],
        "first": len(asked) / least["first"], "again": len(asked) / least["again"],
        "environment_ms": least["environment"] * 1000, "upgrades_ms": least["upgrades"] * 1000,
    }  # fmt: skip
    print(json.dumps(told))


def _fresh(folder: Path) -> snapshot.Index:
    key_of.cache_clear()
    return snapshot.opened(folder).index


def _asked(source: Path) -> list[Component]:
    """Every listed version that is one, in an order that says nothing."""
    found = set()
    for data in lines(source / "pypi_osv.jsonl.zst"):
        for entry in json.loads(data)["affected"]:
            found |= {(entry["package"]["name"], text) for text in entry.get("versions") or ()}
    pairs = sorted(pair for pair in found if _is_version(pair[1]))
    random.Random(1).shuffle(pairs)
    return [Component(ecosystem="PyPI", name=name, version=text) for name, text in pairs]


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _took(index: snapshot.Index, asked: list[Component]) -> float:
    began = time.process_time()
    for component in asked:
        affected(index, component)
    return time.process_time() - began


def _upgraded(index: snapshot.Index, asked: list[Component]) -> float:
    began = time.process_time()
    for component in asked:
        if any(match.verdict is Affects.YES for match in affected(index, component)):
            upgrade(index, component)
    return time.process_time() - began


if __name__ == "__main__":
    main()
