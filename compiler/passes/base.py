"""What a pass is: a frozen dataclass that takes one stage of a program and makes another."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints, runtime_checkable

from thermofab.compiler.ir.stages import Quantised, Source
from thermofab.hw.spec.errors import CompileError

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Pass(Protocol[In, Out]):
    """A step of compilation, from stage ``In`` to stage ``Out``.

    A pass is a frozen dataclass; its fields are its options. It keeps the distribution, or says in the certificate by
    how much it does not; it neither changes its argument nor keeps anything between calls. The annotation of the
    argument is the contract: :func:`run_passes` refuses a stage of any other kind.

    Attributes:
        name: in pipelines as text, in traces and in the report.
    """

    name: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __call__(self, stage: In, /) -> Out: ...


AnyPass = Pass[Any, Any]
P = TypeVar("P", bound=AnyPass)


@runtime_checkable
class Keeping(Protocol):
    """A pass that decides on a structure: which sites, which wires, which step. Passes without this method run again
    as they are.
    """

    def keeping(self, known: Quantised) -> AnyPass:
        """The pass for a program like ``known`` with other weights, which takes over what was decided for that."""
        ...


@runtime_checkable
class Tolerant(Protocol):
    """A pass that may leave an error within a tolerance, a total variation distance."""

    tolerance: float | None


def tolerance_of(passes: Iterable[AnyPass]) -> float | None:
    """The smallest tolerance of any pass; ``None`` where none has one."""
    return min((one.tolerance for one in passes if isinstance(one, Tolerant) and one.tolerance), default=None)


def option_names(kind: type[AnyPass] | AnyPass) -> tuple[str, ...]:
    """The fields of a pass."""
    return tuple(field.name for field in fields(kind))


def with_options(one: P, options: Mapping[str, Any]) -> P:
    """The pass with those of ``options`` that are fields of its own; an option that is ``None`` says nothing."""
    own = option_names(one)
    return replace(one, **{name: value for name, value in options.items() if name in own and value is not None})


def run_passes(passes: Iterable[AnyPass], stage: Source, trace: Callable[[str, Source], None] | None = None) -> Any:
    """The stage after the last of ``passes``. ``trace`` is called after each with its name and the stage it made.

    Raises:
        CompileError: a pass takes another stage than it gets, or refuses the program.
    """
    for one in passes:
        if not isinstance(stage, _taken(type(one))):
            raise CompileError(
                f"the pass {one.name} cannot take this program as it is then ({type(stage).__name__}): the pipeline "
                "leaves out a pass that the program needs. categorical makes spins of categorical nodes, higher-order "
                "makes pairs of terms of three spins and more."
            )
        stage = one(stage)
        if trace is not None:
            trace(one.name, stage)
    return stage


@lru_cache
def _taken(kind: type[AnyPass]) -> Any:
    """The stage, or union of stages, that a pass takes."""
    return next(iter(get_type_hints(kind.__call__).values()))
