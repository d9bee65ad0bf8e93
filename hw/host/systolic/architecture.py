"""The systolic architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.loaded import LoadedArchitecture
from thermofab.hw.host.systolic.loading import SystolicLoading
from thermofab.hw.host.systolic.registers import systolic_register_map

SYSTOLIC = LoadedArchitecture(
    "a systolic fabric keeps its weights in block RAM and always loads them", systolic_register_map, SystolicLoading
)
