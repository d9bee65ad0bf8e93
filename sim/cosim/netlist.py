"""A synthesised netlist in lock step with the reference, with the vendor's models of its cells.

The bench looks at ports only, and synthesis keeps those, so it is the bench of the emitted Verilog, with the same
stimulus and the same scoreboard.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from thermofab.hw.boards.part import Part
from thermofab.hw.boards.synthesis import Synthesis, SynthesisOptions, synthesise
from thermofab.hw.boards.tools import cell_models
from thermofab.hw.rtl.emit import emit_rtlil
from thermofab.hw.spec import FabricSpec, SpecError
from thermofab.sim.cosim.lockstep import EVERY_SWEEP, TOP, Lockstep, lockstep
from thermofab.sim.cosim.simulation import Bench, Design


@dataclass(frozen=True)
class Netlist:
    """A synthesised fabric: Verilog of cells and nothing else, and the models of those cells."""

    spec: FabricSpec
    source: str
    models: str
    synthesis: Synthesis


def netlist_of(spec: FabricSpec, part: Part, options: SynthesisOptions, models: str = "") -> Netlist:
    """``spec`` on the cells of ``part``; ``models`` stand for cells of which Yosys' library has no model."""
    mapped = synthesise(emit_rtlil(spec, TOP), TOP, part, replace(options, netlist=True))
    kinds = {kind for kind, _ in mapped.cells if not kind.startswith("$")}
    return Netlist(spec, (mapped.folder / "netlist.v").read_text(), models_of(kinds, part.family, models), mapped)


def models_of(kinds: set[str], family: str, models: str) -> str:
    """The models of ``kinds``, and of all that they consist of, from ``models`` or else from Yosys' library.

    The library also models cells that no synthesis uses, in Verilog that Icarus 11 cannot read.

    Raises:
        SpecError: a cell has no model.
    """
    library = "".join(file.read_text() for file in sorted(cell_models(family).glob("c*_sim.v*")))
    head = re.match(r"(?:`[^\n]*\n|//[^\n]*\n|\s)*", library)
    found = {name: text for text, name in re.findall(r"^(module (\w+).*?^endmodule)", library, re.M | re.S)}
    found |= {name: text for text, name in re.findall(r"^(module (\w+).*?^endmodule)", models, re.M | re.S)}
    needed, taken = set(kinds), {}
    while needed - set(taken):
        name = min(needed - set(taken))
        if name not in found:
            raise SpecError(f"there is no simulation model of the cell '{name}'; give one in models.")
        taken[name] = found[name]
        needed |= {other for other in found if re.search(rf"^\s*{other}\s+(?:#|\w+\s*\()", found[name], re.M)}
    defines = re.sub(r"`include[^\n]*\n", "", head[0] if head else "")
    return f"`define NO_ICE40_DEFAULT_ASSIGNMENTS\n{defines}\n" + "\n\n".join(taken.values()) + "\n"


def behaviour_left(netlist: Netlist) -> list[str]:
    """What in a netlist is no cell of the vendor's library, and would be simulated by meaning."""
    operators = [kind for kind, _ in netlist.synthesis.cells if kind.startswith("$") and kind != "$scopeinfo"]
    return operators + re.findall(r"^\s*(?:always|reg|initial)\b.*$", netlist.source, re.M)


def netlist_lockstep(
    netlist: Netlist,
    simulator: str | None = None,
    *,
    updates: int = 300,
    seed: int = 1,
    bench: Bench = EVERY_SWEEP,
    folder: str | Path | None = None,
) -> Lockstep:
    """:func:`thermofab.sim.cosim.lockstep` with a netlist in the place of the emitted Verilog."""
    design = Design((netlist.source, netlist.models), TOP)
    return lockstep(netlist.spec, simulator, updates=updates, seed=seed, design=design, bench=bench, folder=folder)
