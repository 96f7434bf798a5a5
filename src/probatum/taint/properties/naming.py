"""Whether a name means a secret."""

from functools import cache

from probatum.taint.properties.rows import words


@cache
def is_secret(name: str) -> bool:
    """What is called so lets somebody in."""
    lower = name.lower()
    if _is_about(lower, words("no secret")):
        return False
    return lower in words("secret whole") or any(word in lower for word in words("secret"))


@cache
def is_random_secret(name: str, letters: bool) -> bool:
    """What is called so must not be guessed; `letters`: it is made of letters or bits."""
    lower = name.lower().strip("_")
    if _is_about(lower, words("no secret") - {"_id"}):
        return False
    if any(word in lower for word in words("random secret")):
        return True
    return letters and lower in words("random secret whole")


def _is_about(name: str, denied: frozenset[str]) -> bool:
    """`x_` stands for what begins so, `_x` for what ends so, anything else for what holds it."""
    for word in denied:
        if word.startswith("_") and not word.endswith("_"):
            if name.endswith(word):
                return True
        elif word.endswith("_") and not word.startswith("_"):
            if name.startswith(word):
                return True
        elif word in name:
            return True
    return False
