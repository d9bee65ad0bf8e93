"""What proofs are made of: inputs that may be anything, outputs by name, and what stands for a generator."""

from typing import Any

from amaranth import Cat, Module, Value
from amaranth.asserts import AnySeq
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.hierarchy import InPlace


def drive(m: Module, component: Any, **given: Any) -> None:
    """Every input is whatever the solver likes, but for those given."""
    for path, member, value in component.signature.flatten(component):
        if member.flow.name == "In":
            name = "__".join(map(str, path))
            m.d.comb += value.eq(given[name] if name in given else AnySeq(len(value)))


def outputs(component: Any) -> dict[str, Value]:
    """A component's outputs, by name."""
    return {"__".join(map(str, path)): value for path, member, value in component.signature.flatten(component)
            if member.flow.name == "Out"}  # fmt: skip


def opened(component: Any) -> Module:
    """A component's module, elaborated at once, so that what is in it can be looked at."""
    component._MustUse__used = True  # as Amaranth notes where it elaborates by itself
    return component.elaborate(None)


class AnyWord(wiring.Component):
    """Stands for a window generator: any word, which is the end of the next state."""

    def __init__(self, bits: int, word_bits: int) -> None:
        self._bits, self._word_bits = bits, word_bits
        super().__init__({"state": In(bits), "next": Out(bits), "word": Out(word_bits)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        m.d.comb += [
            ports.word.eq(AnySeq(self._word_bits)),
            ports.next.eq(Cat(AnySeq(self._bits - self._word_bits), ports.word)),
        ]
        return m


class AnyWords(InPlace):
    """The generator is an :class:`AnyWord`, all else what it is."""

    def __init__(self, bits: int, word_bits: int) -> None:
        self.generator = AnyWord(bits, word_bits)

    def add(self, m: Module, name: str, module: str, build: Any, *, clocked: bool = True) -> Any:
        if name != "generator":
            return super().add(m, name, module, build, clocked=clocked)
        m.submodules[name] = self.generator
        return self.generator
