r"""How far generated images are from real ones: Fréchet distance of features, and kernel maximum mean discrepancy.

    FID = |μ - ν|² + tr(A + B - 2 (A^½ B A^½)^½)

of means and covariances of features (Heusel et al. 2017, arXiv:1706.08500), here of the hidden layer of a small
classifier trained on the images at hand, not of Inception: numbers compare with each other, not with the literature.

    MMD² = E k(x,x') + E k(y,y') - 2 E k(x,y),   k(x,y) = exp(-d(x,y)/d₀)

without bias (Gretton et al. 2012), d the number of pixels that differ and d₀ its median over real images. Both have a
floor: :func:`noise` measures real images against other real ones.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec import SpecError, ToolMissingError


@dataclass(frozen=True, eq=False)
class Features:
    """A classifier's hidden layer. ``accuracy`` is on the held-out images."""

    weights: np.ndarray
    biases: np.ndarray
    accuracy: float

    @staticmethod
    def trained(images: Any, width: int = 32, seed: int = 0) -> "Features":
        """A multilayer perceptron of one hidden layer (ReLU, ``width`` units) trained on ``images``
        (:class:`~thermofab.models.data.BitImages`) and their labels.
        """
        try:
            from sklearn.neural_network import MLPClassifier
        except ImportError as missing:
            raise ToolMissingError(
                "the classifier is scikit-learn's; install it with: pip install 'thermofab[models]'"
            ) from missing
        net = MLPClassifier((width,), max_iter=60, alpha=1e-2, learning_rate_init=5e-3, random_state=seed, tol=0.0)
        import warnings

        with warnings.catch_warnings():
            # 60 passes are meant; that it could go on is no news.
            warnings.simplefilter("ignore")
            net.fit(_signs(images.train), images.train_labels)
        accuracy = float(net.score(_signs(images.test), images.test_labels))
        return Features(net.coefs_[0], net.intercepts_[0], accuracy)

    def of(self, images: np.ndarray) -> np.ndarray:
        """float64 ``[N, width]`` of images bool ``[N, v]``."""
        return np.maximum(_signs(images) @ self.weights + self.biases, 0.0)


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Between normal distributions with the means and covariances of features float ``[N, width]`` and ``[M,
    width]``."""
    if min(len(a), len(b)) < 2:
        raise SpecError("a covariance needs at least 2 images.")
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0.0)).sum()
    gap = a.mean(axis=0) - b.mean(axis=0)
    return float(gap @ gap + np.trace(first) + np.trace(second) - 2 * cross)


def kernel_mmd(a: np.ndarray, b: np.ndarray, width: float) -> float:
    """MMD² between images bool ``[N, v]`` and ``[M, v]``; can fall below 0, for it has no bias."""
    if min(len(a), len(b)) < 2:
        raise SpecError("an unbiased MMD needs at least 2 images on either side.")
    within = [(np.exp(-_distances(x, x) / width).sum() - len(x)) / (len(x) * (len(x) - 1)) for x in (a, b)]
    return float(sum(within) - 2 * np.exp(-_distances(a, b) / width).mean())


def median_distance(images: np.ndarray) -> float:
    """d₀: the median number of pixels in which two of the images differ."""
    d = _distances(images, images)
    return float(np.median(d[np.triu_indices(len(images), 1)]))


def noise(features: Features, images: np.ndarray, width: float, splits: int = 20, seed: int = 0) -> dict[str, tuple]:
    """(mean, standard deviation) of both metrics between random halves of real images bool ``[N, v]``."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(splits):
        order = rng.permutation(len(images))
        a, b = images[order[: len(order) // 2]], images[order[len(order) // 2 :]]
        found.append((frechet_distance(features.of(a), features.of(b)), kernel_mmd(a, b, width)))
    values = np.array(found)
    return {name: (values[:, k].mean(), values[:, k].std(ddof=1)) for k, name in enumerate(("fid", "mmd"))}


def _signs(images: np.ndarray) -> np.ndarray:
    return np.where(np.asarray(images, dtype=bool), 1.0, -1.0)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a.shape[1] - _signs(a) @ _signs(b).T) / 2
