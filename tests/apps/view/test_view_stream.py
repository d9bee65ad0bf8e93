"""The stream of frames: every state is that of ``program.sample``, bit for bit, through every kind of change."""

# IsingModel makes arrays of the lists here.
# pyright: reportArgumentType=false

import contextlib
import itertools
from dataclasses import replace

import numpy as np
import pytest

from thermofab.apps.files import write_program
from thermofab.apps.view.controls import Controls
from thermofab.apps.view.demo import demo
from thermofab.apps.view.picture import picture
from thermofab.apps.view.recipe import recipe
from thermofab.apps.view.stream import WINDOW, frames
from thermofab.compiler import compile
from thermofab.hw.spec import DeviceInfo, DiscreteModel, IsingModel, Schedule, SpecError, fabric, open_device
from thermofab.hw.spec.auto import with_levels
from thermofab.hw.spec.discrete import factor_of
from thermofab.sim.rtl.board import simulated_board


@pytest.fixture(scope="module")
def program():
    """A demo with nodes on several sites."""
    made = demo(fabric("king-12x12", profile="fine"), seed=3)
    assert any(len(sites) > 1 for sites in made.copies)
    return made


def last(program, samples):
    """Node states at the end, by free block, all replicas."""
    return [samples.node_states[:, 0][:, list(block)] for block in program.free_blocks]


@pytest.mark.parametrize("device", ["reference", "jax", "native"])
def test_states_are_those_of_sample_calls(program, device):
    replicas = 1 if device == "reference" else 3
    options = {"replicas": replicas, "device": device, "discard": False}
    node = next(k for k, sites in enumerate(program.copies) if len(sites) > 1)
    controls = Controls(seed=11, sweeps=4)
    stream = frames(program, open_device(device, program.fabric), controls, replicas=replicas)

    first = [next(stream), stream.send(replace(controls, sweeps=7))]
    calls = [program.sample(Schedule(sweeps, 1), seed=11, **options) for sweeps in (4, 11)]
    assert [shown.frame.sweeps for shown in first] == [4, 11]
    for shown, call in zip(first, calls):
        assert np.array_equal(shown.frame.states, call.sites[0, 0])
        assert shown.frame.energy == pytest.approx(call.energies()[0, 0], rel=1e-12)
    both = np.stack([call.sites[:, 0] for call in calls])
    assert np.all(np.abs(first[1].frame.marginals - 255 * both.mean(axis=(0, 1))) < 0.5 + 1e-9)

    hot = replace(controls, factor=0.5)
    shown = stream.send(hot)
    heated = with_levels(program, [0.5])
    call = heated.sample(Schedule(4, 1), seed=12, init=last(program, calls[1]), **options)
    assert np.array_equal(shown.frame.states, call.sites[0, 0]) and shown.frame.leg == 1

    held = hot.clamped(program, node, 1)
    stream.send(held)
    shown = stream.send(held)
    clamp = {program.model.nodes[node]: 1}
    call = heated.sample(Schedule(8, 1), seed=13, clamp=clamp, init=last(program, call), **options)
    assert np.array_equal(shown.frame.states, call.sites[0, 0]) and shown.frame.leg == 2
    assert shown.frame.states[program.copies[node][0]] and shown.frame.marginals[program.copies[node][0]] == 255

    shown = stream.send(held.freed(program).restarted(5))
    call = heated.sample(Schedule(4, 1), seed=5, **options)
    assert np.array_equal(shown.frame.states, call.sites[0, 0])
    assert (shown.frame.leg, shown.frame.restarts) == (0, 1)


@pytest.mark.soak  # the builds take longer than all other tests of this folder
@pytest.mark.rtl
@pytest.mark.parametrize("device", ["rtl", "serial"])
def test_devices_behind_registers_are_placed_between_frames(device):
    small = compile(IsingModel((0, 1), [0.1, 0.0], [[0, 1]], [0.4]), "g4-4x4-torus")
    with contextlib.ExitStack() as stack:
        name = "rtl" if device == "rtl" else f"serial://{stack.enter_context(simulated_board(small.fabric))}"
        controls = Controls(sweeps=3)
        stream = frames(small, open_device(name, small.fabric), controls, replicas=2)
        for k in range(3):
            shown = next(stream)
            call = small.sample(Schedule(3 * k + 3, 1), seed=0, replicas=2, device="reference")
            assert np.array_equal(shown.frame.states, call.sites[0, 0])
        shown = stream.send(replace(controls, factor=0.5))
        init = last(small, call)
        call = with_levels(small, [0.5]).sample(Schedule(3, 1), seed=1, init=init, replicas=2, device="reference")
        assert np.array_equal(shown.frame.states, call.sites[0, 0])


