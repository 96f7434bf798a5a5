"""Signed models: the published conformance cases, and what verifying costs beside hashing."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import least
from bench.tables import table
from bench.tools import PASSED, PROBATUM, Bench, Tool

HASHING = Path(__file__).resolve().parents[1] / "hashing.py"
_OMS = HASHING.parent / "oms"
_ELSEWHERE = 13  # cases with a signature by the public Sigstore; see bench.oms.cases
OURS = Tool(
    PROBATUM.name,
    "",
    (),
    ("verify", "{file}/model", "--key", "{file}/release.pub"),
    {0: PASSED},
)
_PEER = Tool(
    "model_signing",
    "",
    ("model-signing", "pyOpenSSL"),
    ("verify", "key", "{file}/model", "--signature", "{file}/model/model.sig",
     "--public_key", "{file}/release.pub"),
    {0: PASSED},
)  # fmt: skip
_FILES = 4
_RECORD = 590  # bytes for each record of the big pickle: 2 GiB in all, and little in a quick run
_MIB = 1 << 20
_KEY = """
import sys
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import *
key = ec.generate_private_key(ec.SECP384R1())
form = PrivateFormat.PKCS8, PublicFormat.SubjectPublicKeyInfo
private = key.private_bytes(Encoding.PEM, form[0], NoEncryption())
public = key.public_key().public_bytes(Encoding.PEM, form[1])
for name, data in (("release.key", private), ("release.pub", public)):
    open(f"{sys.argv[1]}/{name}", "wb").write(data)
"""


def signers(bench: Bench) -> tuple[Tool, ...]:
    """All that are run side by side."""
    return (OURS, _PEER) if bench.peers else (OURS,)


def measured(bench: Bench) -> dict[str, Any]:
    folder = bench.work / "signing"
    files = _model(folder / "model", bench.records * _RECORD)
    python = bench.python(PROBATUM.name)
    environment = bench.environment(PROBATUM)
    subprocess.run([python, "-c", _KEY, str(folder)], check=True, env=environment)
    sign = ["sign", str(folder / "model"), "--key", str(folder / "release.key")]
    script = bench.line(OURS, "")[0]
    subprocess.run([script, *sign], check=True, env=environment, stderr=subprocess.DEVNULL)
    tools = signers(bench)
    runs = [([python, str(HASHING), *files], environment)]
    runs += [(bench.line(tool, str(folder)), bench.environment(tool)) for tool in tools]
    costs = least(runs, bench.home, rounds=bench.runs, limit_s=bench.heavy_s)
    titles = ["hashing alone", *(tool.title for tool in tools)]
    return {
        "conformance": {tool.title: _conformance(bench, tool) for tool in tools},
        "bytes": sum(os.path.getsize(file) for file in files),  # noqa: PTH202
        "costs": {
            title: {"code": one.code, "cpu_s": one.cpu_s, "peak_mb": one.peak_mb}
            for title, one in zip(titles, costs, strict=True)
        },
    }


def _conformance(bench: Bench, tool: Tool) -> Any:
    """How many of the published cases were run, and which came out otherwise."""
    ours = bench.python(PROBATUM.name)
    adapter = [ours, str(_OMS / "adapter.py")]
    if tool is not OURS:
        adapter = [ours, str(_OMS / "peer.py"), bench.line(tool, "")[0]]
    every = 1 if bench.peers else 10
    folder = bench.work / "conformance" / tool.name
    command = [ours, "-m", "bench.oms.drive", str(folder), str(every), *adapter]
    environment = bench.environment(tool) | {"PYTHONPATH": str(HASHING.parents[1])}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _model(folder: Path, size: int) -> list[str]:
    """Files of so many bytes that nobody could guess; kept from one run to the next."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"model-{number:05d}.safetensors" for number in range(_FILES)]
    for file in files:
        if not file.exists() or file.stat().st_size != size:
            with file.open("wb") as written:
                for at in range(0, size, _MIB):
                    written.write(os.urandom(min(_MIB, size - at)))
    return [str(file) for file in files]


def written(data: dict[str, Any]) -> str:
    raw = data["costs"]["hashing alone"]["cpu_s"]
    rows = [
        [title, one["code"], f"{one['cpu_s']:.2f}", f"{raw / one['cpu_s']:.0%}",
         f"{one['peak_mb']:.0f}"]
        for title, one in data["costs"].items()
    ]  # fmt: skip
    passed = [
        [title, one["cases"] - len(one["wrong"]), one["cases"], ", ".join(one["wrong"])]
        for title, one in data["conformance"].items()
    ]
    return f"""\
The published conformance cases of OpenSSF Model Signing, each with keys, models and bundles made
for it as the suite makes them. The suite has {_ELSEWHERE} more, which need signatures by the public
Sigstore.

{table(["", "as published", "cases", "otherwise"], passed)}

{_FILES} files of {data["bytes"] / (_FILES << 20):,.0f} MiB, signed by `probatum sign` with a
P-384 key and verified with its public half. Hashing alone is `hashlib.file_digest` (SHA-256) in as
many threads as there are processors. CPU seconds, the start of the interpreter included, the
least of several runs that took turns.

{table(["", "exit code", "CPU s", "hashing alone/this", "MB"], rows)}
"""


def goals(data: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    costs = data["costs"]
    share = costs["hashing alone"]["cpu_s"] / costs[OURS.title]["cpu_s"]
    met = share >= 0.9 and costs[OURS.title]["code"] == 0
    ours = data["conformance"][OURS.title]
    told = f"{ours['cases'] - len(ours['wrong'])} of {ours['cases']}"
    yield "signatures: every published conformance case", told, not ours["wrong"]
    yield "verifying a signed model: >= 90% of the raw hash speed", f"{share:.0%}", met
