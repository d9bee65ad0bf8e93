"""The configuration of the strategy model: its shape, its training, its features, its strategies, and all four as one.

Everything is frozen, validated where it is built, and goes through JSON unchanged.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from thermofab.apps.strategy.names import FEATURES, STRATEGIES
from thermofab.hw.spec import SpecError
from thermofab.models.trm.classifier import TRMModelConfig

__all__ = ["ALLOCATIONS", "MarketFeatureConfig", "StrategyConfig", "TRMConfig", "TRMModelConfig", "TRMTrainingConfig"]

FORM = "thermofab strategy configuration 1"
OPTIMIZERS = ("adamw",)
LABELS = ("profit", "utility")

# Shares of SPY and of TLT by strategy; the rest is cash.
ALLOCATIONS: tuple[tuple[float, float], ...] = (
    (0.20, 0.50),
    (0.40, 0.30),
    (0.60, 0.20),
    (0.70, 0.20),
    (0.80, 0.15),
    (0.90, 0.10),
    (0.85, 0.15),
    (0.75, 0.25),
)

Record = TypeVar("Record", "TRMModelConfig", "TRMTrainingConfig", "MarketFeatureConfig", "StrategyConfig")


def _at_least(record: object, low: float, *names: str) -> None:
    for name in names:
        value = getattr(record, name)
        if not value >= low:
            raise SpecError(f"{name} must be at least {low:g}, got {value!r}.")


def _share(record: object, *names: str) -> None:
    for name in names:
        value = getattr(record, name)
        if not 0 <= value < 1:
            raise SpecError(f"{name} must be in [0, 1), got {value!r}.")


@dataclass(frozen=True)
class TRMTrainingConfig:
    """How a model is trained.

    Attributes:
        optimizer: ``"adamw"``.
        learning_rate, weight_decay: of AdamW.
        batch_size: rows a batch.
        max_batches: at most.
        check_every: batches between looks at the validation days.
        patience: looks without improvement after which training stops.
        supervision_steps: at most, a batch.
        use_grokfast, grokfast_alpha, grokfast_lambda: the gradient filter.
        use_ema, ema_decay: whether the average of the weights is evaluated, and its memory.
        halting_weight, profit_weight: of the halting and the profit-weighted term of the loss.
        labels: ``"profit"`` or ``"utility"``: what the best strategy is the best by.
        soft_labels: whether the cross-entropy is taken with soft labels.
        absent_rate: chance that a feature of the second copy of a training row is made absent, so that the mask is
            learnt; 0 leaves the second copy out.
        seed: of everything random.

    Raises:
        SpecError: a number outside its range, or an unknown name.
    """

    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    batch_size: int = 768
    max_batches: int = 400
    check_every: int = 20
    patience: int = 5
    supervision_steps: int = 1
    use_grokfast: bool = True
    grokfast_alpha: float = 0.98
    grokfast_lambda: float = 2.0
    use_ema: bool = True
    ema_decay: float = 0.999
    halting_weight: float = 0.5
    profit_weight: float = 0.1
    labels: str = "utility"
    soft_labels: bool = False
    absent_rate: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise SpecError(f"optimizer is {' or '.join(OPTIMIZERS)}, got {self.optimizer!r}.")
        if self.labels not in LABELS:
            raise SpecError(f"labels are by {' or '.join(LABELS)}, got {self.labels!r}.")
        _at_least(self, 1, "batch_size", "max_batches", "check_every", "patience", "supervision_steps")
        _at_least(self, 0, "weight_decay", "grokfast_lambda", "halting_weight", "profit_weight", "seed")
        _share(self, "grokfast_alpha", "ema_decay", "absent_rate")
        if not self.learning_rate > 0:
            raise SpecError(f"learning_rate must be above 0, got {self.learning_rate!r}.")


@dataclass(frozen=True)
class MarketFeatureConfig:
    """The ten features.

    Attributes:
        feature_names: in the model's order.
        normalization: ``"zscore"``.
        limit: largest normalised value; the rest is cut.
        symbols: the cross-section that breadth, correlation, dispersion and the Gini coefficient are taken over.
        short_window, long_window: days of the two SPY returns; the long one is also that of volume, correlation, the
            Gini coefficient and signal quality, the short one that of dispersion.
        breadth_window: days of the mean that breadth compares with.
        least_symbols: of the cross-section; below it a feature of the cross-section is absent.

    Raises:
        SpecError: other names than the ten, or a number outside its range.
    """

    feature_names: tuple[str, ...] = FEATURES
    normalization: str = "zscore"
    limit: float = 10.0
    symbols: tuple[str, ...] = ("SPY", "TLT", "IEF", "GLD", "QQQ", "VEA", "VWO")
    short_window: int = 5
    long_window: int = 20
    breadth_window: int = 50
    least_symbols: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        object.__setattr__(self, "symbols", tuple(self.symbols))
        if self.feature_names != FEATURES:
            raise SpecError(f"feature_names are {', '.join(FEATURES)}; got {', '.join(self.feature_names)}.")
        if self.normalization != "zscore":
            raise SpecError(f"normalization is 'zscore', got {self.normalization!r}.")
        if not self.limit > 0:
            raise SpecError(f"limit must be above 0, got {self.limit!r}.")
        if len(set(self.symbols)) != len(self.symbols) or "SPY" not in self.symbols:
            raise SpecError(f"symbols are different names, SPY among them; got {', '.join(self.symbols)}.")
        _at_least(self, 2, "short_window", "long_window", "breadth_window", "least_symbols")

    @property
    def history(self) -> int:
        """Days before a day that its features can depend on."""
        return max(self.short_window, self.long_window, self.breadth_window)


@dataclass(frozen=True)
class StrategyConfig:
    """The eight strategies and how they are judged.

    Attributes:
        strategy_names: in the classes' order.
        allocations: shares of SPY and of TLT by strategy; the rest is cash.
        horizon_days: trading days an allocation is held for, without rebalancing.
        risk_aversion: λ of the utility.
        cash_return: of cash, a trading day.
        soft_temperature: utility (or profit) that soft labels count as one unit.
        confidence_threshold: above which a user of the predictions may act.
        cost: of trading, as a share of what is bought or sold.

    Raises:
        SpecError: other names than the eight, shares that are no allocation, or a number outside its range.
    """

    strategy_names: tuple[str, ...] = STRATEGIES
    allocations: tuple[tuple[float, float], ...] = ALLOCATIONS
    horizon_days: int = 5
    risk_aversion: float = 30.0
    cash_return: float = 0.0
    soft_temperature: float = 0.002
    confidence_threshold: float = 0.7
    cost: float = 0.0005

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy_names", tuple(self.strategy_names))
        object.__setattr__(self, "allocations", tuple((float(a), float(b)) for a, b in self.allocations))
        if self.strategy_names != STRATEGIES:
            raise SpecError(f"strategy_names are {', '.join(STRATEGIES)}; got {', '.join(self.strategy_names)}.")
        if len(self.allocations) != len(STRATEGIES):
            raise SpecError(f"there are {len(STRATEGIES)} allocations, one a strategy; got {len(self.allocations)}.")
        for name, (spy, tlt) in zip(self.strategy_names, self.allocations):
            if spy < 0 or tlt < 0 or spy + tlt > 1 + 1e-12:
                raise SpecError(
                    f"{name} holds SPY {spy:g} and TLT {tlt:g}; shares are at least 0 and sum to at most 1."
                )
        _at_least(self, 1, "horizon_days")
        _at_least(self, 0, "risk_aversion", "cost")
        _share(self, "confidence_threshold")
        if not self.soft_temperature > 0:
            raise SpecError(f"soft_temperature must be above 0, got {self.soft_temperature!r}.")
        if not -0.01 < self.cash_return < 0.01:
            raise SpecError(f"cash_return is a return a trading day, within ±0.01, got {self.cash_return!r}.")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _record(kind: type[Record], data: Any) -> Record:
    """A record from its JSON object; fields left out have their defaults."""
    if not isinstance(data, dict):
        raise SpecError(f"a {kind.__name__} is a JSON object, got {type(data).__name__}.")
    known = {entry.name for entry in fields(kind)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise SpecError(f"{kind.__name__} has no {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    try:
        return kind(**data)
    except (TypeError, ValueError) as error:
        raise SpecError(f"a value of {kind.__name__} cannot be read: {error}.") from error


def strategy_config(data: StrategyConfig | dict[str, Any] | None) -> StrategyConfig:
    """A record from a record, from its ``to_dict()``, or the default."""
    if data is None or isinstance(data, StrategyConfig):
        return data or StrategyConfig()
    return _record(StrategyConfig, data)


@dataclass(frozen=True)
class TRMConfig:
    """The whole configuration.

    Raises:
        SpecError: a model whose inputs or outputs are not as many as there are features or strategies.
    """

    model: TRMModelConfig = field(default_factory=lambda: TRMModelConfig(mask_inputs=True))
    training: TRMTrainingConfig = field(default_factory=TRMTrainingConfig)
    features: MarketFeatureConfig = field(default_factory=MarketFeatureConfig)
    strategies: StrategyConfig = field(default_factory=StrategyConfig)

    def __post_init__(self) -> None:
        if self.model.input_dim != len(FEATURES) or self.model.output_dim != len(STRATEGIES):
            raise SpecError(
                f"the model goes from {len(FEATURES)} features to {len(STRATEGIES)} strategies, got input_dim "
                f"{self.model.input_dim} and output_dim {self.model.output_dim}."
            )

    @property
    def effective_depth(self) -> int:
        """T(n + 1)·2 layers: 42 by default."""
        return self.model.effective_depth

    def to_json(self) -> dict[str, Any]:
        return {"form": FORM, **asdict(self)}

    @staticmethod
    def from_json(data: Any) -> "TRMConfig":
        """Inverse of :meth:`to_json`; sections and fields left out have their defaults.

        Raises:
            SpecError: not such an object.
        """
        if not isinstance(data, dict):
            raise SpecError(f"a configuration is a JSON object, got {type(data).__name__}.")
        form = data.get("form", FORM)
        unknown = sorted(set(data) - {"form", "model", "training", "features", "strategies"})
        if form != FORM or unknown:
            what = f"its form is {form!r}" if form != FORM else f"it has a section {unknown[0]!r}"
            raise SpecError(f"this is no {FORM}: {what}; sections are model, training, features, strategies.")
        model = {"mask_inputs": True, **data.get("model", {})}
        return TRMConfig(
            _record(TRMModelConfig, model),
            _record(TRMTrainingConfig, data.get("training", {})),
            _record(MarketFeatureConfig, data.get("features", {})),
            _record(StrategyConfig, data.get("strategies", {})),
        )

    def save(self, path: str | Path) -> None:
        """Write JSON."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.to_json(), indent=1) + "\n")

    @staticmethod
    def load(path: str | Path) -> "TRMConfig":
        """Read what :meth:`save` wrote.

        Raises:
            SpecError: there is no such file, or it is no configuration.
        """
        file = Path(path)
        if not file.is_file():
            raise SpecError(f"there is no file {file}.")
        try:
            return TRMConfig.from_json(json.loads(file.read_text()))
        except json.JSONDecodeError as error:
            raise SpecError(f"{file} is not JSON: {error}.") from error
