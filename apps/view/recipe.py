"""The recipe of a frame: Python that makes its state by calls of ``program.sample`` alone."""

from thermofab.apps.view.legs import Leg

_HEAD = '''\
"""The state of chain 0 that 'thermofab view' showed after {sweeps} sweeps of leg {number}, on device {device}."""

from pathlib import Path

from thermofab import Schedule
from thermofab.apps.files import read_program
from thermofab.hw.spec.auto import with_levels

program = read_program(Path("program.json"))  # the page's "Program file"
nodes, device = program.model.nodes, {device!r}


def last(samples):
    """The node states that a leg ended with, by free block."""
    return [samples.node_states[0, 0][list(block)] for block in program.free_blocks]

'''


def recipe(leg: Leg, sweeps: int, device: str) -> str:
    """A script; ``state`` is the frame's: bool ``[N]`` by site.

    Args:
        leg: of the frame.
        sweeps: of that leg.
        device: its name.
    """
    legs = leg.history()
    swept = [begun.swept for begun in legs[1:]] + [sweeps]
    lines = [_HEAD.format(sweeps=sweeps, number=leg.number, device=device)]
    for each, length in zip(legs, swept):
        source = "program" if each.factor == 1 else f"with_levels(program, [{each.factor!r}])"
        clamp = ", ".join(f"nodes[{node}]: {state}" for node, state in each.clamp.items())
        given = f", clamp={{{clamp}}}" if clamp else ""
        given += ", init=last(samples)" if each.previous is not None else ""
        lines.append(
            f"samples = {source}.sample(\n"
            f"    Schedule({length}, 1), seed={each.seed}{given}, device=device, discard=False\n)"
        )
    return "\n".join([*lines, "state = samples.sites[0, 0]", ""])
