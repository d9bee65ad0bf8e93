"""Models in a folder, as users of the Hugging Face libraries know it: ``config.json`` and ``model.safetensors``.

``config.json`` says which model it is (``model_type``), the configuration its constructor takes, and what else belongs
to the weights. A name without a folder of that name is looked for among the models that ship with the package.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from thermofab.hw.spec import SpecError

VERSION = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
SHIPPED = Path(__file__).parent / "weights"


class Pretrained(NamedTuple):
    """The JSON of a folder, and its weights by name."""

    about: dict[str, Any]
    weights: dict[str, Tensor]

    def into(self, model: nn.Module, device: str | torch.device) -> None:
        """Put the weights into a model, in evaluation mode, on a device.

        Raises:
            SpecError: the weights are not those of such a model.
        """
        try:
            model.load_state_dict(self.weights)
        except RuntimeError as wrong:
            raise SpecError(f"{WEIGHTS} does not hold the weights that {CONFIG} describes: {wrong}") from None
        model.to(device).eval()


def shipped_models() -> tuple[str, ...]:
    """Names that ``from_pretrained`` takes without a folder."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG}")))


def write_pretrained(
    folder: str | Path, model_type: str, config: dict[str, Any], model: nn.Module, **about: Any
) -> Path:
    """Write ``config.json`` and ``model.safetensors``; ``about`` must be JSON-ready. Returns the folder.

    Raises:
        SpecError: the folder's name is that of a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise SpecError(f"{folder} is a file; a pretrained model is a folder of {CONFIG} and {WEIGHTS}.")
    folder.mkdir(parents=True, exist_ok=True)
    content = {"model_type": model_type, "version": VERSION, "config": config, **about}
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    part = folder / (WEIGHTS + ".part")
    part.write_bytes(save(weights, metadata={"format": "pt"}))
    part.replace(folder / WEIGHTS)
    part = folder / (CONFIG + ".part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    part.replace(folder / CONFIG)
    return folder


def read_pretrained(name: str | Path, model_type: str) -> Pretrained:
    """The model of a folder, or of a name that ships.

    Raises:
        SpecError: there is none, a file is missing or damaged, or it is of another type or version.
    """
    folder = Path(name)
    if not folder.is_dir() and str(name) in shipped_models():
        folder = SHIPPED / str(name)
    if not folder.is_dir():
        raise SpecError(
            f"{str(name)!r} is neither a folder nor a model that ships with thermofab; those are "
            f"{', '.join(shipped_models()) or 'none'}."
        )
    for file in (CONFIG, WEIGHTS):
        if not (folder / file).is_file():
            raise SpecError(f"{folder} has no {file}; a pretrained model is a folder of {CONFIG} and {WEIGHTS}.")
    try:
        about = json.loads((folder / CONFIG).read_text())
    except ValueError as wrong:
        raise SpecError(f"{folder / CONFIG} is not JSON: {wrong}.") from None
    found = about.get("model_type"), about.get("version")
    if found != (model_type, VERSION):
        raise SpecError(
            f"{folder / CONFIG} describes a {found[0]!r} of version {found[1]}, not a {model_type!r} of version "
            f"{VERSION}."
        )
    if not isinstance(about.get("config"), dict):
        raise SpecError(f"{folder / CONFIG} has no configuration under 'config'.")
    try:
        weights = load_file(folder / WEIGHTS)
    except SafetensorError as wrong:
        raise SpecError(f"{folder / WEIGHTS} is damaged: {wrong}.") from None
    return Pretrained(about, weights)
