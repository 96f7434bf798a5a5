"""Values with variables in them: `${NAME}`, `${NAME:-default}`, `$NAME`, and templates' `{{ }}`.

Sources: docs.docker.com/reference/compose-file/interpolation; POSIX.1-2024, XCU 2.6.2;
kubernetes.io, "Define Dependent Environment Variables" (`$(NAME)`).
"""

import re

from probatum.deploy.model import Value
from probatum.vocabulary import Place

_BRACED = r"\$\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<word>[^{}]*))?\}"
_COMPOSE = re.compile(rf"\$\$|{_BRACED}|\$(?P<bare>[A-Za-z_]\w*)|\$\{{")
_TEMPLATE = re.compile(r"\{\{(?:[^{}]|\}(?!\})|\{(?!\{)|(?!))*+\}\}")
_DEPENDENT = re.compile(r"\$\((\w+)\)")


def interpolated(text: str, place: Place) -> Value:
    """The value of a text in which Compose, or a shell, replaces variables."""
    names: list[str] = []
    whole = True

    def replaced(found: re.Match[str]) -> str:
        nonlocal whole
        if found[0] == "$$":
            return "$"
        names.append(found["braced"] or found["bare"] or found[0])
        if found["how"] in (":-", "-"):
            return str(found["word"])
        whole = False
        return ""

    said = _COMPOSE.sub(replaced, text)
    if not names:
        return Value(said, place)
    return Value(said if whole else "", place, _variables(names), default=whole)


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
