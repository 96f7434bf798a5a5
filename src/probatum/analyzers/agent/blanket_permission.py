"""Decides whether an agent's configuration allows a tool everything without asking.

- **Proven**: servers are reached by address, or are a tool alone without options of its own, and no
  setting but those that name, place and describe a server stands in the file.
  `check/agent_config.py` reads it again.
- **Refuted**: an option that skips permissions or the sandbox, a list of approved tools that is
  all of them, a mode that never asks, a privileged container, a container that is handed the
  Docker socket or the whole disk, a file server that is given a whole disk or home.
- **Undecided**: options and settings of which it is not known what they allow.

Sources: `rules/agent/permissions.toml`, where each row names its own; OWASP LLM06:2025 Excessive
Agency.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from probatum.claims import NO_BLANKET_PERMISSION
from probatum.formats.agent_config import Server, Word, document, servers
from probatum.formats.agent_evidence import decided, witness
from probatum.formats.nodes import Mapping, Node, Scalar, items, walk
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Undecided, Verdict, Witness

_MOUNT = re.compile(
    r"(?:(?:/|~|\$HOME|\$\{HOME\}|/home/[^/:]+|/Users/[^/:]+|/(?:root|etc|home|Users)):/[^:]*"
    r"|[^:]*/docker\.sock:.*)(?::\w+)?|.*(?:src|source)=(?:/|[^,]*/docker\.sock)(?:,.*)?"
)


@analyzer(id="blanket-permission", claim=NO_BLANKET_PERMISSION, accepts={"agent-config"})
def blanket_permission(artifact: Artifact, material: Material) -> Verdict:
    """Look at every option and every setting."""
    data, node = document(material)
    sure, open = [], []
    for says, value, is_sure in _settings(node):
        if is_sure:
            sure.append(witness(says, value.place, data))
        else:
            open.append(Undecided(Reason.UNRESOLVED, says, value.place))
    for server in servers(node):
        sure += _options(server, data)
        sure += _folders(server, data)
    return decided("no-blanket-permission", data, sure, open)


def _settings(node: Node) -> Iterator[tuple[str, Scalar, bool]]:
    """What each setting that a row knows allows, where, and whether its neighbours agree."""
    for _, one in walk(node):
        for entry in one.entries if isinstance(one, Mapping) else ():
            for row in _rules()["permission"]:
                if entry.key.text not in row.get("keys", ()):
                    continue
                for value in (entry.value, *items(entry.value)):
                    if isinstance(value, Scalar) and value.text in row["values"]:
                        says = f"{entry.key.text}: {row['says']}; write {row['instead']}"
                        yield says, value, _agrees(one, row)


def _agrees(node: Node, row: dict[str, Any]) -> bool:
    """Whether the settings beside it have the values that it takes (`beside`), and no others."""
    for key, values in row.get("beside", {}).items():
        other = node.get(key) if isinstance(node, Mapping) else None
        if not isinstance(other, Scalar) or other.text not in values:
            return False
    for key, values in row.get("unless", {}).items():
        other = node.get(key) if isinstance(node, Mapping) else None
        if isinstance(other, Scalar) and other.text in values:
            return False
    return True


def _options(server: Server, data: bytes) -> Iterator[Witness]:
    for before, word in zip((Word("", server.place), *server.words), server.words, strict=False):
        for row in _rules()["permission"]:
            if word.text in row.get("words", ()) or _all_of_deno(server, word, row):
                says = f"{server.name}: {word.text}: {row['says']}; write {row['instead']}"
                yield witness(says, word.place, data)
        is_mount = before.text in ("-v", "--volume", "--mount")
        is_mount = is_mount or word.text.startswith(("--volume=", "--mount="))
        mount = word.text.partition("=")[2] if word.text.startswith("--") else word.text
        if is_mount and _MOUNT.fullmatch(mount):
            says = f"{server.name}: {mount[:80]} gives the container the host's files"
            yield witness(f"{says}; mount the one folder that is needed", word.place, data)


def _all_of_deno(server: Server, word: Word, row: dict[str, Any]) -> bool:
    return (
        word.text == "-A"
        and server.words[0].text == "deno"
        and "--allow-all" in row.get("words", ())
    )


def _folders(server: Server, data: bytes) -> Iterator[Witness]:
    for row in _rules()["folders"]:
        at = next(
            (n for n, w in enumerate(server.words) if any(t in w.text for t in row["tools"])), None
        )
        for word in server.words[at + 1 :] if at is not None else ():
            if re.fullmatch(row["whole"], word.text):
                says = f"{server.name}: {word.text}: {row['says']}; write {row['instead']}"
                yield witness(says, word.place, data)


@cache
def _rules() -> dict[str, Any]:
    text = files("probatum.rules").joinpath("agent/permissions.toml").read_text("utf-8")
    rules: dict[str, Any] = tomllib.loads(text)
    return rules
