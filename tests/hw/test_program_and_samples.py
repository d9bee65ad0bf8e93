"""Programs and their samples: blocks, clamps, initial states, exports, round trips."""

import gc
import json
from dataclasses import replace
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.hw.spec import COST_MODELS, Counts, Ledger, Program, SpecError, kept_devices
from thermofab.hw.spec.mixing import split_r_hat
from thermofab.hw.spec.reading import spin_reading


@pytest.fixture(scope="module")
def program() -> Program:
    """A frustrated cycle of five that needs a copy: it has an odd cycle and the fabric has none."""
    graph = networkx.cycle_graph(5)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, -0.6), "weight")
    networkx.set_node_attributes(graph, dict.fromkeys(graph.nodes, 0.1), "bias")
    return fab.compile(graph, "g4-4x4", seed=2)


@pytest.fixture(scope="module")
def samples(program):
    return program.sample(fab.Schedule(20, 50, 2), nodes=[[4, 0], [2]], replicas=3, seed=5, device="reference")


def test_states_come_block_by_block(program, samples):
    first, second = samples.states
    assert first.shape == (3, 50, 2) and second.shape == (3, 50, 1) and first.dtype == bool
    assert np.array_equal(first[..., 1], samples.node_states[..., program.node_index[0]])


def test_moments_and_energies_are_those_of_the_states(program, samples):
    s = 2.0 * samples.node_states - 1
    moments = samples.moments()
    assert np.allclose(moments.first, s.mean(axis=(0, 1)))
    for (a, b), value in zip(moments.edges, moments.second):
        assert np.isclose(value, (s[..., program.node_index[a]] * s[..., program.node_index[b]]).mean())
    assert np.allclose(samples.energies(), program.model.energies(samples.node_states))
    assert np.isclose(program.model.energies(np.ones(5, bool)), -5 * 0.1 + 5 * 0.6)


def test_exports(samples):
    data = samples.to_arviz()
    assert data.posterior["spin"].shape == (3, 50, 5)
    assert np.allclose(data.sample_stats["lp"], -samples.energies())
    exported = samples.to_dimod()
    assert len(exported) == 150 and np.isclose(exported.first.energy, samples.energies().min())


def test_round_trip(program, samples):
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert again.digest == program.digest and again.report == program.report and again.image == program.image
    restored = fab.Samples.from_json(json.loads(json.dumps(samples.to_json())), again)
    assert all(np.array_equal(a, b) for a, b in zip(restored.states, samples.states))


def test_a_clamped_node_is_clamped_at_its_root_and_that_is_conditioning(program):
    """TV of 2,000 independent chains to the enumerated conditional distribution of 16 states: mean 0.03, and beyond
    0.12 with probability below exp(-2·2000·0.085²) = 3e-13.
    """
    distribution = fab.exact(program, clamp={0: True})
    out = program.sample(
        fab.Schedule(60, 1), nodes=[list(distribution.nodes), [0]], clamp={0: True}, replicas=2000, seed=1
    )
    assert out.states[1].all()
    numbers = out.states[0][:, 0] @ (1 << np.arange(4)[::-1])
    frequency = np.bincount(numbers, minlength=16) / 2000
    assert 0.5 * np.abs(frequency - distribution.probabilities).sum() < 0.12


def test_clamps_may_differ_by_replica(program):
    values = np.array([True, False, True])
    out = program.sample(fab.Schedule(3, 4), nodes=[[1]], clamp={1: values}, replicas=3, device="reference")
    assert np.array_equal(out.states[0][..., 0], np.repeat(values[:, None], 4, axis=1))


