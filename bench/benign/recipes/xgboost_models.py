"""xgboost's scikit-learn wrappers and its own booster."""

from collections.abc import Iterator

import joblib
import numpy as np
import xgboost

from bench.benign.sample import Sample, pickled

NEEDS = ("xgboost", "scikit-learn")

X = np.linspace(0, 1, 80).reshape(40, 2)
y = np.arange(40) % 2
SMALL = {"n_estimators": 2, "max_depth": 2, "n_jobs": 1, "random_state": 0}


def wrappers() -> Iterator[Sample]:
    for kind in ("XGBClassifier", "XGBRegressor", "XGBRFRegressor"):
        model = getattr(xgboost, kind)(**SMALL).fit(X, y)
        yield pickled(f"{kind}.pkl", f"a fitted {kind}", model)
    yield Sample(
        "XGBClassifier.joblib", "by joblib", lambda path: joblib.dump(model, path) and None
    )
    yield pickled("unfitted.pkl", "an XGBClassifier before fitting", xgboost.XGBClassifier(**SMALL))


def booster() -> Iterator[Sample]:
    trained = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(X, y), 2)
    yield pickled("booster.pkl", "a Booster", trained)


GROUPS = (wrappers, booster)
