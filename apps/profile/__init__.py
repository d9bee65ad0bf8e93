"""Profile: methods of sampling compared on one distribution, what runs cost, and how much noise results bear."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.profile.comparison import Comparison, Row
    from thermofab.apps.profile.method import Setting
    from thermofab.apps.profile.profiler import THRMLProfiler

__getattr__ = exports(
    __name__,
    {"Comparison": ".comparison", "Row": ".comparison", "Setting": ".method", "THRMLProfiler": ".profiler"},
)
__all__ = ["Comparison", "Row", "Setting", "THRMLProfiler"]
