"""From a netlist description to cells, a placed and routed design, and a bitstream.

``synthesise`` runs Yosys, ``place_and_route`` nextpnr after it and, where asked, the bitstream writer. Both keep what
they made under ``$THERMOFAB_CACHE`` or ``~/.cache/thermofab``, named by a digest of everything that decides it: the
same build with another seed synthesises nothing again.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from thermofab.hw.boards.part import Part
from thermofab.hw.boards.report import BuildReport, Utilisation, cell_counts, clocks_of, utilisation_of
from thermofab.hw.boards.toolchain import TOOLCHAINS, pack_arguments, place_arguments
from thermofab.hw.boards.tools import Tool, find_tool, run_tool
from thermofab.hw.cache import build_key, made_once
from thermofab.hw.spec import DeviceError, SpecError

STAGES = ("synthesis", "packing", "placement", "routing", "bitstream")
Progress = Callable[[str], None]
Floorplan = Callable[[list[str]], dict[str, str]]
BLOCK_RAM = "DP16KD"  # floorplans are made for the ECP5 alone
_FORM = "1"  # of the cached files; a change of it forgets them
# The lines of nextpnr with which a stage begins.
_BEGINS = {
    "placement": re.compile(r"Creating initial analytic placement|initial placement placed"),
    "routing": re.compile(r"^Info: Routing(?: |\.\.)"),
}


@dataclass(frozen=True)
class SynthesisOptions:
    """How Yosys maps a design.

    Attributes:
        flatten: dissolve the hierarchy before mapping; without it modules are mapped each by itself.
        block_ram: memories may become block RAM.
        lut_ram: memories may become LUT RAM (not on the iCE40, which has none).
        dsp: products may become multipliers.
        retime_registers: give flip-flops to ABC9 as well (``-dff``).
        before: Yosys commands run before synthesis, on the design as read.
        extra: further options of the family's ``synth_…``.
        after: Yosys commands run on the mapped design, before it is written.
        netlist: also write the mapped design as Verilog, ``netlist.v``.
    """

    flatten: bool = True
    block_ram: bool = True
    lut_ram: bool = True
    dsp: bool = True
    retime_registers: bool = False
    before: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    netlist: bool = False

    def arguments(self, part: Part) -> list[str]:
        """Options of the part's synthesis command."""
        made = list(part.synthesis)
        if not self.dsp:
            made = [option for option in made if option != "-dsp"] + (["-nodsp"] if part.family == "ecp5" else [])
        if not self.lut_ram and part.family != "ice40":
            made.append("-nolutram")
        chosen = (("-noflatten", not self.flatten), ("-nobram", not self.block_ram), ("-dff", self.retime_registers))
        return made + [option for option, wanted in chosen if wanted] + list(self.extra)


@dataclass(frozen=True)
class Synthesis:
    """A synthesised design: its files (``design.json``, ``yosys.log``, maybe ``netlist.v``) and its cells."""

    folder: Path
    cells: tuple[tuple[str, int], ...]
    utilisation: Utilisation
    tool: str
    seconds: float


def silent(stage: str) -> None:
    """A progress that shows nothing."""


