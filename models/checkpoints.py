"""Checkpoints: named arrays in a ``.safetensors`` file and everything else in a ``.json`` beside it; never pickle.

The JSON holds a digest of the arrays, so that the two files cannot be mixed up and a damaged file is refused.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from thermofab.hw.spec import SpecError
from thermofab.hw.spec.digest import digest_of

VERSION = 1


def save_checkpoint(path: str | Path, kind: str, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Write ``path.safetensors`` and ``path.json``, each whole or not at all; ``about`` must be JSON-ready.

    ``kind`` names what is stored; :func:`load_checkpoint` refuses another kind.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    about = {"kind": kind, "version": VERSION, "digest": _digest(arrays), **about}
    tensors, sidecar = _files(path)
    tensors.parent.mkdir(parents=True, exist_ok=True)
    for file, content in ((tensors, save(arrays)), (sidecar, json.dumps(about, indent=1).encode())):
        part = file.with_name(file.name + ".part")
        part.write_bytes(content)
        part.replace(file)


def load_checkpoint(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the JSON of a checkpoint.

    Raises:
        SpecError: a file is missing, of another kind or version, or the arrays are not those the JSON was written for.
    """
    tensors, sidecar = _files(path)
    for file in (tensors, sidecar):
        if not file.is_file():
            raise SpecError(f"there is no checkpoint file {file}; a checkpoint is a .safetensors and a .json.")
    about = json.loads(sidecar.read_text())
    if about.get("kind") != kind or about.get("version") != VERSION:
        raise SpecError(
            f"{sidecar.name} holds a {about.get('kind')!r} of version {about.get('version')}, not a {kind!r} of "
            f"version {VERSION}."
        )
    arrays = load(tensors.read_bytes())
    if _digest(arrays) != about["digest"]:
        raise SpecError(f"{tensors.name} does not match the digest in {sidecar.name}; one of them was changed.")
    return arrays, about


def _files(path: str | Path) -> tuple[Path, Path]:
    base = Path(path)
    return base.with_name(base.name + ".safetensors"), base.with_name(base.name + ".json")


def _digest(arrays: dict[str, np.ndarray]) -> str:
    return digest_of(*(part for name in sorted(arrays) for part in (name, arrays[name])))
