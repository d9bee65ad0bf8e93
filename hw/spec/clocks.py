"""Clocks of a sweep: what an architecture's order costs, before any board has counted them.

A spatial or systolic fabric is modelled by a clock per colour, as if it had a datapath per site. The others are counted
as they are built, which tests compare with the counters of their RTL:

    relay:  Σ over the colours of (bits added up + 2 · height of the colour's trees + RELAY_CLOCKS) + RELAY_TURN
    dense:  Σ over the colours of (its sites · parts of a row + the pipeline's drain)

where the bits added up are those of a field, but no fewer than a table's address and a generator's step take
(:func:`relay_width`); a row of N weights is added ``FabricSpec.elements`` at a time, and the drain
(:mod:`thermofab.hw.spec.dense`) is 3 clocks and one for each of the adder tree's: 5 in all for 64 sites, 6 for 256.
"""

import numpy as np

from thermofab.hw.spec.dense import dense_plan
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import Image
from thermofab.hw.spec.merging import default_order
from thermofab.hw.spec.order import Order

RELAY_CLOCKS = 5
RELAY_TURN = 2  # between two sweeps
RELAY_WIDTHS = (13, 24)  # the least and the most bits that a relay fabric adds up


def sweep_clocks(image: Image) -> int:
    """Clocks from the start of one sweep to the start of the next."""
    if image.order is None:
        return image.fabric.topology.n_colours
    return order_clocks(image.fabric, image.order, relay_width(image) if image.fabric.has_relays else 0)


def order_clocks(spec: FabricSpec, order: Order, width: int) -> int:
    """Clocks of a sweep in an order; a relay fabric adds up ``width`` bits of a field."""
    if spec.has_relays:
        return int(np.sum(width + 2 * order.heights + RELAY_CLOCKS)) + RELAY_TURN
    return dense_clocks(spec, order)


def relay_clocks(spec: FabricSpec) -> int:
    """Those of a relay fabric with every site a root, in the default order, and fields as wide as they get."""
    width = min(max(spec.field_bits, spec.dither_bits + spec.table_bits, RELAY_WIDTHS[0]), RELAY_WIDTHS[1])
    return default_order(spec).n_colours * (width + RELAY_CLOCKS) + RELAY_TURN


def relay_width(image: Image) -> int:
    """Bits of a field that a relay fabric adds up for ``image``, dither included."""
    return max(image.merged.field_bits, image.shift + image.fabric.table_bits, RELAY_WIDTHS[0])


def dense_clocks(spec: FabricSpec, order: Order | None = None) -> int:
    """Those of a dense fabric, by default with every site a root in the order of the topology's colours."""
    order, plan = order or default_order(spec), dense_plan(spec)
    return int(order.is_root.sum()) * plan.parts + order.n_colours * plan.drain


def spatial_clocks(colours: int, degree: int) -> int:
    """Clocks of a sweep of a spatial fabric with a datapath per site, as it is built: its pipeline empties before the
    next colour, and is a stage longer above eight neighbours.
    """
    return colours * (3 if degree <= 8 else 4)