def test_init_sets_every_copy(program):
    init = [np.array([True, False, True, True, False])]
    out = program.sample(fab.Schedule(0, 1), init=init, device="reference")
    assert np.array_equal(out.node_states[0, 0], init[0])
    for k, sites in enumerate(program.copies):
        assert set(out.sites[0, 0, list(sites)]) == {init[0][k]}


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"nodes": [[9]]}, r"^nodes\[0\] asks for 9, which is not a node of this program of 5 nodes\.$"),
        (
            {"nodes": [3, [0]]},
            r"^nodes\[0\] is a single int; nodes is a list of blocks, each a list of nodes, or one list of this "
            r"program's nodes\.$",
        ),
        ({"init": {0: True}}, r"^init gives no value for 1; name all 5 free nodes, or leave init out\.$"),
        ({"init": {9: True}}, r"^init names 9, which is not a free node of this program\.$"),
        (
            {"init": dict.fromkeys(range(5), [0, 1])},
            r"^init of 0 must be one value or have shape \(1,\), got \(2,\)\.$",
        ),
        ({"seed": 1.5}, r"^seed must be an integer in 0…2\^64-1, got 1\.5\.$"),
        ({"seed": [1, 2]}, r"^1 replicas need one seed for all or one each, got 2\.$"),
        (
            {"seed": [1, 2], "replicas": range(1, 3)},
            r"^seeds per replica leave no use for a range of replica numbers; ",
        ),
        ({"clamp": {7: True}}, r"^clamp names 7, which is not a node of this program\.$"),
        ({"clamp": {1: [True, False]}}, r"^clamp of 1 must be one value or have shape \(1,\), got \(2,\)\.$"),
        ({"clamp": [np.zeros(1, bool)]}, r"^clamp needs one array for each of the 0 clamped blocks, got 1\.$"),
        ({"init": [np.zeros(4, bool)]}, r"^init\[0\] must have shape \(5,\) or \(1, 5\), got \(4,\)\.$"),
        ({"init": [np.full(5, -1)]}, r"^init\[0\] must be bool, or 0 and 1; spins are given as True for \+1 and False"),
    ],
)
def test_wrong_arguments_are_refused(program, arguments, sentence):
    with pytest.raises(SpecError, match=sentence):
        program.sample(fab.Schedule(0, 1), device="reference", **arguments)


def test_the_ledger_counts_and_prices(program):
    out = program.sample(fab.Schedule(20, 50, 2), replicas=3, device="reference")
    ledger, sweeps = out.ledger, 3 * (20 + 49 * 2)
    assert (ledger.sweeps, ledger.site_updates, ledger.cycles) == (sweeps, sweeps * 16, sweeps * 2)
    assert (ledger.sites_read, ledger.sites_written) == (3 * 50 * 16, 3 * 16)
    dtca, z1 = COST_MODELS
    assert np.isclose(ledger.joules(dtca), sweeps * 16 * 2e-15)
    assert np.isclose(ledger.joules(z1), sweeps * 16 * 7.09e-15 + 3 * 50 * 16 * 1.692e-12 + 3 * 16 * 153.6e-12)
    assert "J on DTCA (modelled)" in str(program.report) and "J on Z1 (quoted)" in str(program.report)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"copies": ((0,), (1,), (2,), (3,), ())}, r"^every node of a program needs at least one site\.$"),
        ({"copies": ((0,), (1,), (2,), (3,))}, r"^every node of a program needs at least one site\.$"),
        ({"copies": ((0,), (1,), (2,), (3,), (0,))}, r"^two nodes of a program share a site\.$"),
        ({"readings": (spin_reading(0),)}, r"^a program of 5 nodes needs as many readings\.$"),
        (
            {"readings": tuple(spin_reading(k + 1) for k in range(5))},
            r"^a node is read from a variable beyond the program's 5\.$",
        ),
        (
            {"free_blocks": ((0, 1, 2), (2, 3, 4))},
            r"^every node of a program must be in exactly one free or clamped block\.$",
        ),
        ({"checks": ((0, 16),)}, r"^checks are pairs of sites 0…15, got \(0, 16\)\.$"),
    ],
)
def test_malformed_programs_are_refused(program, changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        program.replace(**changes)


def test_a_schedule_that_is_none_is_refused(program):
    with pytest.raises(
        SpecError, match=r"^schedule must be a Schedule, .* got 100; for 100 samples after 50 sweeps write"
    ):
        program.sample(100)


def test_a_list_of_nodes_is_one_block(program):
    """Labels that are tuples included: they were read as blocks of nodes 0 and 0."""
    grid = networkx.grid_2d_graph(2, 2)
    networkx.set_edge_attributes(grid, dict.fromkeys(grid.edges, 0.3), "weight")
    tuples = fab.compile(grid, "g4-4x4").sample(fab.Schedule(1, 3), nodes=[(0, 1), (1, 0)], device="reference")
    assert [states.shape for states in tuples.states] == [(1, 3, 2)]
    plain = program.sample(fab.Schedule(1, 3), nodes=[4, 0], device="reference")
    assert np.array_equal(plain.states[0], plain.node_states[..., [4, 0]])


def test_a_tuple_of_nodes_stays_a_block_where_it_is_a_node_too():
    graph = networkx.Graph([(0, 1), (1, (0, 1))], weight=0.2)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.2), "weight")
    out = fab.compile(graph, "g4-4x4").sample(fab.Schedule(1, 3), nodes=[(0, 1)], device="reference")
    assert out.states[0].shape == (1, 3, 2)


def test_initial_states_may_be_named(program):
    values = {4: [True, False], 0: True, 1: [0, 1], 2: False, 3: np.array([True, True])}
    out = program.sample(fab.Schedule(0, 1), init=values, replicas=2, device="reference")
    assert out.node_states[:, 0].tolist() == [[True, False, False, True, True], [True, True, False, True, False]]


