"""Images as bits: grey images from a path (``.npz``, ``.npy`` or IDX), thresholded.

MNIST and Fashion-MNIST come as IDX files (``train-images-idx3-ubyte``, also gzipped) or as ``mnist.npz``; both are read
as they are. The IDX format: two zero bytes, a type code, the number of dimensions, each dimension as a big-endian
32-bit integer, then the values (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.hw.spec import SpecError

# IDX type codes.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True, eq=False)
class BitImages:
    """Images as rows of bits, in two parts.

    Attributes:
        train, test: bool ``[N, height·width]``, rows of pixels one after another.
        train_labels, test_labels: int64 ``[N]``.
        shape: (height, width).
    """

    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    shape: tuple[int, int]


def to_bits(images: np.ndarray, threshold: float) -> np.ndarray:
    """bool ``[N, height·width]``: pixels of at least ``threshold``, of images ``[N, height, width]``."""
    grey = np.asarray(images)
    if grey.ndim != 3:
        raise SpecError(f"images must have shape (N, height, width), got {grey.shape}.")
    return (grey >= threshold).reshape(len(grey), -1)


def load_images(path: str | Path, array: str | None = None) -> np.ndarray:
    """The array of an image file: ``.npy``; ``.npz``, of which ``array`` names the member; else IDX, gzipped or not.

    Raises:
        SpecError: there is no such file or member, or it is not an IDX file.
    """
    file = Path(path)
    if not file.is_file():
        raise SpecError(f"there is no file {file}; give the path of an .npy, .npz or IDX file.")
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as members:
            if array not in members.files:
                raise SpecError(f"{file.name} holds {', '.join(members.files)}; name one of them, got {array!r}.")
            return members[array]
    content = file.read_bytes()
    return _idx(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content, file.name)


def _idx(content: bytes, name: str) -> np.ndarray:
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise SpecError(f"{name} is not an IDX file: it does not begin with two zero bytes and a known type code.")
    dimensions, kind = content[3], np.dtype(_IDX_TYPES[content[2]])
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start], dtype=">u4").astype(np.int64)
    if len(shape) != dimensions or len(content) != start + kind.itemsize * int(np.prod(shape)):
        raise SpecError(f"{name} is cut short: an IDX file of shape {tuple(shape.tolist())} has another length.")
    values = np.frombuffer(content, dtype=kind, offset=start).reshape(shape)
    return values.astype(kind.newbyteorder("="))
