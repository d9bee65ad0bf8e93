"""An OpenAI-compatible proxy that asks the router which back end answers."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.routing.proxy.app import Proxy, create_proxy
    from thermofab.apps.routing.proxy.settings import BackEnd, Client, ProxyLimits, ProxySettings, Secret

__getattr__ = exports(
    __name__,
    {
        "BackEnd": ".settings",
        "Client": ".settings",
        "Proxy": ".app",
        "ProxyLimits": ".settings",
        "ProxySettings": ".settings",
        "Secret": ".settings",
        "create_proxy": ".app",
    },
)

__all__ = ["BackEnd", "Client", "Proxy", "ProxyLimits", "ProxySettings", "Secret", "create_proxy"]
