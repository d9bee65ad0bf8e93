"""What is held: a file of symbols with weights or amounts of money, checked and never rescaled."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.hw.spec import SpecError

CASH = "CASH"
_LARGEST = 20.0  # times the money; weights written in per cent are beyond it
_SYMBOL = ("symbol", "ticker", "asset")


@dataclass(frozen=True, eq=False)
class Weights:
    """A portfolio, bought today and held.

    Attributes:
        symbols: what is held, without cash.
        shares: float64 ``[d]``, of the money, negative for a short position.
        money: what the shares are of.
        notes: what a reader must know of them, a sentence each.

    Raises:
        SpecError: nothing is held, a symbol twice, or a number that is none.
    """

    symbols: tuple[str, ...]
    shares: np.ndarray
    money: float = 1.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shares = np.asarray(self.shares, dtype=np.float64)
        object.__setattr__(self, "shares", shares)
        if not self.symbols or shares.shape != (len(self.symbols),):
            raise SpecError(f"weights are one a symbol; got {len(self.symbols)} symbols and {shares.shape} weights.")
        twice = next((name for k, name in enumerate(self.symbols) if name in self.symbols[:k]), None)
        if twice is not None:
            raise SpecError(f"{twice} is held twice; add its weights up to one.")
        if not np.all(np.isfinite(shares)):
            raise SpecError(f"the weight of {self.symbols[int(np.argmin(np.isfinite(shares)))]} is not a number.")
        if not np.any(shares):
            raise SpecError("all weights are 0: nothing is held, so there is no risk to measure.")
        if not (np.isfinite(self.money) and self.money > 0):
            raise SpecError(f"the money that weights are of is a positive amount, got {self.money!r}.")

    @property
    def cash(self) -> float:
        """The share that is not held in any symbol; negative where money is borrowed."""
        return float(1 - self.shares.sum())

    def of(self, symbols: Sequence[str]) -> np.ndarray:
        """The shares float64 ``[len(symbols)]`` in the order of ``symbols``, 0 for what is not held.

        Raises:
            SpecError: something is held that is not among ``symbols``.
        """
        unknown = [name for name in self.symbols if name not in symbols]
        if unknown:
            raise SpecError(f"there are no prices of {', '.join(unknown)}; there are {', '.join(symbols)}.")
        held = dict(zip(self.symbols, self.shares.tolist()))
        return np.array([held.get(name, 0.0) for name in symbols])


def read_weights(path: str | Path, money: float | None = None, known: Sequence[str] | None = None) -> Weights:
    """Weights from a CSV file with a column ``symbol`` and one of ``weight`` (shares of the money, such as 0.4) and
    ``money`` (amounts). Negative numbers are short positions; a symbol ``CASH`` is cash.

    Args:
        path: the file.
        money: what the weights are of, 1 by default; of amounts, by default their sum of absolute values.
        known: symbols that there are prices of; case does not matter, and these are the names that result.

    Raises:
        SpecError: there is no such file, no such columns, an empty file, a symbol that is empty, repeated or not
            known, or a number that is none; with the line and what would be right.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecError(f"there is no file {path}; weights are a CSV file with columns symbol and weight.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is no text in UTF-8 ({error.reason}); write weights as a CSV file.") from error
    rows = [(k, row) for k, row in enumerate(csv.reader(text.splitlines()), 1) if any(cell.strip() for cell in row)]
    if not rows:
        raise SpecError(f"{path} is empty; weights are a CSV file with columns symbol and weight.")
    head = [cell.strip().lower() for cell in rows[0][1]]
    name = next((head.index(one) for one in _SYMBOL if one in head), None)
    columns = [one for one in ("weight", "money") if one in head]
    if name is None or len(columns) != 1:
        raise SpecError(
            f"line {rows[0][0]} of {path} names the columns {', '.join(head)}; they are symbol and either weight or "
            "money."
        )
    if len(rows) == 1:
        raise SpecError(f"{path} has column names and no rows; write one line per symbol, such as SPY,0.6.")
    spelt = {one.upper(): one for one in known or ()}
    symbols: list[str] = []
    values: list[float] = []
    cash: float | None = None
    for line, row in rows[1:]:

        def refused(sentence: str, line: int = line) -> SpecError:
            return SpecError(f"line {line} of {path}: {sentence}")

        symbol, value = _cells(row, head, name, head.index(columns[0]), columns[0], refused)
        if symbol.upper() == CASH and CASH not in spelt:
            if cash is not None:
                raise refused("cash is there a second time; add its amounts up to one line.")
            cash = value
            continue
        symbol = spelt.get(symbol.upper(), symbol)
        if known is not None and symbol not in known:
            raise refused(
                f"there are no prices of {symbol}; there are {', '.join(sorted(known))}. Add its file, or take the "
                "line out."
            )
        if symbol in symbols:
            raise refused(f"{symbol} is there a second time; add its {columns[0]}s up to one line.")
        symbols.append(symbol)
        values.append(value)
    if not symbols:
        raise SpecError(f"{path} holds cash alone, which has no risk to measure; write one line per symbol.")
    return _made(path, symbols, np.array(values), cash, columns[0], money)


