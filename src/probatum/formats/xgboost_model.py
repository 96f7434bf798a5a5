"""Checks that an XGBoost model is what its schema says: known names, and trees that hold together.

Each tree's arrays are of one length, its children lie inside it and form a tree, its features
and categories exist. Source: xgboost doc/model.schema; src/tree/tree_model.cc; src/gbm.
"""

from typing import Any, NoReturn

from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason

TOP = frozenset({"learner", "version"})
LEARNER = frozenset(
    {
        "attributes",
        "feature_names",
        "feature_types",
        "gradient_booster",
        "learner_model_param",
        "learner_train_param",
        "objective",
    }
)
# Whole numbers of every node, and decimal ones; all as long as the tree.
WHOLE = ("left_children", "right_children", "parents", "split_indices", "split_type")
DECIMAL = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")


class Trees(Struct, frozen=True):
    """How many trees and nodes were checked."""

    trees: int
    nodes: int


def checked(model: Any) -> Trees:
    """The size of a model that holds together.

    Raises: FormatError MALFORMED where it does not, UNSUPPORTED where it is of a later kind.
    """
    learner = _object(model, "learner", "the model")
    if model.keys() - TOP or learner.keys() - LEARNER:
        _unsupported("a key that the schema does not have", "learner")
    booster = _object(learner, "gradient_booster", "learner")
    name = booster.get("name")
    if name == "gblinear":
        return _linear(learner, booster)
    drops = _list(booster, "weight_drop", "gradient_booster") if name == "dart" else None
    if name == "dart":
        booster = _object(booster, "gbtree", "gradient_booster")
    elif name != "gbtree":
        _unsupported(f"the booster {str(name)[:60]!r}", "gradient_booster")
    inner = _object(booster, "model", "gradient_booster")
    parameters = _object(learner, "learner_model_param", "learner")
    features = _number(parameters, "num_feature", "learner_model_param")
    trees = _list(inner, "trees", "model")
    groups = max(_number(parameters, "num_class", "learner_model_param"), 1)
    groups *= max(_number(parameters, "num_target", "learner_model_param"), 1)
    info = _whole(inner, "tree_info", "model")
    if len(info) != len(trees) or any(not 0 <= one < groups for one in info):
        _malformed("tree_info names a group that there is not", "model")
    if drops is not None and len(drops) != len(trees):
        _malformed("weight_drop is not as long as there are trees", "gradient_booster")
    nodes = sum(_tree(tree, features, f"tree {at}") for at, tree in enumerate(trees))
    return Trees(len(trees), nodes)


def _linear(learner: dict[str, Any], booster: dict[str, Any]) -> Trees:
    """A weight for each feature and group, and a bias for each group."""
    parameters = _object(learner, "learner_model_param", "learner")
    features, groups, targets = (
        _number(parameters, key, "learner_model_param")
        for key in ("num_feature", "num_class", "num_target")
    )
    weights = _list(_object(booster, "model", "gradient_booster"), "weights", "model")
    if len(weights) != (features + 1) * max(groups, 1) * max(targets, 1):
        _malformed("the weights are not as many as features and groups ask for", "model")
    return Trees(0, 0)


def _tree(tree: Any, features: int, where: str) -> int:
    parameters = _object(tree, "tree_param", where)
    count = _number(parameters, "num_nodes", where)
    if _number(parameters, "size_leaf_vector", where) > 1:
        _unsupported("leaves that are vectors", where)
    arrays = {key: _whole(tree, key, where) for key in WHOLE if key in tree}
    lengths = {len(one) for one in arrays.values()}
    lengths |= {len(_list(tree, key, where)) for key in (*DECIMAL, "default_left")}
    if lengths != {count} or not count or arrays.keys() != {*WHOLE}:
        _malformed("the arrays of a tree are not as long as the tree", where)
    left, right = arrays["left_children"], arrays["right_children"]
    children = [one for pair in zip(left, right, strict=True) for one in pair if one != -1]
    # No child twice, and the root none: whatever a reader follows from the root is a tree.
    if len(set(children)) != len(children) or any(not 0 < one < count for one in children):
        _malformed("a child lies outside the tree, or is a child twice", where)
    for at, (one, other) in enumerate(zip(left, right, strict=True)):
        if (one == -1) != (other == -1):
            _malformed("a node with one child", where)
        if one != -1 and not 0 <= arrays["split_indices"][at] < features:
            _malformed("a node splits on a feature that there is not", where)
    _categories(tree, count, where)
    return count


def _categories(tree: Any, count: int, where: str) -> None:
    held = len(_whole(tree, "categories", where))
    nodes = _whole(tree, "categories_nodes", where)
    starts = _whole(tree, "categories_segments", where)
    sizes = _whole(tree, "categories_sizes", where)
    if not len(nodes) == len(starts) == len(sizes) or any(not 0 <= one < count for one in nodes):
        _malformed("categories of nodes that there are not", where)
    if any(
        one < 0 or more < 0 or one + more > held for one, more in zip(starts, sizes, strict=True)
    ):
        _malformed("categories past their end", where)
    named = set(nodes)
    if any(one == 1 and at not in named for at, one in enumerate(tree["split_type"])):
        _malformed("a node splits on categories that it does not have", where)


def _object(value: Any, key: str, where: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        _malformed(f"{key} is no object", where)
    return found


def _list(value: dict[str, Any], key: str, where: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        _malformed(f"{key} is no list", where)
    return found


def _whole(value: dict[str, Any], key: str, where: str) -> list[int]:
    found = _list(value, key, where)
    if any(type(one) is not int for one in found):
        _malformed(f"{key} holds what is no whole number", where)
    return found


def _number(value: dict[str, Any], key: str, where: str) -> int:
    """A number that XGBoost writes as text."""
    said = value.get(key, "0")
    if not isinstance(said, str) or not said.isascii() or not said.isdigit() or len(said) > 9:
        _malformed(f"{key} is no number", where)
    return int(said)


def _malformed(detail: str, where: str) -> NoReturn:
    raise FormatError(Reason.MALFORMED, detail, Place(part=where))


def _unsupported(detail: str, where: str) -> NoReturn:
    raise FormatError(Reason.UNSUPPORTED, detail, Place(part=where))
