"""A trained strategy model as two files: weights in safetensors; configuration, normaliser, temperature in JSON.

The JSON holds a digest of the weights; a pickle is never read.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thermofab.apps.strategy.config import TRMConfig
from thermofab.apps.strategy.names import FEATURES, STRATEGIES
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.digest import digest_of
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint
from thermofab.models.trm.classifier import TinyRecursiveModel
from thermofab.models.trm.normaliser import Normaliser

KIND = "strategy model"


class StrategyModel:
    """A model that is ready to predict.

    Args:
        model: the net.
        normaliser: of the ten features, fitted to the training days.
        temperature: logits are divided by it; fitted to validation days.
        config: what it was trained with.
        about: JSON-ready facts, such as the training period.

    Attributes:
        digest: of the weights, the normaliser and the temperature; what messages name the model by.

    Raises:
        SpecError: a normaliser or a temperature that does not suit the model.
    """

    def __init__(
        self,
        model: TinyRecursiveModel,
        normaliser: Normaliser,
        temperature: float = 1.0,
        config: TRMConfig | None = None,
        about: dict[str, Any] | None = None,
    ):
        if len(normaliser.mean) != model.config.input_dim:
            raise SpecError(
                f"the normaliser is for {len(normaliser.mean)} features, the model has {model.config.input_dim}."
            )
        if not temperature > 0:
            raise SpecError(f"the temperature must be above 0, got {temperature!r}.")
        self.model, self.normaliser, self.temperature = model.eval(), normaliser, float(temperature)
        self.config, self.about = replace(config or TRMConfig(), model=model.config), about or {}
        self.feature_names, self.strategy_names = FEATURES, STRATEGIES
        self.digest = digest_of_model(model, normaliser, self.temperature)

    def inputs(self, raw_features: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """The net's input float32 ``[B, columns]`` and the normalised features float64 ``[B, 10]``.

        An absent feature, NaN, is 0 after normalisation, which is the training mean; the mask says that it is absent.

        Raises:
            SpecError: another shape, an infinite feature, or a row with no feature at all.
        """
        rows = np.asarray(raw_features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(FEATURES):
            raise SpecError(f"features must have shape [rows, {len(FEATURES)}], got {list(rows.shape)}.")
        if np.any(np.isinf(rows)):
            raise SpecError("features hold infinite values; an absent feature is NaN.")
        if np.any(np.isnan(rows).all(axis=1)):
            raise SpecError("a row has no feature at all; at least one of the ten must be known.")
        # What no training day had is as good as absent: the model knows it no other way.
        untrained = (np.asarray(self.normaliser.mean) == 0) & (np.asarray(self.normaliser.deviation) == 0)
        return encoded(np.where(untrained, np.nan, rows), self.normaliser, self.model.config.mask_inputs)

    @torch.no_grad()
    def probabilities(self, raw_features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predict.

        Args:
            raw_features: float ``[B, 10]`` in the order of ``feature_names``; NaN where a feature is absent.

        Returns:
            calibrated probabilities float64 ``[B, 8]``, the halting head's probability of being right ``[B]``, and the
            normalised features ``[B, 10]``.

        Raises:
            SpecError: see :meth:`inputs`.
        """
        inputs, normalised = self.inputs(raw_features)
        out = self.model(inputs)
        probabilities = torch.softmax(out.logits.double() / self.temperature, dim=-1)
        return probabilities.numpy(), torch.sigmoid(out.halt_logits.double()).numpy(), normalised


def encoded(rows: np.ndarray, normaliser: Normaliser, mask: bool) -> tuple[torch.Tensor, np.ndarray]:
    """What :meth:`StrategyModel.inputs` gives, of rows that were checked."""
    absent = np.isnan(rows)
    mean = np.broadcast_to(np.asarray(normaliser.mean), rows.shape)
    values = normaliser(np.where(absent, mean, rows))
    columns = torch.cat([values, torch.tensor(absent, dtype=torch.float32)], dim=1) if mask else values
    return columns, values.double().numpy()


def fit_normaliser(rows: np.ndarray, limit: float = 10.0) -> Normaliser:
    """z-scores from the features that are present; a feature that is absent throughout has mean 0 and maps to 0.

    Args:
        rows: raw features of the *training* days, float ``[N, F]``, NaN where absent.
        limit: largest normalised value.

    Raises:
        SpecError: no rows.
    """
    rows = np.asarray(rows, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise SpecError("a normaliser is fitted to at least one row of features, shape [rows, features].")
    mean, deviation = [], []
    for column in rows.T:
        known = column[np.isfinite(column)]
        mean.append(float(known.mean()) if len(known) else 0.0)
        deviation.append(float(known.std()) if len(known) else 0.0)
    return Normaliser(tuple(mean), tuple(deviation), limit)


def digest_of_model(model: TinyRecursiveModel, normaliser: Normaliser, temperature: float) -> str:
    """Content digest of everything that a prediction depends on."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    scale = np.array([*normaliser.mean, *normaliser.deviation, normaliser.limit, temperature])
    return digest_of(*(part for name in sorted(state) for part in (name, state[name])), scale)


def save_strategy_model(path: str | Path, model: StrategyModel) -> None:
    """Write ``path.safetensors`` and ``path.json``."""
    about = {
        "config": model.config.to_json(),
        "normaliser": asdict(model.normaliser),
        "temperature": model.temperature,
        "features": list(model.feature_names),
        "strategies": list(model.strategy_names),
        "model_digest": model.digest,
        "about": model.about,
    }
    arrays = {name: value.numpy() for name, value in model.model.state_dict().items()}
    save_checkpoint(path, KIND, arrays, about)


def load_strategy_model(path: str | Path) -> StrategyModel:
    """The model that :func:`save_strategy_model` wrote; a suffix ``.safetensors`` or ``.json`` may be named.

    Raises:
        SpecError: a file is missing, is a pickle, was changed, or names other features or strategies than ours.
    """
    file = Path(path)
    if file.suffix in (".pkl", ".pickle", ".pt", ".pth", ".bin"):
        raise SpecError(
            f"{file.name} is a pickle, which can run code when it is read; a strategy model is a .safetensors and a "
            ".json, written by 'thermofab strategy train'."
        )
    if file.suffix in (".safetensors", ".json"):
        file = file.with_suffix("")
    arrays, about = load_checkpoint(file, KIND)
    if tuple(about["features"]) != FEATURES or tuple(about["strategies"]) != STRATEGIES:
        raise SpecError(f"{file.name} was trained on other features or strategies than this version has.")
    config = TRMConfig.from_json(about["config"])
    net = TinyRecursiveModel(config.model)
    net.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
    kept = about["normaliser"]
    normaliser = Normaliser(tuple(kept["mean"]), tuple(kept["deviation"]), kept["limit"])
    model = StrategyModel(net, normaliser, about["temperature"], config, about["about"])
    if model.digest != about["model_digest"]:
        raise SpecError(f"the normaliser or the temperature in {file.name}.json does not match its digest.")
    return model
