"""What a random number generator is: one object for the integer model, the simulators and the gateware.

A generator's state is a tuple of 32-bit words. ``step`` uses only ``& | ^ << >> +`` and the helpers of
:mod:`thermofab.hw.rng.base`, so the same lines run on Python integers, numpy ``uint32`` arrays and JAX ``uint32``
arrays.
"""

from typing import Any, Protocol


class Generator(Protocol):
    """A generator, one instance per kind (stateless; the state is passed in).

    Attributes:
        name: as in ``FabricSpec.rng``.
        state_words: 32-bit words of state.
        window: its state is the last bits drawn, the oldest lowest, so that a step shifts the word drawn in at the
            top. Hardware then loads a state by shifting words in, through the same path.
        widest: the most fresh bits that a step yields, 16 or 32.
    """

    name: str
    state_words: int
    window: bool
    widest: int

    def step(self, state: tuple[Any, ...], word_bits: int) -> tuple[tuple[Any, ...], Any]:
        """``(next state, word)`` with a fresh word of ``word_bits`` (16 or 32, ``widest`` at most) bits."""
        ...

    def create(self, word_bits: int) -> Any:
        """Amaranth component: combinational ``state`` in; ``next`` and ``word`` out."""
        ...
