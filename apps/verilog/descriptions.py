"""The register map as other people's tools read it: CMSIS-SVD, IP-XACT (IEEE 1685-2014), and a FuseSoC core file."""

import re
import xml.etree.ElementTree as ET
from importlib import metadata

from thermofab.apps.verilog.headers import BITS
from thermofab.hw.host.registers import Register, RegisterMap
from thermofab.hw.spec import FabricSpec

WORD_BYTES = 4
SVD_ACCESS = {"R": "read-only", "W": "write-only", "RW": "read-write", "RC": "read-write"}
IPXACT = "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"
# (vendor, library, name of the bus, name of its abstraction, version), and the bus's signals by the wrapper's ports.
AXI4LITE = ("amba.com", "AMBA4", "AXI4-Lite", "AXI4-Lite_rtl", "r0p0")
AXI4STREAM = ("amba.com", "AMBA4", "AXI4Stream", "AXI4Stream_rtl", "r0p0_1")
WISHBONE = ("opencores.org", "interface", "wishbone", "wishbone_rtl", "b4")
_PREFIXES = {"axi4lite": ("s_axil_", AXI4LITE), "wishbone": ("wb_", WISHBONE)}


def fields_of(register: Register) -> list[tuple[str, int, int]]:
    """``(name, lowest bit, bits)`` of a register's parts: its named bits, or the whole of what it holds."""
    prefix = {"CONTROL": "CONTROL_", "STATUS": "STATUS_", "ERRORS": "ERROR_"}.get(register.name)
    if prefix is None:
        return [("VALUE", 0, register.width)]
    named = {name.removeprefix(prefix): bit for name, bit in BITS.items() if name.startswith(prefix)}
    return [(name, bit.bit_length() - 1, 1) for name, bit in named.items()]


def _child(parent: ET.Element, tag: str, text: object = None, **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, tag, attributes)
    made.text = None if text is None else str(text)
    return made


def _reset(register: Register) -> int:
    return register.constant[0] if register.constant is not None and register.count == 1 else register.init


def _size(registers: RegisterMap) -> int:
    return WORD_BYTES << registers.address_bits


