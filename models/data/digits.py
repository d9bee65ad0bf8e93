"""The 8×8 digits that ship with scikit-learn: 1,797 images of grey levels 0…16, thresholded to bits.

A pixel is on from grey level 8. Every fifth image is held out (scikit-learn's order mixes writers and classes): 1,438
to train on, 359 to test with.
"""

from typing import Any

import numpy as np

from thermofab.hw.spec import ToolMissingError
from thermofab.models.data.images import BitImages, to_bits

THRESHOLD = 8


def digits(threshold: float = THRESHOLD) -> BitImages:
    """The digits as bits: train bool ``[1438, 64]``, test bool ``[359, 64]``, with labels 0…9."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise ToolMissingError(
            "the digits come with scikit-learn; install it with: pip install 'thermofab[models]'"
        ) from missing
    found: Any = load_digits()
    bits, labels = to_bits(found["images"], threshold), np.asarray(found["target"], dtype=np.int64)
    held_out = np.arange(len(bits)) % 5 == 4
    return BitImages(bits[~held_out], bits[held_out], labels[~held_out], labels[held_out], (8, 8))
