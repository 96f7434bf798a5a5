"""Reads configurations of agents: the servers that they start or connect to, and their settings.

A server is any object, however deep, with a `command` or an address (`url`, `httpUrl`, …): clients
keep them under `mcpServers`, `servers`, `mcp`, `context_servers` and other names.

Sources: modelcontextprotocol.io, "Connect to local MCP servers"; code.claude.com/docs/en/mcp;
docs.cursor.com/context/mcp; code.visualstudio.com/docs/copilot/chat/mcp-servers; opencode.ai/docs;
geminicli.com/docs/tools/mcp-server; developers.openai.com/codex/config-reference;
docs.windsurf.com; docs.cline.bot; zed.dev/docs/ai/mcp.
"""

import re
import shlex
from collections.abc import Iterator

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats import json_nodes, toml_nodes
from probatum.formats.nodes import Mapping, Node, Scalar, Sequence, items, walk
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

LARGEST = 4 << 20
ADDRESSES = ("url", "serverUrl", "httpUrl", "sseUrl", "endpoint", "baseUrl", "uri")
VARIABLE = re.compile(r"\$\{|\$[A-Za-z_]|%[A-Za-z_]+%|\{\{|\$\(|`")
_TOML = re.compile(
    rb"(?:\s|#[^\n]*\n|(?!))*+"
    rb"(?:[\w.\"-]+[ \t]*=|\[\[?[ \t]*[A-Za-z_\"][\w.\"/@-]*[ \t]*\]\]?[ \t\r]*(?:#|\n|\Z))"
)
_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "cmd", "powershell", "pwsh", "wsl"})
_ENV = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class Word(Struct, frozen=True):
    """One word of a command line, with the place of the text that it stands in."""

    text: str
    place: Place


class Server(Struct, frozen=True):
    """What one object starts (`words`) or connects to (`addresses`).

    `shell` is the line that a shell is given, if one is.
    """

    name: str
    place: Place
    words: tuple[Word, ...]
    addresses: tuple[Word, ...]
    shell: str = ""


def document(material: Material) -> tuple[bytes, Node]:
    """The bytes and the document. Raises: FormatError."""
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {LARGEST} bytes, which are not all read")
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    if _TOML.match(data):
        return data, toml_nodes.document(data)
    return data, json_nodes.document(data, comments=True)


def servers(node: Node) -> Iterator[Server]:
    """Every server, in the order of the text."""
    for path, one in walk(node):
        if not isinstance(one, Mapping):
            continue
        written = [one.get("command"), one.get("cmd")]
        command = next((each for each in written if isinstance(each, Scalar | Sequence)), None)
        found = [one.get(key) for key in ADDRESSES]
        addresses = tuple(
            Word(each.text, each.place) for each in found if isinstance(each, Scalar) and each.text
        )
        if command is not None or addresses:
            yield _server(path.rpartition(".")[2], one, command, addresses)


def texts(node: Node) -> Iterator[tuple[str, Scalar]]:
    """Every text, with the key or the option that names it (`--api-key x`, `API_KEY=x`)."""
    for _, one in walk(node):
        if isinstance(one, Mapping):
            for entry in one.entries:
                if isinstance(entry.value, Scalar):
                    yield entry.key.text, entry.value
        elif isinstance(one, Sequence):
            before = ""
            for item in one.items:
                if isinstance(item, Scalar):
                    option, equals, value = item.text.partition("=")
                    named = equals and re.fullmatch(r"-{0,2}[\w.-]+", option)
                    if named:
                        yield option.lstrip("-"), Scalar(value, item.place, item.plain)
                    else:
                        yield before, item
                    before = item.text.lstrip("-") if item.text.startswith("-") else ""


def _server(name: str, one: Mapping, command: Node | None, addresses: tuple[Word, ...]) -> Server:
    if isinstance(command, Scalar):
        words = [Word(command.text, command.place)]
    else:
        words = [Word(each.text, each.place) for each in items(command) if isinstance(each, Scalar)]
    words += [Word(e.text, e.place) for e in items(one.get("args")) if isinstance(e, Scalar)]
    if isinstance(command, Scalar) and len(words) == 1 and " " in command.text:
        words = _split(command.text, command.place)  # a hook, or an editor that takes one line
    words = _bare(words)
    shell = ""
    if words and base(words[0].text) in _SHELLS:
        shell = " ".join(word.text for word in words[1:])
        inner = [word for word in words[1:] if not re.match(r"-\w+$|/[cCkK]$", word.text)]
        words = _bare(_split(inner[0].text, inner[0].place)) if len(inner) == 1 else inner
    elif words and re.search(r"[|;&]", " ".join(word.text for word in words)):
        shell = " ".join(word.text for word in words)
    return Server(name, one.place, tuple(words), addresses, shell)


def base(command: str) -> str:
    """The program's name without its folder and Windows' suffix."""
    return re.sub(r"\.(?:exe|cmd|bat|ps1)$", "", re.split(r"[/\\]", command)[-1].lower())


def _split(line: str, place: Place) -> list[Word]:
    try:
        return [Word(word, place) for word in shlex.split(line)]
    except ValueError:
        return [Word(line, place)]


def _bare(words: list[Word]) -> list[Word]:
    """Without `env` and what it sets."""
    at = 1 if words and base(words[0].text) == "env" else 0
    while at < len(words) and at < 64 and _ENV.fullmatch(words[at].text):
        at += 1
    return words[at:]
