"""The ledger: what is counted, what follows from it by named models, and what each figure is worth."""

import pytest

from thermofab.hw.spec import COST_MODELS, ClockModel, Schedule, fabric, open_device
from thermofab.hw.spec.costs import DTCA, STANDINGS
from thermofab.sim.conformance import random_image


@pytest.fixture(scope="module")
def device():
    import numpy as np

    spec = fabric("g4-5x7", levels=2, table_bits=6)
    opened = open_device("native", spec)
    opened.load(random_image(np.random.default_rng(0), spec))
    return opened


def test_counts_of_a_run(device):
    ledger = device.run(Schedule(10, 20, 3), replicas=4).ledger
    sweeps = 4 * (10 + 19 * 3)
    assert (ledger.sweeps, ledger.site_updates, ledger.cycles) == (sweeps, sweeps * 35, sweeps * 2)
    image = 58 + 35 + 2 * 64  # weights, biases, tables
    replica = 2 + 2 + 35 * 2  # states and clamps, 32 to a word; two words of generator a site
    assert ledger.bus_bytes == 4 * (image + 4 * replica + 4 * 20 * 2)
    counted = device.accumulate(Schedule(10, 20, 3), replicas=4).ledger
    assert counted.bus_bytes == 4 * (image + 4 * replica + 4 * (35 + 58)) and counted.sites_read == 0


def test_every_figure_has_a_standing_and_a_source(device):
    ledger = device.run(Schedule(1, 2)).ledger
    clock = ClockModel("mine", 1e6, "measured", "my oscilloscope")
    figures = {figure.name: figure for figure in ledger.figures(clocks=[clock])}
    assert all(figure.standing in STANDINGS and figure.source for figure in figures.values())
    assert figures["time at 1 MHz, mine"].value == ledger.cycles / 1e6
    # A measured clock times modelled cycles is modelled.
    assert figures["time at 1 MHz, mine"].standing == figures["cycles"].standing == "modelled"
    assert figures["energy on DTCA"].value == pytest.approx(2 * 35 * 2e-15)
    assert figures["energy on Z1"].standing == "quoted" and "arXiv" in str(figures["energy on Z1"])


def test_parts_of_an_update_make_the_update():
    assert sum(joules for _, joules in DTCA.parts) == pytest.approx(DTCA.per_update)
    assert {model.standing for model in COST_MODELS} <= set(STANDINGS)
