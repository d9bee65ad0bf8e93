"""Prompts as numbers: local, deterministic, no network and no clock.

``HashedText`` needs no fitting. ``LatentText`` is latent semantic analysis: hashed word n-grams, TF-IDF, truncated SVD.
Both add statistics of the prompt itself: lengths, digits, symbols, code, choices.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from thermofab.hw.spec import SpecError

STATISTICS = (
    "log characters", "log words", "mean word length", "share of digits", "share of capitals", "share of symbols",
    "numbers in it, log", "question marks, log", "lines, log", "share of distinct words", "code", "lettered choices",
)  # fmt: skip
_CODE = re.compile(r"```|def |class |import |return |;\s*$|\{|\}|=>|#include", re.MULTILINE)
_CHOICE = re.compile(r"(?m)^\s*[A-E][.)]\s")


class Embedding(Protocol):
    """Prompts to rows."""

    @property
    def size(self) -> int: ...

    def embed(self, prompts: Sequence[str]) -> np.ndarray:
        """float32 ``[N, size]``, finite; the same prompt always gives the same row."""
        ...


def statistics(prompts: Sequence[str]) -> np.ndarray:
    """float32 ``[N, 12]``: see ``STATISTICS``, each about 0…1."""
    rows = np.empty((len(prompts), len(STATISTICS)), np.float32)
    for row, prompt in zip(rows, prompts):
        words, size = prompt.split(), max(1, len(prompt))
        digits = sum(map(str.isdigit, prompt))
        capitals = sum(map(str.isupper, prompt))
        symbols = sum(not (c.isalnum() or c.isspace()) for c in prompt)
        row[:] = (
            np.log1p(len(prompt)) / 10, np.log1p(len(words)) / 8, sum(map(len, words)) / max(1, len(words)) / 10,
            digits / size, capitals / size, symbols / size,
            np.log1p(len(re.findall(r"\d+", prompt))) / 4, np.log1p(prompt.count("?")) / 2,
            np.log1p(prompt.count("\n")) / 4, len(set(words)) / max(1, len(words)),
            min(1.0, len(_CODE.findall(prompt)) / 5), min(1.0, len(_CHOICE.findall(prompt)) / 5),
        )  # fmt: skip
    return rows


class HashedText:
    """Words and pairs of words hashed to ``size - 12`` signed buckets of unit norm, then the statistics.

    Raises:
        SpecError: a size below 16.
    """

    def __init__(self, size: int = 140):
        if size < 16:
            raise SpecError(f"an embedding needs at least 16 numbers, got {size}.")
        self.size = size
        self._hashing = HashingVectorizer(n_features=size - len(STATISTICS), ngram_range=(1, 2))

    def embed(self, prompts: Sequence[str]) -> np.ndarray:
        hashed = csr_matrix(self._hashing.transform(prompts)).toarray()
        return np.concatenate([hashed.astype(np.float32), statistics(prompts)], axis=1)


class LatentText:
    """Hashed n-grams, TF-IDF, truncated SVD to ``size - 12`` numbers of unit norm, then the statistics; fitted once.

    Args:
        size: numbers per prompt.
        buckets: of the hash, a power of two.
        seed: of the randomised SVD.

    Raises:
        SpecError: a size below 16, or embedding before fitting.
    """

    def __init__(self, size: int = 140, buckets: int = 2**15, seed: int = 0):
        if size < 16:
            raise SpecError(f"an embedding needs at least 16 numbers, got {size}.")
        self.size, self.buckets, self.seed = size, buckets, seed
        settings: dict[str, Any] = {"ngram_range": (1, 2), "norm": None, "alternate_sign": False}
        self._hashing = HashingVectorizer(n_features=buckets, **settings)
        self.weights: np.ndarray | None = None
        """float32 ``[buckets, size - 12]``: inverse document frequency times right singular vector."""

    def fit(self, prompts: Sequence[str]) -> Self:
        """Frequencies and directions of a corpus of at least ``size`` prompts."""
        if len(prompts) < self.size:
            raise SpecError(f"fitting {self.size} directions needs as many prompts, got {len(prompts)}.")
        counts = self._counts(prompts)
        documents = np.bincount(counts.indices, minlength=self.buckets)
        inverse = np.log((1 + len(prompts)) / (1 + documents)) + 1
        weighted = normalize(csr_matrix(counts @ diags(inverse)))
        rounds: dict[str, Any] = {"n_iter": 2, "random_state": self.seed}
        directions = randomized_svd(weighted, self.size - len(STATISTICS), **rounds)[2]
        self.weights = np.ascontiguousarray((directions * inverse).T, dtype=np.float32)
        return self

    def embed(self, prompts: Sequence[str]) -> np.ndarray:
        if self.weights is None:
            raise SpecError("LatentText must be fitted on prompts before it embeds any; HashedText needs no fitting.")
        latent = self._counts(prompts) @ self.weights
        latent /= np.maximum(1e-6, np.linalg.norm(latent, axis=1, keepdims=True))
        return np.concatenate([latent.astype(np.float32), statistics(prompts)], axis=1)

    def _counts(self, prompts: Sequence[str]) -> csr_matrix:
        counts = csr_matrix(self._hashing.transform(prompts), dtype=np.float32)
        counts.data = 1 + np.log(counts.data)
        return counts
