"""A random number generator as gateware: one combinational step, the twin of its integer ``step``."""

from collections.abc import Callable
from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.spec.generators import Generator


class GeneratorComponent(wiring.Component):
    """``next``, ``word`` = step(``state``), all combinational; word k of the state is bits 32k…32k+31.

    Args:
        generator: the generator's object; its ``state_words`` fixes the width of the state.
        word_bits: width of the drawn word, 16 or 32.
        logic: ``logic(m, ports)`` drives ``ports.next`` and ``ports.word`` from ``ports.state``.

    Ports:
        state: before the step; next: after it; word: what it draws.
    """

    def __init__(self, generator: Generator, word_bits: int, logic: Callable[[Module, Any], None]) -> None:
        bits = 32 * generator.state_words
        super().__init__({"state": In(bits), "next": Out(bits), "word": Out(word_bits)})
        self._logic = logic

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._logic(m, self)
        return m
