"""Boltzmann machines in PyTorch, sampled by a fabric; users import them from ``thermofab.torch``."""

from importlib.util import find_spec

from thermofab.hw.spec import ToolMissingError

if find_spec("torch") is None:
    raise ToolMissingError("thermofab.torch needs PyTorch; install it with: pip install 'thermofab[torch]'")
