"""Clocks of a sweep: what an architecture's order costs, before any board has counted them.

A spatial or systolic fabric is modelled by a clock per colour, as if it had a datapath per site. The others are counted
as they are built, which tests compare with the counters of their RTL:

    relay:  Σ over the colours of (width of a field + 2 · height of the colour's trees + RELAY_CLOCKS)
    dense:  Σ over the colours of (its sites · parts of a row + the pipeline's drain)

where a row of N weights is added ``FabricSpec.elements`` at a time, and the drain (:mod:`thermofab.hw.spec.dense`) is 3
clocks and one for each of the adder tree's: 5 in all for 64 sites, 6 for 256.
"""

import numpy as np

from thermofab.hw.spec.dense import dense_plan
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import Image
from thermofab.hw.spec.merging import default_order
from thermofab.hw.spec.order import Order

RELAY_CLOCKS = 5


def sweep_clocks(image: Image) -> int:
    """Clocks from the start of one sweep to the start of the next."""
    if image.order is None:
        return image.fabric.topology.n_colours
    return order_clocks(image.fabric, image.order, image.merged.field_bits)


def order_clocks(spec: FabricSpec, order: Order, field_bits: int) -> int:
    """Clocks of a sweep in an order, with fields of ``field_bits``."""
    if spec.has_relays:
        return int(np.sum(field_bits + 2 * order.heights + RELAY_CLOCKS))
    return dense_clocks(spec, order)


def dense_clocks(spec: FabricSpec, order: Order | None = None) -> int:
    """Those of a dense fabric, by default with every site a root in the order of the topology's colours."""
    order, plan = order or default_order(spec), dense_plan(spec)
    return int(order.is_root.sum()) * plan.parts + order.n_colours * plan.drain


def spatial_clocks(colours: int, degree: int) -> int:
    """Clocks of a sweep of a spatial fabric with a datapath per site, as it is built: its pipeline empties before the
    next colour, and is a stage longer above eight neighbours.
    """
    return colours * (3 if degree <= 8 else 4)
