"""Derives two tables from the analysers: what is asked of each kind, and what proves it; and one
from the rows on credentials, in a form that is read at once.

    python -m tools.derive_proofs           write the tables
    python -m tools.derive_proofs --check   exit 1 if one is stale

By `rules/analyzers.json` an audit imports only the analysers of the kinds that it meets; by
`rules/proofs.json` `probatum check` imports none. Where a checker takes from the facts what
the kind of the artifact has to decide (which loader reads it, say), `_CHOICES` binds that fact to
the kind, so that no report can choose it.
"""

import argparse
import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from probatum.catalog import analyzers
from probatum.credentials.kinds import derived
from probatum.formats import kinds_inventory as inventories
from probatum.formats.kinds import TARS, ZIPS
from probatum.formats.kinds_deploy import YAML_FORMS
from probatum.ports import Analyzer
from probatum.vocabulary import Undecided

_RULES = Path(__file__).parent.parent / "src" / "probatum" / "rules"

_CERTIFICATE = re.compile(r'Certificate\(\s*"([a-z0-9_]+)"')
# What an analyser's own source does not say: modules that write its certificates for it. The
# first that it imports is meant, since the evidence of arrays rests on that of pickles.
_EVIDENCE = {
    "npy_evidence": "npy",
    "pickle_evidence": "pickle",
    "taint.verdicts": "no_sinks",
    "deploy.verdicts": "deployment",
    "workflow_rules": "workflow",
    "formats.unshown_text": "shown_text",
    "formats.space_card": "space_card",
    "agent_evidence": "agent_config",
    "fasttext.certificate": "fasttext",
    "tensor_bundle.proof": "tensor_bundle",
}

_LOADERS = {
    "joblib": ["joblib", "pickle"],
    "torch-pickle": ["pickle", "torch"],
    "torch-raw": ["torch-raw"],
}
_PARTS = {"torchscript-pickle": ["pickle"], "torchscript-code": ["code"]}
_TEXTS = {
    "unknown": [],
    "empty": ["empty"],
    "image": ["png"],
    **{kind: ["json"] for kind in ("json", *inventories.JSON_FORMS)},
}
_YAML = {"yaml", *YAML_FORMS, *inventories.YAML_FORMS}
_CHOICES = {
    "pickle": lambda kind: {"loader": _LOADERS.get(kind, ["pickle"])},
    "torch_zip": lambda kind: {"loader": ["torch" if kind == "torch-zip" else kind]},
    "torchscript": lambda kind: {"part": _PARTS.get(kind, ["archive"])},
    "kind": lambda kind: {"kind": _TEXTS.get(kind, ["text"])},
    "xml": lambda kind: {"kind": [kind]},
    "remote_code": lambda kind: {"format": ["yaml" if kind in _YAML else "json"]},
    "deployment": lambda kind: {"kind": [kind]},
    "one_format": lambda kind: {"kind": [kind]},
    "xgboost_model": lambda kind: {"form": ["json" if kind == "xgboost-json" else "ubjson"]},
    "members": lambda kind: {
        "format": ["zip" if kind in ZIPS else "tar" if kind in TARS else kind]
    },
}
# Of the pickles in torch's oldest archives, two have raw bytes between their streams.
_NAMES = {"torch-tar-pickle": ["pickle"]}


def tables() -> dict[Path, str]:
    """The tables as they lie in the package, by their files."""
    found = {
        "analyzers.json": modules(),
        "credentials.json": msgspec.to_builtins(derived()),
        "proofs.json": proofs(),
    }
    return {
        _RULES / name: json.dumps(table, indent=1, sort_keys=True) + "\n"
        for name, table in found.items()
    }


def modules() -> dict[str, list[str]]:
    """Kind -> the modules of the analysers that accept it."""
    found: dict[str, list[str]] = {}
    for one in analyzers():
        for kind in one.accepts:
            found.setdefault(kind, []).append(one.module)
    return found


def proofs() -> dict[str, dict[str, dict[str, dict[str, list[str]]]]]:
    """Kind -> claim -> checker -> what is bound: a fact, or the name."""
    found: dict[str, Any] = {}
    for one in analyzers():
        for kind in one.accepts:
            bound = {checker: _bound(checker, kind) for checker in _checkers(one)}
            found.setdefault(kind, {})[one.claim.id] = bound
    return found


def _checkers(one: Analyzer) -> list[str]:
    """The checkers whose certificates this analyser can write, by what its source says."""
    if get_type_hints(one.judge)["return"] is Undecided:
        return []
    source = inspect.getsource(importlib.import_module(one.module))
    lent = [checker for module, checker in _EVIDENCE.items() if re.search(rf"\b{module}\b", source)]
    return sorted({*_CERTIFICATE.findall(source), *lent[:1]})


def _bound(checker: str, kind: str) -> dict[str, list[str]]:
    bound = _CHOICES[checker](kind) if checker in _CHOICES else {}
    return bound | ({"@name": _NAMES[kind]} if kind in _NAMES else {})


def stale() -> list[str]:
    """The names of the tables that are not what the analysers say now."""
    return [
        file.name
        for file, text in tables().items()
        if not file.is_file() or file.read_text("utf-8") != text
    ]


def main() -> int:
    """Write the tables, or with --check only compare them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    if asked.parse_args().check:
        return 1 if stale() else 0
    for file, text in tables().items():
        file.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
