"""Secrets that stand in a file in clear. A finding never shows one: only what it is called."""

import re
from collections.abc import Iterator

from probatum.deploy.judging import Found
from probatum.deploy.model import Deployment, Service, Value
from probatum.deploy.variables import interpolated

_NAMES = re.compile(
    r"(?i)(?:^|[_.-])(?:token|secret|password|passwd|api[_-]?keys?|apikey|access[_-]?key|secret[_-]?key"
    r"|private[_-]?key|master[_-]?key|auth[_-]?key|credentials?|requirepass)$"
)
_FORMS = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    r"|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|nvapi-[\w-]{20,}"
    r"|gsk_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,})|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_PLACEHOLDER = re.compile(
    r"(?i)[<\[{].*|.*(?:your|example|change[_-]?me|placeholder|replace|dummy|xxx|\.\.\.|todo|insert"
    r"|redacted|secret[_-]?name|fake|sample|test|my-|mock).*|(?:\*|x|X)+|/.*|none|null|true|false|empty|n/?a|-+|[\d.e+-]+"
)
_WHY = "whoever reads the file, its history or the image holds the secret"
_SOURCE = "CWE-798, CWE-312; https://docs.docker.com/compose/how-tos/use-secrets/"
_INSTEAD = "a secret of the platform, a file that is mounted, or a variable that is set outside"


def literal_secrets(deployment: Deployment) -> Iterator[Found]:
    """Values that have a secret's form, or stand under a secret's name."""
    for service in deployment.services:
        for name, value in service.environment.items():
            yield from _of(service, name, value)
        for words in service.commands:
            yield from _of_words(service, words)


def _of_words(service: Service, words: tuple[Value, ...]) -> Iterator[Found]:
    for at, word in enumerate(words):
        name, equals, said = word.text.partition("=")
        if not name.startswith("-"):
            if _FORMS.search(word.text):
                yield _found(service, "an argument", word)
        elif equals:
            yield from _of(service, name, Value(said, word.place, word.open))
        elif at + 1 < len(words) and not words[at + 1].text.startswith("-"):
            yield from _of(service, name, words[at + 1])


def _of(service: Service, name: str, value: Value) -> Iterator[Found]:
    value = interpolated(value.raw, value.place) if value.raw else value
    said = value.text.strip("'\" ")
    if not value.sure or value.place.part:  # of another file, which is told for itself
        return
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.lstrip("-"))
    named = len(said) >= 6 and _NAMES.search(parted) and not _PLACEHOLDER.fullmatch(said)
    if named or _FORMS.search(said):
        yield _found(service, name, value)


def _found(service: Service, name: str, value: Value) -> Found:
    says = f"{name} of {service.name} stands here in clear ({len(value.text)} characters)"
    return Found(True, says, value.place, "secret-in-clear", _WHY, _INSTEAD, _SOURCE)
