#!/usr/bin/env python3
"""Probatum behind the command line that the conformance suite of OpenSSF Model Signing runs.

Anyone who has the suite can run it against the Probatum that this Python has:

    pytest test/ --entrypoint=bench/oms/adapter.py

Signatures by way of Sigstore are verified with the trusted root of the file that the environment
variable `SIGSTORE_TRUSTED_ROOT` names; making one needs its servers, and fails.

Source: `docs/adapter_cli_protocol.md` of the suite.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

Call = Callable[[list[str]], int]


def run(line: list[str], call: Call) -> int:
    """The exit code of one command of the suite; `call` is Probatum's own command line."""
    said, _ = parser().parse_known_args(line)
    return _sign(said, call) if said.command == "sign-model" else _verify(said, call)


def _sign(said: argparse.Namespace, call: Call) -> int:
    if said.method == "sigstore":
        print("signing by way of Sigstore needs its servers", file=sys.stderr)
        return 3
    line = ["sign", said.model_path, "--key", said.private_key, "-o", said.output_bundle]
    line += _left_out(said)
    if said.method == "key":
        return call(line)
    with tempfile.NamedTemporaryFile(suffix=".pem") as chain:
        parts = [said.signing_cert, *(one for one in said.cert_chain if one != said.signing_cert)]
        chain.write(b"".join(Path(one).read_bytes() for one in parts))
        chain.flush()
        return call([*line, "--certificates", chain.name])


def _verify(said: argparse.Namespace, call: Call) -> int:
    line = ["verify", said.model_path, "--signature", said.bundle, *_left_out(said)]
    if said.ignore_unsigned_files:
        line.append("--ignore-unsigned")
    if said.method == "key":
        line += ["--key", said.public_key]
    if said.method == "certificate":
        line += [word for one in said.cert_chain for word in ("--root", one)]
    if said.method == "sigstore":
        root = os.environ.get("SIGSTORE_TRUSTED_ROOT", "")
        line += ["--identity", said.identity, "--issuer", said.identity_provider]
        line += ["--trusted-root", root]
    return call([*line, "--check"])


def _left_out(said: argparse.Namespace) -> list[str]:
    """The suite names paths by where they are, Probatum by where they are in the model."""
    inside = [os.path.relpath(one, said.model_path) for one in said.ignore_paths]
    return [
        word
        for one in inside
        if not one.startswith(os.pardir) and one != os.curdir
        for word in ("--ignore", one)
    ]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("command", choices=("sign-model", "verify-model"))
    made.add_argument("--method", required=True, choices=("key", "certificate", "sigstore"))
    made.add_argument("--model-path", required=True)
    for name in ("--output-bundle", "--bundle", "--private-key", "--public-key", "--signing-cert",
                 "--identity", "--identity-provider", "--identity-token"):  # fmt: skip
        made.add_argument(name, default="")
    for name in ("--cert-chain", "--ignore-paths"):
        made.add_argument(name, action="append", default=[])
    for name in ("--ignore-unsigned-files", "--use-staging"):
        made.add_argument(name, action="store_true")
    return made


if __name__ == "__main__":
    from probatum.cli.main import main

    sys.exit(run(sys.argv[1:], main))
