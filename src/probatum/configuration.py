"""Reads `probatum.toml`: the policy, the limits and the third-party analysers of a team.

A file is read only where the user vouches for it: named by `--config`, or lying in the current
directory outside everything that is audited. Otherwise an audited repository could bring its own
`probatum.toml` and accept its own findings, or name a package to import.

Every mistake is a ConfigurationError that names the file, the key and what is allowed.
"""

import datetime
import os
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict, fields, replace

from probatum.audit.opened import Caps
from probatum.audit.sandbox import Limits
from probatum.errors import ConfigurationError
from probatum.formats.patterns import Later
from probatum.policy import MUST_PROVE, Acceptance, Policy

NAME = "probatum.toml"
"""The file's name in the current directory."""

LEAST_MEMORY = 64 << 20
"""Bytes. In less, a worker may not even start: that would look as if the files were at fault."""

_Said = Annotated[str, Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=1)]
_Seconds = Annotated[float, Meta(gt=0)]
_Size = _Count | _Said
_SIZE = Later(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kmgt]?)(?:i?b)?\s*", re.I | re.A)
_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


class _Accept(Struct, rename="kebab", kw_only=True):
    artifact: _Said
    claim: _Said
    reason: _Said
    owner: _Said
    expires: datetime.date


class _Policy(Struct, rename="kebab", kw_only=True):
    must_prove: tuple[_Said, ...] = MUST_PROVE
    must_prove_entry_points: tuple[_Said, ...] = ()
    fail_on: Literal["refuted", "undecided"] = "undecided"
    accept: tuple[_Accept, ...] = ()


class LimitsTable(Struct, rename="kebab", kw_only=True):
    """The table `[limits]`. Sizes are bytes, as a number or as text such as "2 GiB"."""

    memory: _Size | None = None
    cpu_seconds: _Seconds | None = None
    file_cpu_seconds: _Seconds | None = None
    wall_seconds: _Seconds | None = None
    evidence: _Size | None = None
    ratio: _Count | None = None
    member_size: _Size | None = None
    total_size: _Size | None = None
    depth: _Count | None = None
    members: _Count | None = None
    digest_size: _Size | None = None


class _Analyzers(Struct, rename="kebab", kw_only=True):
    third_party: tuple[_Said, ...] = ()


class _Advisories(Struct, rename="kebab", kw_only=True):
    max_age_days: _Count = 30


class _Signer(Struct, rename="kebab", kw_only=True):
    artifacts: _Said = "*"
    keys: tuple[_Said, ...] = ()
    roots: tuple[_Said, ...] = ()
    identity: _Said | None = None
    issuer: _Said | None = None
    trusted_root: _Said | None = None


class _File(Struct, rename="kebab", kw_only=True):
    policy: _Policy = msgspec.field(default_factory=_Policy)
    limits: LimitsTable = msgspec.field(default_factory=LimitsTable)
    analyzers: _Analyzers = msgspec.field(default_factory=_Analyzers)
    advisories: _Advisories = msgspec.field(default_factory=_Advisories)
    signatures: tuple[_Signer, ...] = ()


class Signer(Struct, frozen=True, kw_only=True):
    """Whose signature of artifacts whose name fits is trusted: keys, roots or an identity.

    Files are named from where the configuration lies.
    """

    artifacts: str
    keys: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    identity: str | None = None
    issuer: str | None = None
    trusted_root: str | None = None


class Configuration(Struct, frozen=True, kw_only=True):
    """What a team's file says, or the defaults. `path` is the file, if there is one.

    Advisories whose sources were asked more than `oldest_advisories_days` ago prove nothing.
    """

    policy: Policy = Policy()
    limits: Limits = Limits()
    caps: Caps = Caps()
    third_party: tuple[str, ...] = ()
    oldest_advisories_days: int = _Advisories().max_age_days
    signers: tuple[Signer, ...] = ()
    path: str | None = None


def found(targets: Iterable[str]) -> tuple[str | None, str | None]:
    """The current directory's file, and a note if there is one that must not be used.

    It must not if it lies inside a target: then it belongs to what is audited.
    """
    if not os.path.isfile(NAME):  # noqa: PTH113  # most have none, and do without pathlib
        return None, None
    for target in targets:
        if _holds(target, NAME):
            return None, (
                f"{NAME} lies inside the target {target!r} and is not used; "
                f"if it is yours, say so: --config {NAME}"
            )
    return NAME, None


def read(path: str) -> Configuration:
    """The configuration in the file at `path`. Raises: ConfigurationError."""
    import tomllib
    from pathlib import Path

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigurationError(f"{path}: cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{path}: is not UTF-8 text (byte {exc.start})") from exc
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise ConfigurationError(f"{path}: is not TOML: {exc}") from exc
    return _configuration(path, data)


