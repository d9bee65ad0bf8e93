"""Several files that grow, as one source of rows: a row for every day that all of them have."""

import datetime
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from thermofab.apps.serve.sources import Row, Source, SourceKind

log = logging.getLogger(__name__)
_CLOSES = ("adj close", "adj_close", "close")


@dataclass(frozen=True)
class JoinedSource:
    """Sources side by side, an asset each.

    A day that one of them passes over is logged and left out; one that lags is waited for.

    Attributes:
        symbol: the topic.
        sources: their symbols are the assets; of their rows the adjusted close is taken, or else the close.
        name: the source in words.
    """

    symbol: str
    sources: Sequence[Source]
    name: str

    @property
    def kind(self) -> SourceKind:
        """``"mock"`` if any of them makes its numbers up."""
        kinds = {source.kind for source in self.sources}
        return "mock" if "mock" in kinds else "tail" if "tail" in kinds else "replay"

    async def rows(self, known: datetime.date | None) -> AsyncIterator[Row]:
        """A row a day; its values are closes by the assets' names in lower case."""
        streams = [source.rows(known) for source in self.sources]
        heads: list[Row] = []
        try:
            for stream in streams:
                heads.append(await anext(stream))
            while True:
                last = max(row.date for row in heads)
                late = next((k for k, row in enumerate(heads) if row.date < last), None)
                if late is not None:
                    reason = f"{heads[late].date} of {self.sources[late].symbol} is not a day of all"
                    log.info("row left out", extra={"source": self.name, "reason": reason})
                    heads[late] = await anext(streams[late])
                    continue
                yield Row(last, dict(_close(s, row) for s, row in zip(self.sources, heads)))
                for k, stream in enumerate(streams):
                    heads[k] = await anext(stream)
        except StopAsyncIteration:
            return


def _close(source: Source, row: Row) -> tuple[str, float]:
    found = next((row.values[name] for name in _CLOSES if name in row.values), None)
    return source.symbol.lower(), float("nan") if found is None else found