def _text(root: ET.Element) -> str:
    ET.indent(root, "  ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def svd(spec: FabricSpec, name: str, registers: RegisterMap) -> str:
    """CMSIS-SVD 1.3.9 of a device with the fabric at address 0; offsets count bytes."""
    device = ET.Element("device", {"schemaVersion": "1.3"})
    for tag, text in (
        ("vendor", "thermofab"),
        ("name", name),
        ("version", metadata.version("thermofab")),
        ("description", f"A fabric of {spec.n_sites} p-bits on {spec.topology.name}, digest {spec.digest}."),
        ("addressUnitBits", 8),
        ("width", 32),
        ("size", 32),
    ):
        _child(device, tag, text)
    peripheral = _child(_child(device, "peripherals"), "peripheral")
    _child(peripheral, "name", name.upper())
    _child(peripheral, "description", "The fabric.")
    _child(peripheral, "baseAddress", "0x0")
    block = _child(peripheral, "addressBlock")
    for tag, text in (("offset", "0x0"), ("size", hex(_size(registers))), ("usage", "registers")):
        _child(block, tag, text)
    listed = _child(peripheral, "registers")
    for register in registers.registers:
        made = _child(listed, "register")
        if register.count > 1:
            _child(made, "dim", register.count)
            _child(made, "dimIncrement", WORD_BYTES)
        _child(made, "name", register.name + ("[%s]" if register.count > 1 else ""))
        _child(made, "description", _plain(register))
        _child(made, "addressOffset", hex(WORD_BYTES * register.base))
        _child(made, "size", 32)
        _child(made, "access", SVD_ACCESS[register.access])
        _child(made, "resetValue", hex(_reset(register)))
        if register.access == "RC":
            _child(made, "modifiedWriteValues", "oneToClear")
        if "W" in register.access:
            limits = _child(_child(made, "writeConstraint"), "range")
            _child(limits, "minimum", register.low)
            _child(limits, "maximum", register.high)
        fields = _child(made, "fields")
        for field, low, bits in fields_of(register):
            part = _child(fields, "field")
            for tag, text in (("name", field), ("bitOffset", low), ("bitWidth", bits)):
                _child(part, tag, text)
    return _text(device)


def _plain(register: Register) -> str:
    """The sentence of the manual without its marks."""
    return register.text.replace("`", "") + (" Locked during a run." if register.locked else "")


def ports_in(text: str, module: str) -> list[tuple[str, str, int]]:
    """``(name, "in" or "out", bits)`` of the ports of a wrapper's module."""
    listed = text.partition(f"\nmodule {module} (")[2].partition("\n);")[0]
    found = re.findall(r"^ +(input|output) +(?:wire|reg) +(?:\[(\d+):0\])? *(\w+),?$", listed, re.M)
    return [(port, way.removesuffix("put"), int(high or 0) + 1) for way, high, port in found]


def ipxact(spec: FabricSpec, name: str, registers: RegisterMap, bus: str, wrapped: str) -> str:
    """IP-XACT of the wrapper ``{name}_{bus}``, whose Verilog is ``wrapped``: buses, ports, registers, files."""
    ET.register_namespace("ipxact", IPXACT)

    def tag(short: str) -> str:
        return f"{{{IPXACT}}}{short}"

    def child(parent: ET.Element, short: str, text: object = None, **attributes: str) -> ET.Element:
        return _child(parent, tag(short), text, **attributes)

    ports = ports_in(wrapped, f"{name}_{bus}")
    root = ET.Element(tag("component"))
    for short, text in (
        ("vendor", "thermofab"),
        ("library", "fabrics"),
        ("name", f"{name}_{bus}"),
        ("version", metadata.version("thermofab")),
    ):
        child(root, short, text)

    interfaces = child(root, "busInterfaces")
    for interface, (prefix, (vendor, library, bus_name, abstraction, version)) in (
        ("registers", _PREFIXES[bus]),
        ("samples", ("samples_", AXI4STREAM)),
    ):
        made = child(interfaces, "busInterface")
        child(made, "name", interface)
        child(made, "busType", vendor=vendor, library=library, name=bus_name, version=version)
        abstract = child(child(made, "abstractionTypes"), "abstractionType")
        child(abstract, "abstractionRef", vendor=vendor, library=library, name=abstraction, version=version)
        maps = child(abstract, "portMaps")
        for port, _, _ in ports:
            if port.startswith(prefix):
                pair = child(maps, "portMap")
                child(child(pair, "logicalPort"), "name", port.removeprefix(prefix).upper())
                child(child(pair, "physicalPort"), "name", port)
        if interface == "registers":
            child(child(made, "slave"), "memoryMapRef", memoryMapRef="registers")
        else:
            child(made, "master")

    memory = child(child(root, "memoryMaps"), "memoryMap")
    child(memory, "name", "registers")
    block = child(memory, "addressBlock")
    for short, text in (("name", "fabric"), ("baseAddress", "0"), ("range", _size(registers)), ("width", 32)):
        child(block, short, text)
    for register in registers.registers:
        made = child(block, "register")
        child(made, "name", register.name)
        child(made, "description", _plain(register))
        if register.count > 1:
            child(made, "dim", register.count)
        child(made, "addressOffset", f"'h{WORD_BYTES * register.base:x}")
        child(made, "size", 32)
        child(made, "access", SVD_ACCESS[register.access])
        for field, low, bits in fields_of(register):
            part = child(made, "field")
            child(part, "name", field)
            child(part, "bitOffset", low)
            if field == "VALUE" and not (register.constant is not None and register.count > 1):
                child(child(child(part, "resets"), "reset"), "value", f"'h{_reset(register):x}")
            child(part, "bitWidth", bits)
            if register.access == "RC":
                child(part, "modifiedWriteValue", "oneToClear")
            if field == "VALUE" and "W" in register.access:
                limits = child(part, "writeValueConstraint")
                child(limits, "minimum", register.low)
                child(limits, "maximum", register.high)
    child(memory, "addressUnitBits", 8)

    model = child(root, "model")
    view = child(child(model, "views"), "view")
    child(view, "name", "rtl")
    child(view, "componentInstantiationRef", "verilog")
    instantiation = child(child(model, "instantiations"), "componentInstantiation")
    child(instantiation, "name", "verilog")
    child(instantiation, "language", "verilog")
    child(instantiation, "moduleName", f"{name}_{bus}")
    child(child(instantiation, "fileSetRef"), "localName", "rtl")
    listed = child(model, "ports")
    for port, way, bits in ports:
        made = child(listed, "port")
        child(made, "name", port)
        wire = child(made, "wire")
        child(wire, "direction", way)
        if bits > 1:
            vector = child(child(wire, "vectors"), "vector")
            child(vector, "left", bits - 1)
            child(vector, "right", 0)

    files = child(child(root, "fileSets"), "fileSet")
    child(files, "name", "rtl")
    for file in (f"{name}.v", f"{name}_{bus}.v"):
        made = child(files, "file")
        child(made, "name", file)
        child(made, "fileType", "verilogSource")
    child(root, "description", f"A fabric of {spec.n_sites} p-bits on {spec.topology.name}, digest {spec.digest}.")
    return _text(root)


def fusesoc_core(spec: FabricSpec, name: str, bus: str) -> str:
    """A core file of FuseSoC, CAPI2, whose target ``lint`` runs Verilator."""
    return f"""\
CAPI=2:

name: thermofab:fabrics:{name}:{metadata.version("thermofab")}
description: "A fabric of {spec.n_sites} p-bits on {spec.topology.name}, {bus}"

filesets:
  rtl:
    files:
      - {name}.v
      - {name}_{bus}.v
    file_type: verilogSource
  headers:
    files:
      - {name}_params.vh: {{is_include_file: true}}
    file_type: verilogSource

targets:
  default: &default
    filesets: [rtl, headers]
    toplevel: {name}_{bus}
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wno-fatal]
"""
