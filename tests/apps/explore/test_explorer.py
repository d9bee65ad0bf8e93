"""explore_topology: the documents' names, energy functions, exact errors."""

import numpy as np
import pytest

from thermofab.apps.explore import ThermodynamicArchitectureExplorer
from thermofab.apps.explore.energies import graph_of, model_of
from thermofab.hw.spec import Schedule, SpecError


def test_a_grid_and_a_fully_connected_graph_of_nine(tmp_path):
    explorer = ThermodynamicArchitectureExplorer(replicas=32)
    grid = explorer.explore_topology(9, "grid", 1.0)
    full = explorer.explore_topology(9, "fully_connected", 1.0)
    assert (grid["edges"], full["edges"]) == (12, 36) and (grid["colours"], full["colours"]) == (2, 9)
    for found in (grid, full):
        assert 0 < found["exact_error"] < 0.05
        assert found["measured_error"] < 0.05 + 6 * found["measured_error_se"]
        assert found["mean_energy"] == pytest.approx(found["exact_energy"], abs=0.5)
    assert grid["ess_per_cycle"] > full["ess_per_cycle"]
    assert explorer.results == [grid, full]
    assert explorer.plot(tmp_path / "topologies.png").stat().st_size > 5000


@pytest.mark.filterwarnings("ignore::thermofab.hw.spec.errors.MixingWarning")
def test_a_cold_uniform_magnet_mixes_worse_than_a_warm_one():
    explorer = ThermodynamicArchitectureExplorer(replicas=16)
    options = {"couplings": "uniform", "schedule": Schedule(200, 500, 1)}
    warm, cold = (explorer.explore_topology(9, "king", 2.0, t, **options) for t in (2.0, 0.8))
    assert cold["ess_per_sweep"] < warm["ess_per_sweep"] / 2


def test_an_energy_function_is_sampled_as_the_model_it_is():
    couplings = np.triu(np.random.default_rng(0).normal(size=(6, 6)), 1)

    def energy(states: np.ndarray) -> np.ndarray:
        return -np.einsum("ki,ij,kj->k", states.astype(float), couplings, states) - 0.3 * states[:, 0] + 2.0

    model = model_of(energy, 6, 1.0)
    states = np.random.default_rng(1).choice(np.array([-1, 1], dtype=np.int8), (50, 6))
    assert np.ptp(energy(states) - model.energies(states)) < 1e-9
    found = ThermodynamicArchitectureExplorer(replicas=16).explore_topology(6, energy_fn=energy, weight_bits=10)
    assert found["topology"] == "energy_fn" and found["exact_error"] < 0.05
    with pytest.raises(SpecError, match="three spins"):
        model_of(lambda x: x[:, 0] * x[:, 1] * x[:, 2] * 1.0, 4, 1.0)
    with pytest.raises(SpecError, match="finite energies"):
        model_of(lambda x: np.zeros(3), 4, 1.0)


def test_graphs_have_the_number_of_nodes_asked_for_or_are_refused():
    assert graph_of("z1", 64).n_sites == 64 and graph_of("chimera", 32).n_sites == 32
    assert graph_of("cubic", 27).n_sites == 27
    for name, count in (("chimera", 33), ("ring", 8), ("grid", 1)):
        with pytest.raises(SpecError):
            graph_of(name, count)
    explorer = ThermodynamicArchitectureExplorer()
    for wrong in ({"temperature": 0.0}, {"couplings": "odd"}, {"target_ess": 0.0}):
        with pytest.raises(SpecError):
            explorer.explore_topology(16, **wrong)
    with pytest.raises(SpecError, match="at least 8"):
        ThermodynamicArchitectureExplorer(replicas=2)
    with pytest.raises(SpecError, match="nothing was explored"):
        explorer.plot("x.png")
