"""Streaming for applications: a journal, a WebSocket and REST server, and a page. Needs the extra ``serve``."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

if TYPE_CHECKING:
    from thermofab.apps.serve.access import Access
    from thermofab.apps.serve.app import create_app
    from thermofab.apps.serve.journal import Journal
    from thermofab.apps.serve.limits import Limits
    from thermofab.apps.serve.manager import ConnectionManager
    from thermofab.apps.serve.messages import Kind, Kinds, MessageError, error_message
    from thermofab.apps.serve.predictors import Model, Predictor, SourcePredictor, stream
    from thermofab.apps.serve.server import Serving, serve
    from thermofab.apps.serve.sources import MockSource, ReplaySource, Row, Source, TailSource

__getattr__ = exports(
    __name__,
    {
        "Access": ".access",
        "ConnectionManager": ".manager",
        "Journal": ".journal",
        "Kind": ".messages",
        "Kinds": ".messages",
        "Limits": ".limits",
        "MessageError": ".messages",
        "MockSource": ".sources",
        "Model": ".predictors",
        "Predictor": ".predictors",
        "ReplaySource": ".sources",
        "Row": ".sources",
        "Serving": ".server",
        "Source": ".sources",
        "SourcePredictor": ".predictors",
        "TailSource": ".sources",
        "create_app": ".app",
        "error_message": ".messages",
        "serve": ".server",
        "stream": ".predictors",
    },
)
__all__ = [
    "Access",
    "ConnectionManager",
    "Journal",
    "Kind",
    "Kinds",
    "Limits",
    "MessageError",
    "MockSource",
    "Model",
    "Predictor",
    "ReplaySource",
    "Row",
    "Serving",
    "Source",
    "SourcePredictor",
    "TailSource",
    "create_app",
    "error_message",
    "serve",
    "stream",
]


def __dir__() -> list[str]:
    return __all__
