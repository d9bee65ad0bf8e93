"""Replicas as tasks: the bits of one process, whatever the parts, and on a cluster."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import thermofab as fab
from thermofab.apps.cli import app
from thermofab.apps.explore import workload
from thermofab.apps.explore.campaign import parts_of, sample_campaign
from thermofab.hw.spec import SpecError

SCHEDULE = fab.Schedule(20, 30, 2)


def program_on(name: str, architecture: str) -> fab.Program:
    return fab.compile(workload("spin-glass").model, fab.fabric(name, architecture=architecture), tolerance=1.0)


@pytest.mark.parametrize("architecture, device", [("relay", "native"), ("dense", "jax"), ("spatial", "reference")])
def test_parts_are_the_whole_to_the_bit(architecture, device):
    name = "complete-16" if architecture != "relay" else "g8-8x8"
    program = program_on(name, architecture)
    whole = program.sample(SCHEDULE, replicas=7, seed=5, device=device)
    parts = sample_campaign(program, SCHEDULE, replicas=7, seed=5, device=device, size=3)
    assert np.array_equal(whole.sites, parts.sites) and np.array_equal(whole.node_states, parts.node_states)
    assert (whole.ledger.site_updates, whole.ledger.sweeps) == (parts.ledger.site_updates, parts.ledger.sweeps)


def test_the_command_on_a_cluster_gives_the_states_of_one_process(tmp_path):
    (tmp_path / "program.json").write_text(json.dumps(program_on("complete-16", "dense").to_json()))
    command = ["sample", str(tmp_path / "program.json"), "--device", "native", "--samples", "50", "--replicas", "40"]
    for name, more in (("one", []), ("two", ["--executor", "dask://local:2"])):
        done = CliRunner().invoke(
            app, [*command, "--seed", "3", "--out", str(tmp_path / f"{name}.npz"), "--json", *more]
        )
        assert done.exit_code == 0, done.output
    one, two = (np.load(tmp_path / f"{name}.npz") for name in ("one", "two"))
    assert np.array_equal(one["states"], two["states"]) and one["states"].shape == (40, 50, 16)


def test_what_cannot_be_split_is_refused():
    assert parts_of(7, 3) == [(0, 3), (3, 6), (6, 7)]
    with pytest.raises(SpecError, match="at least one replica"):
        parts_of(0, 3)
    program = program_on("complete-16", "dense")
    device = fab.open_device("native", program.fabric)
    device.load(program.image)
    with pytest.raises(SpecError, match="first < last"):
        device.run_part(SCHEDULE, 4, 4)
