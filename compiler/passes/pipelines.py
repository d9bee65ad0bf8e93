"""Pipelines: the passes by name, and sequences of them as text.

    canonicalise | categorical(code='gray') | higher-order | place(tries=8) | root-and-wire | colour | ...

A pipeline is a line of pass names joined by ``|``, each with the fields of its dataclass that are to differ from their
defaults. :data:`PIPELINES` has the named ones; to add one, add a line.
"""

import ast
from collections.abc import Mapping
from typing import Any

from thermofab.compiler.passes.base import AnyPass, option_names, with_options
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.colour import Colour
from thermofab.compiler.passes.factor_sites import FactorSites
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise
from thermofab.hw.spec.errors import CompileError

# In the order in which a pipeline has them. A pass is added by a line here; it may be left out of a pipeline unless it
# is one of _REQUIRED.
PASSES: dict[str, type[AnyPass]] = {
    one.name: one
    for one in (
        Canonicalise,
        Categorical,
        FactorSites,
        HigherOrder,
        Place,
        RootAndWire,
        Colour,
        ScaleAndQuantise,
    )
}
_REQUIRED = (Canonicalise, Place, RootAndWire, Colour, ScaleAndQuantise)
_WHOLE = "canonicalise | categorical | factor-sites | higher-order | {} | {} | colour | scale-and-quantise{}"
PIPELINES: dict[str, str] = {
    "exact": _WHOLE.format("place", "root-and-wire", ""),
    "strict": _WHOLE.format("place", "root-and-wire(discard=None)", ""),
    "fast": _WHOLE.format("place(tries=1)", "root-and-wire", "(enumerate_up_to=8)"),
    "tolerant": _WHOLE.format("place", "root-and-wire(tolerance=0.05)", ""),
}


def pipeline_of(text: str, options: Mapping[str, Any] | None = None) -> tuple[AnyPass, ...]:
    """The passes of a named pipeline or of one written as text.

    ``options`` go before the text: each to every pass that has a field of that name, unless it is ``None``.

    Raises:
        CompileError: a pass is unknown, missing or out of order, or a field is unknown or malformed.
    """
    passes: dict[str, AnyPass] = {}
    for part in PIPELINES.get(text, text).split("|"):
        name, values = _parsed(part.strip())
        if name in passes:
            raise CompileError(f"the pipeline has the pass {name!r} twice.")
        passes[name] = PASSES[name](**values)
    order = [name for name in PASSES if name in passes]
    missing = [one.name for one in _REQUIRED if one.name not in passes]
    if missing or list(passes) != order:
        optional = [name for name, one in PASSES.items() if one not in _REQUIRED]
        raise CompileError(
            f"a pipeline has the passes {' | '.join(PASSES)}, in this order, of which {', '.join(optional)} may be "
            f"left out; got {' | '.join(passes)}."
        )
    return tuple(with_options(one, options or {}) for one in passes.values())


def _parsed(part: str) -> tuple[str, dict[str, Any]]:
    """``("place", {"tries": 8})`` of ``place(tries=8)``."""
    name, bracket, _ = part.partition("(")
    name = name.strip()
    if name not in PASSES:
        raise CompileError(
            f"unknown pass {name!r} in a pipeline; passes are {', '.join(PASSES)}, and named pipelines "
            f"{', '.join(PIPELINES)}."
        )
    if not bracket:
        return name, {}
    allowed = set(option_names(PASSES[name]))
    try:
        call = ast.parse("f" + part[len(name) :].strip(), mode="eval").body
        assert isinstance(call, ast.Call) and not call.args
        values = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AssertionError) as error:
        raise CompileError(
            f"{part!r} is not a pass with its fields, as in {name}({min(allowed)}=…); values are Python literals."
        ) from error
    unknown = set(values) - allowed
    if unknown:
        raise CompileError(f"the pass {name} has no field {min(unknown)!r}; it has {', '.join(sorted(allowed))}.")
    return name, values
