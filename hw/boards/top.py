"""The top module of a board: oscillator → PLL → reset → a fabric behind its serial line, and the diodes.

The reset of the fabric is a register. It is set from power-on until the PLL has been locked for :data:`RESET_CLOCKS`
clocks in a row, and again as soon as the lock is lost; so it is released by the clock that it releases. The serial
input passes the link's own two registers before anything looks at it; the output leaves from a register.
"""

from typing import Any

from amaranth import ClockDomain, Const, Instance, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from thermofab.hw.boards.board import Board
from thermofab.hw.boards.pll import Ecp5Pll, GowinPll, Ice40Pll, Pll
from thermofab.hw.rtl.common.hierarchy import Hierarchy
from thermofab.hw.rtl.link.top import LinkTop
from thermofab.hw.spec import FabricSpec

RESET_CLOCKS = 1024
# A diode that shows an edge on the serial line stays on for 2^this clocks.
FLASH_BITS = 20


class BoardTop(wiring.Component):
    """A fabric on a board.

    Args:
        board: the board.
        spec: the fabric, of any architecture.
        pll: settings of the PLL; None to run from the oscillator.
        divisor: clocks per bit of the serial line.
        hierarchy: how submodules are added.

    Ports:
        clock, rx, tx, led_…: as in :attr:`Board.pins`, and the board's constant outputs.
    """

    clock: Signal
    rx: Signal
    tx: Signal

    def __init__(self, board: Board, spec: FabricSpec, pll: Pll | None, divisor: int, hierarchy: Hierarchy) -> None:
        self._board, self._spec, self._pll = board, spec, pll
        self._divisor, self._hierarchy = divisor, hierarchy
        inputs = ("clock", "rx")
        super().__init__({name: In(1) if name in inputs else Out(1) for name, _ in board.pins})

    def elaborate(self, platform: Any) -> Module:
        board, m = self._board, Module()
        sync, always = ClockDomain("sync"), ClockDomain("always", reset_less=True)
        m.domains += [sync, always]
        locked, reset = Signal(), Signal(init=1)
        add_clock(m, self.clock, sync.clk, locked, self._pll)
        always.clk = sync.clk  # one net, so that tools call the clock by one name
        lost = add_reset(m, locked, reset)
        m.d.comb += ResetSignal().eq(reset)

        clock_hz = round(1e6 * (self._pll.output_mhz if self._pll else board.oscillator_mhz))
        link = self._hierarchy.add(
            m, "link", "link_top", lambda: LinkTop(self._spec, self._divisor, self._hierarchy, clock_hz=clock_hz)
        )
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        shown = {
            "locked": lambda: ~reset,
            "busy": lambda: link.busy,
            "error": lambda: lost,
            "receiving": lambda: self._activity(m, self.rx, "receiving"),
            "sending": lambda: self._activity(m, link.tx, "sending"),
        }
        for role, pin in board.leds:
            # Registered, so that no glitch of the logic before it reaches the pin.
            lit = Signal(name=f"lit_{role}", init=int(pin.active_low))
            m.d.always += lit.eq(~shown[role]() if pin.active_low else shown[role]())
            m.d.comb += getattr(self, f"led_{role}").eq(lit)
        for name, _, level in board.ties:
            m.d.comb += getattr(self, name).eq(level)
        return m

    def _activity(self, m: Module, line: Any, name: str) -> Signal:
        """High from a low level of a serial line on, long enough to see."""
        seen: Any = Signal(init=1, name=f"{name}_line")
        left: Any = Signal(FLASH_BITS, name=f"{name}_left")
        m.submodules[f"{name}_synchroniser"] = FFSynchronizer(line, seen, init=1, o_domain="always")
        m.d.always += left.eq(Mux(seen, Mux(left == 0, 0, left - 1), 2**FLASH_BITS - 1))
        lit = Signal(name=f"{name}_seen")
        m.d.comb += lit.eq(left != 0)
        return lit


def add_clock(m: Module, source: Any, clock: Any, locked: Any, pll: Pll | None) -> None:
    """Drive ``clock`` from the oscillator on ``source`` through a PLL, or directly."""
    if pll is None:
        m.d.comb += [clock.eq(source), locked.eq(1)]
    elif isinstance(pll, Ecp5Pll):
        m.submodules.pll = _ehxplll(pll, source, clock, locked)
    elif isinstance(pll, GowinPll):
        m.submodules.pll = _rpll(pll, source, clock, locked)
    else:
        m.submodules.pll = _sb_pll40_pad(pll, source, clock, locked)


def add_reset(m: Module, locked: Any, reset: Any) -> Signal:
    """Drive ``reset`` from an asynchronous ``locked``, in the domain ``always``; the result says if a lock was lost."""
    steady, lost, held = Signal(), Signal(), Signal(init=1)
    count: Any = Signal(range(RESET_CLOCKS))
    m.submodules.lock_synchroniser = FFSynchronizer(locked, steady, o_domain="always")
    ended = count == RESET_CLOCKS - 1
    m.d.always += [
        count.eq(Mux(steady, Mux(ended, count, count + 1), 0)),
        held.eq(~(steady & ended)),
        lost.eq(lost | ~(held | steady)),
    ]
    m.d.comb += reset.eq(held)
    return lost


def _ehxplll(pll: Ecp5Pll, source: Any, clock: Any, locked: Any) -> Instance:
    quiet = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PHASEDIR", "PHASESTEP", "PHASELOADREG", "PLLWAKESYNC")
    inputs: dict[str, Any] = {f"i_{name}": Const(0) for name in quiet}
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=f"{pll.input_mhz:g}",
        a_FREQUENCY_PIN_CLKOP=f"{pll.output_mhz:g}",
        # The loop filter that the vendor's tool chooses.
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        p_FEEDBK_PATH="CLKOP",
        p_CLKI_DIV=pll.clki_div,
        p_CLKFB_DIV=pll.clkfb_div,
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.clkop_div,
        p_CLKOP_CPHASE=pll.clkop_div - 1,
        p_CLKOP_FPHASE=0,
        i_CLKI=source,
        i_CLKFB=clock,
        o_CLKOP=clock,
        o_LOCK=locked,
        i_ENCLKOP=Const(0),
        **inputs,
    )


def _sb_pll40_pad(pll: Ice40Pll, source: Any, clock: Any, locked: Any) -> Instance:
    return Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(pll.divr, 4),
        p_DIVF=Const(pll.divf, 7),
        p_DIVQ=Const(pll.divq, 3),
        p_FILTER_RANGE=Const(pll.filter_range, 3),
        i_PACKAGEPIN=source,
        o_PLLOUTGLOBAL=clock,
        o_LOCK=locked,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
    )


def _rpll(pll: GowinPll, source: Any, clock: Any, locked: Any) -> Instance:
    quiet = (("RESET", 1), ("RESET_P", 1), ("CLKFB", 1), ("FBDSEL", 6), ("IDSEL", 6), ("ODSEL", 6), ("PSDA", 4),
             ("DUTYDA", 4), ("FDLY", 4))  # fmt: skip
    inputs: dict[str, Any] = {f"i_{name}": Const(0, width) for name, width in quiet}
    return Instance(
        "rPLL",
        p_FCLKIN=f"{pll.input_mhz:g}",
        p_DEVICE="GW2AR-18C",
        p_IDIV_SEL=pll.idiv - 1,
        p_FBDIV_SEL=pll.fbdiv - 1,
        p_ODIV_SEL=pll.odiv,
        p_CLKFB_SEL="internal",
        i_CLKIN=source,
        o_CLKOUT=clock,
        o_LOCK=locked,
        **inputs,
    )
