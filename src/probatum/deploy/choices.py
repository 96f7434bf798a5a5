"""Settings that break a claim wherever they stand: switches, published passwords, commands."""

import re
from collections.abc import Iterator

from probatum.deploy import rules
from probatum.deploy.asked import flag, is_before, is_image, option_lines
from probatum.deploy.judging import Found, elsewhere
from probatum.deploy.model import Deployment, Service
from probatum.formats.values import Value
from probatum.vocabulary import Place

_OFF = frozenset({"", "0", "false", "no", "off", "none", "null"})


def unsafe_switches(deployment: Deployment) -> Iterator[Found]:
    """Switches that let received data, or a model's own code, run."""
    yield from _chosen(deployment, "no-unsafe-switch")


def default_credentials(deployment: Deployment) -> Iterator[Found]:
    """Passwords and keys that are published with the software."""
    yield from _chosen(deployment, "no-default-credentials")


def _chosen(deployment: Deployment, claim: str) -> Iterator[Found]:
    yield from elsewhere(deployment, "environment")
    for service in deployment.services:
        for row in rules.choices(claim):
            yield from _of_row(service, row)


def _of_row(service: Service, row: rules.Choice) -> Iterator[Found]:
    told = False
    for name, value in service.environment.items():
        own = name in row.env or any(name.endswith(f".{one}") for one in row.env)
        if own or (row.named and re.search(row.named, name)):
            told = True
            says = f"{name} is set ({service.name})"
            yield from _of_value(service, row, name, value, (), says)
    for says, words in option_lines(service):
        for name in row.flag:
            given = flag(words, name)
            if given is not None:
                yield from _of_flag(service, row, name, given, words, f"{says} {name}")
    for words in service.commands:
        if row.command:
            yield from _of_command(service, row, words)
    if (
        row.images
        and not told
        and is_image(service.image, row.images)
        and service.image is not None
    ):
        yield from _as_it_comes(service, row, service.image)


def _as_it_comes(service: Service, row: rules.Choice, image: Value) -> Iterator[Found]:
    says = f"{service.name} keeps the password it comes with: none is set"
    if row.until:
        older = is_before(image, row.until)
        if older is None:
            yield Found(False, f"{service.name}: its version is not named here", image.place)
        says = f"{service.name} has the key that it comes with before {row.until}"
        if older:
            yield _found(row, says, image.place)
    elif not any("environment" in gap.of for gap in service.gaps):  # which are told already
        yield _found(row, says, image.place)


def _of_flag(
    service: Service,
    row: rules.Choice,
    name: str,
    value: Value,
    words: tuple[Value, ...],
    says: str,
) -> Iterator[Found]:
    if value.text.startswith("-") or (value.text and row.values is None):
        value = Value("", value.place, value.open, default=value.default)  # a switch has no value
    yield from _of_value(service, row, name, value if value.text else _on(value), words, says)


def _on(value: Value) -> Value:
    return Value("true", value.place)


def _of_value(
    service: Service,
    row: rules.Choice,
    name: str,
    value: Value,
    words: tuple[Value, ...],
    says: str,
) -> Iterator[Found]:
    if not value.sure:
        if row.values is None or not row.named:
            yield Found(
                False, f"whether {name} breaks this is for {value.open} to say", value.place
            )
        return
    said = value.text.strip("'\" ").lower()
    if said in _OFF and row.values is None:
        return
    if row.values is not None and said not in row.values:
        return
    pins = [flag(line, one) for line in (words, *service.commands) for one in row.unless]
    given = [one for one in pins if one is not None]
    if given and all(re.fullmatch(row.pinned, one.text) for one in given if one.sure):
        seen = f"{name} is for the revision pinned beside it: whether it was reviewed is not known"
        yield Found(False, seen, value.place)
        return
    says += f", by {value.open}" if value.open else ""
    yield _found(row, says, value.place)


def _of_command(service: Service, row: rules.Choice, words: tuple[Value, ...]) -> Iterator[Found]:
    if words and words[0].text.rpartition("/")[2] == row.command:
        for word in words[1:]:
            if re.fullmatch(row.argument, word.text):
                yield _found(row, f"{row.command} {word.text} is run", word.place)


def _found(row: rules.Choice, says: str, place: Place) -> Found:
    why = f"{row.why} (read in {row.checked})"
    return Found(True, says, place, row.id, why, row.instead, row.source)
