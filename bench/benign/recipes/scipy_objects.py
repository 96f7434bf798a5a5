"""scipy objects: sparse matrices, distributions, spatial trees, interpolators."""

from collections.abc import Iterator

import numpy as np
from scipy import interpolate, optimize, signal, sparse, spatial, stats

from bench.benign.sample import Sample, pickled

NEEDS = ("scipy",)


def matrices() -> Iterator[Sample]:
    dense = np.eye(4)
    for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok"):
        matrix = getattr(sparse, f"{kind}_matrix")(dense)
        yield pickled(f"{kind}-matrix.pkl", f"a {kind} matrix", matrix)
        yield pickled(
            f"{kind}-array.pkl", f"a {kind} array", getattr(sparse, f"{kind}_array")(dense)
        )

    yield Sample(
        "saved.npz", "scipy.sparse.save_npz", lambda path: sparse.save_npz(path, matrix.tocsr())
    )


def statistics() -> Iterator[Sample]:
    yield pickled("frozen-norm.pkl", "a frozen normal distribution", stats.norm(0, 1))
    yield pickled("frozen-gamma.pkl", "a frozen gamma distribution", stats.gamma(2.0))
    yield pickled("kde.pkl", "a Gaussian kernel density", stats.gaussian_kde([1.0, 2.0, 4.0]))


def functions() -> Iterator[Sample]:
    points = np.arange(5.0)
    yield pickled("interp1d.pkl", "interp1d", interpolate.interp1d(points, points**2))
    yield pickled("cubic-spline.pkl", "a cubic spline", interpolate.CubicSpline(points, points**2))
    yield pickled("b-spline.pkl", "a B-spline", interpolate.make_interp_spline(points, points**2))
    grid = interpolate.RegularGridInterpolator((points,), points**2)
    yield pickled("grid.pkl", "a grid interpolator", grid)
    yield pickled(
        "univariate.pkl", "a univariate spline", interpolate.UnivariateSpline(points, points)
    )
    minimum = optimize.OptimizeResult(x=np.zeros(2), fun=0.5, success=True)
    yield pickled("minimum.pkl", "an optimisation's outcome", minimum)


def geometry() -> Iterator[Sample]:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    yield pickled("kd-tree.pkl", "a KDTree", spatial.KDTree(points))
    yield pickled("ckd-tree.pkl", "a cKDTree", spatial.cKDTree(points))
    turn = spatial.transform.Rotation.from_euler("z", 90, degrees=True)
    yield pickled("rotation.pkl", "a rotation", turn)
    yield pickled("filter.pkl", "filter coefficients", signal.butter(3, 0.1))
    yield pickled("system.pkl", "a linear system", signal.TransferFunction([1.0], [1.0, 2.0]))


GROUPS = (matrices, statistics, functions, geometry)