def synthesise(
    source: str, top: str, part: Part, options: SynthesisOptions | None = None, progress: Progress = silent
) -> Synthesis:
    """Map a design onto the cells of a part.

    Args:
        source: the design's text, RTLIL or Verilog.
        top: its top module.
        part: the part.
        options: how to map it.
        progress: called with a stage's name when it begins.

    Raises:
        ToolMissingError: there is no Yosys; the message says how to get it.
        DeviceError: Yosys failed; the message holds the end of what it said.
    """
    options, yosys = options or SynthesisOptions(), find_tool("yosys")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", top):
        raise SpecError(f"a top module's name has letters, digits and underscores only, got {top!r}.")
    file, read = ("design.il", "read_rtlil") if _is_rtlil(source) else ("design.v", "read_verilog -sv")
    arguments = " ".join(options.arguments(part))
    script = [
        f"{read} {file}",
        *options.before,
        f"synth_{part.family} -top {top} {arguments}",
        *options.after,
        "write_json design.json",
        "tee -q -o cells.json stat -json",
        *(["write_verilog -noattr netlist.v"] if options.netlist else []),
    ]

    def make(folder: Path) -> None:
        progress("synthesis")
        (folder / file).write_text(source)
        (folder / "synthesise.ys").write_text("\n".join(script) + "\n")
        started = time.perf_counter()
        run_tool(yosys, ["-s", "synthesise.ys"], folder, folder / "yosys.log", silent)
        (folder / "seconds.json").write_text(json.dumps(time.perf_counter() - started))

    folder = _kept("synthesis", [source, *script, yosys.version, part.name], make)
    cells = cell_counts(json.loads((folder / "cells.json").read_text()))
    seconds = json.loads((folder / "seconds.json").read_text())
    return Synthesis(folder, tuple(sorted(cells.items())), utilisation_of(cells, part), yosys.version, seconds)


