"""fabric_of: the fabric that holds a program as it stands, one site per spin and one factor per table; and the fabric
that stands in for it where a term is too wide for a factor."""

from typing import Any

import networkx
import numpy as np

from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.topology import Topology

_MOST_SPINS = 100_000  # of a program of higher order on a fabric of hidden spins
_HIDDEN = "program with hidden spins"


def fabric_of(source: Any, *, code: str = "binary", **overrides: Any) -> FabricSpec:
    """A fabric on which ``source`` compiles in place: an edge for every coupled pair of its spins, a factor for every
    term of three and more that no wider one includes. Categorical nodes are ``code`` bits.

    It is what an application of one structure would have built, and the yardstick for a fabric that is not.

    Args:
        source: what :func:`thermofab.compile` takes, or a lowered program.
        code: of categorical nodes.
        overrides: fields of :class:`~thermofab.hw.spec.FabricSpec`.

    Raises:
        SpecError: a term has more than six spins.
        CompileError: the program is malformed.
    """
    lowered = source if isinstance(source, Lowered) else lower(source, 1.0)
    bare = Source(lowered, make_fabric(networkx.empty_graph(_spins(lowered))))
    coded = Categorical(code)(Canonicalise(keep_zero=True)(bare))
    terms = [term for term in coded.terms if len(term) > 1]
    widest: list[frozenset[int]] = []
    for term in sorted(map(frozenset, terms), key=len, reverse=True):
        if len(term) > 2 and not any(term <= other for other in widest):
            widest.append(term)
    graph = networkx.empty_graph(coded.n)
    pairs = [term for term in terms if len(term) == 2]
    graph.add_edges_from(pair for pair in pairs if not any(set(pair) <= other for other in widest))
    return make_fabric(graph, factors=sorted(tuple(sorted(term)) for term in widest), **overrides)


def own_fabric(lowered: Lowered, **options: Any) -> FabricSpec:
    """:func:`fabric_of` with these options; where a term has more spins than a factor holds, a fabric of the same
    program with hidden spins instead (:func:`has_hidden_spins`), on which only pairs are coupled.

    Raises:
        CompileError: the program is malformed.
    """
    code = options.get("code", "binary")
    try:
        return fabric_of(lowered, **options)
    except SpecError:
        bare = FabricSpec(Topology.from_edges("without limit", _MOST_SPINS, np.zeros((0, 2), dtype=np.int64)))
        paired = HigherOrder()(Categorical(code)(Canonicalise()(Source(lowered, bare))))
        overrides = {name: value for name, value in options.items() if name != "code"}
        return make_fabric(Topology.from_edges(_HIDDEN, paired.n, paired.edges), **overrides)


def has_hidden_spins(fabric: FabricSpec) -> bool:
    """Whether :func:`own_fabric` made it for a program with terms that no factor holds."""
    return fabric.topology.name == _HIDDEN


def _spins(lowered: Lowered) -> int:
    """At least as many spins as a program can have in any code: a categorical node of q states has below q bits."""
    model = lowered.model
    return model.n_nodes + int(model.categories.sum())
