"""Clocks of a sweep: what an architecture's order costs, before any board has counted them.

A spatial or systolic fabric is modelled by a clock per colour, as if it had a datapath per site. The others are counted
as they are built, which tests compare with the counters of their RTL:

    relay:  Σ over the colours of (width of a field + 2 · height of the colour's trees + RELAY_CLOCKS)
    dense:  Σ over the colours of (its sites · additions of a row + DENSE_CLOCKS)

where a row of N weights is added ``FabricSpec.elements`` at a time.
"""

import numpy as np

from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import Image
from thermofab.hw.spec.order import Order

RELAY_CLOCKS = 5
DENSE_CLOCKS = 6


def sweep_clocks(image: Image) -> int:
    """Clocks from the start of one sweep to the start of the next."""
    if image.order is None:
        return image.fabric.topology.n_colours
    return order_clocks(image.fabric, image.order, image.merged.field_bits)


def order_clocks(spec: FabricSpec, order: Order, field_bits: int) -> int:
    """Clocks of a sweep in an order, with fields of ``field_bits``."""
    if spec.has_relays:
        return int(np.sum(field_bits + 2 * order.heights + RELAY_CLOCKS))
    additions = -(-spec.n_sites // (spec.elements or spec.n_sites))
    return int(order.is_root.sum()) * additions + order.n_colours * DENSE_CLOCKS


def spatial_clocks(colours: int, degree: int) -> int:
    """Clocks of a sweep of a spatial fabric with a datapath per site, as it is built: its pipeline empties before the
    next colour, and is a stage longer above eight neighbours.
    """
    return colours * (3 if degree <= 8 else 4)
