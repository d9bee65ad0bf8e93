"""The β to anneal a model over when the user names none."""

import numpy as np

from thermofab.compiler.descent import SpinTerms, descend
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.model import IsingModel

_PILOTS = 8
# β at the cold end in units of one over the field: beyond the glass transition of every graph measured, and where it
# stops to pay (docs/optimise.md).
_COLD, _COLDEST = 8.0, 64.0
# Field times β at which a spin stands against its field once in a hundred sweeps, and in ten thousand.
_SELDOM, _NEVER = np.log(99.0) / 2, np.log(9999.0) / 2


def annealing_range(model: IsingModel | DiscreteModel, *, seed: int = 0) -> tuple[float, float]:
    """(hottest, coldest) β for annealing a model of spins towards its minimum, linearly in β.

    With r the root mean square of a spin's local field over random states: the hottest is 1/r of the spins of largest
    r (their 90th percentile), where fields do not yet decide; above it there is nothing to find. The coldest is 8/r of
    all spins. Where the weakest tenth of the fields in local minima hold their spins in 9,999 of 10,000 sweeps before,
    it stops there, as on grids of ±1; where they do not in 99 of 100, it goes on, to 64/r, as for couplings that differ
    by orders of magnitude.

    Raises:
        SpecError: the model has categorical nodes.
    """
    terms = SpinTerms.of(model)
    scales = terms.field_scales[terms.field_scales > 0]
    if not len(scales):
        return 1.0, _COLD
    typical = float(np.sqrt(np.mean(scales**2)))
    start = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (_PILOTS, terms.n))
    fields = np.abs(terms.local_fields(descend(terms, start)))
    weak = float(np.quantile(fields[fields > 1e-9 * typical], 0.1)) if np.any(fields > 1e-9 * typical) else typical
    coldest = float(min(np.clip(_COLD / typical, _SELDOM / weak, _NEVER / weak), _COLDEST / typical))
    return min(1.0 / float(np.quantile(scales, 0.9)), coldest), coldest
