"""Content digests: SHA-256 over canonical JSON and raw array bytes.

Two objects with the same digest hold the same bits, whatever machine, process or hash seed made them.
"""

import hashlib
import json
from typing import Any

import numpy as np


def digest_of(*parts: Any) -> str:
    """Hex SHA-256 of ``parts``; numpy arrays enter as (dtype, shape, little-endian bytes), the rest as JSON."""
    hasher = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            array = np.ascontiguousarray(part)
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            header = json.dumps([array.dtype.kind, array.dtype.itemsize, list(array.shape)])
            hasher.update(header.encode() + b"\0" + little.tobytes())
        else:
            hasher.update(json.dumps(part, sort_keys=True, separators=(",", ":")).encode() + b"\0")
    return hasher.hexdigest()


def frozen_array(values: Any, dtype: Any) -> np.ndarray:
    """A read-only, C-contiguous copy of ``values``, safe to keep inside a frozen dataclass."""
    array = np.array(values, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array
