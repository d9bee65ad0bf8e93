"""Which lowering ``device="jax"`` takes, and what it says where there is no compiler."""

import warnings
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from thermofab.hw.spec import DeviceError, FabricSpec, Schedule, ToolMissingError, fabric, open_device, registry
from thermofab.sim import toolchain
from thermofab.sim.conformance import random_image
from thermofab.sim.functional import device as jax_device
from thermofab.sim.functional import lowerings


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _: None)
    for cached in (toolchain.find_compiler, lowerings._has_compiler):
        cached.cache_clear()
    yield
    for cached in (toolchain.find_compiler, lowerings._has_compiler):
        cached.cache_clear()


def opened(name: str, spec: FabricSpec, **options) -> jax_device.JaxDevice:
    device = open_device(name, spec, **options)
    assert isinstance(device, jax_device.JaxDevice)
    return device


def test_a_cpu_with_a_compiler_takes_the_native_kernel_and_either_can_be_forced():
    spec = fabric("g4-3x3")
    assert opened("jax", spec).lowering == "native"
    assert "native kernel" in open_device("jax", spec).info().description
    for name, options in (("jax", {"lowering": "xla"}), ("jax-xla", {}), ("jax", {"batch": 4})):
        device = opened(name, spec, **options)
        assert device.lowering == "xla" and "stencil form" in device.info().description
    with pytest.raises(DeviceError, match=r"^lowering must be 'native', 'xla' or None, got 'cuda'\.$"):
        open_device("jax", spec, lowering="cuda")


def test_a_fabric_without_its_lattice_leaves_an_equal_one_its_stencil():
    """The fault: a fabric read from a file came first, and an equal lattice then had its slower form."""
    spec = fabric("g4-5x4")
    bare = replace(spec, topology=replace(spec.topology, lattice=None))
    forms = [opened("jax-xla", one).info().description for one in (bare, spec, bare)]
    assert bare == spec
    assert [form.rsplit(", ", 1)[1] for form in forms] == ["gather form", "stencil form", "gather form"]


def test_without_a_compiler_xla_serves_and_it_is_said_once(no_compiler):
    spec = fabric("g4-3x3")
    with pytest.warns(UserWarning, match=r"runs on XLA, .* slower .*needs the C\+\+ compiler g\+\+.*apt install g\+\+"):
        device = open_device("jax", spec)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened("jax", fabric("g4-3x4")).lowering == "xla"
    image = random_image(np.random.default_rng(0), spec)
    expected = open_device("reference", spec)
    for running in (device, expected):
        running.load(image)
    found, wanted = (running.run(Schedule(2, 5), replicas=2).sites for running in (device, expected))
    assert np.array_equal(found, wanted)
    with pytest.raises(ToolMissingError, match=r"apt install g\+\+$"):
        open_device("jax", spec, lowering="native")


def test_a_generator_without_a_native_form_runs_on_xla_and_nothing_is_said(monkeypatch):
    renamed = EntryPoint("of-mine", "thermofab.hw.rng.lfsr64:LFSR64", registry.GENERATORS)
    monkeypatch.setitem(registry._known(registry.GENERATORS), renamed.name, renamed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened("jax", fabric("g4-3x3", rng="of-mine")).lowering == "xla"
