"""Images, schedules, programs and samples: round trips and refusals."""

import json

import numpy as np
import pytest

from thermofab.hw.spec import (
    DeviceError,
    Image,
    Samples,
    Schedule,
    SpecError,
    fabric,
    flip_probability,
    open_device,
    sigmoid_table,
)
from thermofab.sim.conformance import families, random_fabric, random_image

SPEC = fabric("g4-3x3")


def image(**changes) -> Image:
    fields = {
        "fabric": SPEC,
        "weights": np.zeros(12, dtype=int),
        "biases": np.zeros(9, dtype=int),
        "tables": np.tile(sigmoid_table(SPEC, 0.02, 3), (4, 1)),
        "shift": 3,
        "clamps": np.full(9, -1),
    }
    return Image(**{**fields, **changes})


@pytest.mark.parametrize("family", families())
def test_images_survive_json(family):
    rng = np.random.default_rng(3)
    made = random_image(rng, random_fabric(rng, family))
    again = Image.from_json(json.loads(json.dumps(made.to_json())), made.fabric)
    assert again == made and hash(again) == hash(made)


def test_sigmoid_table_is_odd_clipped_and_right():
    spec, step, shift = fabric("g4-3x3"), 1 / 64, 2
    table, half, one = sigmoid_table(spec, step, shift), spec.table_size // 2, 2**spec.threshold_bits
    assert table[half] == one // 2 and table.min() >= 1 and table.max() <= one - 1
    assert np.array_equal(table[1:half], one - table[:half:-1])
    a = np.arange(-half, half)
    exact = one / (1 + np.exp(-2 * step * a * 2.0**shift))
    assert np.max(np.abs(table - np.clip(exact, 1, one - 1))) <= 0.5 + 1e-9
    field = np.arange(-40, 41)
    interpolated = np.interp(field / 2**shift, a, table) / one
    assert np.allclose(flip_probability(spec, table, shift, field), interpolated, atol=1e-12)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"weights": np.full(12, 128)}, r"^weights must lie in -127…127 \(weight_bits=8\), got 128; rescale or widen"),
        ({"weights": np.full(12, np.nan)}, r"^weights must be integers, got nan\.$"),
        ({"weights": np.full(12, 0.5)}, r"^weights must be integers, got 0\.5\.$"),
        ({"weights": np.zeros(11, dtype=int)}, r"^weights must have shape \(12,\) for this fabric, got \(11,\)\.$"),
        ({"biases": np.full(9, 2048)}, r"^biases must lie in -2047…2047 \(bias_bits=12\), got 2048;"),
        ({"tables": np.zeros((4, 256), dtype=int)}, r"^tables must lie in 1…4095 \(threshold_bits=12\), got 0;"),
        ({"clamps": np.full(9, 2)}, r"^clamps must lie in -1…1 \(-1 is free, 0 and 1 are clamped values\), got 2;"),
        ({"shift": 5}, r"^shift must lie in 0…4 for this fabric, got 5\.$"),
        ({"seed": -1}, r"^seed must lie in 0…2\^64-1, got -1\.$"),
    ],
)
def test_bad_images_are_refused(changes, sentence):
    with pytest.raises(SpecError, match=sentence):
        image(**changes)


def test_matrices_must_be_symmetric_and_fit_the_fabric():
    couplings = np.zeros((9, 9), dtype=int)
    couplings[0, 1] = 5
    with pytest.raises(SpecError, match=r"^couplings must be symmetric, but w\[0,1\] = 5 and w\[1,0\] = 0; Gibbs"):
        Image.from_matrix(SPEC, couplings, np.zeros(9, int), step=0.02, shift=3)
    couplings[1, 0] = 5
    made = Image.from_matrix(SPEC, couplings, np.zeros(9, int), step=0.02, shift=3)
    assert made.weights[SPEC.topology.edge_index[0, 1]] == 5 and np.count_nonzero(made.weights) == 1
    with pytest.raises(SpecError, match=r"^couplings must have shape \(9, 9\) for this fabric, got \(8, 8\)\.$"):
        Image.from_matrix(SPEC, couplings[:8, :8], np.zeros(9, int), step=0.02, shift=3)
    with pytest.raises(SpecError, match=r"^couplings must have a zero diagonal; s·s = 1 is a constant\.$"):
        Image.from_matrix(SPEC, couplings + np.eye(9, dtype=int), np.zeros(9, int), step=0.02, shift=3)
    couplings[0, 8] = couplings[8, 0] = 1
    with pytest.raises(SpecError, match=r"^sites 0 and 8 are not coupled on g4-3x3; w\[0,8\] must be 0\.$"):
        Image.from_matrix(SPEC, couplings, np.zeros(9, int), step=0.02, shift=3)


