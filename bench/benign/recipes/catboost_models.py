"""catboost's models, which pickle themselves as their own binary format."""

from collections.abc import Iterator

import catboost
import joblib
import numpy as np

from bench.benign.sample import Sample, pickled

NEEDS = ("catboost",)

X = np.linspace(0, 1, 80).reshape(40, 2)
y = np.arange(40) % 2
SMALL = {"iterations": 2, "depth": 2, "thread_count": 1, "verbose": 0, "allow_writing_files": False}


def wrappers() -> Iterator[Sample]:
    for kind in ("CatBoostClassifier", "CatBoostRegressor"):
        model = getattr(catboost, kind)(**SMALL).fit(X, y)
        yield pickled(f"{kind}.pkl", f"a fitted {kind}", model)
    yield Sample("CatBoost.joblib", "by joblib", lambda path: joblib.dump(model, path) and None)


GROUPS = (wrappers,)
