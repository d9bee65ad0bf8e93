"""Replica exchange on any device: ladders of β levels, exchanges, isoenergetic cluster moves, and what a run was worth.

:func:`temper` runs a ladder; :class:`Ladder` names its rungs; :func:`adapted_ladder` places them by measured rates;
:meth:`Tempered.mixing` says whether walkers went up and down it.
"""

from thermofab.sim.tempering.adaptive import Adapted, adapted_ladder
from thermofab.sim.tempering.ladder import Ladder
from thermofab.sim.tempering.result import Tempered
from thermofab.sim.tempering.run import temper

__all__ = ["Adapted", "Ladder", "Tempered", "adapted_ladder", "temper"]
