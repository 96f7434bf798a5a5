"""What the XGBoost and LightGBM readers and their checkers promise, on models written here."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificate_laws import assert_every_mutant_is_rejected, certificate_of, check, verdict_on
from probatum.analyzers.model.catboost_load import catboost_load
from probatum.analyzers.model.lightgbm_load import lightgbm_load
from probatum.analyzers.model.xgboost_load import xgboost_load
from probatum.vocabulary import Proven, Reason, Undecided


def tree(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "base_weights": [0.5, 1.0, 2.0], "categories": [], "categories_nodes": [],
        "categories_segments": [], "categories_sizes": [], "default_left": [0, 0, 0], "id": 0,
        "left_children": [1, -1, -1], "loss_changes": [1.0, 0.0, 0.0],
        "parents": [2147483647, 0, 0], "right_children": [2, -1, -1],
        "split_conditions": [0.5, 1.0, 2.0], "split_indices": [0, 0, 0], "split_type": [0, 0, 0],
        "sum_hessian": [3.0, 1.0, 2.0],
        "tree_param": {"num_nodes": "3", "num_feature": "2", "size_leaf_vector": "1"},
    }  # fmt: skip
    return made | changed


def model(*trees: dict[str, Any], name: str = "gbtree", **more: Any) -> dict[str, Any]:
    inner = {"trees": list(trees), "tree_info": [0] * len(trees)}
    learner = {
        "attributes": {},
        "gradient_booster": {"name": name, "model": inner},
        "learner_model_param": {"num_feature": "2", "num_class": "0"},
        "objective": {"name": "binary:logistic"},
    }
    return {"learner": learner | more, "version": [3, 2, 0]}


def ubjson(value: Any) -> bytes:
    """UBJSON as XGBoost writes it: lengths as int64, lists of numbers typed."""
    match value:
        case dict():
            pairs = (ubjson(key)[1:] + ubjson(one) for key, one in value.items())
            return b"{" + b"".join(pairs) + b"}"
        case str():
            return b"SL" + struct.pack(">q", len(value)) + value.encode()
        case bool():
            return b"T" if value else b"F"
        case float():
            return b"d" + struct.pack(">f", value)
        case int():
            return b"L" + struct.pack(">q", value)
        case list() if value and all(type(one) is int for one in value):
            count = b"#L" + struct.pack(">q", len(value))
            return b"[$l" + count + struct.pack(f">{len(value)}i", *value)
        case _:
            return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(ubjson, value))


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


JSON, UBJ = text(model(tree())), ubjson(model(tree()))
LIGHT_TREE = (
    "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nsplit_gain=1 2\nthreshold=0.5 1.5\n"
    "decision_type=2 2\nleft_child=1 -1\nright_child=-3 -2\nleaf_value=1 2 3\nis_linear=0\n"
    "shrinkage=1\n\n\n"
)


def light(block: str = LIGHT_TREE, sizes: str | None = None) -> bytes:
    said = str(len(block)) if sizes is None else sizes
    start = f"tree\nversion=v4\nmax_feature_idx=1\nobjective=binary\ntree_sizes={said}\n\n"
    return (start + block + "end of trees\n\nparameters:\n[boosting: gbdt]\n").encode()


@pytest.mark.parametrize(("data", "kind"), [(JSON, "xgboost-json"), (UBJ, "xgboost-ubj")])
def test_every_mutant_of_an_xgboost_certificate_is_rejected(data: bytes, kind: str) -> None:
    certificate = certificate_of(xgboost_load, data, kind)
    assert certificate.facts["nodes"] == 3
    assert_every_mutant_is_rejected(certificate, data, range(0, len(data), 7))


def test_every_mutant_of_a_lightgbm_certificate_is_rejected() -> None:
    certificate = certificate_of(lightgbm_load, light(), "lightgbm-text")
    assert_every_mutant_is_rejected(certificate, light(), range(0, len(light()), 3))


_SAMPLES = [
    (xgboost_load, JSON, "xgboost-json"),
    (xgboost_load, UBJ, "xgboost-ubj"),
    (lightgbm_load, light(), "lightgbm-text"),
]


@pytest.mark.parametrize(("analyzer", "whole", "kind"), _SAMPLES, ids=lambda one: str(one)[:12])
@given(data=st.data())
def test_what_is_proven_of_a_mutated_model_also_checks(
    analyzer: Any, whole: bytes, kind: str, data: Any
) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.binary(max_size=3) | st.sampled_from([b"9", b"-", b"0", b"1 "]))
    changed = whole[:at] + put + whole[at + data.draw(st.integers(0, 3)) :]
    verdict = verdict_on(analyzer, changed, kind)
    if isinstance(verdict, Proven):
        check(verdict.certificate, changed)


@given(st.binary(max_size=200))
def test_the_readers_raise_only_format_errors_on_any_bytes(data: bytes) -> None:
    for analyzer, _, kind in _SAMPLES:
        for start in (b"", b"{", b"tree\n"):
            verdict_on(analyzer, start + data, kind)


@pytest.mark.parametrize(
    "broken",
    [
        tree(left_children=[7, -1, -1]),
        tree(left_children=[0, -1, -1]),
        tree(right_children=[1, -1, -1]),
        tree(right_children=[-1, -1, -1]),
        tree(split_indices=[2, 0, 0]),
        tree(base_weights=[0.5]),
        tree(split_type=[1, 0, 0]),
        tree(categories=[1], categories_nodes=[0], categories_segments=[0], categories_sizes=[2]),
        tree(categories_nodes=[9], categories_segments=[0], categories_sizes=[0]),
        tree(left_children=[True, -1, -1]),
        tree(tree_param={"num_nodes": "4"}),
        tree(tree_param={"num_nodes": "3", "size_leaf_vector": "3"}),
    ],
)
def test_a_tree_that_does_not_hold_together_stays_undecided(broken: dict[str, Any]) -> None:
    for data, kind in (
        (text(model(broken)), "xgboost-json"),
        (ubjson(model(broken)), "xgboost-ubj"),
    ):
        assert isinstance(verdict_on(xgboost_load, data, kind), Undecided)


def test_a_split_on_categories_that_are_there_is_proven() -> None:
    split = tree(split_type=[1, 0, 0], categories=[1, 3], categories_nodes=[0],
                 categories_segments=[0], categories_sizes=[2])  # fmt: skip
    certificate_of(xgboost_load, text(model(split)), "xgboost-json")


def test_boosters_and_keys_of_a_later_schema_stay_undecided() -> None:
    for later in (model(name="forest"), model(loader="x"), model() | {"script": "x"}):
        verdict = verdict_on(xgboost_load, text(later), "xgboost-json")
        assert isinstance(verdict, Undecided)
        assert verdict.reason == Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("left_child=1 -1", "left_child=1 -9"),
        ("left_child=1 -1", "left_child=0 -1"),
        ("right_child=-3 -2", "right_child=-3 -3"),
        ("split_feature=0 1", "split_feature=0 2"),
        ("leaf_value=1 2 3", "leaf_value=1 2"),
        ("leaf_value=1 2 3", "leaf_value=1 2 x"),
        ("num_leaves=3", "num_leaves=300000000"),
        ("decision_type=2 2", "decision_type=1 2"),
        ("is_linear=0", "is_linear=1"),
        ("shrinkage=1", "num_cat=0"),
        ("shrinkage=1", "somewhere=1"),
    ],
)
def test_a_lightgbm_tree_that_does_not_hold_together_stays_undecided(old: str, new: str) -> None:
    data = light(LIGHT_TREE.replace(old, new))
    assert isinstance(verdict_on(lightgbm_load, data, "lightgbm-text"), Undecided)


@pytest.mark.parametrize("sizes", ["", "1", "99999999", "-5", str(len(LIGHT_TREE)) + " 9"])
def test_sizes_that_lead_to_no_tree_stay_undecided(sizes: str) -> None:
    assert isinstance(verdict_on(lightgbm_load, light(sizes=sizes), "lightgbm-text"), Undecided)


def test_a_lightgbm_split_on_categories_is_proven_within_their_bounds() -> None:
    split = LIGHT_TREE.replace("num_cat=0", "num_cat=1").replace(
        "decision_type=2", "decision_type=1"
    )
    split = split.replace("threshold=0.5", "cat_boundaries=0 1\ncat_threshold=5\nthreshold=0")
    certificate_of(lightgbm_load, light(split), "lightgbm-text")
    worse = light(split.replace("threshold=0 1.5", "threshold=4 1.5"))
    assert isinstance(verdict_on(lightgbm_load, worse, "lightgbm-text"), Undecided)


def test_what_only_catboost_reads_is_said_to_be_opaque() -> None:
    verdict = verdict_on(catboost_load, b"CBM1", "catboost")
    assert isinstance(verdict, Undecided)
    assert verdict.reason == Reason.OPAQUE
