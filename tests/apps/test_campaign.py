"""Runs in parts: the same bits in one process, in several, and on a Dask cluster that loses a worker."""

import json
import os
import signal
import threading
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import thermofab as fab
from thermofab.apps.campaign import parts_of, sample
from thermofab.apps.cli import app
from thermofab.apps.executors import Cluster, open_executor
from thermofab.apps.files import write_program
from thermofab.hw.spec import IsingModel, Program, Schedule, SpecError

SCHEDULE = Schedule(10, 20, 2)


@pytest.fixture(scope="module")
def program() -> Program:
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    model = IsingModel(tuple("abcd"), np.array([0.1, -0.2, 0.3, 0.0]), edges, np.array([0.5, -0.4, 0.7]))
    return fab.compile(model, "g4-4x4")


@pytest.mark.parametrize("device", ["reference", "native", "rtl"])
def test_a_range_of_replicas_is_part_of_the_whole(program, device):
    whole = program.sample(SCHEDULE, replicas=6, seed=3, device=device).sites
    parts = [program.sample(SCHEDULE, replicas=chains, seed=3, device=device) for chains in parts_of(6, 4)]
    assert np.array_equal(np.concatenate([part.sites for part in parts]), whole)


def test_a_range_has_numbers_from_0_on(program):
    for wrong in (range(0), range(-1, 3)):
        with pytest.raises(SpecError, match=r"^a range of replicas has numbers from 0 on, one at least, got range"):
            program.sample(SCHEDULE, replicas=wrong)


@pytest.mark.parametrize("name", ["local", "processes://2"])
def test_executors_have_the_bits_of_one_process(program, name):
    whole = program.sample(SCHEDULE, replicas=21, seed=5, device="native")
    ended: list[int] = []
    with open_executor(name) as executor:
        found = sample(
            program, SCHEDULE, executor, replicas=21, seed=5, device="native", per_task=8, done=lambda: ended.append(1)
        )
    assert np.array_equal(found.sites, whole.sites) and len(ended) == 3
    assert found.ledger.site_updates == whole.ledger.site_updates and found.ledger.sweeps == whole.ledger.sweeps
    assert np.array_equal(found.moments().first, whole.moments().first)


def test_a_cluster_that_loses_a_worker_loses_nothing(program):
    distributed = pytest.importorskip("distributed")
    whole = program.sample(Schedule(20, 40, 4), replicas=64, seed=7, device="reference")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            victim = next(iter(client.run(os.getpid).values()))
            ended: list[float] = []

            def kill_one() -> None:
                while not ended:
                    time.sleep(0.02)
                os.kill(victim, signal.SIGKILL)

            killer = threading.Thread(target=kill_one)
            killer.start()
            found = sample(
                program, Schedule(20, 40, 4), Cluster(client), replicas=64, seed=7, device="reference", per_task=1,
                done=lambda: ended.append(time.time()),
            )  # fmt: skip
            killer.join()
            assert victim not in client.run(os.getpid).values()
    assert np.array_equal(found.sites, whole.sites) and len(ended) == 64


def test_the_command_and_what_it_refuses(program, tmp_path):
    write_program(tmp_path / "p.json", program)
    runner = CliRunner()
    common = ["sample", str(tmp_path / "p.json"), "--samples", "30", "--replicas", "10", "--device", "native", "--json"]
    plain = runner.invoke(app, common)
    parted = runner.invoke(app, [*common, "--executor", "processes://2", "--per-task", "3"])
    told = [json.loads(done.stdout) for done in (plain, parted)]
    assert told[0]["magnetisation"] == told[1]["magnetisation"] and told[0]["samples"] == told[1]["samples"] == 300
    with pytest.raises(SpecError, match=r"^an executor is local, processes://N, dask://local:N or dask://host:port"):
        with open_executor("slurm://queue"):
            pass
