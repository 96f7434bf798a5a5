"""Re-derives that an XGBoost model is of its schema and that its trees hold together.

Facts: `form` (json or ubjson), `size`, `sha256` (of the file), `trees`, `nodes`.

1. the file is one value without a repeated key; 2. the schema's keys and boosters only; 3. in
each tree all arrays are as long as the tree, each node is a child at most once and the root
never, features and categories exist; 4. the facts are these bytes'.
"""

import hashlib
import json
import re
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

CLAIM = "load-inert"

_MOST = 256 << 20
_LETTERS = {b"i": "b", b"U": "B", b"I": "h", b"l": "i", b"L": "q", b"d": "f", b"D": "d"}
_LEARNER = {"attributes", "feature_names", "feature_types", "gradient_booster", "objective"}
_LEARNER |= {"learner_model_param", "learner_train_param"}
_ARRAYS: tuple[str, ...] = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_type",
)
_ARRAYS += ("base_weights", "loss_changes", "split_conditions", "sum_hessian", "default_left")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless every tree of the model holds together."""
    form = facts.get("form")
    if form not in ("json", "ubjson") or size > _MOST:
        _reject("step 1: another form, or too large")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    try:
        if form == "json":
            model = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        else:
            model, end = _value(data, 1, data[:1], 0)
            if end != size:
                _reject("step 1: bytes follow the value")
        trees, nodes = _checked(model)
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, RecursionError) as exc:
        raise Rejected(f"step 2: {exc!r}") from exc
    derived = {
        "form": form,
        "size": size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "trees": trees,
        "nodes": nodes,
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 4: the facts are not those of these bytes")


def _checked(model: Any) -> tuple[int, int]:
    learner = model["learner"]
    if model.keys() - {"learner", "version"} or learner.keys() - _LEARNER:
        _reject("step 2: a key that the schema does not have")
    booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
    features, groups = _count(parameters, "num_feature"), max(_count(parameters, "num_class"), 1)
    groups *= max(_count(parameters, "num_target"), 1)
    if booster["name"] == "gblinear":
        if len(booster["model"]["weights"]) != (features + 1) * groups:
            _reject("step 3: weights of another number")
        return 0, 0
    if booster["name"] not in ("gbtree", "dart"):
        _reject("step 2: another booster")
    inner = (booster if booster["name"] == "gbtree" else booster["gbtree"])["model"]
    trees, info = inner["trees"], inner["tree_info"]
    if len(info) != len(trees) or not all(_in(one, 0, groups) for one in info):
        _reject("step 3: a tree of no group")
    if booster["name"] == "dart" and len(booster["weight_drop"]) != len(trees):
        _reject("step 3: a tree without its weight")
    return len(trees), sum(_tree(tree, features) for tree in trees)


def _tree(tree: dict[str, Any], features: int) -> int:
    count = _count(tree["tree_param"], "num_nodes")
    if _count(tree["tree_param"], "size_leaf_vector") > 1:
        _reject("step 3: leaves that are vectors")
    if count < 1 or any(len(tree[key]) != count for key in _ARRAYS):
        _reject("step 3: an array that is not as long as the tree")
    seen: set[int] = set()
    for left, right, split in zip(
        tree["left_children"], tree["right_children"], tree["split_indices"], strict=True
    ):
        if left == -1 and right == -1:
            continue
        if not (_in(left, 1, count) and _in(right, 1, count) and _in(split, 0, features)):
            _reject("step 3: a child or a feature that there is not")
        if left == right or left in seen or right in seen:
            _reject("step 3: a child twice")
        seen |= {left, right}
    nodes, held = tree["categories_nodes"], len(tree["categories"])
    spans = list(zip(tree["categories_segments"], tree["categories_sizes"], strict=True))
    if len(spans) != len(nodes) or not all(_in(one, 0, count) for one in nodes):
        _reject("step 3: categories of no node")
    if not all(_in(at, 0, held + 1) and _in(more, 0, held - at + 1) for at, more in spans):
        _reject("step 3: categories past their end")
    splits = {at for at, one in enumerate(tree["split_type"]) if one == 1}
    if splits - set(nodes):
        _reject("step 3: a split without its categories")
    return count


def _count(parameters: dict[str, str], key: str) -> int:
    """A number written as XGBoost reads it: int() would take 1_0, and digits of other scripts."""
    said = parameters.get(key, "0")
    if not re.fullmatch(r"[0-9]{1,9}", said):
        _reject(f"step 2: {key} is no number")
    return int(said)


def _in(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value < high


def _value(data: bytes, at: int, marker: bytes, depth: int) -> tuple[Any, int]:
    """A UBJSON value whose marker was read, and where it ends."""
    if depth > 64 or at > len(data):
        _reject("step 1: too deep, or past the end")
    if marker in _LETTERS:
        return _number(data, at, marker)
    if marker in (b"Z", b"T", b"F"):
        return {b"Z": None, b"T": True, b"F": False}[marker], at
    if marker == b"S":
        return _text(data, at)
    if marker == b"{":
        pairs = []
        while data[at : at + 1] != b"}":
            key, at = _text(data, at)
            value, at = _value(data, at + 1, data[at : at + 1], depth + 1)
            pairs.append((key, value))
        return _once(pairs), at + 1
    if marker != b"[":
        _reject("step 1: no value begins so")
    found: list[Any] = []
    if data[at : at + 1] == b"$":
        letter = _LETTERS[data[at + 1 : at + 2]]
        if data[at + 2 : at + 3] != b"#":
            _reject("step 1: an array without a count")
        count, at = _length(data, at + 3)
        end = at + count * struct.calcsize(letter)
        return list(struct.unpack(f">{count}{letter}", data[at:end])), end
    if data[at : at + 1] == b"#":
        count, at = _length(data, at + 1)
        for _ in range(count):
            value, at = _value(data, at + 1, data[at : at + 1], depth + 1)
            found.append(value)
        return found, at
    while data[at : at + 1] != b"]":
        value, at = _value(data, at + 1, data[at : at + 1], depth + 1)
        found.append(value)
    return found, at + 1


def _number(data: bytes, at: int, marker: bytes) -> tuple[Any, int]:
    letter = _LETTERS[marker]
    end = at + struct.calcsize(letter)
    return struct.unpack(">" + letter, data[at:end])[0], end


def _length(data: bytes, at: int) -> tuple[int, int]:
    if data[at : at + 1] not in (b"i", b"U", b"I", b"l", b"L"):
        _reject("step 1: a length that is no whole number")
    count, at = _number(data, at + 1, data[at : at + 1])
    if not 0 <= count <= len(data):
        _reject("step 1: a length past the end")
    return count, at


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, at = _length(data, at)
    if at + length > len(data):
        _reject("step 1: a text past the end")
    return data[at : at + length].decode("utf-8"), at + length


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        _reject("step 1: a key stands twice")
    return dict(pairs)


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
