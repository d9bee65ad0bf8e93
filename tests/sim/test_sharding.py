"""Replicas and rows shared by devices and processes: the bits of one device, and no process waits for a dead one."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import networkx
import numpy as np
import pytest

from thermofab.hw.spec import DeviceError, Schedule, fabric, open_device
from thermofab.sim.conformance import random_image
from thermofab.sim.functional.distributed import join
from thermofab.sim.functional.layout import layout_of
from thermofab.sim.functional.placement import ArrayPlacement
from thermofab.sim.functional.watch import DIED

HERE, SCHEDULE = Path(__file__).resolve().parent, Schedule(2, 3, 2)
ROOT = HERE.parents[1]


def image_of():
    return random_image(np.random.default_rng(0), fabric("g4-8x6-torus"))


def expected(schedule=SCHEDULE):
    image = image_of()
    device = open_device("reference", image.fabric)
    device.load(image)
    return device.run(schedule, replicas=6)


FOUR_DEVICES = """
import sys
import numpy as np
from thermofab.hw.spec import open_device
from tests.sim.test_sharding import SCHEDULE, image_of
image = image_of()
for shard in sys.argv[2:]:
    device = open_device("jax", image.fabric, shard=shard)
    device.load(image)
    chains = device.start(replicas=6)
    assert len(chains._carry(0).masks[0].sharding.device_set) == 4, "not shared"
    np.savez(sys.argv[1] + shard, sites=device.run(SCHEDULE, replicas=6).sites)
"""


def test_four_devices_have_the_bits_of_one(tmp_path):
    shards = ("replicas", "rows")
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run([sys.executable, "-c", FOUR_DEVICES, f"{tmp_path}/", *shards], env=environment, check=True)
    samples = expected()
    for shard in shards:
        got = np.load(tmp_path / f"{shard}.npz")
        assert np.array_equal(got["sites"], samples.sites), shard


MILLION = """
import sys
import numpy as np
from thermofab.hw.spec import Schedule, fabric, open_device
from thermofab.sim.conformance import random_image
image = random_image(np.random.default_rng(1), fabric("g4-1000x1000-torus"))
states = []
for options in ({}, {"shard": "rows"}):
    device = open_device("jax", image.fabric, lowering="xla", **options)
    device.load(image)
    chains = device.start()
    assert len(chains._carry(0).masks[0].sharding.device_set) == (4 if options else 1)
    chains.advance([(20, 0)])
    states.append(chains.states())
assert states[0].shape == (1, 10**6) and 0.01 < states[0].mean() < 0.99
assert np.array_equal(*states), "bits differ"
"""


@pytest.mark.soak
def test_a_million_sites_shared_by_rows_have_the_bits_of_one_device():
    flags = "--xla_force_host_platform_device_count=4"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", MILLION], env=environment, check=True)


def start_pair(folder: Path, shard: str, ends: str, **environment: str) -> list[subprocess.Popen]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return [
        subprocess.Popen(
            [sys.executable, str(HERE / "distributed_worker.py"), f"127.0.0.1:{port}", "2", str(index), shard]
            + [str(folder / f"{index}.npy"), ends],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])} | environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def end_all(pair: list[subprocess.Popen]) -> None:
    for process in pair:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_two_processes_have_the_bits_of_one_and_none_waits_for_a_dead_one(tmp_path):
    pair = start_pair(tmp_path, "replicas", "FOREVER")
    try:
        deadline = time.monotonic() + 240
        while not all((tmp_path / f"{index}.npy").exists() for index in range(2)):
            assert all(process.poll() is None for process in pair), [p.communicate()[1] for p in pair if p.poll()]
            assert time.monotonic() < deadline, "the processes did not come to an end of their first run"
            time.sleep(0.1)
        pair[1].send_signal(signal.SIGKILL)
        _, said = pair[0].communicate(timeout=30)
        assert pair[0].returncode == DIED
        assert "thermofab: process 1 of 2 ended without finishing, so the run it shared cannot go on" in said
    finally:
        end_all(pair)
    samples = expected()
    for index in range(2):
        assert np.array_equal(np.load(tmp_path / f"{index}.npy"), samples.sites)


@pytest.mark.soak
@pytest.mark.parametrize("killed", [0, 1])
def test_rows_over_two_processes_of_two_devices(killed, tmp_path):
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    pair = start_pair(tmp_path, "rows", "FINISH", **flags)
    try:
        for process in pair:
            _, said = process.communicate(timeout=400)
            assert process.returncode == 0, said
    finally:
        end_all(pair)
    for index in range(2):
        assert np.array_equal(np.load(tmp_path / f"{index}.npy"), expected().sites)
        (tmp_path / f"{index}.npy").unlink()
    pair = start_pair(tmp_path, "rows", "FOREVER", **flags)
    try:
        while not all((tmp_path / f"{index}.npy").exists() for index in range(2)):
            assert all(process.poll() is None for process in pair)
            time.sleep(0.1)
        pair[killed].send_signal(signal.SIGKILL)
        _, said = pair[1 - killed].communicate(timeout=60)
        assert pair[1 - killed].returncode == DIED and f"process {killed} of 2 ended" in said
    finally:
        end_all(pair)


def test_what_cannot_be_shared_is_named():
    import jax

    torus = layout_of(fabric("g4-6x6-torus").topology)
    with pytest.raises(DeviceError, match=r"^shard must be 'replicas', 'rows' or None, got 'columns'\.$"):
        ArrayPlacement.of("columns", torus)
    with pytest.raises(DeviceError, match=r"^3 rows of a sublattice cannot be shared evenly by 2 devices; use"):
        ArrayPlacement.of("rows", torus, devices=[jax.devices()[0]] * 2)
    graph = layout_of(fabric(networkx.cycle_graph(5)).topology)
    with pytest.raises(DeviceError, match=r"^only a lattice has rows to share; use shard='replicas'"):
        ArrayPlacement.of("rows", graph)
    with pytest.raises(DeviceError, match=r"^index must lie in 0…1 for 2 processes, got 2\.$"):
        join("127.0.0.1:1", 2, 2)
    with pytest.raises(DeviceError, match=r"^address must be host:port, such as 127\.0\.0\.1:8476, got 'here'\.$"):
        join("here", 2, 0)
