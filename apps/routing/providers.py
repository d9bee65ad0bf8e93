"""Models that may answer, with prices and limits as data."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

from thermofab.hw.spec import SpecError

MAX_PROVIDERS = 5


@dataclass(frozen=True)
class Model:
    """One model of one provider.

    Attributes:
        provider, name: not empty; the id is "provider/name".
        price_in, price_out: USD per million tokens, of prompts and of answers.
        context_tokens: tokens that prompt and answer may have together.
        latency: typical seconds to a whole answer.
        quality: probability of a right answer before anything is learnt.
        output_tokens: typical tokens of an answer.

    Raises:
        SpecError: an empty name or one with a slash in the provider, or a number outside its range.
    """

    provider: str
    name: str
    price_in: float
    price_out: float
    context_tokens: int
    latency: float
    quality: float = 0.5
    output_tokens: int = 256

    def __post_init__(self) -> None:
        if not self.provider or not self.name or "/" in self.provider:
            raise SpecError(f"a model needs a provider (no slash) and a name, got {self.provider!r}, {self.name!r}.")
        for name in ("price_in", "price_out"):
            value = getattr(self, name)
            if not isfinite(value) or value < 0:
                raise SpecError(f"{name} of {self.id} must be at least 0 USD per million tokens, got {value}.")
        if not isfinite(self.latency) or self.latency <= 0 or self.context_tokens < 1 or self.output_tokens < 1:
            raise SpecError(f"latency, context_tokens and output_tokens of {self.id} must be positive.")
        if not 0 <= self.quality <= 1:
            raise SpecError(f"the quality of {self.id} must be in [0, 1], got {self.quality}.")

    @property
    def id(self) -> str:
        """provider/name"""
        return f"{self.provider}/{self.name}"

    def cost(self, prompt_tokens: int, output_tokens: int) -> float:
        """USD of one request."""
        return (self.price_in * prompt_tokens + self.price_out * output_tokens) / 1e6


@dataclass(frozen=True)
class Catalogue:
    """The models there are, in a fixed order: columns of qualities and scores follow it.

    Raises:
        SpecError: no model, the same id twice, or more than five providers.
    """

    models: tuple[Model, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if not self.models:
            raise SpecError("a catalogue needs at least one model.")
        ids = [model.id for model in self.models]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise SpecError(f"the catalogue names {', '.join(twice)} more than once.")
        if len(self.providers) > MAX_PROVIDERS:
            raise SpecError(f"the state holds {MAX_PROVIDERS} providers, the catalogue has {len(self.providers)}.")

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """Providers in order of first mention."""
        return tuple(dict.fromkeys(model.provider for model in self.models))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(model.id for model in self.models)

    def index(self, id: str) -> int:
        """Column of a model.

        Raises:
            SpecError: an id that is not in the catalogue.
        """
        if id not in self.ids:
            raise SpecError(f"no model {id!r} in the catalogue; there are {', '.join(self.ids)}.")
        return self.ids.index(id)

    def to_json(self) -> dict[str, Any]:
        return {"note": self.note, "models": [asdict(model) for model in self.models]}

    @staticmethod
    def from_json(source: str | Path | Mapping[str, Any]) -> "Catalogue":
        """From a JSON file, or from what :meth:`to_json` returned.

        Raises:
            SpecError: a file that is missing or not a catalogue.
        """
        if isinstance(source, Mapping):
            content: Any = source
        else:
            path = Path(source)
            if not path.is_file():
                raise SpecError(f"there is no catalogue {path}.")
            try:
                content = json.loads(path.read_text())
            except json.JSONDecodeError as error:
                raise SpecError(f"{path} is not JSON: {error}.") from None
        return _catalogue(content)


def _catalogue(content: Any) -> Catalogue:
    if not isinstance(content, Mapping) or not isinstance(content.get("models"), list):
        raise SpecError('a catalogue is an object with a list "models".')
    known = {field.name for field in fields(Model)}
    models = []
    for entry in content["models"]:
        if not isinstance(entry, Mapping) or not set(entry) <= known:
            raise SpecError(f"a model has the fields {', '.join(sorted(known))}, got {entry!r}.")
        try:
            models.append(Model(**entry))
        except TypeError as error:
            raise SpecError(f"a model of the catalogue is incomplete or has a wrong type: {error}.") from None
    return Catalogue(tuple(models), str(content.get("note", "")))


def default_catalogue() -> Catalogue:
    """Example models with example prices, of the package's catalogue.json."""
    return _catalogue(json.loads(files("thermofab.apps.routing").joinpath("catalogue.json").read_text()))