def _cells(
    row: list[str], head: list[str], name: int, number: int, column: str, refused: Callable[[str], SpecError]
) -> tuple[str, float]:
    """Symbol and number of a row."""
    if len(row) != len(head):
        raise refused(f"it has {len(row)} fields under {len(head)} columns.")
    symbol, said = row[name].strip(), row[number].strip()
    if not symbol:
        raise refused("the symbol is missing.")
    example = "0.4 for 40%" if column == "weight" else "25000"
    try:
        value = float(said)
    except ValueError:
        what = f"is {said!r}, which is no number" if said else "is missing"
        raise refused(f"the {column} of {symbol} {what}; write one such as {example}.") from None
    if not np.isfinite(value):
        raise refused(f"the {column} of {symbol} is {said}, which is no finite number; write one such as {example}.")
    return symbol, value


def _made(
    path: Path, symbols: list[str], values: np.ndarray, cash: float | None, column: str, money: float | None
) -> Weights:
    notes: list[str] = []
    gross = float(np.abs(values).sum())
    if column == "money":
        whole = gross + abs(cash or 0.0) if money is None else money
        if whole == 0:
            raise SpecError(f"all amounts of {path} are 0: nothing is held, so there is no risk to measure.")
        if money is None and np.any(values < 0):
            notes.append(
                f"Weights are shares of the sum of all amounts without their signs, {whole:,.2f}; give --money for "
                "shares of the capital."
            )
        values = values / whole
        cash = None if cash is None else cash / whole
    else:
        whole = 1.0 if money is None else money
        if gross > _LARGEST:
            raise SpecError(
                f"the weights of {path} add up to {gross:g} without their signs, {gross:.0f} times the money; weights "
                "are shares such as 0.4, not per cent."
            )
    made = Weights(tuple(symbols), values, float(whole))
    # What the file calls cash need not be what the weights leave: the weights count.
    rest = made.cash
    if cash is not None and abs(rest - cash) > 1e-6:
        notes.append(
            f"The file has {cash:.2%} of cash, the weights leave {rest:.2%}: what they leave is reckoned with."
        )
    if abs(rest) > 1e-6:
        verb = "are held as cash" if rest > 0 else "are borrowed"
        notes.append(
            f"The weights sum to {made.shares.sum():.4g}, not to 1, and are not rescaled: {abs(rest):.2%} of the money "
            f"{verb}, without interest."
        )
    if np.any(values < 0):
        short = ", ".join(name for name, value in zip(symbols, values) if value < 0)
        notes.append(f"Short: {short}.")
    return Weights(made.symbols, made.shares, made.money, tuple(notes))
