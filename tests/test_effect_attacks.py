"""Forged states and arguments that would make library code run: each beside its honest twin."""

import pickle
import pickletools

import pytest

from probatum.analyzers.model.pickle_load import pickle_load
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven


def stream(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def value(data: object) -> bytes:
    """The opcodes of plain data, without header, memo and STOP."""
    pickled = pickletools.optimize(pickle.dumps(data, 2))
    assert pickled[:2] == b"\x80\x02"
    return pickled[2:-1]


def new(module: str, attribute: str) -> bytes:
    return name(module, attribute) + b")\x81"


def state(**entries: bytes) -> bytes:
    inside = b"".join(value(key) + held for key, held in entries.items())
    return b"}(" + inside + b"ub"


def proven(data: bytes) -> bool:
    artifact = Artifact(name="x.pkl", kind="pickle", size=len(data))
    return isinstance(pickle_load.judge(artifact, BytesMaterial(data)), Proven)


ESTIMATOR = new("sklearn.linear_model._logistic", "LogisticRegression")
LINEAR = new("torch.nn.modules.linear", "Linear")
FRAME = new("pandas", "DataFrame")
BUNCH = new("sklearn.utils._bunch", "Bunch")
PIPELINE = new("sklearn.pipeline", "Pipeline")


def array(code: str, flags: int, length: int, raw: bytes) -> bytes:
    order = "|" if code in ("O8", "b1") else "<"
    dtype = name("numpy", "dtype") + value((code, False, True)) + b"R"
    dtype += value((3, order, None, None, None, -1, -1, flags)) + b"b"
    fresh = name("numpy.core.multiarray", "_reconstruct") + b"("
    fresh += name("numpy", "ndarray") + value((0,)) + value("b") + b"tR"
    return fresh + b"(" + value(1) + value((length,)) + dtype + value(False) + raw + b"tb"


PAIRS = {
    "a version that formats itself": (
        ESTIMATOR + state(_sklearn_version=value("1.5.2")),
        ESTIMATOR + state(_sklearn_version=PIPELINE),
    ),
    "tables that answer `in`": (
        LINEAR + state(_parameters=b"}", _buffers=b"}", _modules=b"}"),
        LINEAR + state(_parameters=BUNCH, _buffers=b"}", _modules=b"}"),
    ),
    "a method hidden by an attribute": (
        LINEAR + state(_parameters=b"}", training=value(True)),
        LINEAR + state(_parameters=b"}", register_parameter=PIPELINE),
    ),
    "an index set through a property": (
        FRAME + state(_typ=value("dataframe"), attrs=b"}"),
        FRAME + state(_typ=value("dataframe"), columns=PIPELINE),
    ),
    "flags that make bytes of objects": (
        array("O8", 63, 1, value([None])),
        array("O8", 1, 1, b"U\x08AAAAAAAA"),
    ),
    "a list shorter than its array": (
        array("O8", 63, 2, value([None, None])),
        array("O8", 63, 2, value([None])),
    ),
    "a hook among the attributes": (
        ESTIMATOR + state(C=value(1.0)),
        ESTIMATOR + state(__setstate__=name("builtins", "list")),
    ),
    "an object that C code would index": (
        new("numpy", "poly1d") + state(coeffs=value([1])),
        name("sklearn.tree._tree", "Tree") + b"(" + value(1) + value([1]) + value(1) + b"tR",
    ),
}


@pytest.mark.parametrize("attack", PAIRS)
def test_the_honest_twin_is_proven_and_the_forged_one_is_not(attack: str) -> None:
    honest, forged = PAIRS[attack]
    assert proven(stream(honest))
    assert not proven(stream(forged))


@pytest.mark.parametrize(
    "cls",
    [
        "scipy.stats._continuous_distns norm_gen",
        "scipy.spatial._ckdtree cKDTree",
        "lightgbm.basic Booster",
        "xgboost.core Booster",
        "catboost.core CatBoostClassifier",
        "torch.optim.adam Adam",
        "sklearn.frozen._frozen FrozenEstimator",
    ],
)
def test_a_class_whose_state_runs_code_is_never_proven(cls: str) -> None:
    """scipy's rv_generic.__setstate__ executes the text in `_parse_arg_template`, for one."""
    module, _, attribute = cls.partition(" ")
    forged = new(module, attribute) + state(_parse_arg_template=value("print(1)"))
    assert not proven(stream(forged))
