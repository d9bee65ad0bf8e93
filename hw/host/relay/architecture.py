"""The relay architecture's entry in :mod:`thermofab.hw.host.architectures`."""

from thermofab.hw.host.loaded import LoadedArchitecture
from thermofab.hw.host.relay.loading import RelayLoading
from thermofab.hw.host.relay.registers import relay_register_map

RELAY = LoadedArchitecture("a relay fabric always loads its weights, trees and order", relay_register_map, RelayLoading)
