"""SVD, IP-XACT and the FuseSoC core say what the register map and the wrapper say, and their readers take them."""

import importlib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from thermofab.apps.verilog.chip import constraints, librelane
from thermofab.apps.verilog.descriptions import IPXACT
from thermofab.apps.verilog.kit import write_kit
from thermofab.hw.host.architectures import register_map
from thermofab.hw.spec import SpecError, fabric

SPECS = {
    "wishbone": fabric("g4-3x3", moment_bits=4),
    "axi4lite": fabric("g4-3x3", architecture="systolic", elements=2, levels=2),
}


@pytest.fixture(scope="module", params=SPECS)
def kit(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("described")
    write_kit(SPECS[request.param], "tsu", folder, request.param)
    return request.param, folder


def test_the_svd_is_the_register_map(kit):
    bus, folder = kit
    registers = register_map(SPECS[bus]).registers
    found = list(ET.parse(folder / "registers.svd").getroot().iter("register"))
    access = {"R": "read-only", "W": "write-only", "RW": "read-write", "RC": "read-write"}
    for register, element in zip(registers, found, strict=True):

        def said(tag: str, where=element) -> str:
            return where.findtext(tag, "")

        assert said("name").removesuffix("[%s]") == register.name and said("access") == access[register.access]
        assert int(said("addressOffset"), 16) == 4 * register.base and int(said("dim") or 1) == register.count
        if "W" in register.access:
            limits = int(said("writeConstraint/range/minimum")), int(said("writeConstraint/range/maximum"))
            assert limits == (register.low, register.high)
        assert (said("modifiedWriteValues") == "oneToClear") == (register.access == "RC")
        bits = [(int(said("bitOffset", f)), int(said("bitWidth", f))) for f in element.iter("field")]
        assert max(low + width for low, width in bits) <= 32
    names = {register.findtext("name"): [f.findtext("name") for f in register.iter("field")] for register in found}
    assert names["STATUS"] == ["BUSY", "DONE", "ABORTED"] and names["CONTROL"][:2] == ["START", "ABORT"]


def test_the_svd_obeys_its_schema(kit):
    needed = "the schema comes with pip install cmsis-svd"
    cmsis_svd, etree = (pytest.importorskip(name, reason=needed) for name in ("cmsis_svd", "lxml.etree"))
    model = importlib.import_module("cmsis_svd.model")
    schemas = Path(cmsis_svd.__file__).parent / "schemas"
    schema = etree.XMLSchema(etree.parse(str(schemas / "CMSIS-SVD_1_3_9.xsd")))
    schema.assertValid(etree.parse(str(kit[1] / "registers.svd")))
    device = cmsis_svd.SVDParser.for_xml_file(str(kit[1] / "registers.svd")).get_device()
    registers = register_map(SPECS[kit[0]])
    single = [one for one in device.peripherals[0].registers if isinstance(one, model.SVDRegister)]
    by_name = {register.name: register for register in single}
    assert by_name["ID"].address_offset == 0 and by_name["ID"].reset_value == 0x54464142
    assert by_name["STATUS"].address_offset == 4 * registers["STATUS"].at()


def test_the_ipxact_is_the_register_map_and_the_wrapper(kit):
    bus, folder = kit
    name = {"x": IPXACT}
    root = ET.parse(folder / "component.xml").getroot()
    registers = register_map(SPECS[bus]).registers
    for register, element in zip(registers, root.iterfind(".//x:register", name), strict=True):
        assert element.findtext("x:name", "", name) == register.name
        assert int(element.findtext("x:addressOffset", "", name)[2:], 16) == 4 * register.base
        assert int(element.findtext("x:dim", "1", name)) == register.count
    ports = [port.findtext("x:name", "", name) for port in root.iterfind(".//x:ports/x:port", name)]
    text = (folder / f"tsu_{bus}.v").read_text().partition(");")[0]
    assert len(ports) == text.count("input ") + text.count("output ") and {"clk", "rst", "busy"} <= set(ports)
    physical = [port.text for port in root.iterfind(".//x:physicalPort/x:name", name)]
    assert set(physical) <= set(ports) and len(physical) == len(set(physical)) == {"wishbone": 14, "axi4lite": 24}[bus]
    files = [file.text for file in root.iterfind(".//x:file/x:name", name)]
    assert files and all((folder / file).exists() for file in files)


def test_fusesoc_reads_the_core(kit):
    pytest.importorskip("fusesoc", reason="needs pip install fusesoc")
    parser = importlib.import_module("fusesoc.capi2.coreparser").Core2Parser()
    core = importlib.import_module("fusesoc.core").Core(parser, str(kit[1] / "tsu.core"))
    assert str(core.name).startswith("thermofab:fabrics:tsu:")
    flags = {"target": "lint", "is_toplevel": True, "tool": "verilator"}
    assert [file["name"] for file in core.get_files(flags)][:2] == ["tsu.v", f"tsu_{kit[0]}.v"]
    assert core.get_toplevel(flags) == f"tsu_{kit[0]}"
    assert all((kit[1] / file["name"]).exists() for file in core.get_files(flags))


def test_constraints_follow_the_frequency():
    text = constraints("tsu", 80)
    assert "create_clock -name clk -period 12.500 [get_ports clk]" in text
    assert "set_input_delay 3.125 -clock clk" in text and "set_output_delay 3.125" in text
    for wrong in (0, -1, float("inf"), float("nan")):
        with pytest.raises(SpecError, match="^the frequency is a number of MHz above 0, got"):
            constraints("tsu", wrong)


def test_librelane_is_told_the_files_and_the_period():
    text = librelane("tsu", 80)
    assert "DESIGN_NAME: tsu\n" in text and "CLOCK_PERIOD: 12.500 " in text
    assert text.count("dir::tsu.sdc") == 2 and "VERILOG_FILES: [dir::tsu.v]\n" in text
