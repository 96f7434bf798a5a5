"""Splits a Dockerfile into its instructions, each with its text in one line.

Source: docs.docker.com/reference/dockerfile (parser directives, comments, here-documents).
"""

import re
from collections.abc import Iterator

from msgspec import Struct

_INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)[ \t]+", re.ASCII)
_HERE = re.compile(r"<<-?[\"']?(\w+)[\"']?")


class Instruction(Struct, frozen=True):
    """One instruction: its word, its text with continued lines joined, where the text begins."""

    word: str
    text: str
    at: int


def instructions(source: str) -> Iterator[Instruction]:
    """The instructions; comments and the bodies of here-documents are passed over."""
    escape = "`" if re.match(r"(?i)\s*#\s*escape\s*=\s*`", source) else "\\"
    at, size = 0, len(source)
    while at < size:
        start = at
        parts: list[str] = []
        while at < size:
            end = source.find("\n", at)
            end = size if end < 0 else end
            line = source[at:end]
            at = end + 1
            if line.lstrip().startswith("#") or (parts and not line.strip()):
                parts.append(" " * len(line))  # comments and empty lines do not end it
                if len(parts) == 1:
                    break
                continue
            bare = line.rstrip()
            if not bare.endswith(escape):
                parts.append(line)
                break
            parts.append(bare[:-1] + " " * (len(line) - len(bare) + 1))
        text = " ".join(parts)
        for tag in _HERE.findall(text):
            found = re.compile(rf"^\t*{tag}[ \t]*$", re.MULTILINE).search(source, at)
            at = found.end() + 1 if found else size
        word = _INSTRUCTION.match(text)
        if word is not None:
            yield Instruction(word[1].upper(), text[word.end() :], start + word.end())
