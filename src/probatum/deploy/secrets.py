"""Secrets that stand in a file in clear. A finding never shows one: only what it is called.

What a secret looks like is told by `formats/secret_text.py`, for every kind of file alike. What is
called as a secret to the end of its name is one here however it looks: nobody else sets it.
"""

from collections.abc import Iterator

from probatum.deploy.judging import Found
from probatum.deploy.model import Deployment, Service
from probatum.formats.secret_text import secret
from probatum.formats.values import Value, interpolated

_SHORTEST = 6
_WHY = "whoever reads the file, its history or the image holds the secret"
_SOURCE = "CWE-798, CWE-312; rules/secrets.toml"
_INSTEAD = "a secret of the platform, a file that is mounted, or a variable that is set outside"


def literal_secrets(deployment: Deployment) -> Iterator[Found]:
    """Values that have a secret's form, or stand under a secret's name."""
    for name, value in deployment.texts:
        yield from _of("the file", name, value)
    for service in deployment.services:
        for name, value in service.environment.items():
            yield from _of(service.name, name, value)
        for words in service.commands:
            yield from _of_words(service, words)


def _of_words(service: Service, words: tuple[Value, ...]) -> Iterator[Found]:
    for at, word in enumerate(words):
        name, equals, said = word.text.partition("=")
        if not name.startswith("-"):
            yield from _of(service.name, "an argument", word)
        elif equals:
            yield from _of(service.name, name, Value(said, word.place, word.open))
        elif at + 1 < len(words) and not words[at + 1].text.startswith("-"):
            yield from _of(service.name, name, words[at + 1])


def _of(holder: str, name: str, value: Value) -> Iterator[Found]:
    value = interpolated(value.raw, value.place) if value.raw else value
    if not value.sure or value.place.part:  # of another file, which is told for itself
        return
    found = secret(name.lstrip("-"), value.text.strip("'\" "))
    if found is not None and (found.surely or (found.named and len(value.text) >= _SHORTEST)):
        says = f"{name} of {holder} stands here in clear: {found.says}"
        yield Found(True, says, value.place, "secret-in-clear", _WHY, _INSTEAD, _SOURCE)
