"""Inert samples written as text: each builder turns the text of a fenced block into bytes.

`tests/cases/README.md` describes them for the people who write cases.
"""

import codecs
import io
import re
import shlex
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator

from msgspec import Struct

_NUMBER = re.compile(r"([uif])(8|16|32|64)(be)?:(\S+)")
_STRUCT = {
    "u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q",
    "f32": "f", "f64": "d",
}  # fmt: skip


def built(builder: str, text: str) -> bytes:
    """The bytes that `text` stands for under `builder`. Any unknown builder is verbatim text."""
    return _BUILDERS.get(builder, _verbatim)(text)


def from_hex(text: str) -> bytes:
    """Hex pairs, `"text"`, numbers such as `u64:16` or `u32be:7`, and `xN` to repeat the last."""
    made: list[bytes] = []
    for token in _tokens(text):
        if token[0] == '"':
            made.append(codecs.escape_decode(token[1:-1].encode())[0])
        elif (number := _NUMBER.fullmatch(token)) is not None:
            made.append(_number(*number.groups()))
        elif re.fullmatch(r"x\d+", token):
            made.append(made.pop() * int(token[1:]))
        else:
            made.append(bytes.fromhex(token))
    return b"".join(made)


class Part(Struct, frozen=True):
    """One part of a composed sample: `--- NAME [BUILDER] [key=value…]` and the lines below."""

    name: str
    builder: str
    options: dict[str, str]
    text: str

    @property
    def data(self) -> bytes:
        """The part's own bytes, after its length where `length=u64` asks for one."""
        data = built(self.builder, self.text)
        length = self.options.get("length")
        return data if length is None else from_hex(f"{length}:{len(data)}") + data


def parts(text: str) -> Iterator[Part]:
    """The parts of a composed sample. Parts inside a part are marked by one more dash."""
    dashes = re.match(r"\s*(-{3,}) ", text)
    if dashes is None:
        raise ValueError("a composed sample starts with '--- NAME [BUILDER]'")
    marks = list(re.finditer(rf"^{dashes[1]} (.+)\n?", text, re.MULTILINE))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        words = shlex.split(mark[1])
        flags = [word for word in words[1:] if "=" not in word]
        options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        body = text[mark.end() : following.start() if following else len(text)]
        yield Part(words[0], flags[0] if flags else "text", options, body)


def _tokens(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for token in re.findall(r'"(?:[^"\\]|\\.)*"|#.*|\S+', line):
            if token.startswith("#"):
                break
            yield token


def _number(kind: str, bits: str, big: str | None, value: str) -> bytes:
    spell = (">" if big else "<") + _STRUCT[kind + bits]
    return struct.pack(spell, float(value) if kind == "f" else int(value, 0))


def _verbatim(text: str) -> bytes:
    return text.encode()


def _chomped(text: str) -> bytes:
    return text.removesuffix("\n").encode()


def _escaped(text: str) -> bytes:
    return codecs.escape_decode(text.removesuffix("\n").encode())[0]


def _pickle(text: str) -> bytes:
    from assemble import assembled

    return assembled(text)


def _joined(text: str) -> bytes:
    return b"".join(part.data for part in parts(text))


def _zip(text: str) -> bytes:
    made = io.BytesIO()
    methods = {"stored": zipfile.ZIP_STORED, "deflate": zipfile.ZIP_DEFLATED}
    with zipfile.ZipFile(made, "w") as archive:
        for part in parts(text):
            entry = zipfile.ZipInfo(part.name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = methods[part.options.get("method", "stored")]
            archive.writestr(entry, part.data)
    return made.getvalue()


def _tar(text: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for part in parts(text):
            entry = tarfile.TarInfo(part.name)
            entry.size = len(part.data)
            if "link" in part.options:
                entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, part.options["link"], 0
            archive.addfile(entry, io.BytesIO(part.data))
    return made.getvalue()


def _project(text: str) -> bytes:
    """A Python project (`formats/python_project.py`): each part is a file of it."""
    files = sorted((part.name, part.data) for part in parts(text))
    packed = (f"{len(data)} {name}\n".encode() + data for name, data in files)
    return b"python-project 1\n" + b"".join(packed)


def _gzip(text: str) -> bytes:
    import gzip

    return gzip.compress(_joined(text), mtime=0)


_BUILDERS: dict[str, Callable[[str], bytes]] = {
    "hex": from_hex,
    "pickle": _pickle,
    "project": _project,
    "join": _joined,
    "zip": _zip,
    "tar": _tar,
    "gzip": _gzip,
    "line": _chomped,
    "escaped": _escaped,
}
