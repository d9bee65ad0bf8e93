"""Factor tables: what the factors of a fabric are to hold, as functions of the variables that stand at their sites."""

from dataclasses import dataclass, field

import numpy as np

from thermofab.hw.spec.factors import differences, factor_addresses, factor_inputs, table_starts
from thermofab.hw.spec.topology import Topology

Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class FactorTables:
    """Terms of log P by table.

    Attributes:
        rows: the variables of every table, ascending.
        hosts: the fabric factor that holds it; one holds one at most.
        values: float64 ``[entries]``, its terms of log P, one table after another; the first variable of a row is the
            lowest bit of an entry's number. The middle between a table's largest and smallest entry is 0: a constant
            changes no distribution.
    """

    rows: Rows = ()
    hosts: tuple[int, ...] = ()
    values: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def starts(self) -> np.ndarray:
        """int64 ``[rows + 1]``."""
        return table_starts(self.rows)

    def log_weights(self, bits: np.ndarray) -> np.ndarray:
        """Their sum for states 0/1 ``[M, n]``: float64 ``[M]``."""
        return self.values[factor_addresses(self.rows, bits)].sum(axis=-1)

    def indicators(self, bits: np.ndarray) -> np.ndarray:
        """bool ``[M, entries]``: which entries states 0/1 ``[M, n]`` select."""
        chosen = np.zeros((len(bits), len(self.values)), dtype=bool)
        addresses = factor_addresses(self.rows, bits)
        chosen[np.arange(len(bits))[:, None], addresses] = True
        return chosen

    def own_kl(self, values: np.ndarray) -> float:
        """½ Var of the change to ``values``, every table taken alone over fair coins."""
        changes = np.split(values - self.values, self.starts[1:-1])
        return 0.5 * float(sum(np.var(change) for change in changes)) if len(self) else 0.0

    def spread(self, entries: np.ndarray, sites: np.ndarray, topology: Topology) -> np.ndarray:
        """Integers int64 as ``values`` to an image's ``factors``; ``sites`` int64 ``[n]`` of the variables. A site of a
        factor at which no variable of its table stands changes nothing.
        """
        made = np.zeros(int(topology.factor_starts[-1]), dtype=np.int64)
        for row, host, start in zip(self.rows, self.hosts, self.starts.tolist()):
            factor = topology.factors[host]
            code = np.arange(2 ** len(factor))
            mine = sum(((code >> factor.index(int(sites[v]))) & 1) << k for k, v in enumerate(row))
            first = int(topology.factor_starts[host])
            made[first : first + len(code)] = entries[start + mine]
        return made

    def reach(self, entries: np.ndarray, n: int) -> np.ndarray:
        """The most that integer tables add to or take off the field of every variable: int64 ``[n]``."""
        total = np.zeros(n, dtype=np.int64)
        inputs, added = factor_inputs(self.rows), np.abs(differences(self.rows, entries))
        for variable, start, width in zip(inputs.sites, inputs.starts, inputs.widths):
            total[variable] += added[start : start + 2**width].max()
        return total


def centred(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Tables with the middle of each at 0."""
    if not len(values):
        return values
    return np.concatenate([part - (part.max() + part.min()) / 2 for part in np.split(values, starts[1:-1])])
