"""lightgbm's scikit-learn wrappers and its own booster."""

from collections.abc import Iterator

import joblib
import lightgbm
import numpy as np

from bench.benign.sample import Sample, pickled

NEEDS = ("lightgbm", "scikit-learn")

X = np.linspace(0, 1, 80).reshape(40, 2)
y = np.arange(40) % 2
SMALL = {"n_estimators": 2, "max_depth": 2, "n_jobs": 1, "random_state": 0, "verbose": -1}


def wrappers() -> Iterator[Sample]:
    for kind in ("LGBMClassifier", "LGBMRegressor"):
        model = getattr(lightgbm, kind)(**SMALL).fit(X, y)
        yield pickled(f"{kind}.pkl", f"a fitted {kind}", model)
    yield Sample(
        "LGBMRegressor.joblib", "by joblib", lambda path: joblib.dump(model, path) and None
    )
    yield pickled("booster.pkl", "a Booster", model.booster_)
    yield pickled(
        "unfitted.pkl", "an LGBMClassifier before fitting", lightgbm.LGBMClassifier(**SMALL)
    )


GROUPS = (wrappers,)
