"""Values with variables in them: `${NAME}`, `${NAME:-default}`, `$NAME`, and templates' `{{ }}`.

Sources: docs.docker.com/reference/compose-file/interpolation; POSIX.1-2024, XCU 2.6.2;
kubernetes.io, "Define Dependent Environment Variables" (`$(NAME)`).
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from probatum.vocabulary import Place


class Value(Struct, frozen=True):
    """One word or value. `open` says what decides it elsewhere; then `text` is its default, if any.

    `default`: whether there is one. `raw`: the text with its variables, where it has any.
    A place with a part is one of another file, which this one names.
    """

    text: str
    place: Place
    open: str = ""
    default: bool = False
    raw: str = ""

    @property
    def sure(self) -> bool:
        """Whether `text` is what counts as long as nobody says otherwise elsewhere."""
        return not self.open or self.default


Variables = Mapping[str, Value]
NONE: Variables = {}
_BRACED = r"\$\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^{}]*))?\}"
_COMPOSE = re.compile(rf"\$\$|{_BRACED}|\$(?P<bare>[A-Za-z_]\w*)|\$\{{")
_TEMPLATE = re.compile(r"\{\{(?:[^{}]|\}(?!\})|\{(?!\{)|(?!))*+\}\}")
_DEPENDENT = re.compile(r"\$\((\w+)\)")


def interpolated(text: str, place: Place, known: Variables = NONE) -> Value:
    """The value of a text in which Compose, or a shell, replaces variables.

    Those that are `known` count as defaults: the environment of who starts it may say otherwise.
    """
    names: list[str] = []
    whole = True

    def replaced(found: re.Match[str]) -> str:
        nonlocal whole
        if found[0] == "$$":
            return "$"
        name = found["braced"] or found["bare"] or found[0]
        told = known.get(name)
        if told is not None and told.sure and (told.text or (found["how"] or "")[:1] != ":"):
            names.append(f"{name} of {told.place}" if told.place.part else name)
            return told.text
        names.append(name)
        if found["how"] in (":-", "-"):
            return str(found["word"])
        whole = False
        return ""

    said = _COMPOSE.sub(replaced, text)
    if not names:
        return Value(said, place)
    return Value(said if whole else "", place, _variables(names), default=whole, raw=text)


def resolved(value: Value, known: Variables) -> Value:
    """The value, now that these variables are known; as it was where they do not say all of it."""
    found = interpolated(value.raw, value.place, known) if value.raw else value
    return found if found.sure else value


def templated(text: str, place: Place) -> Value:
    """The value of a text in which Helm, or Kubernetes, puts something."""
    found = _TEMPLATE.search(text)
    if found is not None:
        return Value("", place, f"the template {found[0][:60]}")
    found = _DEPENDENT.search(text)
    return Value("", place, f"the variable {found[1]}") if found else Value(text, place)


def _variables(names: list[str]) -> str:
    said = ", ".join(dict.fromkeys(names))
    return f"the variable {said}" if len(set(names)) == 1 else f"the variables {said}"
