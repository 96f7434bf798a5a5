"""Re-derives what is proven of an agent's configuration.

facts = {"claim": id, "size": bytes, "sha256": hex of all of them}

The file is one JSON document without comments, no object of which has a key twice. A server is any
object with a `command` or an address. Then, by the claim:

- pinned-tools: no key is one of a command in other letters, and no other text names a launcher or
  a registry; each command is npx, bunx, uvx, pipx or docker, followed by switches that are listed
  here and a tool in one whole version (npm, Python) or with a digest (images), and no option by
  which another tool is fetched stands behind it; or an interpreter with a file or a module.
- no-literal-secret: every text is a variable, a switch, a number, a word listed here, a tool with
  its version, a file or folder, an address without a user and a query, or the name of a command;
  none has sixteen letters and digits of a key in a row, but for the digest or commit at its end;
  and what is named like a secret is a variable, or empty.
- encrypted-transport: no text holds an address but of `https` and `wss`, or of this machine, nor
  one without a scheme; what is named like a host is such an address; each server's address is
  one; no word that weakens the verification is in the file.
- no-blanket-permission: a command has one word of its own at most; no key is in the file but
  those listed here, names of servers, of headers and of variables; none of these speaks of
  permission. The one word is a tool or a file.
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


_LAUNCHER = re.compile(
    r"\b(?:npx|pnpx|bunx|uvx|pipx|npm|pnpm|yarn|uv|pip|docker|podman|curl|wget|dlx|deno|go run)\b"
    "|registry|index_?url",
    re.IGNORECASE,
)
_OTHERS = {"image", "package", "packages", "program", "executable", "cmd", "run", "script"}
_OTHERS |= {"entrypoint", "runtimehint", "extension", "extensions", "plugin", "plugins", "install"}
_SPEC = re.compile(r"(?:@[\w.-]+/)?[\w.-]+(?:(?:@|==)\d[\w.+!-]*|@sha256:[0-9a-f]{64})?")
_PATH = re.compile(r"[\w.-]{0,40}(?:/[\w.-]{0,40})+|\.")
_URL = re.compile(r"(?:https?|wss?)://[\w.-]+(?::\d+)?(?:/[\w./-]*)?", re.IGNORECASE)
_WORDS = set(
    """stdio http sse streamable-http local remote true false info debug warn warning error on off
    yes no production development node python none default run""".split()  # noqa: SIM905
)
_HOST = re.compile(r"host|addr|proxy|domain|(?:^|_)ip(?:$|_)", re.IGNORECASE)


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


def _pinned(document: Any, objects: list[tuple[str, dict[str, Any]]]) -> None:
    commands = {one["command"] for _, one in objects if isinstance(one.get("command"), str)}
    for _name, text in _texts(document, ""):
        _demand(text in commands or not _LAUNCHER.search(text), f"{text[:60]}: a launcher's name")
    for _name, one in objects:
        for key in one:
            known = key in ("command", "args", *_ADDRESSES)
            folded = {each.lower() for each in ("command", "args", *_ADDRESSES)} | _OTHERS
            _demand(known or key.lower() not in folded, f"{key}: what else may start something")
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
        spoken = text in _names_of(document) or text in _WORDS or re.fullmatch(r"[0-9]{0,5}", text)
        shaped = any(one.fullmatch(text) for one in (_VARIABLE, _PATH, _URL, _FILE))
        pinned = "@" in text and _SPEC.fullmatch(text)
        switch = re.fullmatch("-{1,2}[a-z][a-z-]{0,30}", text)
        _demand(spoken or shaped or pinned or switch, f"{text[:20]}: what it is, is not told")
        named = _SECRET.search(name)
        _demand(not named or not text or _VARIABLE.fullmatch(text), f"{name[:40]}: a value")


def _names_of(document: Any) -> set[str]:
    """The keys, the commands and the names of modules: what is written to be read."""
    objects = [one for _, one in _objects(document, "", 0)]
    commands = [one["command"] for one in objects if isinstance(one.get("command"), str)]
    lists = [one["args"] for one in objects if isinstance(one.get("args"), list)]
    modules = [one[1] for one in lists if len(one) > 1 and one[0] == "-m"]
    said = [one for one in modules if isinstance(one, str)]
    return {*commands, *said, *(key for one in objects for key in one)}


def _encrypted(document: Any, objects: list[tuple[str, dict[str, Any]]]) -> None:
    for name, text in _texts(document, ""):
        _demand(not _WEAK.search(text), f"{text[:40]}: a word that weakens")
        here = r"(?:http|ws)://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/?#\s]|$)"
        rest = re.sub(here, "", text, flags=re.IGNORECASE)
        rest = re.sub(r"(?i)(?:https|wss)://(?=[\w\[])", "", rest)
        _demand(not re.search(r"(?i)(?:http|ws):|[a-z][a-z0-9+.-]*://", rest), text[:60])
        bare = r"(?<![\w.@-])(?:[\w-]+\.)+[A-Za-z]{2,}:\d|(?<![\w.@-])\d+\.\d+\.\d+\.\d+(?![\w.])"
        _demand(
            not re.search(bare, re.sub(r"127\.\d+\.\d+\.\d+", "", rest)) or rest != text, text[:60]
        )
        local = re.fullmatch(r"localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|\d*", text)
        _demand(not _HOST.search(name) or local or rest != text, f"{name[:40]}: a host")
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
        tool = all(_SPEC.fullmatch(word) or _FILE.fullmatch(word) for word in own)
        _demand(tool, "a word that is no tool and no file")


_CLAIMS = {
    "pinned-tools": _pinned,
    "no-literal-secret": _secretless,
    "encrypted-transport": _encrypted,
    "no-blanket-permission": _limited,
}