def test_the_recipe_makes_the_state_with_one_chain(program, tmp_path, monkeypatch):
    write_program(tmp_path / "program.json", program)
    monkeypatch.chdir(tmp_path)
    controls = Controls(seed=2, sweeps=3)
    stream = frames(program, open_device("jax", program.fabric), controls, replicas=4)
    changes = [controls, replace(controls, factor=1.5)]
    changes += [changes[-1].clamped(program, 7, 0), changes[-1].clamped(program, 7, 0).clamped(program, 9, 1)]
    next(stream)
    for change in [*changes, changes[-1]]:
        shown = stream.send(change)
    assert shown.leg.number == 3
    found: dict = {}
    exec(recipe(shown.leg, shown.frame.sweeps, "jax"), found)
    assert np.array_equal(found["state"], shown.frame.states)


def test_old_frames_are_forgotten_at_the_rate_that_is_told():
    coin = compile(IsingModel((0,), [0.0], np.zeros((0, 2)), []), "g4-2x2")
    root = coin.copies[0][0]
    stream = frames(coin, open_device("native", coin.fabric), Controls(sweeps=1))
    shown = [next(stream).frame for _ in range(WINDOW + 40)]
    average = 0.5
    for k, frame in enumerate(shown, 1):
        average += max(1 / k, 1 / WINDOW) * (frame.states[root] - average)
    assert frame.marginals[root] == round(255 * average)


def test_categories_are_clamped_by_their_states():
    table = factor_of([[]], [[0, 1]], np.random.default_rng(0).normal(size=(1, 3, 3)))
    program = compile(DiscreteModel(("a", "b"), np.array([3, 3]), (table,)), "king-8x8")
    controls = Controls(sweeps=2).clamped(program, 0, 2)
    shown = next(frames(program, open_device("native", program.fabric), controls)).frame
    call = program.sample(Schedule(2, 1), seed=0, clamp={"a": 2}, device="native", discard=False)
    assert np.array_equal(shown.states, call.sites[0, 0])
    assert program.read(shown.states, [0, 1])[0] == 2 and picture(program)["tables"][0] is not None
    with pytest.raises(SpecError, match="states of node 0 are 0…2, or null for a free node; got 3"):
        controls.clamped(program, 0, 3)


def test_chains_whose_copies_disagree_are_left_out():
    size = 7
    edges = list(itertools.combinations(range(size), 2))
    model = IsingModel(tuple(range(size)), [0.3] * size, edges, [0.2] * len(edges))
    clique = compile(model, "king-6x6")
    assert clique.checks, "this program has copies that may disagree"
    controls = Controls(seed=1)
    shown = next(frames(clique, open_device("native", clique.fabric), controls, replicas=64)).frame
    call = clique.sample(Schedule(5, 1), seed=1, replicas=64, device="native", discard=False)
    kept = call.kept[:, 0]
    assert 0 < kept.sum() < 64 and shown.agree == pytest.approx(kept.mean())
    assert np.array_equal(shown.marginals, np.rint(255 * call.sites[kept, 0].mean(axis=0)).astype(np.uint8))


def test_a_device_whose_chains_cannot_be_held_is_named(program):
    class Elsewhere:
        def info(self):
            return DeviceInfo("elsewhere", program.fabric, True, "a test")

        def load(self, image):
            pass

        def run(self, schedule, **arguments):
            raise AssertionError

    with pytest.raises(SpecError, match="the live page needs a device whose chains can be held"):
        next(frames(program, Elsewhere(), Controls()))


def test_the_picture_says_where_every_node_is(program):
    drawn = picture(program)
    for node, sites in enumerate(program.copies):
        assert {site for site, owner in enumerate(drawn["owner"]) if owner == node} == set(sites)
        assert drawn["roots"][node] == [sites[0]]
    joined = {frozenset(wire) for wire in drawn["wires"]}
    for i, j in joined:
        assert drawn["owner"][i] == drawn["owner"][j]
    assert len(joined) == sum(len(sites) - 1 for sites in program.copies)
    assert all(drawn["owner"][i] != drawn["owner"][j] for i, j in drawn["couplings"])
    carried = np.count_nonzero(program.image.weights) - len(joined)
    assert len(drawn["couplings"]) == len(drawn["weights"]) == carried


def test_a_fabric_that_is_too_large_to_draw_is_refused(program, monkeypatch):
    monkeypatch.setattr("thermofab.apps.view.picture.MOST_SITES", 143)
    with pytest.raises(SpecError, match="king-12x12 has 144 sites; a page draws at most 143"):
        picture(program)
