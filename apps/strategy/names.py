"""The eight trading strategies' names, the ten features' names, and the aliases that inputs may use.

Aliases come from a streaming variant that names strategies 4 and 6 otherwise; they are read, never written.
"""

from thermofab.hw.spec import SpecError

STRATEGIES = (
    "ultra_defensive",
    "defensive",
    "balanced_safe",
    "balanced_growth",
    "growth",
    "aggressive_growth",
    "contrarian_long",
    "tactical_opportunity",
)
ALIASES = {"balanced_aggressive": "growth", "max_growth": "contrarian_long"}
FEATURES = (
    "vix_level",
    "spy_returns_5d",
    "spy_returns_20d",
    "volume_ratio",
    "market_breadth",
    "correlation",
    "put_call_ratio",
    "gini_coefficient",
    "sector_dispersion",
    "signal_quality_score",
)


def strategy_index(name: str) -> int:
    """The class of a strategy's name or alias.

    Raises:
        SpecError: no strategy has that name.
    """
    canonical = ALIASES.get(name, name)
    if canonical not in STRATEGIES:
        raise SpecError(f"there is no strategy {name!r}; they are {', '.join(STRATEGIES)}.")
    return STRATEGIES.index(canonical)
