"""Re-derives a pickle certificate in one linear pass, with the standard library alone.

Facts: `{"claim": "load-inert" | "data-shaped", "loader": "pickle" | "torch" | "torch-raw" |
"joblib", "size": bytes, "streams": [{"start", "end", "sha256", "effects": [[offset, opcode, how,
name], …]}, …]}`, and `"folder": {file: sha256}` where classes of the artifact's own folder are
admitted: the source files that importing them runs.

What is checked, in this order: 1. the streams follow each other without a gap, and end where the
loader stops to read; 2. each stream has its digest; 3. a stream without effects holds nothing but
opcodes that push built-in data; 4. a stream with effects, run on a stack of its own, takes exactly
the listed steps, each admitted by an effect summary; 5. for data-shaped, nothing reachable from
the result is a function or an uncertified class.

The trusted base: this file, those beside it that begin with `pickle_` or `own_`, the rows in
`rules/effects` and `rules/own_code.toml`, and the unpicklers (CPython 3.8 to 3.14, torch, joblib).
Nothing is shared with the prover.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from probatum.check.pickle_data import demand_data
from probatum.check.pickle_run import TORCH_MAGIC, Run
from probatum.check.pickle_summaries import summary
from probatum.check.pickle_values import all_certified
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]

_PIECE = 1 << 20


TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.check.own_code import OwnRows
    from probatum.check.own_folder import Folder

FOLDERS = True
"""`holds` is given the folders in which an import would look first, if any are known."""


def holds(facts: dict[str, Any], read: Read, size: int, folders: "tuple[Folder, ...]" = ()) -> None:
    """Raises: Rejected with the step that fails."""
    claim, loader, streams = _facts(facts, size)
    own = _own(folders, facts["folder"]) if "folder" in facts else None
    at = 0
    used: set[str] = set()
    for stream in streams:
        start, end, effects = stream["start"], stream["end"], stream["effects"]
        if start != at or not start < end <= size:
            raise Rejected("1: the streams do not follow each other")
        if effects:
            taken, is_data = _followed(Run(read, start, end, loader, own), stream["sha256"])
            if taken != effects:
                raise Rejected(f"4: the stream at {start} takes other steps than those listed")
            if claim == "data-shaped" and not is_data:
                raise Rejected("5: what is returned is not all data")
            used.update(effect[2] for effect in effects)
            if "array" in used:
                Run(read, start, size, "straight", own).to_any_end()
        else:
            _data_only(read, start, end, stream["sha256"])
        at = end
    _whole(loader, streams, at, size, read, used)
    if own is not None:
        own.all_used()


def _own(folders: "tuple[Folder, ...]", listed: Any) -> "OwnRows":
    from probatum.check.own_code import OwnRows  # a parser of Python, which few pickles need

    return OwnRows(folders, listed)


def _followed(run: Run, sha256: str) -> tuple[list[list[Any]], bool]:
    """Steps 2 and 4: the steps that the stream takes, and whether it returns data.

    Where no class of the folder is admitted, both depend on the bytes and the loader alone, so
    the second certificate of the same stream (for the other claim) is answered from the first.
    """
    if hashlib.sha256(run.data).hexdigest() != sha256:
        raise Rejected(f"2: the stream at {run.start} has another digest")
    key = (run.start, run.loader, sha256)
    if run.own is not None or _last[:1] != [key]:
        result = run.to_stop()
        _last[:] = [key if run.own is None else None, run.effects, all_certified(result)]
    return _last[1], _last[2]


def _data_only(read: Read, start: int, end: int, sha256: str) -> None:
    """Steps 2 and 3, the latter answered once for all certificates."""
    if _digest(read, start, end) != sha256:
        raise Rejected(f"2: the stream at {start} has another digest")
    demand_data(read, start, end, sha256)


_last: list[Any] = []


def imports(facts: dict[str, Any]) -> set[str]:
    """The top-level packages that loading imports, of facts that `holds` has accepted.

    A file of such a name beside the artifact may be imported instead: whoever has the folder
    before them must look for it. What the folder itself defines has been looked at there, and may
    import any library in turn.
    """
    any_library = {"torch"} if "folder" in facts else set()
    return any_library | {
        name.partition(":")[0].partition(".")[0]
        for stream in facts["streams"]
        for _, _, how, name in stream["effects"]
        if how == "import" and summary(name) is not None
    }


def _facts(facts: Any, size: int) -> tuple[str, str, list[dict[str, Any]]]:
    """The facts, with their shape checked."""
    told = set(facts) - {"folder"} if isinstance(facts, dict) else set()
    if told != {"claim", "loader", "size", "streams"}:
        raise Rejected("0: not the facts of a pickle certificate")
    claim, loader, streams = facts["claim"], facts["loader"], facts["streams"]
    if claim not in ("load-inert", "data-shaped"):
        raise Rejected("0: not a claim that this certificate can carry")
    if loader not in ("pickle", "torch", "torch-raw", "joblib"):
        raise Rejected("0: no such loader")
    if type(facts["size"]) is not int or facts["size"] != size:
        raise Rejected("0: the file has another size")
    if not isinstance(streams, list) or not streams:
        raise Rejected("0: no streams")
    for stream in streams:
        if not isinstance(stream, dict) or set(stream) != {"start", "end", "sha256", "effects"}:
            raise Rejected("0: not the facts of a stream")
        if type(stream["start"]) is not int or type(stream["end"]) is not int:
            raise Rejected("0: not the bounds of a stream")
        if not isinstance(stream["effects"], list) or not all(map(_is_effect, stream["effects"])):
            raise Rejected("0: not a list of effects")
    return claim, loader, streams


def _is_effect(effect: Any) -> bool:
    return isinstance(effect, list) and list(map(type, effect)) == [int, str, str, str]


def _whole(
    loader: str, streams: list[dict[str, Any]], at: int, size: int, read: Read, used: set[str]
) -> None:
    """Step 1, the end: where each loader stops to read, and that its name is needed."""
    if loader != "torch":
        _no_other_format(read(0, min(512, size)))
    if loader == "torch-raw":
        if len(streams) != 5 or read(2, len(TORCH_MAGIC)) != TORCH_MAGIC:
            raise Rejected("1: not torch's own five streams")
        if any(stream["effects"] for stream in (*streams[:3], streams[4])):
            raise Rejected("1: torch compares or iterates what is no plain data")
        return
    if at != size:
        raise Rejected("1: bytes follow the last stream")
    if loader == "torch" and (len(streams) != 1 or "storage" not in used):
        raise Rejected("1: not a stream that torch alone can read")
    if loader == "joblib" and "array" not in used:
        raise Rejected("1: no array that joblib alone can read")


def _no_other_format(head: bytes) -> None:
    """Step 1, the beginning: torch.load would unpack a tar first, joblib.load bzip2.

    A tar's header holds the sum of its bytes, signed or not, in octal or in base 256 (tarfile.nti).
    """
    if head[:2] == b"BZ":
        raise Rejected("1: the file begins as bzip2 does")
    if len(head) < 512:
        return
    said, unsigned = head[148:156], sum(head[:148]) + sum(head[156:]) + 8 * ord(" ")
    signed = unsigned - 256 * sum(byte >= 128 for byte in head[:148] + head[156:])
    sums = {int.from_bytes(said[1:], "big") - (256**7 if said[0] == 255 else 0)}
    with suppress(ValueError):
        sums.add(int(said.partition(b"\0")[0].decode("ascii").strip() or "0", 8))
    if sums & {unsigned, signed}:
        raise Rejected("1: the first block is a tar's header too")


def _digest(read: Read, start: int, end: int) -> str:
    digest = hashlib.sha256()
    while start < end:
        piece = read(start, min(_PIECE, end - start))
        if not piece:
            raise Rejected("2: the bytes end early")
        digest.update(piece)
        start += len(piece)
    return digest.hexdigest()
