"""Fitted scikit-learn estimators of every family."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn.cluster as clusters
import sklearn.decomposition as parts
import sklearn.ensemble as forests
import sklearn.feature_extraction.text as texts
import sklearn.linear_model as lines
import sklearn.preprocessing as scales
from sklearn import datasets, dummy, impute, isotonic, naive_bayes, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_selection import RFE, SelectKBest, VarianceThreshold, f_classif
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.random_projection import SparseRandomProjection
from sklearn.semi_supervised import LabelPropagation

from bench.benign.sample import Sample, pickled

NEEDS = ("scikit-learn", "joblib")

X, y = datasets.load_iris(return_X_y=True)
X, y = X[::3], y[::3]
REAL = X[:, 0] * 2 + X[:, 1]
TEXTS = ["the cat sat", "the dog ran", "a cat and a dog", "nothing at all"]


def _each(models: list[Any], target: Any) -> Iterator[Sample]:
    for model in models:
        name = type(model).__name__
        model.fit(X, target)
        yield pickled(f"{name}.pkl", f"a fitted {name}", model)


def linear() -> Iterator[Sample]:
    names = (
        "LogisticRegression RidgeClassifier SGDClassifier Perceptron PassiveAggressiveClassifier"
    )
    yield from _each([getattr(lines, name)() for name in names.split() if hasattr(lines, name)], y)
    names = (
        "LinearRegression Ridge Lasso ElasticNet LassoCV RidgeCV BayesianRidge HuberRegressor "
        "Lars LassoLars OrthogonalMatchingPursuit SGDRegressor TheilSenRegressor RANSACRegressor "
        "PoissonRegressor TweedieRegressor QuantileRegressor ARDRegression"
    )
    yield from _each([getattr(lines, name)() for name in names.split()], REAL)
    yield from _each([LinearDiscriminantAnalysis(), naive_bayes.GaussianNB()], y)
    yield from _each([naive_bayes.MultinomialNB(), naive_bayes.BernoulliNB()], y)


def trees() -> Iterator[Sample]:
    few = {"n_estimators": 3, "random_state": 0}
    yield from _each([tree.DecisionTreeClassifier(random_state=0), tree.ExtraTreeClassifier()], y)
    yield from _each(
        [forests.RandomForestClassifier(**few), forests.ExtraTreesClassifier(**few)], y
    )
    yield from _each(
        [forests.GradientBoostingClassifier(**few), forests.BaggingClassifier(**few)], y
    )
    yield from _each([forests.AdaBoostClassifier(**few), forests.IsolationForest(**few)], y)
    yield from _each([forests.HistGradientBoostingClassifier(max_iter=3)], y)
    yield from _each([tree.DecisionTreeRegressor(), forests.RandomForestRegressor(**few)], REAL)
    yield from _each([forests.GradientBoostingRegressor(**few)], REAL)
    yield from _each([forests.HistGradientBoostingRegressor(max_iter=3)], REAL)
    yield from _each([forests.RandomTreesEmbedding(**few)], y)


def neighbours_and_kernels() -> Iterator[Sample]:
    yield from _each([KNeighborsClassifier(), svm.SVC(probability=False), svm.LinearSVC()], y)
    yield from _each([svm.NuSVC(), LabelPropagation(), svm.OneClassSVM()], y)
    yield from _each(
        [KNeighborsRegressor(), svm.SVR(), MLPRegressor(hidden_layer_sizes=(4,), max_iter=5)], REAL
    )
    yield from _each([MLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=0)], y)
    ball = NearestNeighbors(algorithm="ball_tree").fit(X)
    yield pickled("BallTree.pkl", "NearestNeighbors with a ball tree", ball)
    kernel = ConstantKernel() * RBF() + WhiteKernel()
    yield from _each([GaussianProcessRegressor(kernel, random_state=0)], REAL)
    yield from _each([Nystroem(n_components=3), RBFSampler(n_components=3)], y)


def transformers() -> Iterator[Sample]:
    names = (
        "StandardScaler MinMaxScaler RobustScaler MaxAbsScaler Normalizer Binarizer "
        "PolynomialFeatures PowerTransformer KBinsDiscretizer OneHotEncoder OrdinalEncoder "
        "SplineTransformer TargetEncoder"
    )
    yield from _each([getattr(scales, name)() for name in names.split()], y)
    yield from _each([scales.QuantileTransformer(n_quantiles=5)], y)
    for encoder in (scales.LabelEncoder(), scales.LabelBinarizer()):
        name = type(encoder).__name__
        yield pickled(f"{name}.pkl", f"a fitted {name}", encoder.fit(["a", "b", "a"]))
    binarizer = scales.MultiLabelBinarizer().fit([{"a"}, {"b"}])
    yield pickled("MultiLabelBinarizer.pkl", "a fitted MultiLabelBinarizer", binarizer)
    yield from _each([scales.FunctionTransformer(np.log1p)], y)
    yield from _each([impute.SimpleImputer(), impute.KNNImputer(), impute.MissingIndicator()], y)
    yield from _each([SelectKBest(f_classif, k=2), VarianceThreshold(), RFE(svm.LinearSVC())], y)
    yield from _each([SparseRandomProjection(n_components=2, random_state=0)], y)
    vectorizer = DictVectorizer().fit([{"a": 1, "b": "x"}])
    yield pickled("DictVectorizer.pkl", "a fitted DictVectorizer", vectorizer)


def decompositions() -> Iterator[Sample]:
    names = "PCA TruncatedSVD NMF FastICA FactorAnalysis IncrementalPCA KernelPCA SparsePCA"
    yield from _each([getattr(parts, name)(n_components=2) for name in names.split()], y)
    yield from _each([parts.LatentDirichletAllocation(2, random_state=0)], y)
    yield from _each([clusters.KMeans(3, n_init=1), clusters.MiniBatchKMeans(3, n_init=1)], y)
    yield from _each([clusters.DBSCAN(), clusters.AgglomerativeClustering(), clusters.Birch()], y)
    yield from _each([clusters.MeanShift(), clusters.SpectralClustering(3)], y)
    yield from _each([GaussianMixture(2), BayesianGaussianMixture(n_components=2)], y)


def text() -> Iterator[Sample]:
    for vectorizer in (texts.CountVectorizer(), texts.TfidfVectorizer(), texts.TfidfTransformer()):
        name = type(vectorizer).__name__
        source: Any = TEXTS if name != "TfidfTransformer" else X
        yield pickled(f"{name}.pkl", f"a fitted {name}", vectorizer.fit(source))
    yield pickled("HashingVectorizer.pkl", "a HashingVectorizer", texts.HashingVectorizer())
    classifier = make_pipeline(texts.TfidfVectorizer(), lines.LogisticRegression())
    yield pickled("text-classifier.pkl", "a text pipeline", classifier.fit(TEXTS, [0, 1, 0, 1]))


def composed() -> Iterator[Sample]:
    numbers = Pipeline([("impute", impute.SimpleImputer()), ("scale", scales.StandardScaler())])
    columns = ColumnTransformer([("a", numbers, [0, 1]), ("b", "passthrough", [2])])
    yield from _each([make_pipeline(columns, lines.LogisticRegression())], y)
    union = FeatureUnion([("pca", parts.PCA(1)), ("best", SelectKBest(k=1))])
    yield from _each([union, OneVsRestClassifier(svm.LinearSVC())], y)
    grid = GridSearchCV(svm.SVC(), {"C": [1, 2], "kernel": ["rbf", "linear"]}, cv=KFold(3))
    halves = RandomizedSearchCV(
        tree.DecisionTreeClassifier(), {"max_depth": [1, 2]}, n_iter=2, cv=2
    )
    yield from _each([grid, halves, CalibratedClassifierCV(lines.LogisticRegression(), cv=2)], y)
    voting = forests.VotingClassifier([("a", svm.SVC()), ("b", naive_bayes.GaussianNB())])
    stacking = forests.StackingRegressor([("a", lines.Ridge())], cv=2)
    yield from _each([voting, dummy.DummyClassifier()], y)
    yield from _each([stacking, TransformedTargetRegressor(lines.Ridge())], REAL)
    multi = MultiOutputRegressor(lines.Ridge()).fit(X, np.c_[REAL, REAL])
    yield pickled("MultiOutputRegressor.pkl", "a fitted MultiOutputRegressor", multi)
    line = isotonic.IsotonicRegression().fit(X[:, 0], REAL)
    yield pickled("IsotonicRegression.pkl", "a fitted IsotonicRegression", line)


def files() -> Iterator[Sample]:
    forest = forests.RandomForestClassifier(3, random_state=0).fit(X, y)
    model = make_pipeline(scales.StandardScaler(), forest)

    def dumped(path: Path, compress: Any = 0) -> None:
        joblib.dump(model, path, compress=compress)

    yield Sample("forest.joblib", "a pipeline with a forest by joblib", dumped)
    yield Sample("forest.joblib.gz", "the same, compressed", lambda path: dumped(path, ("gzip", 3)))
    for protocol in (0, 2, 4):
        yield pickled(f"forest-p{protocol}.pkl", f"the same, protocol {protocol}", model, protocol)
    yield pickled("bunch.pkl", "a data set as a Bunch", datasets.load_iris())
    bundle = {"model": model, "version": "1.0", "features": ["a", "b"], "scores": {"acc": 0.9}}
    yield pickled("bundle.pkl", "a model with what belongs to it", bundle)


GROUPS = (
    linear,
    trees,
    neighbours_and_kernels,
    transformers,
    decompositions,
    text,
    composed,
    files,
)
