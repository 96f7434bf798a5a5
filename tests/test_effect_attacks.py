"""Forged states and arguments that would make library code run: each beside its honest twin."""

import pickle
import pickletools

import pytest

from probatum.analyzers.model.pickle_load import pickle_load
from probatum.material import BytesMaterial
from probatum.vocabulary import Artifact, Proven, Reason, Undecided


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


NUMBER_TYPE = name("numpy", "dtype") + value(("i8", False, True)) + b"R"
NUMBER_TYPE += value((3, "<", None, None, None, -1, -1, 0)) + b"b"


def array(
    code: str, flags: int, length: int, raw: bytes, shape: tuple[int, ...] | None = None
) -> bytes:
    order = "|" if code in ("O8", "b1") else "<"
    dtype = name("numpy", "dtype") + value((code, False, True)) + b"R"
    dtype += value((3, order, None, None, None, -1, -1, flags)) + b"b"
    fresh = name("numpy.core.multiarray", "_reconstruct") + b"("
    fresh += name("numpy", "ndarray") + value((0,)) + value("b") + b"tR"
    shape = (length,) if shape is None else shape
    return fresh + b"(" + value(1) + value(shape) + dtype + value(False) + raw + b"tb"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def entries(**held: bytes) -> bytes:
    return b"}(" + b"".join(value(key) + one for key, one in held.items()) + b"u"


NUMBERS = array("i8", 0, 1, b"C\x08" + b"\0" * 8)
OBJECTS = array("O8", 63, 1, value([None]))
SCALAR = array("i8", 0, 1, b"C\x08" + b"\0" * 8, ())
UNFILLED = NUMBERS[: NUMBERS.index(b"(K\x01K\x01\x85")]
UNPICKLE = name("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")
NEW_INDEX = name("pandas.core.indexes.base", "_new_Index")
TEXT_TYPE = call(name("pandas", "StringDtype"), value("python"))


def backed(cls: str, *parts: bytes) -> bytes:
    """An array of pandas over one of numpy; unfilled without parts."""
    module, _, attribute = cls.rpartition(".")
    made = call(UNPICKLE, name(module, attribute), value(82904607), value(None))
    return made + (b"(" + b"".join(parts) + b"tb" if parts else b"")


def index(cls: str, **held: bytes) -> bytes:
    return call(NEW_INDEX, name("pandas", cls), entries(**held))


TEXT = backed("pandas.arrays.StringArray", TEXT_TYPE, OBJECTS)
CATEGORIES = new("pandas", "CategoricalDtype") + state(
    categories=index("Index", data=NUMBERS), ordered=value(False)
)
MONTHS = call(name("pandas", "PeriodDtype"), value("period[M]"))
SPARSE = new("pandas", "SparseDtype") + state(_dtype=NUMBER_TYPE, _fill_value=value(0))
SPLINE = new("scipy.interpolate._cubic", "CubicSpline")
INTERP = new("scipy.interpolate._interpolate", "interp1d")
RECURRENT = new("torch.nn.modules.rnn", "LSTM")
WEIGHTS = {
    "_all_weights": value([["w"]]),
    "_flat_weights": value([]),
    "_flat_weights_names": value([]),
    "num_layers": value(1),
    "bidirectional": value(False),
    "bias": value(True),
}


def levels(codes: bytes, level: bytes = b"") -> bytes:
    held = b"(" + (level or index("Index", data=NUMBERS)) + b"l"
    return index("MultiIndex", levels=held, codes=b"(" + codes + b"l", names=value([None]))


def same_dict_twice(first: bytes, second: bytes) -> bytes:
    """_new_Index(Index, d) over `first`, then d's data replaced by `second`, and called again."""
    held = entries(data=first) + b"q\x01"
    again = b"h\x01(" + value("data") + second + b"u"
    return (
        call(NEW_INDEX, name("pandas", "Index"), held)
        + b"0"
        + (call(NEW_INDEX, name("pandas", "Index"), again))
    )


def spline(**held: bytes) -> bytes:
    return SPLINE + b"(N" + entries(**held) + b"tb"


