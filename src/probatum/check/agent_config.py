"""Re-derives what is proven of an agent's configuration.

facts = {"claim": id, "size": bytes, "sha256": hex of all of them}

The file is one JSON document without comments, no object of which has a key twice. A server is any
object with a `command` or an address. Then, by the claim:

- pinned-tools: each command is npx, bunx, uvx, pipx or docker, followed by switches that are listed
  here and a tool in one whole version (npm, Python) or with a digest (images), and no option by
  which another tool is fetched stands behind it; or an interpreter with a file or a module.
- no-literal-secret: no text has sixteen letters and digits of a key in a row, but for the digest or
  commit at its end; and what is named like a secret is a variable, or empty.
- encrypted-transport: no text holds `http:` or `ws:` but to this machine; each address begins with
  `https://` or `wss://`, or is such a text; no word that weakens the verification is in the file.
- no-blanket-permission: a command has one word of its own at most; no key is in the file but those
  listed here, names of servers, of headers and of variables; none of these speaks of permission.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from probatum.errors import Rejected

_MOST = 4 << 20
_ADDRESSES = ("url", "serverUrl", "httpUrl", "sseUrl", "endpoint", "baseUrl", "uri")
_SWITCHES = {"-y", "--yes", "-q", "--quiet", "-i", "--rm", "-it", "--init", "--isolated", "-t"}
_TOOLS = {
    "npx": r"(?:@[\w.-]+/)?[\w.-]+@\d+\.\d+\.\d+(?:[-.+][\w.+-]+)?",
    "uvx": r"[\w.-]+(?:==|@)\d[\w.!+-]*",
    "docker": r"[^\s@]+@sha256:[0-9a-f]{64}",
}
_TOOLS |= {"bunx": _TOOLS["npx"], "pipx": _TOOLS["uvx"], "podman": _TOOLS["docker"]}
_FETCHES = re.compile(r"--?(?:from|with|w|p|package|spec|c|call|e|eval|registry|index)(?:$|=|-)")
_FILE = re.compile(r"[^\s:]+\.(?:py|js|mjs|cjs|ts|mts|jar)")
_VARIABLE = re.compile(r"(?:(?:Bearer|Basic|Token) +)?(?:\$\{[\w:.-]+\}|\$\w+|%\w+%)")
_SECRET = re.compile(
    "token|secret|passw|passphrase|key|credential|auth|bearer|cookie|pwd|pat$", re.I
)
_WEAK = re.compile(
    "insecure|verify|reject_?unauthorized|allow-http|no-check|^-k$|strict-?ssl", re.IGNORECASE
)
_KEYS = set(
    """mcpServers servers inputs command args env url httpUrl serverUrl type transport name
    description timeout disabled enabled headers id version title $schema cwd""".split()  # noqa: SIM905
)
_GRANTS = re.compile(
    "allow|trust|unsafe|danger|bypass|skip|permi|approv|disab|insecure|root|yolo|auto|sudo|priv"
    "|write|mode|sandbox|admin|full",
    re.IGNORECASE,
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the claim holds for the document."""
    _demand(isinstance(facts, dict) and set(facts) == {"claim", "size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    claim = facts["claim"]
    decide = _CLAIMS.get(claim) if isinstance(claim, str) else None
    if decide is None:
        raise Rejected("no such claim")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        objects = list(_objects(document, "", 0))
    except (ValueError, RecursionError) as exc:
        raise Rejected("no such document") from exc
    decide(document, objects)


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _demand(len(dict(pairs)) == len(pairs), "a key stands twice")
    return dict(pairs)


def _objects(value: Any, name: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object, with the key that it stands under."""
    _demand(depth < 100, "nested too deeply")
    if isinstance(value, dict):
        yield name, value
        for key, inner in value.items():
            yield from _objects(inner, key, depth + 1)
    for inner in value if isinstance(value, list) else ():
        yield from _objects(inner, name, depth + 1)


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every text, with the key or the option that names it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield "", key
            yield from _texts(inner, key)
    elif isinstance(value, list):
        before = ""
        for inner in value:
            if isinstance(inner, str):
                option, equals, rest = inner.partition("=")
                yield (option, rest) if equals else (before, inner)
                yield "", option
                before = inner if inner.startswith("-") else ""
            else:
                yield from _texts(inner, name)


def _line(server: dict[str, Any]) -> list[str]:
    """The words of a server's command line; none where it only has an address."""
    _demand("cmd" not in server, "another way to write a command")
    command, words = server.get("command"), server.get("args", [])
    if command is None:
        _demand("args" not in server, "arguments of no command")
        return []
    if (
        not isinstance(command, str)
        or not isinstance(words, list)
        or re.search(r"[\s/\\]", command)
    ):
        raise Rejected("a command that is more than a name")
    _demand(all(isinstance(word, str) for word in words), "words that are no texts")
    return [command, *words]


def _is_server(one: dict[str, Any]) -> bool:
    return "command" in one or "cmd" in one or any(key in one for key in _ADDRESSES)


def _pinned(_: Any, objects: list[tuple[str, dict[str, Any]]]) -> None:
    for _name, one in objects:
        line = _line(one) if _is_server(one) else []
        if not line:
            continue
        words = line[1:]
        if line[0] in ("docker", "podman", "pipx"):
            _demand(words[:1] == ["run"], "not a command that runs a tool")
            words = words[1:]
        while words and words[0] in _SWITCHES:
            words = words[1:]
        _demand(words, "no tool is named")
        if line[0] in _TOOLS:
            _demand(re.fullmatch(_TOOLS[line[0]], words[0]), f"{words[0][:60]}: not one version")
            _demand(not any(_FETCHES.match(word) for word in words[1:]), "an option that fetches")
            continue
        _demand(re.fullmatch(r"python[\d.]*|node|bun|java|tsx", line[0]), "an unknown command")
        module = words[0] == "-m" and len(words) > 1 and words[1] not in ("pip", "pipx", "uv")
        _demand(module or _FILE.fullmatch(words[0]), "no file and no module")


def _secretless(document: Any, _: Any) -> None:
    for name, text in _texts(document, ""):
        bare = re.sub(r"@sha256:[0-9a-f]{64}$|[@#][0-9a-f]{40}$", "", text)
        for run in re.findall("[A-Za-z0-9+/_=-]{16,}", bare):
            mixed = re.search("[0-9]", run) and re.search("[A-Za-z]", run)
            _demand(not mixed, "a text that could be a key")
        named = _SECRET.search(name)
        _demand(not named or not text or _VARIABLE.fullmatch(text), f"{name[:40]}: a value")


def _encrypted(document: Any, objects: list[tuple[str, dict[str, Any]]]) -> None:
    for _name, text in _texts(document, ""):
        _demand(not _WEAK.search(text), f"{text[:40]}: a word that weakens")
        here = r"(?:http|ws)://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/?#\s]|$)"
        _demand(not re.search("(?:http|ws):", re.sub(here, "", text, flags=re.I), re.I), text[:60])
    for _name, one in objects:
        for key in _ADDRESSES:
            text = one.get(key, "https://x")
            _demand(isinstance(text, str), "an address that is no text")
            _demand(re.fullmatch(r"(?i)(?:https|wss|http|ws)://[^\s$%{}`]+", text), text[:60])


def _limited(_: Any, objects: list[tuple[str, dict[str, Any]]]) -> None:
    for name, one in objects:
        free = name in ("env", "headers", "mcpServers", "servers")
        for key in one:
            _demand(key in _KEYS or free, f"{key[:40]}: an unknown setting")
            _demand(not free or not _GRANTS.search(key), f"{key[:40]}: of permission")
        line = _line(one) if _is_server(one) else []
        switches = ("-y", "--yes", "-q", "run", "-i", "--rm")
        own = [word for word in line[1:] if word not in switches]
        _demand(len(own) < 2 and not re.match("-", (own or ["x"])[0]), "options of its own")


_CLAIMS = {
    "pinned-tools": _pinned,
    "no-literal-secret": _secretless,
    "encrypted-transport": _encrypted,
    "no-blanket-permission": _limited,
}
