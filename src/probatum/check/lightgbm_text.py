"""Re-derives that the trees of a LightGBM text model hold together.

Facts: `size`, `sha256` (of the file), `trees`, `leaves`.

1. `tree_sizes` leads from tree to tree, to `end of trees`; 2. no line of a tree stands twice, and
none is unknown; 3. every array is as long as its tree asks, every node and leaf is a child
exactly once, features and categories exist; 4. the facts are these bytes'.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

CLAIM = "load-inert"

_MOST = 256 << 20
_INNER = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
_MORE_INNER = ("split_gain", "internal_value", "internal_weight", "internal_count")
_MORE_LEAVES = ("leaf_weight", "leaf_count")
_REST = ("num_leaves", "num_cat", "is_linear", "shrinkage", "cat_boundaries", "cat_threshold")
_HEADER = {"version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx"}
_HEADER |= {"objective", "feature_names", "feature_infos", "tree_sizes", "average_output"}
_HEADER |= {"monotone_constraints"}
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless every tree of the model holds together."""
    if size > _MOST:
        _reject("step 1: the file is too large")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    try:
        trees, leaves = _model(data)
    except (ValueError, KeyError, IndexError) as exc:
        raise Rejected(f"step 3: {exc!r}") from exc
    derived = {
        "size": size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "trees": trees,
        "leaves": leaves,
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 4: the facts are not those of these bytes")


def _model(data: bytes) -> tuple[int, int]:
    if data[:5] != b"tree\n" or b"\r" in data or b"\0" in data:
        _reject("step 1: not a model of plain lines")
    at = data.index(b"\n\n") + 2
    header = _lines(data[5:at], _HEADER)
    features = _whole(header["max_feature_idx"])[0] + 1
    if features >= 1 << 31:  # in C++ the number turns round
        _reject("step 3: more features than 32 bits count")
    sizes = _whole(header.get("tree_sizes", b""))
    leaves = 0
    for number, size in enumerate(sizes):
        start = b"Tree=%d\n" % number
        block = data[at : at + size] if size > 0 else b""
        if len(block) != size or not block.startswith(start):
            _reject("step 1: tree_sizes leads to no tree")
        leaves += _tree(block[len(start) :], features)
        at += size
    if not data.startswith(b"end of trees\n", at):
        _reject("step 1: tree_sizes leads past the trees")
    return len(sizes), leaves


def _tree(block: bytes, features: int) -> int:
    tree = _lines(block, {*_INNER, *_MORE_INNER, "leaf_value", *_MORE_LEAVES, *_REST})
    [count], [held] = _whole(tree["num_leaves"]), _whole(tree["num_cat"])
    if count < 1 or held < 0 or tree.get("is_linear", b"0") != b"0":
        _reject("step 3: no leaves, or linear ones")
    for key in (*_INNER, *_MORE_INNER, "leaf_value", *_MORE_LEAVES):
        values = tree.get(key, b"").split()
        wanted = count if key.startswith("leaf") else count - 1
        optional = key in _MORE_INNER + _MORE_LEAVES
        if len(values) != wanted and (values or not optional):
            _reject(f"step 3: {key} has another length")
        if not all(_NUMBER.fullmatch(one) for one in values):
            _reject(f"step 3: {key} holds what is no number")
    if count == 1 and not held:
        return count
    arrays = {key: _whole(tree.get(key, b"")) for key in _INNER if key != "threshold"}
    children = [*arrays["left_child"], *arrays["right_child"]]
    wanted_children = [*range(-count, 0), *range(1, count - 1)] if count > 1 else []
    if sorted(children) != wanted_children:
        _reject("step 3: the children are no tree")
    if any(not 0 <= one < features for one in arrays["split_feature"]):
        _reject("step 3: a feature that there is not")
    kinds = arrays["decision_type"]
    if held or any(one & 1 for one in kinds):
        bounds, words = _whole(tree["cat_boundaries"]), _whole(tree["cat_threshold"])
        if len(bounds) != held + 1 or bounds[0] or sorted(bounds) != bounds:
            _reject("step 3: bounds that do not rise")
        if bounds[-1] != len(words):
            _reject("step 3: categories of another length")
        for kind, threshold in zip(kinds, tree.get("threshold", b"").split(), strict=True):
            if kind & 1 and not 0 <= _whole(threshold)[0] < held:
                _reject("step 3: categories that there are not")
    return count


def _lines(block: bytes, known: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b"=")
        key = name.decode("utf-8")
        if line and (key in found or key not in known):
            _reject("step 2: a line stands twice, or is not known")
        if line:
            found[key] = value
    return found


def _whole(text: bytes) -> list[int]:
    values = text.split(b" ") if text else []
    if not all(re.fullmatch(rb"-?\d{1,10}", one) for one in values):
        _reject("step 3: no whole number")
    return [int(one) for one in values]


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
