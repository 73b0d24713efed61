"""The types of the ledger's columns that are not the same on SQLite and PostgreSQL.

SQLite minds no length. PostgreSQL would refuse what is longer, so that there no text has one.
"""

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, TypeDecorator
from sqlalchemy import String as AnyString
from sqlalchemy import Text as AnyText
from sqlalchemy.types import TypeEngine

_MARK = "\N{SYMBOL FOR ESCAPE}"
_HELD_BY_NONE = re.compile(f"[\0\ud800-\udfff{_MARK}]")
_ESCAPED = re.compile(f"{_MARK}({_MARK}|[0-9a-f]{{4}})")

Key = Integer().with_variant(BigInteger(), "postgresql")
"""A row's number: SQLite's integers have 64 bits anyway, and others it does not count up."""


class _Kept(TypeDecorator[str]):
    """A text that comes back as it is, also if no database could hold it.

    PostgreSQL refuses NUL, and no UTF-8 has surrogates: each is written as U+241B, which looks like
    `␛`, and four hexadecimal digits, such as `␛0000`; that sign itself is doubled.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = AnyString
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Send what a database can hold."""
        del dialect
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return _HELD_BY_NONE.sub(_escaped, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Receive what was sent."""
        del dialect
        return _ESCAPED.sub(_unescaped, value) if value and _MARK in value else value


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, also on SQLite, which stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC."""
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time as aware UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(_Kept):
    """A text of any length."""

    impl = AnyText
    cache_ok = True


class String(_Kept):
    """A text that is looked for or sorted, byte by byte whatever the database's language."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Have a length where a database tells one and minds none."""
        if dialect.name == "postgresql":
            return AnyText(collation="C")
        return super().load_dialect_impl(dialect)


def _escaped(found: re.Match[str]) -> str:
    sign = found.group()
    return _MARK * 2 if sign == _MARK else f"{_MARK}{ord(sign):04x}"


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1)
    return _MARK if code == _MARK else chr(int(code, 16))