def limited(limits: Limits, caps: Caps, table: LimitsTable) -> tuple[Limits, Caps]:
    """`limits` and `caps` with what `table` says put over them. Raises: ConfigurationError."""
    said = {
        name: size_of(value) if isinstance(value, str) else value
        for name in table.__struct_fields__
        if (value := getattr(table, name)) is not None
    }
    if said.get("memory", LEAST_MEMORY) < LEAST_MEMORY:
        raise ConfigurationError(f"a worker needs {LEAST_MEMORY >> 20} MiB of memory at least")
    renamed = {_IN_LIMITS.get(name, name): value for name, value in said.items()}
    return _over(limits, renamed), _over(caps, renamed)


def size_of(text: str) -> int:
    """Bytes: `1048576`, `512 MiB`, `2G` (units are powers of 1024). Raises: ConfigurationError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{text!r} is not a size; write bytes, or for example '512 MiB'")
    size = int(float(match[1]) * (1 << _UNITS[match[2].lower()]))
    if size < 1:
        raise ConfigurationError(f"{text!r} is not a size: it must be 1 byte at least")
    return size


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean 'x'?`, or else what is known at all, or `otherwise` where that is too much."""
    import difflib

    known = sorted(known)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return otherwise or f"known are {', '.join(known)}"


def demand_claims(claims: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises: ConfigurationError if one of `claims`, said at `where`, is no claim at all."""
    known = frozenset(known)
    for claim in claims:
        if claim not in known:
            raise ConfigurationError(
                f"{where}: there is no claim {claim!r}; {nearest(claim, known)}"
            )


def demand_entry_claims(claims: Iterable[str], where: str) -> None:
    """Raises: ConfigurationError if one of `claims` is not judged of entry points."""
    if claims:
        from probatum.check.entry_points import claims as known

        demand_claims(claims, known(), f"{where}, of entry points")


def _configuration(path: str, data: dict[str, Any]) -> Configuration:
    _demand_known_keys(data, _File, path, "")
    try:
        file = msgspec.convert(data, _File)
    except msgspec.ValidationError as exc:
        said = str(exc).replace("`$.", "`").replace(" - at ", ", at ")
        raise ConfigurationError(f"{path}: {said}") from exc
    try:
        limits, caps = limited(Limits(), Caps(), file.limits)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{path}: [limits]: {exc}") from exc
    accept = tuple(Acceptance(**asdict(one)) for one in file.policy.accept)
    return Configuration(
        policy=Policy(
            must_prove=file.policy.must_prove,
            must_prove_entry_points=file.policy.must_prove_entry_points,
            fail_on=file.policy.fail_on,
            accept=accept,
        ),
        limits=limits,
        caps=caps,
        third_party=file.analyzers.third_party,
        oldest_advisories_days=file.advisories.max_age_days,
        signers=tuple(_signer(path, one) for one in file.signatures),
        path=path,
    )


def _signer(path: str, one: _Signer) -> Signer:
    sigstore = (one.identity, one.issuer, one.trusted_root)
    ways = sum(map(bool, (one.keys, one.roots, any(sigstore))))
    if ways != 1 or (any(sigstore) and not all(sigstore)):
        says = "name keys, or roots, or identity, issuer and trusted-root together"
        raise ConfigurationError(f"{path}: [[signatures]] of {one.artifacts!r}: {says}")
    return Signer(**asdict(one))


def _demand_known_keys(data: Any, shape: Any, path: str, at: str) -> None:
    """Refuse every key that `shape` has no field for, however deep, by its full name."""
    if get_origin(shape) is tuple and isinstance(data, list):
        for number, item in enumerate(data):
            _demand_known_keys(item, get_args(shape)[0], path, f"{at}[{number}]")
    elif isinstance(shape, type) and issubclass(shape, Struct) and isinstance(data, dict):
        known = {field.encode_name: field.type for field in fields(shape)}
        for key, value in data.items():
            name = f"{at}.{key}" if at else key
            if key not in known:
                raise ConfigurationError(f"{path}: unknown key {name!r}; {nearest(key, known)}")
            _demand_known_keys(value, known[key], path, name)


_Over = TypeVar("_Over", Limits, Caps)


def _over(defaults: _Over, said: dict[str, Any]) -> _Over:
    known = defaults.__struct_fields__
    return replace(defaults, **{name: value for name, value in said.items() if name in known})


def _holds(target: str, file: str) -> bool:
    from pathlib import Path

    try:
        return Path(file).resolve().is_relative_to(Path(target).resolve())
    except (OSError, ValueError, RuntimeError):
        return False


_IN_LIMITS = {
    "cpu_seconds": "cpu_s",
    "file_cpu_seconds": "file_cpu_s",
    "wall_seconds": "wall_s",
}