def layout(text: str) -> bytes:
    return call(name("torch.serialization", "_get_layout"), value(text))


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
        array("O8", 1, 1, b"C\x08AAAAAAAA"),
    ),
    "a list shorter than its array": (
        array("O8", 63, 2, value([None, None])),
        array("O8", 63, 2, value([None])),
    ),
    "a hook among the attributes": (
        ESTIMATOR + state(C=value(1.0)),
        ESTIMATOR + state(__setstate__=name("builtins", "list")),
    ),
    "a dict in which the first call left its dtype": (
        index("Index", data=NUMBERS) + b"0" + index("Index", data=OBJECTS),
        same_dict_twice(NUMBERS, OBJECTS),
    ),
    "a compiled array that nothing has filled": (
        index("Index", data=TEXT),
        index("Index", data=backed("pandas.arrays.StringArray")),
    ),
    "an array without a first length": (
        index("Index", data=backed("pandas.arrays.StringArray", TEXT_TYPE, OBJECTS)),
        index("Index", data=backed("pandas.arrays.StringArray", TEXT_TYPE, SCALAR)),
    ),
    "numbers without a first length": (
        call(name("pandas._libs.sparse", "IntIndex"), value(3), NUMBERS),
        call(name("pandas._libs.sparse", "IntIndex"), value(3), SCALAR),
    ),
    "an array that is filled after it was used": (
        index("Index", data=NUMBERS),
        index("Index", data=UNFILLED),
    ),
    "a version that writes to the terminal": (
        ESTIMATOR + state(_sklearn_version=value("1.5.dev0+abc")),
        ESTIMATOR + state(_sklearn_version=value("1.5\x1b[2J")),
    ),
    "a version that has something to say": (
        ESTIMATOR + state(_sklearn_version=value("1.5.2")),
        ESTIMATOR + state(_sklearn_version=value("1.5, please run pip install other")),
    ),
    "codes that are objects to cast": (
        index("CategoricalIndex", data=backed("pandas.Categorical", CATEGORIES, NUMBERS)),
        index("CategoricalIndex", data=backed("pandas.Categorical", CATEGORIES, OBJECTS)),
    ),
    "a categorical type without categories": (
        CATEGORIES,
        new("pandas", "CategoricalDtype") + state(ordered=value(False)),
    ),
    "a categorical type that is not filled yet": (
        backed("pandas.Categorical", CATEGORIES, NUMBERS),
        backed("pandas.Categorical", new("pandas", "CategoricalDtype"), NUMBERS),
    ),
    "codes of a multi-index that are objects": (levels(NUMBERS), levels(OBJECTS)),
    "a level that is no index": (levels(NUMBERS), levels(NUMBERS, PIPELINE)),
    "periods that are objects to cast": (
        backed("pandas.arrays.PeriodArray", MONTHS, NUMBERS),
        backed("pandas.arrays.PeriodArray", MONTHS, OBJECTS),
    ),
    "a cached type that is none": (
        backed("pandas.arrays.PeriodArray", MONTHS, NUMBERS, entries(_cache=entries(dtype=MONTHS))),
        backed(
            "pandas.arrays.PeriodArray", MONTHS, NUMBERS, entries(_cache=entries(dtype=PIPELINE))
        ),
    ),
    "a cached type exchanged after it was looked at": (
        backed("pandas.arrays.PeriodArray", MONTHS, NUMBERS, entries(_cache=b"}q\x07")),
        backed("pandas.arrays.PeriodArray", MONTHS, NUMBERS, entries(_cache=b"}q\x07"))
        + b"0h\x07("
        + value("dtype")
        + PIPELINE
        + b"u",
    ),
    "ends of an interval with an order of their own": (
        call(name("pandas", "Interval"), value(0), value(1), value("right")),
        call(name("pandas", "Interval"), PIPELINE, value(1), value("right")),
    ),
    "sparse positions that are objects": (
        call(name("pandas._libs.sparse", "IntIndex"), value(3), NUMBERS),
        call(name("pandas._libs.sparse", "IntIndex"), value(3), OBJECTS),
    ),
    "a sparse array without its index": (
        new("pandas.arrays", "SparseArray")
        + state(
            _sparse_index=call(name("pandas._libs.sparse", "IntIndex"), value(3), NUMBERS),
            _sparse_values=NUMBERS,
            _dtype=SPARSE,
        ),
        new("pandas.arrays", "SparseArray") + state(_sparse_values=NUMBERS, _dtype=SPARSE),
    ),
    "a frame that says it is an index": (
        FRAME + state(_typ=value("dataframe")),
        FRAME + state(_typ=value("multiindex")),
    ),
    "a block manager placed by a state": (
        call(name("pandas.core.internals.managers", "BlockManager"), b")", b"]"),
        call(name("pandas.core.internals.managers", "BlockManager"), b")", b"]")
        + value(([], [], [], {"0.14.1": {"axes": [], "blocks": []}}))
        + b"b",
    ),
    "a property set from the second state": (
        spline(c=NUMBERS, x=NUMBERS, extrapolate=value(True), axis=value(0)),
        spline(c=OBJECTS, x=NUMBERS, extrapolate=value(True), axis=value(0)),
    ),
    "another function for asarray": (
        spline(_c=NUMBERS, _asarray=name("scipy._lib.array_api_compat.numpy._aliases", "asarray")),
        spline(_c=NUMBERS, _asarray=name("numpy", "memmap")),
    ),
    "a fill value set through its property": (
        INTERP + b"(}" + entries(_y_axis=value(0)) + b"tb",
        INTERP + b"(}" + entries(fill_value=PIPELINE) + b"tb",
    ),
    "a layout that torch does not have": (layout("torch.sparse_coo"), layout("torch.load")),
    "weights looked up among the modules": (
        RECURRENT + state(_modules=b"}", **WEIGHTS),
        RECURRENT
        + state(
            _modules=entries(_all_weights=PIPELINE),
            **{key: held for key, held in WEIGHTS.items() if key != "_all_weights"},
        ),
    ),
    "layers counted by an object": (
        RECURRENT + state(_modules=b"}", **WEIGHTS),
        RECURRENT + state(_modules=b"}", **(WEIGHTS | {"num_layers": PIPELINE})),
    ),
    "an object that C code would index": (
        new("numpy", "poly1d") + state(coeffs=value([1])),
        name("sklearn.tree._tree", "Tree") + b"(" + value(1) + value([1]) + value(1) + b"tR",
    ),
}


