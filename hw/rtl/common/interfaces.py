"""Interfaces that the components of fabrics have in common: each is said once, from the side that asks or gives.

Components are joined by ``wiring.connect``. A class beside each signature says what a member of that name holds, for
readers and type checkers.
"""

from typing import Any, Protocol

from amaranth import Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from thermofab.hw.host.registers import PHASE_SLOTS
from thermofab.hw.spec import FabricSpec


class Bus(Protocol):
    """The register bus; it never waits.

    Attributes:
        address: of a 32-bit word; write, write_data: a strobe with data; read: a strobe.
        read_data: two clocks after ``read``, until the next read's.
    """

    address: Signal
    write: Signal
    write_data: Signal
    read: Signal
    read_data: Signal


def bus_signature(address_bits: int) -> wiring.Signature:
    """See :class:`Bus`."""
    return wiring.Signature(
        {"address": Out(address_bits), "write": Out(1), "write_data": Out(32), "read": Out(1), "read_data": In(32)}
    )


class SampleStream(Protocol):
    """The sample stream.

    Attributes:
        valid, ready, payload: a word moves in a clock where both are high. ``valid`` waits for no ``ready``, and a word
            shown stays until it moves (or is flushed).
        last: the word on show ends a sample.
    """

    valid: Signal
    ready: Signal
    payload: Signal
    last: Signal


SAMPLES = wiring.Signature({"valid": Out(1), "ready": In(1), "payload": Out(32), "last": Out(1)})


class RunPorts(Protocol):
    """A run, from the host to the sequencer.

    Attributes:
        start, abort: strobes; an abort wins.
        phases, samples, steps: how many, and sweeps between samples; level, mask: table and clamps between samples.
            They do not change during a run.
        busy, done, aborted: of the run.
        cycles, stalls, sweeps: its counters.
    """

    start: Signal
    abort: Signal
    phases: Signal
    samples: Signal
    steps: Signal
    level: Signal
    mask: Signal
    busy: Signal
    done: Signal
    aborted: Signal
    cycles: Signal
    stalls: Signal
    sweeps: Signal


def run_signature(spec: FabricSpec) -> wiring.Signature:
    """See :class:`RunPorts`."""
    return wiring.Signature(
        {
            "start": Out(1),
            "abort": Out(1),
            "phases": Out(PHASE_SLOTS.bit_length()),
            "samples": Out(32),
            "steps": Out(32),
            "level": Out(max(1, (spec.levels - 1).bit_length())),
            "mask": Out(1),
            "busy": In(1),
            "done": In(1),
            "aborted": In(1),
            "cycles": In(64),
            "stalls": In(32),
            "sweeps": In(32),
        }
    )


class Array(Protocol):
    """An array of registers that lives in a memory away from the host.

    Attributes:
        index: the entry; write, write_data: a strobe with data; read: a strobe, of whatever register.
        read_data: a clock after ``read``.
    """

    index: Signal
    write: Signal
    write_data: Signal
    read: Signal
    read_data: Signal


def array_signature(entries: int) -> wiring.Signature:
    """See :class:`Array`."""
    return wiring.Signature(
        {
            "index": Out(range(max(2, entries))),
            "write": Out(1),
            "write_data": Out(32),
            "read": Out(1),
            "read_data": In(32),
        }
    )


AnySignature = wiring.Signature | wiring.FlippedSignature


def flat(prefix: str, signature: AnySignature) -> dict[str, Member]:
    """The members of ``signature`` as ports ``prefix_…``: a top's names are those of its Verilog."""
    return {f"{prefix}_{name}": member for name, member in signature.members.items()}


class PortGroup:
    """The ports ``prefix_…`` of a component, as an interface for ``wiring.connect``.

    Args:
        component: has the ports of ``flat(prefix, signature)``, or with no prefix the members of ``signature``.
        signature: as seen by whoever connects.
    """

    def __init__(self, component: Any, prefix: str, signature: AnySignature) -> None:
        self.signature = signature
        for name in signature.members:
            setattr(self, name, getattr(component, f"{prefix}_{name}" if prefix else name))
