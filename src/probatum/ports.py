"""The protocols between rings: what an analyser is given and how it declares itself."""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from msgspec import Struct

from probatum.vocabulary import Artifact, Claim, Reason, Undecided, Verdict


class Material(Protocol):
    """Read-only access to an artifact's bytes. Reads are positional, bounded and cheap to repeat.

    A material may lie in a file, in memory, or on a hub from which only the ranges that are
    read are fetched: so read what you need, in pieces of a few MiB at most.
    """

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """The bytes [offset, offset+length) that exist: fewer than asked past the end.

        Raises: FormatError(VANISHED or UNREADABLE) if the bytes can no longer be had.
        """
        ...

    @property
    def beside(self) -> frozenset[str]:
        """Names of the files and folders in the artifact's own folder and at the target's root,
        and of the code in the folders between: what an import or a relative path could reach.

        A folder that is surely no package is there with what an import could find in it: `sub/x.py`
        (one name is enough), or `sub/` if it holds no code and no folder; so is the metadata of a
        distribution that names no plugins (`x.dist-info/`)."""
        ...


@runtime_checkable
class Neighbourly(Protocol):
    """A material that may tell other files of its target, for settings that name one.

    No proof may rest on them: a certificate binds the artifact's own bytes.
    """

    def neighbour(self, path: str) -> bytes:
        """The bytes of a small file, by its path from the artifact's own folder.

        Raises: FormatError where it is none of the target, a link, excluded, or too large.
        """
        ...


class Advisories(Protocol):
    """A snapshot of the known vulnerabilities, as `probatum advisories update` installs it."""

    @property
    def digest(self) -> str:
        """SHA-256 of its records, in hex."""
        ...

    @property
    def stale(self) -> str:
        """Why nothing may be proven by it, such as that it is too old; empty if it may."""
        ...

    @property
    def covers(self) -> frozenset[str]:
        """The ecosystems of which it holds every advisory that its sources had."""
        ...

    def file(self, name: str) -> bytes:
        """One of its small files, whole. Raises: FormatError."""
        ...

    def records(self, offset: int, length: int) -> bytes:
        """Bytes of its records. Raises: FormatError."""
        ...


class Analyzer(Struct, frozen=True):
    """One analyser: which claim it decides, for which kinds of artifact, and the pure function.

    `informed` decides it where what it `rests_on` is installed, advisories or lists; then `judge`
    is for where there are none.
    """

    id: str
    claim: Claim
    accepts: frozenset[str]
    judge: Callable[[Artifact, Material], Verdict]
    module: str
    informed: Callable[[Artifact, Material, Advisories], Verdict] | None = None
    rests_on: str = "advisories"


def informed_analyzer(
    *, id: str, claim: Claim, accepts: Iterable[str], rests_on: str = "advisories"
) -> Callable[[Callable[[Artifact, Material, Advisories], Verdict]], Analyzer]:
    """Declare a pure function that rests on advisories, or on lists of known-bad models and files.

    Where none are installed, the claim is undecided.
    """
    missing = Undecided(Reason.MISSING_ADVISORIES, _MISSING[rests_on])

    def declare(judge: Callable[[Artifact, Material, Advisories], Verdict]) -> Analyzer:
        without = _always(missing)
        return Analyzer(id, claim, frozenset(accepts), without, judge.__module__, judge, rests_on)

    return declare


_MISSING = {
    "advisories": "no advisories are installed: `probatum advisories update` fetches them",
    "lists": "no list of known-bad models and files is installed: "
    "`probatum advisories update --list` installs one",
}


def _always(verdict: Verdict) -> Callable[[Artifact, Material], Verdict]:
    def judge(artifact: Artifact, material: Material) -> Verdict:
        return verdict

    return judge


def analyzer(
    *, id: str, claim: Claim, accepts: Iterable[str]
) -> Callable[[Callable[[Artifact, Material], Verdict]], Analyzer]:
    """Declare a pure function as the analyser `id`, which decides `claim` for the kinds `accepts`.

    The function's module is its documentation page; the module's file name is the id with
    underscores. It may raise FormatError; anything else it raises is recorded as a crash.
    """

    def declare(judge: Callable[[Artifact, Material], Verdict]) -> Analyzer:
        return Analyzer(id, claim, frozenset(accepts), judge, judge.__module__)

    return declare
