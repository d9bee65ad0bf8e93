"""A fabric's numbers for other languages: Verilog ``localparam``s, a C header, and the memory map as Markdown."""

from thermofab.hw.host import registers as rm
from thermofab.hw.host.registers import RegisterMap
from thermofab.hw.spec import FabricSpec

BITS = {
    "CONTROL_START": rm.START,
    "CONTROL_ABORT": rm.ABORT,
    "CONTROL_CLEAR_MOMENTS": rm.CLEAR_MOMENTS,
    "STATUS_BUSY": rm.BUSY,
    "STATUS_DONE": rm.DONE,
    "STATUS_ABORTED": rm.ABORTED,
    "ERROR_BUSY": rm.ERROR_BUSY,
    "ERROR_ADDRESS": rm.ERROR_ADDRESS,
    "ERROR_VALUE": rm.ERROR_VALUE,
    "ERROR_MOMENTS": rm.ERROR_MOMENTS,
}


def sizes(spec: FabricSpec, sample_words: int) -> dict[str, int]:
    """The numbers that fix a fabric, by readable names."""
    top = spec.topology
    return {
        "SITES": spec.n_sites,
        "EDGES": top.n_edges,
        "COLOURS": top.n_colours,
        "MAX_DEGREE": top.max_degree,
        "WEIGHT_BITS": spec.weight_bits,
        "BIAS_BITS": spec.bias_bits,
        "TABLE_ENTRIES": spec.table_size,
        "THRESHOLD_BITS": spec.threshold_bits,
        "DITHER_BITS": spec.dither_bits,
        "MIN_SHIFT": spec.min_shift,
        "WORD_BITS": spec.word_bits,
        "LEVELS": spec.levels,
        "MOMENT_BITS": spec.moment_bits,
        "SAMPLE_WORDS": sample_words,
    }


def verilog_header(spec: FabricSpec, name: str, registers: RegisterMap, sample_words: int) -> str:
    """Constants to ``include`` inside a module; addresses count 32-bit words."""
    lines = [
        f"// Constants of {name}, a fabric on {spec.topology.name}. Include this file inside a module.",
        "/* verilator lint_off UNUSEDPARAM */",
        *(f"localparam integer {key} = {value};" for key, value in sizes(spec, sample_words).items()),
        f"localparam integer ADDRESS_BITS = {registers.address_bits};",
        "// Word address of each register, and the number of entries of each array.",
    ]
    for register in registers.registers:
        lines.append(f"localparam integer REG_{register.name} = 'h{register.base:x};")
        if register.count > 1:
            lines.append(f"localparam integer REG_{register.name}_ENTRIES = {register.count};")
    lines += ["// Bits of CONTROL, STATUS and ERRORS.", *(f"localparam integer {k} = {v};" for k, v in BITS.items())]
    return "\n".join([*lines, "/* verilator lint_on UNUSEDPARAM */", ""])


def c_header(spec: FabricSpec, name: str, registers: RegisterMap, sample_words: int) -> str:
    """Constants for the software of a processor that has the fabric on its bus."""
    prefix, guard = name.upper(), f"{name.upper()}_REGISTERS_H"
    lines = [
        f"/* Constants of {name}, a fabric on {spec.topology.name}. Addresses count 32-bit words: on a bus that counts",
        "   bytes, multiply them by four. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        *(f"#define {prefix}_{key} {value}" for key, value in sizes(spec, sample_words).items()),
        "",
    ]
    for register in registers.registers:
        lines.append(f"#define {prefix}_REG_{register.name} 0x{register.base:04x}u")
        if register.count > 1:
            lines.append(f"#define {prefix}_REG_{register.name}_ENTRIES {register.count}u")
    lines += ["", *(f"#define {prefix}_{key} 0x{value:x}u" for key, value in BITS.items()), "", "#endif", ""]
    return "\n".join(lines)


def memory_map(spec: FabricSpec, name: str, registers: RegisterMap) -> str:
    """The registers as a table in Markdown."""
    lines = [
        f"# Registers of {name}",
        "",
        f"A fabric on `{spec.topology.name}`: {spec.n_sites} sites, {spec.topology.n_edges} edges, "
        f"{spec.topology.n_colours} colours. Addresses count 32-bit words. RC: read, and cleared by "
        "writing ones. *Locked* registers ignore writes during a run, and flag them in `ERRORS`.",
        "",
        "| address | register | entries | access | holds |",
        "|---|---|---|---|---|",
    ]
    for register in registers.registers:
        access = register.access + (", locked" if register.locked else "")
        lines.append(f"| `0x{register.base:04x}` | `{register.name}` | {register.count} | {access} | {register.text} |")
    return "\n".join([*lines, ""])
