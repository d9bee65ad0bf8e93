"""Where rows come from: a series replayed, files that grow, or numbers made up under that name."""

import asyncio
import csv
import datetime
import io
import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from thermofab.hw.spec import SpecError

log = logging.getLogger(__name__)
SourceKind = Literal["replay", "tail", "mock"]


@dataclass(frozen=True)
class Row:
    """A day's numbers.

    Attributes:
        date: the day.
        values: finite numbers by column name in lower case.
    """

    date: datetime.date
    values: Mapping[str, float]


class Source(Protocol):
    """Rows in order of their dates.

    Attributes:
        symbol: of what the rows are.
        kind: ``"mock"`` if the numbers are made up, and only then.
        name: the source in words, shown to users.
    """

    @property
    def symbol(self) -> str: ...

    @property
    def kind(self) -> SourceKind: ...

    @property
    def name(self) -> str: ...

    def rows(self, known: datetime.date | None) -> AsyncIterator[Row]:
        """Every row, from the first. Up to the day ``known``, which has been published before, without pauses."""
        ...


@dataclass(frozen=True)
class ReplaySource:
    """A series at any speed.

    Attributes:
        symbol: of what the rows are.
        series: the rows.
        name: the source in words.
        speed: rows per second; ``math.inf`` for no pause.
        backlog: rows that come without a pause before the first one that waits.
    """

    symbol: str
    series: Sequence[Row]
    name: str
    speed: float = 1.0
    backlog: int = 0
    kind: SourceKind = "replay"

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise SpecError(f"the speed of a replay is above 0 rows per second; got {self.speed:g}.")

    async def rows(self, known: datetime.date | None) -> AsyncIterator[Row]:
        loop = asyncio.get_running_loop()
        due: float | None = None
        for k, row in enumerate(self.series):
            if k >= self.backlog and (known is None or row.date > known):
                due = loop.time() if due is None else due + 1 / self.speed
                # A consumer slower than the speed asked for sets the pace; lost time is not made up in a burst.
                due = max(due, loop.time() - 1 / self.speed)
                await asyncio.sleep(max(0.0, due - loop.time()))
            yield row


def price_rows(source: str | Path) -> list[Row]:
    """Closes, and volumes where there are any, of a price file or of a symbol that
    :func:`thermofab.apps.market.prices.load_bars` knows."""
    from thermofab.apps.market.prices import load_bars

    bars = load_bars(source)
    return [
        Row(day, {"close": float(close)} | ({"volume": float(volume)} if math.isfinite(volume) else {}))
        for day, close, volume in zip(bars.prices.dates.tolist(), bars.prices.closes, bars.volumes)
    ]


@dataclass(frozen=True)
class TailSource:
    """A CSV file that grows, or a folder of CSV files, with a column ``Date`` and numbers.

    Only whole lines are read. A line without a date or a number, with a number that is not finite, or with a date not
    after the one before, is logged and left out. Files of a folder are read in the order of their names.

    Attributes:
        symbol: of what the rows are.
        path: the file or folder; it must exist.
        poll_seconds: time between looks.
        closes: whether what is there when looked at first is everything (then the rows end).
    """

    symbol: str
    path: Path
    poll_seconds: float = 1.0
    closes: bool = False
    kind: SourceKind = "tail"

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise SpecError(f"there is no file or folder {self.path}.")

    @property
    def name(self) -> str:
        return self.path.name

    async def rows(self, known: datetime.date | None) -> AsyncIterator[Row]:
        files: dict[Path, _GrowingFile] = {}
        last: datetime.date | None = None
        while True:
            for row in await asyncio.to_thread(self._look, files):
                if last is not None and row.date <= last:
                    log.warning(
                        "row left out", extra={"source": self.name, "reason": f"{row.date} is not after {last}"}
                    )
                    continue
                last = row.date
                yield row
            if self.closes:
                return
            await asyncio.sleep(self.poll_seconds)

    def _look(self, files: dict[Path, "_GrowingFile"]) -> list[Row]:
        paths = sorted(self.path.glob("*.csv")) if self.path.is_dir() else [self.path]
        for path in paths:
            files.setdefault(path, _GrowingFile(path))
        return [row for path in paths for row in files[path].fresh()]


class _GrowingFile:
    """The whole lines of a file that were not there at the last look."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._header = path, 0, None

    def fresh(self) -> list[Row]:
        try:
            size = self._path.stat().st_size
            if size < self._offset:  # cut or replaced: begin again; rows known by date are left out by the reader
                self._offset, self._header = 0, None
            with self._path.open("rb") as file:
                file.seek(self._offset)
                block = file.read()
        except OSError as error:
            log.warning("file not read", extra={"source": self._path.name, "reason": str(error)})
            return []
        whole = block[: block.rfind(b"\n") + 1]
        self._offset += len(whole)
        lines = list(csv.reader(io.StringIO(whole.decode("utf-8", errors="replace"))))
        if self._header is None and lines:
            self._header, lines = [name.strip().lower() for name in lines[0]], lines[1:]
        rows = []
        for line in filter(None, lines):
            try:
                rows.append(_row(self._header or [], line))
            except ValueError as error:
                log.warning("row left out", extra={"source": self._path.name, "reason": str(error)})
        return rows


def _row(header: Sequence[str], line: Sequence[str]) -> Row:
    if len(line) != len(header) or "date" not in header:
        raise ValueError(f"{len(line)} fields under {len(header)} columns, of which one must be Date")
    fields = dict(zip(header, line))
    day = datetime.date.fromisoformat(fields.pop("date").strip()[:10])
    values = {name: float(value) for name, value in fields.items() if value.strip()}
    bad = next((name for name, value in values.items() if not math.isfinite(value)), None)
    if bad is not None or not values:
        raise ValueError(f"{bad or 'the row'} of {day} is not a finite number")
    return Row(day, values)


@dataclass(frozen=True)
class MockSource:
    """A random walk of closes on weekdays, for trying things out; everything made of it is flagged ``mock``.

    Attributes:
        symbol: of what the rows pretend to be.
        seed: of the walk.
        speed: rows per second.
        days: length.
    """

    symbol: str = "MOCK"
    seed: int = 0
    speed: float = 1.0
    days: int = 5000
    backlog: int = 0
    kind: SourceKind = "mock"
    name: str = "a random walk"

    def rows(self, known: datetime.date | None) -> AsyncIterator[Row]:
        steps = np.random.default_rng(self.seed).normal(0.0003, 0.011, self.days)
        days = np.busday_offset(np.datetime64("2000-01-03"), np.arange(self.days)).tolist()
        closes = 100 * np.exp(np.cumsum(steps))
        series = [Row(day, {"close": float(close)}) for day, close in zip(days, closes)]
        return ReplaySource(self.symbol, series, self.name, self.speed, self.backlog, "mock").rows(known)
