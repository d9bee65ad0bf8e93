"""A compiled program and a schedule as the register writes of one run, for hosts that are not written in Python."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.verilog.recording import Step, bits_of_sites, mask_of_sites, recorded_steps, words_of_states
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import split_schedule
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import Program, Schedule, SpecError, open_device, plan_run

MOST_WORDS = 2**31  # bytes of a sample buffer that a 32-bit host can address, twice over


@dataclass(frozen=True)
class NodeBits:
    """How a node is read from a sample.

    Attributes:
        name: of the node, as text.
        bits: of a sample, the first the most significant of a code; bit b of word w is 32·w + b. None where the
            node's state was known when the program was compiled.
        states: the state that each of the 2^bits codes stands for.
    """

    name: str
    bits: tuple[int, ...]
    states: tuple[int, ...]


@dataclass(frozen=True)
class ExportedProgram:
    """All that a host needs to run a program once.

    Attributes:
        program: the compiled program.
        schedule, seed, replica: of the run.
        clamp: the states that nodes were clamped to, by name.
        registers: of the fabric.
        steps: see :func:`thermofab.apps.verilog.recording.recorded_steps`.
        identity: ``(word address, value)`` of registers fixed at build time, ID and VERSION first: a fabric for which
            the steps are meant reads so.
        sample_words: words of the stream a sample takes.
        mask: uint32 ``[sample_words]``, the bits of a sample that show a site; the others read as anything.
        nodes: how each node is read.
        checks: pairs of bits of a sample; one in which a pair differs is to be discarded.
        expected: the stream's words uint32 ``[S, sample_words]`` of the run under the mask, if they were asked for.
    """

    program: Program
    schedule: Schedule
    seed: int
    replica: int
    clamp: tuple[tuple[str, int], ...]
    registers: RegisterMap
    steps: tuple[Step, ...]
    identity: tuple[tuple[int, int], ...]
    sample_words: int
    mask: np.ndarray
    nodes: tuple[NodeBits, ...]
    checks: tuple[tuple[int, int], ...]
    expected: np.ndarray | None


def export_program(
    program: Program,
    schedule: Schedule,
    *,
    clamp: Mapping[Hashable, Any] | None = None,
    seed: int | None = None,
    replica: int = 0,
    built_in: bool = False,
    expect: str | None = None,
) -> ExportedProgram:
    """The run of a program that ``program.sample(schedule, clamp=clamp, seed=seed, replicas=range(replica, replica +
    1), discard=False)`` makes, as register writes.

    Args:
        program: of any architecture.
        schedule: of the run.
        clamp: nodes and their states.
        seed: instead of the image's.
        replica: number of the chain.
        built_in: the fabric has the program's weights and biases built in.
        expect: a device that draws the words to expect; none are put in if left out.

    Raises:
        SpecError: the clamp, the seed, the replica or the schedule do not fit the program.
        DeviceError: the fabric cannot hold the image, or run the schedule.
    """
    if replica < 0:
        raise SpecError(f"replica is the number of a chain, 0 or more, got {replica}.")
    spec, image = program.fabric, program.image
    site_clamp, _ = program.site_states(clamp, None, 1)
    plan = plan_run(image, schedule, range(replica, replica + 1), None, site_clamp, seed)
    fixed = image if built_in else None
    loading = loading_of(spec, fixed)
    words = schedule.n_samples * loading.sample_words
    if words * 4 >= MOST_WORDS:
        raise SpecError(
            f"{schedule.n_samples} samples of {loading.sample_words} words take {words * 4} bytes, and an exported run "
            f"holds fewer than {MOST_WORDS}; export fewer samples, and run it again from other seeds."
        )
    split_schedule(schedule)
    bits = bits_of_sites(loading, spec.n_sites)
    return ExportedProgram(
        program,
        schedule,
        plan.image.seed,
        replica,
        tuple((str(node), int(np.asarray(value))) for node, value in (clamp or {}).items()),
        loading.map,
        tuple(recorded_steps(loading, spec, plan, fixed)),
        _identity(loading.map),
        loading.sample_words,
        mask_of_sites(loading, spec.n_sites),
        tuple(_node_bits(program, k, bits) for k in range(program.model.n_nodes)),
        tuple((int(bits[a]), int(bits[b])) for a, b in program.checks),
        None
        if expect is None
        else words_of_states(loading, _drawn(program, schedule, site_clamp, seed, replica, expect)),
    )


def _drawn(
    program: Program, schedule: Schedule, site_clamp: np.ndarray, seed: int | None, replica: int, name: str
) -> np.ndarray:
    """States bool ``[S, N]`` of the run on a device."""
    device = open_device(name, program.fabric)
    device.load(program.image)
    return device.run(schedule, replicas=range(replica, replica + 1), clamp=site_clamp, seed=seed).sites[0]


def _identity(registers: RegisterMap) -> tuple[tuple[int, int], ...]:
    fixed = [
        (register.at(k), value)
        for register in registers.registers
        if register.constant is not None
        for k, value in enumerate(register.constant)
    ]
    first = [registers["ID"].at(), registers["VERSION"].at()]
    return tuple(sorted(fixed, key=lambda pair: first.index(pair[0]) if pair[0] in first else len(first)))


def _node_bits(program: Program, k: int, bits: np.ndarray) -> NodeBits:
    places = tuple(int(bits[program.roots[variable]]) for variable in program.variables_of(k))
    states = (0, 1) if program.readings is None else tuple(map(int, program.readings[k].table))
    return NodeBits(str(program.model.nodes[k]), places, states)


def clamp_of(program: Program, settings: list[str]) -> dict[Hashable, int]:
    """Nodes and states from texts such as ``"a=1"``.

    Raises:
        SpecError: a text is of another form, or names no node, or two of them.
    """
    nodes: dict[str, list[Hashable]] = {}
    for node in program.model.nodes:
        nodes.setdefault(str(node), []).append(node)
    clamp: dict[Hashable, int] = {}
    for setting in settings:
        name, given, value = setting.rpartition("=")
        if not given or not value.strip().isdecimal():
            raise SpecError(f"a clamped node is written name=state, e.g. a=1; got '{setting}'.")
        found = nodes.get(name.strip(), [])
        if len(found) != 1:
            raise SpecError(
                f"'{name.strip()}' names {len(found)} nodes of this program of {program.model.n_nodes}; "
                "a clamp must name one."
            )
        if found[0] in clamp:
            raise SpecError(f"the node '{name.strip()}' is clamped twice.")
        clamp[found[0]] = int(value)
    return clamp
