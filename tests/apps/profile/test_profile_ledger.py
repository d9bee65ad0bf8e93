"""Ledgers as tables: every figure has a standing and a source, and what cannot be measured is said."""

import dataclasses

import pytest

from thermofab.apps.profile.builtin import builtin
from thermofab.apps.profile.ledger import ledger_table, metered
from thermofab.hw.spec import Schedule
from thermofab.hw.spec.costs import POWER_MODELS, STANDINGS, Figure


@pytest.fixture(scope="module")
def samples():
    program = builtin("spin-glass").program
    return program.sample(Schedule(10, 100, 2), replicas=16, device="native", seed=1)


def test_every_figure_says_what_it_is_worth(samples):
    table = ledger_table(samples, "the processor's energy: no counter")
    for figure in table.figures:
        assert figure.standing in STANDINGS and figure.source and figure.value >= 0, figure
    assert table["samples"].value == 1600 and 100 < table["effective samples"].value < 3200
    sweeps = 16 * (10 + 99 * 2)
    cycles = sweeps * samples.program.report.cycles_per_sweep
    assert table["cycles"].value == cycles
    power = POWER_MODELS[0]
    energy = table[f"energy on {power.clock.name}, 1 W"]
    assert energy.value == pytest.approx(cycles / 80e6) and "stated" in energy.source and energy.standing == "modelled"
    per = table[f"{energy.name}, an effective sample"]
    assert per.value == pytest.approx(energy.value / table["effective samples"].value)
    assert table.missing == ("the processor's energy: no counter",) and "not here" in str(table)


def test_few_chains_have_no_effective_samples(samples):
    few = dataclasses.replace(samples, sites=samples.sites[:2])
    assert "8 chains" in ledger_table(few).missing[0]


def test_processor_energy_is_the_counters_difference_wraps_included(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "energy_uj").write_text("900000\n")
    (package / "max_energy_range_uj").write_text("1000000\n")
    (tmp_path / "intel-rapl:0:0").mkdir()  # a part of the package, which is counted already

    result, said = metered(lambda: (package / "energy_uj").write_text("400000\n"), tmp_path)
    assert result == 7 and isinstance(said, Figure)
    assert said.value == pytest.approx(0.5) and said.unit == "J" and said.standing == "measured"
    assert "no RAPL counter" in str(metered(lambda: None, tmp_path / "none")[1])