def test_numpy_integers_are_integers(program):
    whole = program.sample(fab.Schedule(2, 3, 1), seed=7, device="reference")
    schedule = fab.Schedule(np.int64(2), np.uint8(3), np.int32(1))  # pyright: ignore[reportArgumentType]
    again = program.sample(schedule, seed=np.uint64(7), device="reference")
    assert np.array_equal(again.sites, whole.sites) and again.image.digest == whole.image.digest
    assert json.loads(json.dumps(schedule.to_json())) == json.loads(json.dumps(whole.schedule.to_json()))


@pytest.mark.parametrize("device", ["reference", "native", "jax-xla"])
def test_a_seed_per_replica_gives_each_the_bits_of_its_own_run(program, device):
    seeds = [5, 2**64 - 1, 5]
    out = program.sample(fab.Schedule(2, 4), seed=seeds, replicas=3, device=device)
    for row, seed in enumerate(seeds):
        alone = program.sample(fab.Schedule(2, 4), seed=seed, device="reference")
        assert np.array_equal(out.sites[row], alone.sites[0])


def test_a_named_device_is_kept_and_an_open_one_is_not_touched(program, monkeypatch):
    opened = []
    real = kept_devices.open_device
    monkeypatch.setattr(kept_devices, "open_device", lambda *args: opened.append(args) or real(*args))
    kept_devices.KEPT.clear()
    for _ in range(3):
        program.sample(fab.Schedule(1, 2), device="reference")
    assert len(opened) == 1 and len(kept_devices.KEPT) == 1
    program.sample(fab.Schedule(1, 2), device=fab.open_device("reference", program.fabric))
    assert len(kept_devices.KEPT) == 1


class Port:
    """A device that can be closed, and counts how often it was."""

    open, closed = 0, 0

    def __init__(self):
        Port.open += 1

    def __enter__(self):
        return self

    def __exit__(self, *error):
        Port.closed += 1


def test_two_idle_devices_of_a_name_are_lent_one_after_the_other(program):
    kept = kept_devices.KeptDevices()
    with kept.lent("reference", program.fabric) as one, kept.lent("reference", program.fabric) as other:
        assert one is not other
    assert len(kept) == 2
    with kept.lent("reference", program.fabric) as again:
        assert again in (one, other) and len(kept) == 1
    assert len(kept) == 2


def test_what_can_be_closed_is_closed_and_what_failed_is_dropped(monkeypatch):
    spec, kept = fab.fabric("g4-2x2"), kept_devices.KeptDevices(most=2)
    monkeypatch.setattr(kept_devices, "open_device", lambda name, fabric: Port() if "://" in name else object())
    for _ in range(2):
        with kept.lent("port://x", spec):
            pass
    with pytest.raises(ZeroDivisionError), kept.lent("port://x", spec):
        raise ZeroDivisionError
    assert (Port.open, Port.closed, len(kept)) == (3, 3, 0)
    with pytest.raises(ZeroDivisionError), kept.lent("plain", spec):
        raise ZeroDivisionError
    assert len(kept) == 0
    with kept.lent("plain", spec) as one, kept.lent("plain", spec) as other:
        assert one is not other, "a device in use is lent to nobody else"
    with kept.lent("second", spec), kept.lent("third", spec):
        pass
    assert len(kept) == 2
    with kept.lent("plain", spec) as new:
        assert new is not one and new is not other, "the least used one made room"


def test_what_a_program_and_its_samples_print_is_a_line(program, samples):
    assert repr(program) == f"Program(5 nodes on 6 sites of 'g4-4x4', {program.report.end_to_end} end to end)"
    assert repr(samples).startswith("Samples(3 replicas of 50 samples of 5 nodes on reference, R-hat ")


def test_notebooks_get_a_table_and_a_picture(program, samples):
    page = ElementTree.fromstring(program._repr_html_())
    used = present(page.find("svg")).findall("g")[1]
    assert len(used.findall("circle")) == 6, "sites that carry the program"
    wires = present(present(page.find("svg")).findall("path")[1].get("d"))
    assert wires.count("M") == np.count_nonzero(program.image.weights) == 6
    assert str(program.report.end_to_end) in "".join(page.itertext())
    text = "".join(ElementTree.fromstring(samples._repr_html_()).itertext())
    assert f"P(0 = 1){samples.node_states[..., 0].mean():.3f}" in text
    assert ElementTree.fromstring(program.fabric._repr_html_()).find("svg") is not None
    assert ElementTree.fromstring(fab.fabric("g4-50x50")._repr_html_()).find("svg") is None, "2,500 sites"


