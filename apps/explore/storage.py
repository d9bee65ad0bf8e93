"""Storage: records by their key in a database that several processes share, and who is at work on which.

One table of records and one of claims, through SQLAlchemy: SQLite in a file by default, PostgreSQL or MySQL by URL. A
record is written once. A claim is a promise to write one; it lapses when its process has ended (on the same machine) or
after ten minutes without one more sign of life (on another).
"""

import json
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from thermofab.apps.explore.record import Record
from thermofab.hw.spec import SpecError, ToolMissingError

_LAPSE = 600.0
_WAIT = 60  # seconds that SQLite waits for another writer


def missing(package: str) -> ToolMissingError:
    """What to say where a package of the extra is not there."""
    return ToolMissingError(f"{package} is not installed; install it with: pip install 'thermofab[explore]'")


def url_of(storage: str | Path) -> str:
    """A database URL from one, or from a file's path.

    Raises:
        SpecError: its folder is not there and cannot be made.
    """
    text = str(storage)
    if "://" in text:
        return text
    try:
        Path(text).absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"the folder of {text} cannot be made ({error.strerror}); choose another place.") from error
    return f"sqlite:///{Path(text).absolute()}"


class RecordStore:
    """Records of any number of studies.

    Args:
        storage: a file, or a URL such as ``postgresql://user@host/explore``.

    Raises:
        ToolMissingError: SQLAlchemy is missing, or the driver of such a database.
        SpecError: the URL is of no known database.
    """

    def __init__(self, storage: str | Path) -> None:
        try:
            import sqlalchemy as sql
            from sqlalchemy import exc
            from sqlalchemy.dialects import mysql
        except ImportError as error:
            raise missing("sqlalchemy") from error
        self._sql, self._exc, url = sql, exc, url_of(storage)
        try:
            options: dict[str, Any] = {"connect_args": {"timeout": _WAIT}} if url.startswith("sqlite") else {}
            self._engine = sql.create_engine(url, **options)
        except ModuleNotFoundError as error:
            raise ToolMissingError(f"the driver of {url.split(':')[0]} is not installed: {error.name}.") from error
        except exc.ArgumentError as error:
            raise SpecError(f"{url!r} is no database URL; give a file, or postgresql://… or mysql://….") from error
        tables = sql.MetaData()
        text = sql.Text().with_variant(mysql.LONGTEXT(), "mysql")
        self._records = sql.Table(
            "thermofab_records", tables, sql.Column("key", sql.String(64), primary_key=True), sql.Column("record", text)
        )
        self._claims = sql.Table(
            "thermofab_claims",
            tables,
            sql.Column("key", sql.String(64), primary_key=True),
            sql.Column("owner", sql.String(200)),
            sql.Column("at", sql.Float(53)),
        )
        for attempt in range(5):
            try:
                tables.create_all(self._engine)
                break
            except exc.OperationalError:  # another process makes the same tables
                if attempt == 4:
                    raise
                time.sleep(0.2)
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"

    def get(self, keys: Iterable[str]) -> dict[str, Record]:
        """The records there are, by key."""
        found: dict[str, Record] = {}
        keys = list(keys)
        with self._engine.connect() as connection:
            for first in range(0, len(keys), 500):
                some = keys[first : first + 500]
                for _, text in connection.execute(self._records.select().where(self._records.c.key.in_(some))):
                    record = Record.from_json(json.loads(text))
                    found[record.key] = record
        return found

    def put(self, record: Record) -> bool:
        """Keep a record; whether it was new. The claim on it ends."""
        text = json.dumps(record.to_json())
        new = self._insert(self._records, {"key": record.key, "record": text})
        self.release([record.key])
        return new

    def claim(self, key: str) -> bool:
        """Whether the record of this key is now ours to make."""
        if self._insert(self._claims, {"key": key, "owner": self.owner, "at": time.time()}):
            return True
        with self._engine.begin() as connection:
            held = connection.execute(self._claims.select().where(self._claims.c.key == key)).first()
            if held is None or not self._lapsed(held.owner, held.at):
                return False
            # Only one of several that see the lapsed claim takes it.
            mine = self._claims.update().where(self._claims.c.key == key, self._claims.c.owner == held.owner)
            return connection.execute(mine.values(owner=self.owner, at=time.time())).rowcount == 1

    def renew(self) -> None:
        """A sign of life: our claims start anew."""
        with self._engine.begin() as connection:
            connection.execute(self._claims.update().where(self._claims.c.owner == self.owner).values(at=time.time()))

    def release(self, keys: Iterable[str] | None = None) -> None:
        """Give up claims of ours, all of them by default."""
        ours = self._claims.c.owner == self.owner
        chosen = ours if keys is None else self._sql.and_(ours, self._claims.c.key.in_(list(keys)))
        with self._engine.begin() as connection:
            connection.execute(self._claims.delete().where(chosen))

    def close(self) -> None:
        self._engine.dispose()

    def _insert(self, table: Any, row: dict[str, Any]) -> bool:
        try:
            with self._engine.begin() as connection:
                connection.execute(table.insert().values(**row))
        except self._exc.IntegrityError:
            return False
        return True

    def _lapsed(self, owner: str, at: float) -> bool:
        host, pid, _ = owner.rsplit(":", 2)
        if host == socket.gethostname() and owner != self.owner:
            return not _alive(int(pid))
        return time.time() - at > _LAPSE


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