def place_and_route(
    source: str,
    top: str,
    part: Part,
    frequency: float,
    *,
    seed: int = 1,
    constraints: str = "",
    bitstream: bool = False,
    options: SynthesisOptions | None = None,
    place_options: tuple[str, ...] = (),
    floorplan: Floorplan | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Synthesise, place and route a design, and say what it takes and how fast it is.

    A design that misses ``frequency`` is a result, not an error: see :attr:`BuildReport.met`.

    Args:
        source, top, part, options: see :func:`synthesise`.
        frequency: MHz asked of every clock that ``constraints`` say nothing of.
        seed: of the placer; results differ by some percent from seed to seed.
        constraints: text of an LPF (ECP5), PCF (iCE40) or CST (Gowin) file; without it, the tool chooses pins.
        bitstream: also write ``top.bit`` (ECP5), ``top.bin`` (iCE40) or ``top.fs`` (Gowin).
        place_options: further options of nextpnr.
        floorplan: given the names of all block RAM cells, says where those go whose place it knows.
        folder: copy bitstream, reports and logs there; without it they stay in the cache only.
        progress: called with the name of each of :data:`STAGES` when it begins.

    Raises:
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: a tool failed, or the design does not fit; the message says what the part has too few of.
    """
    if not frequency > 0:
        raise SpecError(f"the frequency asked for is a number of MHz above 0, got {frequency!r}.")
    tools = TOOLCHAINS[part.family]
    nextpnr, packer = find_tool(tools.nextpnr), find_tool(tools.packer) if bitstream else None
    fresh = False
    mapped = synthesise(source, top, part, options, progress)
    arguments = ["--json", "design.json", "--freq", f"{frequency:g}", "--seed", str(seed), "--report", "timing.json",
                 "--timing-allow-fail", *place_options, *place_arguments(part, bool(constraints))]  # fmt: skip
    placed = _placed(mapped.folder / "design.json", top, floorplan) if floorplan else {}

    def make(work: Path) -> None:
        nonlocal fresh
        fresh = True
        clock = _Stages(progress)
        _place(mapped.folder / "design.json", top, placed, work / "design.json")
        (work / tools.constraints).write_text(constraints)
        clock.begin("packing")
        _run_nextpnr(nextpnr, arguments, work, part, clock)
        if packer is not None:
            clock.begin("bitstream")
            run_tool(packer, pack_arguments(part), work, work / "pack.log", silent)
            if not (work / tools.bitstream).exists():
                raise DeviceError(f"{packer.version} ended without an error, but wrote no {tools.bitstream}.")
        clock.end()
        (work / "design.json").unlink()
        (work / "seconds.json").write_text(json.dumps(clock.seconds))

    versions = [mapped.tool, nextpnr.version, *([packer.version] if packer else [])]
    made = _kept("routed", [str(mapped.folder), *arguments, *versions, part.name, constraints, repr(placed)], make)
    timing = json.loads((made / "timing.json").read_text())
    report = BuildReport(
        top=top, part=part, seed=seed, tools=tuple(versions),
        utilisation=utilisation_of(dict(mapped.cells), part, timing), clocks=clocks_of(timing),
        seconds=(("synthesis", mapped.seconds), *map(tuple, json.loads((made / "seconds.json").read_text()))),
        folder=str(made), bitstream=tools.bitstream if bitstream else "", reused=not fresh,
    )  # fmt: skip
    if folder is not None:
        report = replace(report, folder=str(folder))
        _deliver(report, [made, mapped.folder], folder)
    return report


def _placed(design: Path, top: str, floorplan: Floorplan) -> dict[str, str]:
    """Sites of the block RAMs that the floorplan knows of."""
    cells = json.loads(design.read_text())["modules"][top]["cells"]
    return floorplan([name for name, cell in cells.items() if cell["type"] == BLOCK_RAM])


def _place(design: Path, top: str, placed: dict[str, str], target: Path) -> None:
    """The design with those sites written into it."""
    if not placed:
        shutil.copy(design, target)
        return
    whole = json.loads(design.read_text())
    for name, site in placed.items():
        whole["modules"][top]["cells"][name]["attributes"]["BEL"] = site
    target.write_text(json.dumps(whole))


class _Stages:
    """Wall time of the stages in turn."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._name, self._since = progress, "", 0.0
        self.seconds: list[tuple[str, float]] = []

    def begin(self, stage: str) -> None:
        if stage != self._name:
            self.end()
            self._name, self._since = stage, time.perf_counter()
            self._progress(stage)

    def end(self) -> None:
        if self._name:
            self.seconds.append((self._name, time.perf_counter() - self._since))
        self._name = ""


def _run_nextpnr(nextpnr: Tool, arguments: list[str], folder: Path, part: Part, clock: _Stages) -> None:
    overfull: dict[str, tuple[int, int]] = {}
    routing = False

    def look(line: str) -> None:
        nonlocal routing
        for stage, pattern in _BEGINS.items():
            if pattern.search(line) and not routing:
                clock.begin(stage)
                routing = stage == "routing"
        counted = re.search(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", line)
        if counted and int(counted[2]) > int(counted[3]):
            overfull[counted[1]] = (int(counted[2]), int(counted[3]))

    try:
        run_tool(nextpnr, arguments, folder, folder / "nextpnr.log", look)
    except DeviceError:
        if not overfull:
            raise
        needs = ", ".join(f"{used} {kind} of {has}" for kind, (used, has) in overfull.items())
        raise DeviceError(
            f"the design does not fit on {part.name}: it needs {needs}; take a smaller fabric, or a larger part."
        ) from None


def _deliver(report: BuildReport, sources: list[Path], folder: Path) -> None:
    """Copy what a user wants to keep, and the report, to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        report.bitstream,
        TOOLCHAINS[report.part.family].constraints,
        "timing.json",
        "nextpnr.log",
        "yosys.log",
        "pack.log",
        "netlist.v",
    }
    for source in sources:
        for file in source.iterdir():
            if file.name in kept:
                shutil.copy(file, folder)
    (folder / "report.json").write_text(json.dumps(report.to_json(), indent=1) + "\n")
    (folder / "report.txt").write_text(f"{report}\n")


def _is_rtlil(source: str) -> bool:
    return re.match(r"(?:\s|#[^\n]*\n)*(?:autoidx |attribute \\|module \\)", source) is not None


def _kept(kind: str, parts: Iterable[str], make: Callable[[Path], None]) -> Path:
    """The cached folder of ``kind`` and ``parts``, filled by ``make`` if it is not there."""
    return made_once(f"{kind}-{build_key([_FORM, *parts])}", make, "boards")
