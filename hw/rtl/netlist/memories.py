"""Every memory is a module of its own, so that one file's modules are what a maker of chips replaces by macros.

Memories of one form share a module, named by its form:

    ram_1r1w_256x12_sync           one port to read, one to write; 256 words of 12 bits; a word comes a clock late
    ram_1r1w_16x13_async           the word comes in the clock of its address
    ram_1r1w_8x36_sync_lanes2      a word has two parts of 18 bits, each written for itself
    ram_1r1w_8x36_sync_enable      a read has a strobe; without it, the last word stays
    ram_1r1w_16x5_sync_clocks      every port has a clock of its own
    rom_48x8_sync_1                nothing writes it; its contents are its own

``_block`` asks FPGA tools for block RAM; ``_anyold`` says that nobody needs a word read in the clock that writes it.
"""

from dataclasses import dataclass, field
from typing import Any

from thermofab.hw.rtl.netlist.netlist import Instance, Memory
from thermofab.hw.rtl.netlist.rtlil import Bits, Cell, Signal, joined, sliced, width_of

_WRITTEN = "A word that is written in the clock in which it is read comes as it was before."


@dataclass(frozen=True)
class Form:
    """What makes memories alike.

    Attributes:
        depth, width: words and their bits.
        reads: of each port to read: ``(clocked, has a strobe)``.
        writes: of each port to write: parts of a word that are written each for itself.
        attributes: for synthesis.
        apart: whether ports have clocks of their own.
        contents: digits of its first contents, the last word first; empty if they are zeros.
    """

    depth: int
    width: int
    reads: tuple[tuple[bool, bool], ...]
    writes: tuple[int, ...]
    attributes: tuple[tuple[str, str], ...]
    apart: bool = False
    contents: str = field(default="", repr=False)

    @property
    def address_bits(self) -> int:
        return max(1, (self.depth - 1).bit_length())

    @property
    def clocked(self) -> bool:
        """Whether it has a clock at all."""
        return bool(self.writes) or any(clocked for clocked, _ in self.reads)

    def name(self) -> str:
        """See the head of this file; a ROM's ends before its number."""
        given = dict(self.attributes)
        kind = "async" if not all(clocked for clocked, _ in self.reads) else "sync"
        parts = ["ram", f"{len(self.reads)}r{len(self.writes)}w"] if self.writes else ["rom"]
        if not self.writes and len(self.reads) > 1:
            parts.append(f"{len(self.reads)}r")
        parts += [f"{self.depth}x{self.width}", kind]
        parts += [f"lanes{lanes}" for lanes in self.writes if lanes > 1]
        parts += ["enable"] if any(strobe for _, strobe in self.reads) else []
        parts += ["clocks"] if self.apart else []
        parts += ["block"] if given.get("ram_style") == "block" else []
        parts += ["anyold"] if "no_rw_check" in given else []
        return "_".join(parts)


def form_of(memory: Memory) -> Form:
    """The form of a memory.

    Raises:
        ValueError: it reads what is written in the same clock, or has a port of another kind than the generators use.
    """
    array = memory.array
    for cell in memory.reads:
        if "1" in cell.parameters["TRANSPARENCY_MASK"].partition("'")[2]:
            raise ValueError(f"no memory module reads a word as it is written: {cell.source}")
    if len(memory.writes) > 1:
        raise ValueError(f"no memory module has two ports to write: {array.source}")
    reads = tuple((_is_clocked(cell), _strobe(cell) is not None) for cell in memory.reads)
    writes = tuple(len(_lanes(cell)) for cell in memory.writes)
    contents = memory.init if "1" in memory.init else ""
    apart = len({cell.ports["CLK"] for cell in [*memory.writes, *memory.reads] if _is_clocked(cell)}) > 1
    return Form(array.depth, array.width, reads, writes, tuple(sorted(array.attributes.items())), apart, contents)


def instance_of(memory: Memory, module: str) -> Instance:
    """The instance of ``module`` that stands for a memory."""
    form, ports, outputs = form_of(memory), dict[str, Signal](), set[str]()
    if form.clocked and not form.apart:
        ports["clk"] = next(cell.ports["CLK"] for cell in [*memory.writes, *memory.reads] if _is_clocked(cell))
    for k, cell in enumerate(memory.reads):
        if form.apart and _is_clocked(cell):
            ports[_port("rclk", k, memory.reads)] = cell.ports["CLK"]
        ports[_port("raddr", k, memory.reads)] = _address(cell, form)
        if (strobe := _strobe(cell)) is not None:
            ports[_port("re", k, memory.reads)] = strobe
        name = _port("rdata", k, memory.reads)
        ports[name] = cell.ports["DATA"]
        outputs.add(name)
    for cell in memory.writes:
        ports |= {"wclk": cell.ports["CLK"]} if form.apart else {}
        ports["waddr"] = _address(cell, form)
        ports["we"] = joined(part for lane in reversed(_lanes(cell)) for part in lane)
        ports["wdata"] = cell.ports["DATA"]
    return Instance(module, memory.array.name, ports, outputs)


