"""What every client has spent, and what it may still spend.

A request reserves what it may cost at most, and settles what it did cost; so requests at once cannot together go beyond
a budget. Settled amounts are appended to a file, one JSON line each, and read back when the proxy starts.
"""

import json
from pathlib import Path
from typing import IO

from thermofab.apps.routing.proxy.problems import Problem
from thermofab.apps.routing.proxy.settings import Client
from thermofab.hw.spec import SpecError


class Budgets:
    """Ledger of all clients.

    Args:
        clients: with their budgets.
        path: of the file; ``None`` keeps nothing.

    Raises:
        SpecError: a file that is no such ledger.
    """

    def __init__(self, clients: tuple[Client, ...], path: Path | None = None) -> None:
        self._limits = {client.name: client.budget_usd for client in clients}
        self.spent = dict.fromkeys(self._limits, 0.0)
        self._reserved = dict.fromkeys(self._limits, 0.0)
        self._file: IO[str] | None = None
        if path is not None:
            self._read(path)
            self._file = path.open("a", encoding="utf-8")

    def left(self, client: str) -> float | None:
        """USD that may still be reserved; ``None`` for no limit."""
        limit = self._limits.get(client)
        return None if limit is None else max(0.0, limit - self.spent[client] - self._reserved[client])

    def share_left(self, client: str) -> float:
        """Share of the budget that is left, 1 without a limit."""
        limit = self._limits.get(client)
        return 1.0 if limit is None else (self.left(client) or 0.0) / limit

    def reserve(self, client: str, amount: float) -> None:
        """Set ``amount`` USD aside.

        Raises:
            Problem: 429 ``insufficient_quota``, as OpenAI answers.
        """
        left = self.left(client)
        if left is not None and amount > left:
            raise Problem(
                429, "insufficient_quota", f"the budget has {left:.6f} USD left; this may cost {amount:.6f}.",
                "insufficient_quota",
            )  # fmt: skip
        self._reserved[client] = self._reserved.get(client, 0.0) + amount

    def settle(self, client: str, reserved: float, cost: float) -> None:
        """Take back a reservation and book what was spent."""
        self._reserved[client] -= reserved
        self.spent[client] = self.spent.get(client, 0.0) + cost
        if self._file is not None and cost:
            self._file.write(json.dumps({"client": client, "usd": cost}) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path) -> None:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            return
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                client, usd = entry["client"], float(entry["usd"])
            except (ValueError, KeyError, TypeError):
                if number == len(lines):  # cut off while it was written
                    continue
                raise SpecError(f"line {number} of {path} is no entry of a ledger of budgets.") from None
            self.spent[client] = self.spent.get(client, 0.0) + usd
