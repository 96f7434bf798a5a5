"""Reads a LightGBM text model and checks that its trees hold together.

The reader in C++ cuts the text into trees by `tree_sizes`, takes each array's length from
`num_leaves` and follows the children without a look back; so all of these must agree.

Source: LightGBM src/boosting/gbdt_model_text.cpp, src/io/tree.cpp (4.6).
"""

import re

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?|inf|nan)\Z", re.ASCII)
WHOLE = re.compile(r"-?[0-9]{1,10}\Z", re.ASCII)
# Beyond, the reader's own number is another one.
MOST_FEATURES = (1 << 31) - 1
HEADER = frozenset(
    {
        "average_output",
        "feature_infos",
        "feature_names",
        "label_index",
        "max_feature_idx",
        "monotone_constraints",
        "num_class",
        "num_tree_per_iteration",
        "objective",
        "tree_sizes",
        "version",
    }
)
# How many values each line of a tree holds: of its inner nodes, its leaves, or one.
INNER = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
ALSO_INNER = ("split_gain", "internal_value", "internal_weight", "internal_count")
LEAVES = ("leaf_value",)
ALSO_LEAVES = ("leaf_weight", "leaf_count")
SINGLE = ("num_leaves", "num_cat", "is_linear", "shrinkage")


class Trees(Struct, frozen=True):
    """How many trees and leaves were checked."""

    trees: int
    leaves: int


def checked(data: bytes) -> Trees:
    """The size of a model whose trees hold together.

    Raises: FormatError MALFORMED where they do not, UNSUPPORTED for linear trees.
    """
    if b"\r" in data:
        raise FormatError(Reason.UNSUPPORTED, "lines that do not end in a newline alone")
    begin = data.find(b"\n\n") + 2
    header = _lines(_text(data[:begin]).split("\n")[1:], HEADER, "the header")
    sizes = _whole(header, "tree_sizes", "the header")
    features = _whole(header, "max_feature_idx", "the header")
    if data[:5] != b"tree\n" or begin < 2 or len(features) != 1 or b"\0" in data:
        raise _malformed("the header is not one of a model", "the header")
    if features[0] >= MOST_FEATURES:
        raise _malformed("more features than a number of 32 bits counts", "the header")
    leaves = 0
    for number, size in enumerate(sizes):
        block = data[begin : begin + size] if size > 0 else b""
        first = f"Tree={number}\n"
        if len(block) != size or not block.startswith(first.encode()):
            raise _malformed(f"tree_sizes does not lead to tree {number}", f"tree {number}")
        leaves += _tree(_text(block), features[0] + 1, f"tree {number}")
        begin += size
    if not data.startswith(b"end of trees\n", begin):
        raise _malformed("the trees do not end where tree_sizes says", "the header")
    return Trees(len(sizes), leaves)


def _tree(block: str, features: int, where: str) -> int:
    known = frozenset(INNER + ALSO_INNER + LEAVES + ALSO_LEAVES + SINGLE)
    known |= {"cat_boundaries", "cat_threshold"}
    lines = _lines(block.split("\n")[1:], known, where)
    count, held = (_single(lines, key, where) for key in ("num_leaves", "num_cat"))
    if lines.get("is_linear", "0") != "0":
        raise FormatError(Reason.UNSUPPORTED, "linear trees are not read", Place(part=where))
    if count < 1 or held < 0:
        raise _malformed("no leaves", where)
    _lengths(lines, count, where)
    left, right, split, kinds = (
        _whole(lines, key, where) if count > 1 else []
        for key in ("left_child", "right_child", "split_feature", "decision_type")
    )
    children = left + right
    # Every node but the root, and every leaf, is a child exactly once.
    if count > 1 and sorted(children) != [*range(-count, 0), *range(1, count - 1)]:
        raise _malformed("the children are not a tree", where)
    if any(not 0 <= one < features for one in split):
        raise _malformed("a split on a feature that there is not", where)
    _categories(lines, kinds, held, where)
    return count


def _lengths(lines: dict[str, str], count: int, where: str) -> None:
    for keys, length, needed in (
        (INNER, count - 1, True),
        (ALSO_INNER, count - 1, False),
        (LEAVES, count, True),
        (ALSO_LEAVES, count, False),
    ):
        for key in keys:
            values = lines.get(key, "").split()
            if (values or (needed and length)) and len(values) != length:
                raise _malformed(f"{key} does not hold {length} values", where)
            if any(not NUMBER.match(one) for one in values):
                raise _malformed(f"{key} holds what is no number", where)


def _categories(lines: dict[str, str], kinds: list[int], held: int, where: str) -> None:
    if not held and not any(one & 1 for one in kinds):
        return
    bounds = _whole(lines, "cat_boundaries", where)
    words = _whole(lines, "cat_threshold", where)
    if len(bounds) != held + 1 or bounds[0] != 0 or sorted(bounds) != bounds:
        raise _malformed("cat_boundaries do not rise from 0", where)
    if bounds[-1] != len(words):
        raise _malformed("cat_threshold is not as long as cat_boundaries says", where)
    for kind, threshold in zip(kinds, lines.get("threshold", "").split(), strict=True):
        if kind & 1 and (not WHOLE.match(threshold) or not 0 <= int(threshold) < held):
            raise _malformed("a split on categories that it does not have", where)


def _lines(lines: list[str], known: frozenset[str], where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, lines):
        key, _, value = line.partition("=")
        if key in found:
            detail = f"the line {key[:60]!r} stands twice"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, detail, Place(part=where))
        if key not in known:
            detail = f"the line {key[:60]!r} is not known here"
            raise FormatError(Reason.UNSUPPORTED, detail, Place(part=where))
        found[key] = value
    return found


def _single(lines: dict[str, str], key: str, where: str) -> int:
    values = _whole(lines, key, where)
    if len(values) != 1:
        raise _malformed(f"{key} is not one number", where)
    return values[0]


def _whole(lines: dict[str, str], key: str, where: str) -> list[int]:
    values = lines.get(key, "").split(" ") if lines.get(key) else []
    if any(not WHOLE.match(one) for one in values):
        raise _malformed(f"{key} holds what is no whole number", where)
    return [int(one) for one in values]


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise FormatError(Reason.MALFORMED, "not UTF-8") from exc


def _malformed(detail: str, where: str) -> FormatError:
    return FormatError(Reason.MALFORMED, detail, Place(part=where))
