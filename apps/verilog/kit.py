"""Writes the folder: the fabric, its wrapper, its numbers, and an example that runs by itself."""

import json
from pathlib import Path

import numpy as np

from thermofab.apps.console import made
from thermofab.apps.verilog import bench
from thermofab.apps.verilog.chip import constraints, librelane
from thermofab.apps.verilog.descriptions import fusesoc_core, ipxact, svd
from thermofab.apps.verilog.headers import c_header, memory_map, verilog_header
from thermofab.apps.verilog.litex import litex_soc
from thermofab.apps.verilog.recording import mask_of_sites, recorded_steps, words_of_states
from thermofab.apps.verilog.wrappers import wrapper
from thermofab.hw.host import registers as rm
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.rtl.emit import fabric_design, header
from thermofab.hw.spec import FabricSpec, Image, Schedule, open_device, plan_run
from thermofab.hw.spec.activation import sigmoid_table

SCHEDULE = Schedule(n_warmup=4, n_samples=12, steps_per_sample=2)
SEED = 1
DRIVER = Path(__file__).resolve().parent / "driver"  # in C, for any fabric


def example_image(spec: FabricSpec) -> Image:
    """A ferromagnet: every coupling the same and positive, every site free."""
    shift = spec.dither_bits
    step = 0.3 / max(1, spec.weight_max)
    tables = [sigmoid_table(spec, step, shift, beta=(level + 1) / spec.levels) for level in range(spec.levels)]
    weights = np.full(spec.topology.n_edges, spec.weight_max, dtype=np.int32)
    biases = np.zeros(spec.n_sites, dtype=np.int32)
    return Image(spec, weights, biases, np.stack(tables), shift, np.full(spec.n_sites, -1, dtype=np.int8), SEED)


def register_writes(image: Image) -> list[tuple[int, int]]:
    """All writes before the start of the run, as ``(word address, data)``."""
    loading, plan = loading_of(image.fabric), plan_run(image, SCHEDULE, 1, None, None, None)
    steps = recorded_steps(loading, image.fabric, plan)
    writes = [write for step in steps for write in zip(step.addresses.tolist(), step.data.tolist())]
    assert writes[-1] == (loading.map["CONTROL"].at(), rm.START)
    return writes[:-1]


def expected_words(image: Image) -> np.ndarray:
    """The samples of the same run on the reference as words of the stream, uint32 ``[S, sample_words]``."""
    device = open_device("reference", image.fabric)
    device.load(image)
    return words_of_states(loading_of(image.fabric), device.run(SCHEDULE).sites[0])


def write_kit(spec: FabricSpec, name: str, folder: Path, bus: str = "wishbone", mhz: float = 100) -> list[str]:
    """Write everything to ``folder``; the names of the files.

    Args:
        spec: the fabric.
        name: of its module.
        folder: made if it is not there.
        bus: one of :data:`thermofab.apps.verilog.wrappers.BUSES`.
        mhz: of the clock that the constraints ask for.

    Raises:
        SpecError: another bus, or no frequency.
    """
    design = fabric_design(spec, name)
    verilog = header(spec, name, None, design) + design.text()
    loading, image = loading_of(spec), example_image(spec)
    registers, words = loading.map, loading.sample_words
    last = max(register.base + register.count - 1 for register in registers.registers)
    wrapped = wrapper(verilog, name, bus, last)
    bus_name, master = bench.MASTERS[bus]
    of_bus = {"litex_soc.py": litex_soc(name, registers)} if bus == "wishbone" else {}
    named = {
        "bus": bus,
        "bus_name": bus_name,
        "master": master,
        "name": name,
        "of_bus": bench.LITEX if "litex_soc.py" in of_bus else "",
        "sites": spec.n_sites,
        "topology": spec.topology.name,
        "start": rm.START,
        "errors": f"0x{registers['ERRORS'].at():x}",
        "control": f"0x{registers['CONTROL'].at():x}",
        "cycles": f"0x{registers['CYCLES'].at():x}",
        "sample_words": words,
        "mask": "[" + ", ".join(f"0x{word:08x}" for word in mask_of_sites(loading, spec.n_sites).tolist()) + "]",
    }
    writes = [f"{address:04x} {data:08x}" for address, data in register_writes(image)]
    samples = [" ".join(f"{word:08x}" for word in sample) for sample in expected_words(image).tolist()]
    files = {
        f"{name}.v": verilog,
        f"{name}_{bus}.v": wrapped,
        f"{name}.sdc": constraints(name, mhz),
        "librelane.yaml": librelane(name, mhz),
        "memories.json": json.dumps(design.memories(), indent=1) + "\n",
        f"{name}_params.vh": verilog_header(spec, name, registers, words),
        f"{name}_registers.h": c_header(spec, name, registers, words),
        **{file: (DRIVER / file).read_text() for file in ("thermofab.h", "thermofab.c")},
        "registers.svd": svd(spec, name, registers),
        "component.xml": ipxact(spec, name, registers, bus, wrapped),
        f"{name}.core": fusesoc_core(spec, name, bus),
        **of_bus,
        "registers.md": memory_map(spec, name, registers),
        "fabric.json": json.dumps(spec.to_json()) + "\n",
        "image.hex": "\n".join(["// word address, data", *writes, ""]),
        "expected.hex": "\n".join(["// one sample per line, in the words of the stream", *samples, ""]),
        "test_example.py": bench.TEST.format(**named),
        "run.py": bench.RUN.format(**named),
        "Makefile": bench.MAKEFILE.format(**named),
        "README.md": bench.README.format(**named),
    }
    made(folder)
    for file, text in files.items():
        (folder / file).write_text(text)
    return list(files)