def test_a_notebook_shows_eight_nodes_at_most_and_of_a_bare_image_none(program):
    ring = networkx.cycle_graph(10)
    networkx.set_edge_attributes(ring, dict.fromkeys(ring.edges, 0.3), "weight")
    many = fab.compile(ring).sample(fab.Schedule(1, 2), device="reference")
    text = "".join(ElementTree.fromstring(many._repr_html_()).itertext())
    assert "P(7 = 1)" in text and "P(8 = 1)" not in text and "…2 more nodes" in text
    bare = ElementTree.fromstring(_bare(program, 1, 2)._repr_html_())
    assert present(bare.find("strong")).text == "Samples of 16 sites on reference" and "P(" not in "".join(
        bare.itertext()
    )


def _bare(program, replicas, samples):
    device = fab.open_device("reference", program.fabric)
    device.load(program.image)
    return device.run(fab.Schedule(5, samples), replicas=replicas)


def test_samples_of_a_bare_image_have_sites_and_no_nodes(program):
    bare = _bare(program, 2, 30)
    assert repr(bare).startswith("Samples(2 replicas of 30 samples of 16 sites on reference, R-hat ")
    assert bare.r_hat == split_r_hat(bare.sites), "all 16 sites are looked at"
    with pytest.raises(SpecError, match=r"^these samples came from a bare image; run a Program to read nodes, or use"):
        _ = bare.node_states
    with pytest.raises(SpecError, match=r"^sites must be a bool array \[R, S, N\], got int64 \(2, 30, 16\)\.$"):
        replace(bare, sites=bare.sites.astype(np.int64))


def test_counts_give_the_moments_of_the_samples_they_are_of(program):
    bare = _bare(program, 3, 40)
    counts, s = Counts.of(bare), 2.0 * bare.sites - 1
    i, j = program.fabric.topology.edges.T
    assert np.allclose(counts.first(), s.mean(axis=1))
    assert np.allclose(counts.second(), (s[..., i] * s[..., j]).mean(axis=1))
    energies = -s @ program.image.biases - (s[..., i] * s[..., j]) @ program.image.weights
    assert np.allclose(counts.mean_energy(), energies.mean(axis=1))
    turned = program.image.replace(weights=-program.image.weights, biases=0 * program.image.biases)
    assert np.allclose(counts.mean_energy(turned), counts.second() @ program.image.weights)
    for changes, sentence in (
        ({"ones": counts.ones[0]}, r"^ones must be integers \[R, 16\], got int64 \(16,\)\.$"),
        ({"both": counts.both / 2}, r"^both must be integers \[R, 24\], got float64 \(3, 24\)\.$"),
        ({"ones": counts.ones + 41}, r"^ones must lie in 0…40, the number of samples, got \d+\.$"),
        ({"ones": counts.ones[:2]}, r"^ones has 2 replicas but both has 3\.$"),
    ):
        with pytest.raises(SpecError, match=sentence):
            replace(counts, **changes)


def test_two_runs_cost_their_sum_and_are_measured_only_where_both_are():
    measured, modelled = Ledger(10, 2, 5, "measured", 0.5, bus_bytes=8), Ledger(1, 1, 1, "modelled", 0.25)
    assert measured.plus(measured) == Ledger(20, 4, 10, "measured", 1.0, bus_bytes=16)
    assert measured.plus(modelled) == Ledger(11, 3, 6, "modelled", 0.75, bus_bytes=8)


def test_moments_leave_the_garbage_collector_as_it_was(samples):
    """Red if a collector that was off is on afterwards."""
    gc.disable()
    try:
        samples.moments()
        assert not gc.isenabled()
    finally:
        gc.enable()
    samples.moments()
    assert gc.isenabled()


def test_labels_are_escaped_in_notebooks():
    graph = networkx.Graph([("<b>", "&", {"weight": 0.2})])
    out = fab.compile(graph).sample(fab.Schedule(1, 2), device="reference")
    assert "P('<b>' = 1)" in "".join(ElementTree.fromstring(out._repr_html_()).itertext())


def test_more_samples_than_memory_holds_are_refused_before_the_run(program):
    sentence = (
        r"^2000000000000 samples of 1 replicas of 16 sites take 3\.2e\+04 GB, and this machine has [\d.e+]+ GB of "
        r"memory; take fewer samples, further apart \(steps_per_sample\), or keep what you need of them only: "
    )
    with pytest.raises(SpecError, match=sentence):
        program.sample(fab.Schedule(1, 2_000_000_000_000), device="reference")


def test_moments_count_in_pieces(program, samples, monkeypatch):
    whole = samples.moments()
    monkeypatch.setattr("thermofab.hw.spec.samples._PIECE_BYTES", 40)  # two pairs of 150 packed samples
    assert np.array_equal(samples.moments().second, whole.second)