def module_text(form: Form, name: str) -> str:
    """The behavioural module of a form."""
    ports, always = ["input wire clk"] if form.clocked and not form.apart else [], []
    high, word = form.address_bits - 1, f"[{form.width - 1}:0]"
    for k, (clocked, strobe) in enumerate(form.reads):
        address, data, enable, own = (_port(kind, k, form.reads) for kind in ("raddr", "rdata", "re", "rclk"))
        clock = own if form.apart else "clk"
        ports += [f"input wire {own}"] if form.apart and clocked else []
        ports.append(f"input wire [{high}:0] {address}")
        ports += [f"input wire {enable}"] if strobe else []
        ports.append(f"output {'reg' if clocked else 'wire'} {word} {data}")
        if clocked:
            asked = f"if ({enable}) " if strobe else ""
            always.append(f"  always @(posedge {clock}) {asked}{data} <= words[{address}];")
        else:
            always.append(f"  assign {data} = words[{address}];")
    for lanes in form.writes:
        clock = "wclk" if form.apart else "clk"
        ports += [f"input wire {clock}"] if form.apart else []
        ports += [f"input wire [{high}:0] waddr", _ranged("input wire", lanes, "we"), f"input wire {word} wdata"]
        size = form.width // lanes
        if lanes == 1:
            always.append(f"  always @(posedge {clock}) if (we) words[waddr] <= wdata;")
            continue
        always.append(f"  always @(posedge {clock}) begin")
        for lane in range(lanes):
            part = f"[{lane * size + size - 1}:{lane * size}]"
            always.append(f"    if (we[{lane}]) words[waddr]{part} <= wdata{part};")
        always.append("  end")
    given = ", ".join(f"{key} = {_value(value)}" for key, value in form.attributes)
    array = f"  {f'(* {given} *) ' if given else ''}reg {word} words [0:{form.depth - 1}];"
    head = f"module {name} (\n" + ",\n".join(f"  {port}" for port in ports) + "\n);"
    return "\n".join([*_comment(form), head, array, *always, *_first(form), "endmodule", ""])


def described(form: Form, name: str) -> dict[str, Any]:
    """A memory module's row in a list for a compiler of macros."""
    return {
        "module": name,
        "words": form.depth,
        "bits": form.width,
        "read_ports": len(form.reads),
        "write_ports": len(form.writes),
        "write_lanes": max(form.writes, default=0),
        "read": "synchronous" if all(clocked for clocked, _ in form.reads) else "asynchronous",
        "clocks": "one per port" if form.apart else "one" if form.clocked else "none",
        "read_enable": any(strobe for _, strobe in form.reads),
        "read_during_write": "any" if "no_rw_check" in dict(form.attributes) else "old" if form.writes else "none",
        "contents": "fixed" if form.contents else "zeros",
    }


def _comment(form: Form) -> list[str]:
    size = f"{form.depth} words of {form.width} bits"
    when = "a clock after its address" if all(clocked for clocked, _ in form.reads) else "in the clock of its address"
    if not form.writes:
        return [f"// Fixed contents, {size}; a word comes {when}."]
    needed = "Nobody needs a word that is written in the clock in which it is read."
    lines = [f"// A memory of {size}; a word comes {when}."]
    lines.append("// Every port has a clock of its own." if form.apart else f"// {_WRITTEN}")
    return [*lines, *([f"// {needed}"] if "no_rw_check" in dict(form.attributes) else [])]


def _first(form: Form) -> list[str]:
    """What the memory holds at first."""
    digits = -(-form.width // 4)
    if not form.contents:
        zero = f"{form.width}'h{'0' * digits}"
        return ["  integer k;", f"  initial for (k = 0; k < {form.depth}; k = k + 1) words[k] = {zero};"]
    words = [
        form.contents[len(form.contents) - (k + 1) * form.width : len(form.contents) - k * form.width]
        for k in range(form.depth)
    ]
    entries = [f"words[{k}] = {form.width}'h{int(word, 2):0{digits}x};" for k, word in enumerate(words)]
    a_line = max(1, 112 // (len(entries[-1]) + 1))
    lines = [" ".join(entries[first : first + a_line]) for first in range(0, len(entries), a_line)]
    return ["  initial begin", *(f"    {line}" for line in lines), "  end"]


def _is_clocked(cell: Cell) -> bool:
    return cell.parameters["CLK_ENABLE"] == "1"


def _strobe(cell: Cell) -> Signal | None:
    """What a port to read waits for; None if it reads in every clock."""
    asked = cell.ports["EN"]
    return None if asked == (Bits("1"),) else asked


def _address(cell: Cell, form: Form) -> Signal:
    """The address, as wide as the memory asks; Amaranth's is no narrower but where there is one word."""
    address = cell.ports["ADDR"]
    missing = form.address_bits - width_of(address)
    return joined([Bits("0" * missing), *address]) if missing > 0 else sliced(address, 0, form.address_bits)


def _lanes(cell: Cell) -> list[Signal]:
    """The strobe of each part of a word that is written for itself, the lowest first."""
    asked = cell.ports["EN"]
    bits = [sliced(asked, k, 1) for k in range(width_of(asked))]
    starts = [k for k in range(len(bits)) if k == 0 or bits[k] != bits[k - 1]]
    for size in range(len(bits), 0, -1):
        if len(bits) % size == 0 and all(start % size == 0 for start in starts):
            return [bits[k] for k in range(0, len(bits), size)]
    raise AssertionError("a memory's word has no bits")


def _port(kind: str, k: int, ports: Any) -> str:
    return kind if len(ports) == 1 else f"{kind}_{k}"


def _ranged(before: str, width: int, name: str) -> str:
    return f"{before} [{width - 1}:0] {name}" if width > 1 else f"{before} {name}"


def _value(value: str) -> str:
    return value if value.isdigit() else f'"{value}"'
