"""Which file that names components a text is: by its name, which its tool demands, and its content.

A name that only one tool reads is enough. Where others bear it too, the text has to look like it.
"""

from probatum.formats.kinds_seen import Seen
from probatum.formats.patterns import Later

TEXT_FORMS = frozenset(
    {"requirements", "python-manifest", "poetry-lock", "uv-lock", "pdm-lock", "pylock", "pipfile",
     "distribution-metadata", "yarn-lock", "go-mod", "cargo-lock", "modelfile",
     "bun-lock", "setup-cfg"}
)  # fmt: skip
"""Kinds that are plain text first, and are asked all that plain text is asked."""
SYSTEM_FORMS = frozenset({"dpkg-status", "apk-installed"})
"""Plain text too, but no claim is made of its kind: each begins with `P`, as some pickles do."""
JSON_FORMS = frozenset({"pipfile-lock", "npm-lock", "served-version"})
"""Kinds that are JSON first. A lock file, which nothing but its own tool reads, names no code to a
loader."""
YAML_FORMS = frozenset({"conda-environment"})
"""Kinds that are YAML first, and are asked all that YAML is asked.

Of `pnpm-lock`, `conda-lock` and `pixi-lock`, which only their own tools read, that is not asked.
"""

_BY_NAME = {
    "pyproject.toml": "python-manifest",
    "poetry.lock": "poetry-lock",
    "uv.lock": "uv-lock",
    "pdm.lock": "pdm-lock",
    "pylock.toml": "pylock",
    "pipfile": "pipfile",
    "pipfile.lock": "pipfile-lock",
    "requirements.txt": "requirements",
    "constraints.txt": "requirements",
    "package-lock.json": "npm-lock",
    "npm-shrinkwrap.json": "npm-lock",
    "pnpm-lock.yaml": "pnpm-lock",
    "yarn.lock": "yarn-lock",
    "bun.lock": "bun-lock",
    "go.mod": "go-mod",
    "cargo.lock": "cargo-lock",
    "conda-lock.yml": "conda-lock",
    "pixi.lock": "pixi-lock",
}
_PYLOCK = Later(r"pylock\.[^.]+\.toml")
_REQUIREMENTS = Later(r"(?:.*[^a-z])?(?:requirements?|constraints?)(?:[^a-z].*)?\.(?:txt|in|pip)")
_FOLDER = Later(r"(?:^|[/!])requirements?/[^/]+\.(?:txt|in|pip)\Z")
_METADATA = Later(r"\.(?:dist-info/METADATA|egg-info/PKG-INFO)\Z")
_MODELFILE = Later(r"(?mi)^[ \t]*FROM[ \t]+\S")
_SETUP = Later(r"(?m)^\[options(?:\.extras_require)?\]")
_DPKG = Later(r"(?:[A-Z][\w-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*?Package:")
_APK = Later(r"(?:[A-Za-z]:[^\n]*\n)*?P:")
_CONDA = Later(r"(?m)^dependencies:[ \t\r]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\r?\n)*[ \t]*- ")
_ASKS = Later(
    r"[ \t]*(?:(?:#.*)?"
    r"|-{1,2}[A-Za-z].*"
    r"|[A-Za-z0-9][\w.-]*(?:[ \t]*\[[^\]]*\])?[ \t]*(?:[~=!<>(@;#\\].*)?"
    r"|(?:git\+|https?:|file:|\.{0,2}/).*)",
)


def inventory_kind(seen: Seen) -> str | None:
    """The kind of a file that names components; None if it is none."""
    if seen.text is None:
        return None
    kind = _BY_NAME.get(seen.base)
    if kind is not None:
        return kind
    if seen.base.endswith((".txt", ".in", ".pip")):
        named = _REQUIREMENTS.fullmatch(seen.base) or _FOLDER.search(seen.inside.lower())
        return "requirements" if named and _asks(seen) else None
    if seen.text.startswith("Metadata-Version:"):
        return "distribution-metadata"
    if seen.base in ("metadata", "pkg-info") and _METADATA.search(seen.inside):
        return "distribution-metadata"
    if seen.base == "modelfile" or seen.base.endswith(".modelfile"):
        return "modelfile" if _MODELFILE.search(seen.text) else None
    if seen.base == "setup.cfg":
        return "setup-cfg" if _SETUP.search(seen.text) else None
    if seen.base == "status" or "/status.d/" in seen.inside:
        return "dpkg-status" if _DPKG.match(seen.text) else None
    if seen.base == "installed":
        return "apk-installed" if _APK.match(seen.text) else None
    if seen.base.endswith((".yml", ".yaml")):
        return _conda(seen)
    if seen.base.startswith("pylock.") and _PYLOCK.fullmatch(seen.base):
        return "pylock"
    return None


def _conda(seen: Seen) -> str | None:
    """An environment of conda, or its lock, by its keys; other tools have files of such names."""
    if seen.base.endswith("conda-lock.yml"):
        return "conda-lock"
    likely = "environment" in seen.base or "conda" in seen.base or seen.base.startswith("env")
    return "conda-environment" if likely and _CONDA.search(seen.text or "") else None


def _asks(seen: Seen) -> bool:
    """Whether each line, but the last of what was read, could be one of pip's."""
    found = (seen.text or "").removeprefix("\ufeff").split("\n")
    if seen.size > len(seen.head):
        found.pop()
    return all(map(_ASKS.fullmatch, (one.rstrip("\r") for one in found)))
