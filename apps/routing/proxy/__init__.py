"""An OpenAI-compatible proxy that asks the router which back end answers."""

from thermofab.apps.routing.proxy.app import Proxy, create_proxy
from thermofab.apps.routing.proxy.settings import BackEnd, Client, ProxyLimits, ProxySettings, Secret

__all__ = ["BackEnd", "Client", "Proxy", "ProxyLimits", "ProxySettings", "Secret", "create_proxy"]
