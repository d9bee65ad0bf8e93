"""What the decoders of all hosts have in common: the bus registered, registers told apart, and what follows from that.

A host adds what is its own: which strobes a write gives, where arrays live, and how what is read comes together.
"""

from collections.abc import Callable, Mapping

from amaranth import Cat, Const, Module, Mux, Signal, Value

from thermofab.hw.host.registers import Register, RegisterMap
from thermofab.hw.rtl.common.bus import BusHost, kept_signals
from thermofab.hw.rtl.common.interfaces import RunPorts


class Decoder:
    """An access to a host's registers, a clock after it was on the bus.

    Args:
        ahead: registers are told apart and words compared on the way in, so that what is found stands in registers.
        by_bits: words are compared with few carry chains (:func:`out_of_range`).

    Attributes:
        address, data, writing, reading: of the access.
        hits: by register: the address is one of its.
        readable, writable, locked: the register addressed can be read; can be written; is locked in a run.
        outside: by register that does not take every word: the data are not one that it takes.
        bad_value: they are not one that the register addressed takes.
    """

    def __init__(
        self, m: Module, map_: RegisterMap, host: BusHost, *, ahead: bool = False, by_bits: bool = False
    ) -> None:
        self._m, self._map, self._host = m, map_, host
        self._run, bus = host.run, host.bus
        self.address, self.data = Signal(len(bus.address), name="address"), Signal(32, name="data")
        self.writing, self.reading, self.bad_value = (Signal(name=name) for name in ("writing", "reading", "bad_value"))
        m.d.sync += [
            self.address.eq(bus.address),
            self.data.eq(bus.write_data),
            self.writing.eq(bus.write),
            self.reading.eq(bus.read),
        ]
        address, data, domain = (bus.address, bus.write_data, "sync") if ahead else (self.address, self.data, "comb")
        self.hits = {name: Signal(name=f"at_{name.lower()}") for name in map_.names}
        found = {register.name: is_at(register, address) for register in map_.registers}
        m.d[domain] += [self.hits[name].eq(inside) for name, inside in found.items()]
        groups = of_access(map_, found if ahead else self.hits)
        outside = {
            register.name: wrong
            for register in map_.registers
            if "W" in register.access and (wrong := out_of_range(register, data, by_bits)) is not None
        }
        if ahead:
            groups = [self._held(name, group) for name, group in zip(("readable", "writable", "locked"), groups)]
            outside = {name: self._held(f"outside_{name.lower()}", wrong) for name, wrong in outside.items()}
        self.readable, self.writable, self.locked = groups
        self.outside: Mapping[str, Value] = outside
        if ahead:
            m.d.comb += self.bad_value.eq(Cat(wrong & self.hits[name] for name, wrong in outside.items()).any())
        for name, wrong in outside.items() if not ahead else ():
            with m.If(self.hits[name]):
                m.d.comb += self.bad_value.eq(wrong)

    def _held(self, name: str, value: Value) -> Value:
        held = Signal(name=name)
        self._m.d.sync += held.eq(value)
        return held

    def accepted(self) -> Signal:
        """A write has an effect, if the register addressed can be written."""
        write = Signal()
        self._m.d.comb += write.eq(self.writing & ~(self.locked & self._run.busy) & ~self.bad_value)
        return write

    def keep(self, accepted: Callable[[str], Value]) -> None:
        """The host's registers take what is written to them; ``accepted(name)`` is when."""
        for name, held in kept_signals(self._host, self._map).items():
            with self._m.If(accepted(name)):
                self._m.d.sync += held.eq(self.data[: len(held)])

    def control(self, clear_moments: Value) -> Value:
        """Bits 0 to 2 of CONTROL: start, abort, and clear the counters; a start is asked for."""
        at_control, run = self.hits["CONTROL"], self._run
        start_asked = at_control & self.data[0]
        self._m.d.comb += [
            run.start.eq(self.writing & start_asked & ~run.busy & ~self.data[1]),
            run.abort.eq(self.writing & at_control & self.data[1]),
            clear_moments.eq(self.writing & at_control & self.data[2]),
        ]
        return start_asked

    def errors(self, asked: Value, full: Value) -> Signal:
        """The register ERRORS. ``asked``: a write asks for what cannot be in a run; ``full``: a counter was full."""
        errors = Signal(4)
        raised = Cat(
            self.writing & self._run.busy & (self.locked | (asked & ~self.data[1])),
            (self.writing & ~self.writable) | (self.reading & ~self.readable),
            self.writing & self.bad_value,
            full,
        )
        cleared = Mux(self.writing & self.hits["ERRORS"], self.data[:4], 0)
        self._m.d.sync += errors.eq((errors & ~cleared) | raised)
        return errors

    def shown(self, errors: Value, **own: Value) -> dict[str, Value]:
        """The registers that a host shows itself, with its ``own``, but for those fixed when the fabric is built."""
        return {**run_values(self._run), "ERRORS": errors, **own, **kept_signals(self._host, self._map)}

    def words(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """By register, of what it holds, the word addressed."""
        indices = {name: self.address[: self._map[name].index_bits] for name in values}
        return {
            name: Value.cast(value.word_select(indices[name], 32) if self._map[name].count > 1 else value)
            for name, value in values.items()
        }

    def choose(self, into: Value, words: Mapping[str, Value]) -> None:
        """``into`` becomes the word of the register addressed, 0 where it is none of these."""
        self._m.d.sync += into.eq(0)
        for name, word in words.items():
            with self._m.If(self.hits[name]):
                self._m.d.sync += into.eq(word)

    def gathered(self, words: Mapping[str, Value], others: Value | None = None) -> Value:
        """The word of the register addressed, else 0: the OR of all, each gated, as none has precedence."""
        found: Value = Const(0, 32) if others is None else others
        for name, word in words.items():
            found = found | (word & self.hits[name].replicate(len(word)))
        return found


def is_at(register: Register, address: Value) -> Value:
    """The address is one of this register's."""
    bits = register.index_bits
    inside = address[bits:] == register.base >> bits
    return Value.cast(inside if register.count == 1 << bits else inside & (address[:bits] < register.count))


def out_of_range(register: Register, data: Value, by_bits: bool = False) -> Value | None:
    """A word of 32 bits is not one that the register takes; ``None`` where it takes every word.

    Args:
        by_bits: bits above the register's are looked at by themselves, and no carry chain made where bits say it all.
    """
    low, high, width = register.low, register.high, register.width
    limits: list[Value] = []
    if by_bits:
        limits += [data[width:].any()] if width < 32 else []
        mine = data[:width]
        limits += [mine > high] if high + 1 != 1 << width else []
        limits += [~mine.any() if low == 1 else mine < low] if low else []
    else:
        limits += [data < low] if low else []
        limits += [data > high] if high < 2**32 - 1 else []
    return Cat(limits).any() if limits else None


def of_access(map_: RegisterMap, hits: Mapping[str, Value]) -> list[Value]:
    """The register addressed can be read; can be written; is locked in a run."""
    chosen = (
        [register.name for register in map_.registers if register.access != "W"],
        [register.name for register in map_.registers if register.access != "R"],
        [register.name for register in map_.registers if register.locked],
    )
    return [Cat(hits[name] for name in names).any() for names in chosen]


def run_values(run: RunPorts) -> dict[str, Value]:
    """The registers that show a run."""
    return {
        "STATUS": Value.cast(Cat(run.busy, run.done, run.aborted)),
        "CYCLES": run.cycles,
        "STALLS": run.stalls,
        "SWEEPS": run.sweeps,
    }


def constants(map_: RegisterMap) -> dict[str, Value]:
    """The registers fixed when the fabric is built."""
    words = {register: register.constant for register in map_.registers if register.constant is not None}
    return {
        register.name: Const(sum(word << (32 * k) for k, word in enumerate(values)), 32 * register.count)
        for register, values in words.items()
    }
