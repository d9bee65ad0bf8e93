"""The exceptions thermofab raises, and its warnings; every message says what was wrong and what would be right."""


class ThermofabError(ValueError):
    """Base of all errors raised on purpose; a ``ValueError``, so callers may catch it as one."""


class SpecError(ThermofabError):
    """A topology, fabric, image, schedule or clamp does not describe something that can exist."""


class CompileError(ThermofabError):
    """A program cannot be compiled: it is malformed, unsupported, or does not fit the fabric."""


class RefusedError(CompileError):
    """A program could be compiled, but only onto another distribution than the one asked for."""


class DistributionWarning(UserWarning):
    """A program runs, but its samples may follow another distribution than the one asked for, or reach it slowly."""


class DeviceError(ThermofabError):
    """A device refused an image or a run, or does not exist."""


class UnsupportedError(DeviceError):
    """A device cannot run such a fabric at all; another device can."""


class ToolMissingError(DeviceError):
    """An external tool or optional package is missing; the message holds the line that brings it."""


class MixingWarning(UserWarning):
    """The chains of a run have not met: their averages are not of the distribution that they have in the long run."""
