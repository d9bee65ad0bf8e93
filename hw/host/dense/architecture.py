"""The dense architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.dense.loading import DenseLoading
from thermofab.hw.host.dense.registers import dense_register_map
from thermofab.hw.host.loaded import LoadedArchitecture

DENSE = LoadedArchitecture(
    "a dense fabric keeps its weights in block RAM and always loads them", dense_register_map, DenseLoading
)
