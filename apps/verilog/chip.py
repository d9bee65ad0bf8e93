"""What an ASIC flow asks for beside the Verilog: timing constraints in SDC, and a configuration of LibreLane."""

from thermofab.hw.spec import SpecError

SDC = """# {name}: one clock, and delays of a {share:g}th of its period outside every other port.
# Nothing is false or takes several clocks. Inputs come from the same clock: synchronise those that do not, reset
# included, before they reach the fabric.
create_clock -name clk -period {period:.3f} [get_ports clk]
set_clock_uncertainty {uncertainty:.3f} [get_clocks clk]
set data_inputs [remove_from_collection [all_inputs] [get_ports clk]]
set_input_delay {delay:.3f} -clock clk $data_inputs
set_output_delay {delay:.3f} -clock clk [all_outputs]
"""
SHARE = 4  # the port's delay is this part of the period
UNCERTAINTY = 0.02  # of the period


def constraints(name: str, mhz: float) -> str:
    """An SDC file for the module ``name`` at ``mhz``; times are in nanoseconds.

    Raises:
        SpecError: the frequency is none.
    """
    if not 0 < mhz < float("inf"):
        raise SpecError(f"the frequency is a number of MHz above 0, got {mhz!r}.")
    period = 1000 / mhz
    return SDC.format(name=name, share=SHARE, period=period, delay=period / SHARE, uncertainty=UNCERTAINTY * period)


LIBRELANE = """# LibreLane's classic flow: librelane librelane.yaml, with a PDK. docs/asic.md says what of this was run.
DESIGN_NAME: {name}
VERILOG_FILES: [dir::{name}.v]
CLOCK_PORT: clk
CLOCK_PERIOD: {period:.3f}  # ns
PNR_SDC_FILE: dir::{name}.sdc
SIGNOFF_SDC_FILE: dir::{name}.sdc
SYNTH_CLOCKGATE_MIN_WIDTH: 4
FP_CORE_UTIL: 45  # percent
# For SRAM macros, leave the modules of memories.json that they replace out of {name}.v, and name the macros here.
# MACROS: {{}}
"""


def librelane(name: str, mhz: float) -> str:
    """A configuration file for the module ``name`` at ``mhz``, without macros."""
    return LIBRELANE.format(name=name, period=1000 / mhz)
