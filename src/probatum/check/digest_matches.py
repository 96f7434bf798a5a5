"""Re-derives that an artifact's bytes have the digest and size that a manifest names for them.

Facts: `digest` (`sha256:<hex>` or `sha512:<hex>`) and `size` (bytes). That a manifest names this
digest is the finding's own `expected`, which whoever opens the target again compares with what
the manifest says then; this check shows that these bytes have it.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "digest-matches"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_PIECE = 1 << 20


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected at the first step that fails."""
    # 1. The facts name one digest and one size.
    if type(facts) is not dict or set(facts) != {"digest", "size"}:
        raise Rejected("the facts are not digest and size")
    digest, said = facts["digest"], facts["size"]
    if type(digest) is not str or not _DIGEST.fullmatch(digest) or type(said) is not int:
        raise Rejected("digest or size is not one")
    # 2. The size is that of the bytes.
    if said != size:
        raise Rejected(f"{size} bytes, not {said}")
    # 3. The digest is that of the bytes, all of them.
    algorithm, _, wanted = digest.partition(":")
    running, at = hashlib.new(algorithm), 0
    while at < size:
        piece = read(at, min(_PIECE, size - at))
        if not piece:
            raise Rejected(f"the bytes end at {at}, before their size")
        running.update(piece)
        at += len(piece)
    if running.hexdigest() != wanted:
        raise Rejected("the bytes have another digest")