def joblib_index(inner: bytes) -> bytes:
    """An index over an array of objects, whose own pickle joblib reads behind its wrapper."""
    dtype = name("numpy", "dtype") + value(("O8", False, True)) + b"R"
    dtype += value((3, "|", None, None, None, -1, -1, 63)) + b"b"
    wrapper = new("joblib.numpy_pickle", "NumpyArrayWrapper")
    wrapper += b"}(" + value("subclass") + name("numpy", "ndarray") + value("dtype") + dtype
    wrapper += value("shape") + value((1,)) + value("order") + value("C") + b"ub"
    made = call(NEW_INDEX, name("pandas", "Index"), entries(data=b"@")).split(b"@")
    return stream(made[0], wrapper, stream(inner), made[1])


def test_what_joblib_reads_for_an_array_of_objects_is_what_its_pickle_holds() -> None:
    """joblib does not ask whether that is an array."""

    def verdict(inner: bytes) -> object:
        data = joblib_index(inner)
        artifact = Artifact(name="x", kind="joblib", size=len(data))
        return pickle_load.judge(artifact, BytesMaterial(data))

    made = verdict(PIPELINE)
    assert isinstance(made, Undecided) and made.reason == Reason.MISSING_SUMMARY
    assert isinstance(verdict(OBJECTS), Proven)


@pytest.mark.parametrize("attack", PAIRS)
def test_the_honest_twin_is_proven_and_the_forged_one_is_not(attack: str) -> None:
    honest, forged = PAIRS[attack]
    assert proven(stream(honest))
    assert not proven(stream(forged))


@pytest.mark.parametrize(
    "cls",
    [
        "scipy.stats._continuous_distns norm_gen",
        "scipy.stats._distn_infrastructure rv_continuous_frozen",
        "scipy.spatial._ckdtree cKDTree",
        "scipy.spatial._kdtree KDTree",
        "pandas IntervalIndex",
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


def test_ends_of_an_interval_index_are_compared_so_it_has_no_summary() -> None:
    """Its ends may be an index of objects, or one whose codes read outside their levels."""
    ends = index("Index", data=NUMBERS)
    made = call(
        name("pandas.core.indexes.interval", "_new_IntervalIndex"),
        name("pandas", "IntervalIndex"),
        entries(left=ends, right=ends),
    )
    assert proven(stream(ends))
    assert not proven(stream(made))
