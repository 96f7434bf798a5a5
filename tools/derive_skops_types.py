"""Writes src/probatum/rules/skops_types.toml from an installed skops with its libraries.

Usage: python tools/derive_skops_types.py > skops_types.toml

The names are those that skops itself trusts by default, by the loader that builds them, and those
added here after review. Runs in a maintainer's own environment: it imports skops and scikit-learn.
"""

import skops
from skops.io import _sklearn, _trusted_types

# Reviewed here though skops asks its user about them. The trees' content can crash scikit-learn
# at prediction, while building them copies arrays of a checked type; the others are plain Python
# classes without __setstate__, __del__ or properties that set anything.
REVIEWED = {
    "TreeNode": ["sklearn.tree._tree.Tree"],
    "ObjectNode": [
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.model_selection._split.GroupKFold",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.ShuffleSplit",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.model_selection._split.StratifiedShuffleSplit",
        "sklearn.model_selection._split.TimeSeriesSplit",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    ],
}
# The loaders that build one thing of the standard library or numpy, from skops/io/_general.py,
# _numpy.py and _scipy.py.
FIXED = {
    "BytearrayNode": ["builtins.bytearray"],
    "BytesNode": ["builtins.bytes"],
    "DictNode": ["builtins.dict", "collections.OrderedDict"],
    "JsonNode": ["builtins.bool", "builtins.float", "builtins.int", "builtins.str"],
    "ListNode": ["builtins.list"],
    "MaskedArrayNode": ["numpy.ma.MaskedArray"],
    "RandomStateNode": ["numpy.random.RandomState", "numpy.random.mtrand.RandomState"],
    "SetNode": ["builtins.set"],
    "SliceNode": ["builtins.slice"],
    "TupleNode": ["builtins.tuple"],
}
SPARSE = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")


def main() -> None:
    types = _trusted_types
    found = {loader: set(names) for loader, names in FIXED.items()}
    found["NdArrayNode"] = {"numpy.ndarray", *types.NUMPY_DTYPE_TYPE_NAMES}
    found["DTypeNode"] = {"numpy.dtype", *types.NUMPY_DTYPE_TYPE_NAMES}
    found["FunctionNode"] = {*types.NUMPY_UFUNC_TYPE_NAMES, *types.SCIPY_UFUNC_TYPE_NAMES}
    found["ObjectNode"] = {*types.SKLEARN_ESTIMATOR_TYPE_NAMES, *types.SKLEARN_INTERNAL_TYPE_NAMES}
    found["LossNode"] = {f"{one.__module__}.{one.__name__}" for one in _sklearn.ALLOWED_LOSSES}
    found["TypeNode"] = {
        *types.PRIMITIVE_TYPE_NAMES, *types.CONTAINER_TYPE_NAMES, *types.NUMPY_DTYPE_TYPE_NAMES
    }  # fmt: skip
    found["SparseMatrixNode"] = {
        f"scipy.sparse._{form}.{form}_{kind}" for form in SPARSE for kind in ("matrix", "array")
    }
    for loader, names in REVIEWED.items():
        found.setdefault(loader, set()).update(names)
    print("# Made by tools/derive_skops_types.py: change that, not this.")
    print(f'source = "skops {skops.__version__}, skops/io/_trusted_types.py"\n')
    print("# What each loader may build: names as module.class.\n[loaders]")
    for loader, names in sorted(found.items()):
        print(f'{loader} = """')
        print("\n".join(sorted(names)) + '"""')


if __name__ == "__main__":
    main()
