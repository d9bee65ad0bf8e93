"""All methods of discrete states by name; their libraries are imported when they are prepared."""

from importlib import import_module

from thermofab.apps.profile.method import Method, Runner, Setting
from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec import SpecError, ToolMissingError

OURS = ("reference", "jax", "jax-xla", "native", "rtl")
SLOW = ("reference", "rtl")


def _lazy(module: str, extra: str, name: str = "prepare"):
    def prepare(problem: Problem, setting: Setting) -> Runner:
        try:
            made = getattr(import_module(f"thermofab.apps.profile.{module}"), name)
        except ImportError as missing:
            raise ToolMissingError(f"this peer needs {missing.name}: pip install {extra}") from missing
        return made(problem, setting)

    return prepare


def _own(device: str):
    def prepare(problem: Problem, setting: Setting) -> Runner:
        from thermofab.apps.profile.own import preparer

        return preparer(device)(problem, setting)

    return prepare


_SAID = {
    "reference": "plain Python integers, the definition",
    "jax": "the device that picks the fastest kernel here",
    "jax-xla": "the fabric's integers on XLA",
    "native": "the fabric's integers in C++",
    "rtl": "the emitted RTL, compiled by Verilator",
}
METHODS = {
    method.name: method
    for method in (
        Method("numpy", "Gibbs by colour in NumPy, all chains at once", _lazy("numpy_gibbs", "numpy")),
        Method("jax-gibbs", "Gibbs by colour in plain JAX, jitted", _lazy("jax_gibbs", "jax"), scales=False),
        Method("thrml", "THRML, a block a colour, chains by vmap", _lazy("thrml_gibbs", "thrml"), scales=False),
        Method("torch", "Gibbs by colour in PyTorch, eager, one thread", _lazy("torch_gibbs", "torch")),
        *(Method(name, _SAID[name], _own(name), scales=name in SLOW) for name in OURS),
        Method(
            "dwave-sa", "dwave-samplers' annealer held at β = 1, a read a sample",
            _lazy("dwave_peer", "dwave-samplers", "prepare_annealer"),
        ),
        Method(
            "dwave-tree", "dwave-samplers' exact tree decomposition",
            _lazy("dwave_peer", "dwave-samplers", "prepare_tree"),
        ),
    )
}  # fmt: skip


def methods(names: tuple[str, ...] | None = None) -> tuple[Method, ...]:
    """Methods by name, all if ``None``.

    Raises:
        SpecError: an unknown name.
    """
    for name in names or ():
        if name not in METHODS:
            raise SpecError(f"unknown method '{name}'; known are {', '.join(METHODS)}.")
    return tuple(METHODS[name] for name in (METHODS if names is None else names))
