"""Runs pip-audit itself on files of requirements, and matches the same ones here.

    python clients.py ADVISORIES PIP_AUDIT FILES

Each file pins 100 packages that have advisories with bounds that are versions, at listed versions
in one spelling of several. The server that pip-audit asks, on this machine, answers by osv.dev's
rule from the same records. Prints a JSON object: how many vulnerabilities both tell of, only
pip-audit, only Probatum, and which it leaves undecided, by the spelling of the pin.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from compare import SPELLINGS, entries_of, lines
from pip._vendor.packaging.version import InvalidVersion, Version
from rules import BEGIN, Said, osv_dev, said

from probatum.advisories import snapshot
from probatum.advisories.matching import Affects, Match, affected
from probatum.components import Component

ECOSYSTEM = "PyPI"
PINS = 100


class Records:
    """All records by package, and what they list."""

    def __init__(self, path: Path) -> None:
        self._found = snapshot.loaded(snapshot.build(lines(path), "").files())
        self.index = self._found.index

    @cache  # noqa: B019  # there is one
    def of(self, name: str) -> list[tuple[dict[str, Any], list[Said]]]:
        whole = [json.loads(data) for data in self._found.records(ECOSYSTEM, name)]
        return [
            (one, [*map(said, entries_of(one, ECOSYSTEM, name))])
            for one in whole
            if not one.get("withdrawn")
        ]

    def listed(self, name: str) -> list[str]:
        texts = {text for _, entries in self.of(name) for one in entries for text in one.listed}
        return sorted(filter(_is_version, texts))

    def is_bounded(self, name: str) -> bool:
        """Whether every bound of every range is a version."""
        return all(
            bound == BEGIN or bound[0] == 1
            for _, entries in self.of(name) for one in entries
            for events in one.ranges for bound, _, _ in events
        )  # fmt: skip

    def asked(self, name: str, version: str) -> list[dict[str, Any]]:
        """What osv.dev's rule says affects a version."""
        return [one for one, entries in self.of(name)
                if any(osv_dev(entry, version) for entry in entries)]  # fmt: skip


def main() -> None:
    records = Records(Path(sys.argv[1]) / "pypi_osv.jsonl.zst")
    chosen = random.Random(1)
    counts: dict[str, Counter[str]] = {spelling: Counter() for spelling in SPELLINGS[ECOSYSTEM]}
    apart: list[str] = []
    address = _served(records)
    names = [name for name in records.index.names(ECOSYSTEM) if records.is_bounded(name)]
    for _ in range(int(sys.argv[3])):
        pins = _pins(records, chosen, chosen.sample(names, PINS))
        theirs = _audited(sys.argv[2], address, {name: pin for name, (pin, _) in pins.items()})
        for name, (version, spelling) in pins.items():
            ours = affected(
                records.index, Component(ecosystem=ECOSYSTEM, name=name, version=version)
            )
            _compared(f"{name} {version}", ours, theirs.get(name, []), counts[spelling], apart)
    print(json.dumps({"counts": counts, "apart": apart[:20]}))


def _pins(records: Records, chosen: random.Random, names: list[str]) -> dict[str, tuple[str, str]]:
    found = {}
    for name in names:
        spelling = chosen.choice([*SPELLINGS[ECOSYSTEM]])
        texts = [
            one for text in records.listed(name) if (one := SPELLINGS[ECOSYSTEM][spelling](text))
        ]
        if texts:
            found[name] = chosen.choice(texts), spelling
    return found


def _compared(
    pin: str,
    ours: tuple[Match, ...],
    theirs: list[set[str]],
    counts: Counter[str],
    apart: list[str],
) -> None:
    """A vulnerability is the same where the names that it has meet."""
    counts["pins"] += 1
    for match in ours:
        told = any(names & set(match.names) for names in theirs)
        if match.verdict is Affects.UNKNOWN:
            counts[f"undecided here, {'told' if told else 'not told'} there"] += 1
        elif match.verdict is Affects.YES:
            counts["both" if told else "only ours"] += 1
        elif told:
            counts["only theirs"] += 1
            apart.append(f"{pin}: {match.id}")


def _audited(program: str, address: str, pins: dict[str, str]) -> dict[str, list[set[str]]]:
    """The names of each vulnerability that pip-audit tells of, by package."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
        command = [program, "-r", str(wanted), "--no-deps", "--disable-pip", "-s", "osv",
                   "--osv-url", address, "-f", "json", "--progress-spinner", "off",
                   "--cache-dir", f"{folder}/cache"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        raise RuntimeError(done.stderr[-2000:])
    return {
        one["name"]: [{each["id"], *each["aliases"]} for each in one.get("vulns", ())]
        for one in json.loads(done.stdout)["dependencies"]
    }


def _served(records: Records) -> str:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = records.asked(query["package"]["name"], query["version"])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1/query"


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


if __name__ == "__main__":
    main()
