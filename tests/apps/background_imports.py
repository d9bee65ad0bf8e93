"""Imports of the background pages' listings, mapped to our names: their module, and the modules of ours to look in."""

import ast
from importlib import import_module
from types import ModuleType

HOMES: dict[str, tuple[str, ...]] = {
    "tools.thrml_integration": ("thermofab.apps.trading", "thermofab.apps.explore", "thermofab.apps.profile"),
    "agents.optimus": ("thermofab.apps.trading",),
    "agents.ralph": ("thermofab.apps.trading",),
    "t_rlinkos_trm_fractal_dag": ("thermofab.models.trlinkos",),
    "thrml": ("thermofab", "thrml"),  # only sampling is ours; nodes and blocks are THRML's own
    "monkey_coder.quantum.trm_refinement": ("thermofab.models.trm.refinement",),
    "monkey_coder.quantum.trm_router": ("thermofab.apps.routing",),
    "monkey_coder.core.quantum_routing": ("thermofab.apps.routing",),
    "monkey_coder.foresight": ("thermofab.apps.foresight",),
    "monkey_coder.foresight.trm_foresight": ("thermofab.apps.foresight",),
    "intelligence.trm_streaming_integration": ("thermofab.apps.strategy",),
    "trm_streaming_integration": ("thermofab.apps.strategy",),
    "models.trm_model": ("thermofab.models.trm",),
    "data.market_feature_extractor": ("thermofab.apps.strategy",),
}
# The two makers without recursion are ours with ``enable_trm=False``; by default ours recurse.
RENAMED = {
    ("monkey_coder.quantum.trm_refinement", "TRMConfig"): "RefinementConfig",
    ("monkey_coder.core.quantum_routing", "create_quantum_router"): "create_trm_router",
    ("monkey_coder.foresight", "PredictiveForesightEngine"): "create_trm_foresight_engine",
}


class _Mapped(ast.NodeTransformer):
    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        theirs = (node.module or "").removeprefix("src.")
        if theirs not in HOMES:
            return [node]
        made: list[ast.stmt] = []
        for name in node.names:
            ours = RENAMED.get((theirs, name.name), name.name)
            alias = ast.alias(ours, name.asname or name.name)
            made.append(ast.ImportFrom(_home(theirs, ours).__name__, [alias], 0))
        return made


def _home(theirs: str, name: str) -> ModuleType:
    """The first of our modules that has ``name``.

    Raises:
        ImportError: none has it.
    """
    for home in map(import_module, HOMES[theirs]):
        if hasattr(home, name):
            return home
    raise ImportError(f"none of {', '.join(HOMES[theirs])} has {name}.")


def mapped(source: str, name: str) -> ast.Module:
    """A listing as a syntax tree that imports our names; ``name`` is for error messages."""
    return ast.fix_missing_locations(_Mapped().visit(ast.parse(source, name)))
