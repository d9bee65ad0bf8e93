"""fabric_of: the fabric that holds a program as it stands, one site per spin and one factor per table."""

from typing import Any

import networkx

from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric


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


def _spins(lowered: Lowered) -> int:
    """At least as many spins as a program can have in any code: a categorical node of q states has below q bits."""
    model = lowered.model
    categories = getattr(model, "categories", None)
    return model.n_nodes if categories is None else model.n_nodes + int(categories.sum())
