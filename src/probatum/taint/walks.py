"""What paths say as witnesses, walked again by the checker; and which words a project names.

Both take as long as a second review, so they are kept beside it (see `again.py`). What was walked
holds as long as no file that the checker had parsed by then is another one, whichever of the paths
it was parsed for, and a name is still called where it asked that of all files.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec
from msgspec import Struct

from probatum.check import no_sinks
from probatum.check.code_files import Project
from probatum.check.code_witness import claims, shows
from probatum.errors import Rejected
from probatum.formats.python_project import Keeper
from probatum.ports import Material
from probatum.taint.kept import key
from probatum.taint.mentions import Mention, mentions, spoken, written
from probatum.taint.mentions import claims as named_claims
from probatum.taint.review import Flow, digests_of
from probatum.taint.telling import of_traces, traces
from probatum.vocabulary import Witness

PART = "walks"
Told = tuple[Witness, str]  # the witness, and why it cannot be walked if it cannot


class Kept(Struct, array_like=True):
    """What is kept: the digest of every file, the files parsed, what was asked of all, answers."""

    files: dict[str, bytes]
    parsed: list[str]
    asked: list[tuple[str, str, bool]]
    told: list[tuple[Flow, Witness, str]]
    mentioned: dict[str, Mention]


class Walks:
    """The witnesses of one project's paths, and the words that it names."""

    def __init__(
        self,
        material: Material,
        contents: dict[str, bytes],
        keeper: Keeper | None = None,
        digests: dict[str, bytes] | None = None,
    ) -> None:
        self._material = material
        self._keeper = keeper
        self._project: _Watched | None = None
        self._files: dict[str, bytes] = {}
        self._told: dict[Flow, Told] = {}
        self._kept = _last(keeper) if keeper is not None else None
        if keeper is not None:
            self._files = digests or digests_of(contents)
        if self._kept is not None and self._kept.files.keys() != contents.keys():
            self._kept = None
        self._valid = self._kept is not None and self._holds(self._kept)
        if self._kept is not None and self._valid:
            self._told = {flow: (told, why) for flow, told, why in self._kept.told}
        self.mentioned = self._mentioned(contents)

    def of(self, flow: Flow) -> Told:
        """The flow as a witness, and why the checker cannot walk it; empty if it can."""
        known = self._told.get(flow)
        if known is None:
            known = self._told[flow] = self._walked(flow)
        return known

    def keep(self, flows: Iterable[Flow]) -> None:
        """Walk all of these, and leave it to the next review, unless that has it already."""
        if self._keeper is None or self._valid:
            return
        told = [(flow, *self.of(flow)) for flow in flows]
        parsed, asked = self._project.looked_at() if self._project is not None else ([], [])
        kept = Kept(self._files, parsed, asked, told, self.mentioned)
        with suppress(ValueError, OverflowError):  # what cannot be written down is walked again
            data = _encoder.encode(kept)
            self._keeper.keep(PART, key() + hashlib.sha256(data).digest() + data)

    def _walked(self, flow: Flow) -> Told:
        if self._project is None:
            self._project = _Watched(self._material.read, self._material.size)
        told = traces(flow, self._project)
        if flow.claim not in claims():
            return of_traces(flow, told), ""
        whys = [self._shown(of_traces(flow, [one]), flow.claim) for one in told]
        shown = [one for one, why in zip(told, whys, strict=True) if not why]
        return of_traces(flow, shown or told), "" if shown else whys[0]

    def _shown(self, told: Witness, claim: str) -> str:
        """Why the checker does not show it again; empty if it does."""
        assert self._project is not None
        try:
            shows(told, claim, self._project)
        except Rejected as exc:
            return str(exc) or "it is not shown again"
        return ""

    def _holds(self, kept: Kept) -> bool:
        """What was walked is walked the same now."""
        if any(kept.files.get(name) != self._files.get(name) for name in kept.parsed):
            return False
        if not kept.asked:
            return True
        project = Project(self._material.read, self._material.size)
        return all(project.calls(name, file) == answer for name, file, answer in kept.asked)

    def _mentioned(self, contents: dict[str, bytes]) -> dict[str, Mention]:
        """By claim the first word that is named: of files that did not change, as it was found."""
        kept = self._kept
        if kept is None:
            return mentions(contents.items())
        changed = {name for name, digest in self._files.items() if kept.files[name] != digest}
        if not changed:
            return dict(kept.mentioned)
        found: dict[str, Mention] = {}
        for claim in sorted(named_claims()):
            found |= self._mentioned_again(claim, kept.mentioned.get(claim), contents, changed)
        return found

    def _mentioned_again(
        self, claim: str, first: Mention | None, contents: dict[str, bytes], changed: set[str]
    ) -> dict[str, Mention]:
        """The first word, where some files changed since another one was the first."""
        places = {name: number for number, name in enumerate(contents)}
        text = first if first is not None and not first.parsed else None
        lost = text is not None and text.file in changed
        end = places[text.file] if text is not None else len(places)
        files = [
            (name, content)
            for name, content in contents.items()
            if (name in changed and places[name] < end) or (lost and places[name] >= end)
        ]
        again = written(files, {claim})
        if again:
            return again
        if text is not None and not lost:
            return {claim: text}
        alone = first is None and not no_sinks.pairs(claim)  # one file does not decide for another
        return spoken([one for one in contents.items() if one[0] in changed or not alone], {claim})


class _Watched(Project):
    """The checker's project, which notes what it was asked."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        super().__init__(read, size)
        self._asked: dict[tuple[str, str], bool] = {}

    def calls(self, name: str, file: str) -> bool:
        answer = self._asked[name, file] = super().calls(name, file)
        return answer

    def looked_at(self) -> tuple[list[str], list[tuple[str, str, bool]]]:
        """The files that were parsed, or missed, and what was asked of all files."""
        return list(self._parsed), [(*one, answer) for one, answer in self._asked.items()]


def _last(keeper: Keeper) -> Kept | None:
    stored = keeper.last(PART)
    data = stored[: len(stored)] if stored is not None else b""
    if len(data) < 64 or data[:32] != key():
        return None
    if hashlib.sha256(data[64:]).digest() != data[32:64]:
        return None
    try:
        return _decoder.decode(data[64:])
    except msgspec.DecodeError:
        return None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Kept)