def test_a_changed_file_is_refused():
    data = image().to_json()
    data["shift"] = 2
    with pytest.raises(SpecError, match=r"^the image does not match its digest [0-9a-f]{12}…; the file was changed"):
        Image.from_json(data, SPEC)


def test_an_image_for_another_fabric_is_refused():
    other = fabric("g4-3x3", weight_bits=6)
    sentence = r"^the image is for a fabric with digest [0-9a-f]{12}…, but this one .* compile the program for this"
    with pytest.raises(SpecError, match=sentence):
        Image.from_json(image().to_json(), other)
    for name in ("reference", "jax"):
        with pytest.raises(SpecError, match=sentence):
            open_device(name, other).load(image())


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((0, 0), r"^n_samples must be an integer of at least 1, got 0\.$"),
        ((-1, 1), r"^n_warmup must be an integer of at least 0, got -1\.$"),
        ((0, 1, 0), r"^steps_per_sample must be an integer of at least 1, got 0\.$"),
        ((0, 1, 1, ((0, 0),)), r"^anneal phases are \(sweeps ≥ 1, level ≥ 0\), got"),
    ],
)
def test_bad_schedules_are_refused(arguments, sentence):
    with pytest.raises(SpecError, match=sentence):
        Schedule(*arguments)


def test_schedule_counts_sweeps_as_thrml_does():
    schedule = Schedule(100, 7, 3, ((5, 1), (6, 0)), 2)
    assert schedule.n_sweeps == 5 + 6 + 100 + 6 * 3
    assert Schedule.from_json(json.loads(json.dumps(schedule.to_json()))) == schedule


def test_runs_are_checked_before_work_is_done():
    device = open_device("reference", SPEC)
    with pytest.raises(DeviceError, match=r"^nothing is loaded; call load\(image\) before run\(\.\.\.\)\.$"):
        device.run(Schedule(0, 1))
    device.load(image())
    cases = [
        ({"replicas": 0}, r"^replicas must be an integer of at least 1, got 0\.$"),
        ({"init": np.zeros(8, bool)}, r"^init must have shape \(9,\) or \(1, 9\), got \(8,\)\.$"),
        ({"clamp": np.zeros((3, 9), int)}, r"^clamp must have shape \(9,\) or \(1, 9\), got \(3, 9\)\.$"),
        ({"clamp": np.full(9, 3)}, r"^clamp must hold -1 \(free\), 0 or 1, got 3\.$"),
        ({"clamp": np.full(9, 0.5)}, r"^clamp must hold -1 \(free\), 0 or 1\.$"),
        ({"init": np.full(9, 2)}, r"^init must be bool, or 0 and 1\.$"),
        ({"replicas": range(-1, 2)}, r"^a range of replicas has numbers from 0 on, one at least, got range\(-1, 2\)"),
        ({"replicas": range(3, 3)}, r"^a range of replicas has numbers from 0 on, one at least, got range\(3, 3\)\.$"),
    ]
    for arguments, sentence in cases:
        with pytest.raises(SpecError, match=sentence):
            device.run(Schedule(0, 1), **arguments)
    with pytest.raises(DeviceError, match=r"^a device loads an Image or a Program, got dict\.$"):
        device.load({})  # pyright: ignore[reportArgumentType]
    with pytest.raises(SpecError, match=r"^which sites are clamped must be the same for every replica"):
        device.run(Schedule(0, 1), replicas=2, clamp=np.stack([np.full(9, -1), np.zeros(9, int)]))
    with pytest.raises(SpecError, match=r"^the schedule uses β level 4, but this fabric holds levels 0…3; raise"):
        device.run(Schedule(0, 1, level=4))


def test_samples_survive_json():
    device = open_device("reference", SPEC)
    device.load(image())
    out = device.run(Schedule(3, 5), replicas=2)
    again = Samples.from_json(json.loads(json.dumps(out.to_json())), image())
    assert np.array_equal(again.sites, out.sites) and again.schedule == out.schedule and again.ledger == out.ledger
    with pytest.raises(SpecError, match=r"^these samples came from another image"):
        Samples.from_json(out.to_json(), image(shift=2))


def test_unknown_device_is_refused():
    with pytest.raises(DeviceError, match=r"^unknown device 'fpga'; known are .*reference"):
        open_device("fpga", SPEC)
