"""Minor embedding: a connected set of sites for every node, by minorminer."""

import numpy as np

from thermofab.compiler.passes.draft import Copies, Draft


def embeddings(draft: Draft, seed: int) -> Copies | None:
    """Disjoint, connected sites of every node with a fabric edge for every model edge; ``None`` if none was found.

    Deterministic in ``seed``, unless the search runs into its limit of 40 seconds and so gives up. Nodes without edges
    take the lowest sites left over.
    """
    import minorminer

    topology, n = draft.fabric.topology, draft.n
    chains = minorminer.find_embedding(
        [tuple(edge) for edge in draft.edges.tolist()],
        [tuple(edge) for edge in topology.edges.tolist()],
        random_seed=seed,
        threads=1,
        tries=4,
        timeout=40,
    )
    linked = sorted(set(draft.edges.reshape(-1).tolist()))
    if any(k not in chains for k in linked):
        return None
    used = np.zeros(topology.n_sites, dtype=bool)
    for k in linked:
        used[list(chains[k])] = True
    spare = iter(np.flatnonzero(~used).tolist())
    copies = [tuple(sorted(chains[k])) if k in chains else (next(spare, -1),) for k in range(n)]
    return tuple(copies) if all(sites[0] >= 0 for sites in copies) else None
