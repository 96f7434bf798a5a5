"""What a build leaves in the image that it makes: arguments, variables and files of secrets.

Whoever may fetch the image reads them: arguments in its history, variables in its configuration,
files in its layers, deleted ones too. The rows are those of `rules/deploy/baked.toml`.
"""

import re
from collections.abc import Iterator

from probatum.deploy import rules
from probatum.deploy.judging import Found
from probatum.deploy.model import Baked, Deployment
from probatum.formats.secret_text import is_secret_itself
from probatum.formats.values import Value
from probatum.vocabulary import Place


def of_arguments(told: tuple[tuple[str, Value], ...]) -> Iterator[Baked]:
    """Arguments of a build that are called like secrets."""
    for name, value in told:
        if is_secret_itself(name):
            says = f"the argument {name} of the build stays in the image's history"
            yield Baked("build-argument", says, value.place)


def of_variables(environment: dict[str, Value]) -> Iterator[Baked]:
    """Variables of the image that are given to the build; those in clear are told otherwise."""
    for name, value in environment.items():
        if is_secret_itself(name) and value.raw and not value.sure:
            says = f"{name} is what {value.open} holds when it is built, and stays in the image"
            yield Baked("image-variable", says, value.place)


def of_copy(text: str, place: Place) -> Iterator[Baked]:
    """Files of secrets that COPY or ADD names."""
    words = [word.strip("[]\",'") for word in text.split() if not word.startswith("--")]
    if "--from=" in text:
        return
    for word in words[:-1]:
        names = (one for row in rules.baked() for one in row.files)
        if any(re.fullmatch(rf"(?:.*/)?(?:{name})/?", word) for name in names):
            says = f"{word} is copied into the image, and stays in a layer of it"
            yield Baked("copied-file", says, place)


def baked_secrets(deployment: Deployment) -> Iterator[Found]:
    """What the image holds that only its build, or its service, should."""
    rows = {row.id: row for row in rules.baked()}
    for one in deployment.baked:
        row = rows[one.how]
        says = f"{one.says}, unless this stage is only built on" if one.may else one.says
        yield Found(not one.may, says, one.place, row.id, row.why, row.instead, row.source)
