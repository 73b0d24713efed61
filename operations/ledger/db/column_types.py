"""Column types that differ between SQLite and PostgreSQL.

SQLite ignores the length of a text column. PostgreSQL would refuse longer texts, so columns have no
length there.
"""

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, TypeDecorator
from sqlalchemy import String as AnyString
from sqlalchemy import Text as AnyText
from sqlalchemy.types import TypeEngine

_MARK = "\N{SYMBOL FOR ESCAPE}"
_NOT_STORABLE = re.compile(f"[\0\ud800-\udfff{_MARK}]")
_ESCAPED = re.compile(f"{_MARK}({_MARK}|[0-9a-f]{{4}})")

RowId = Integer().with_variant(BigInteger(), "postgresql")
"""A row's number. SQLite increments only `INTEGER` keys by itself; these have 64 bits anyway."""


class _Escaped(TypeDecorator[str]):
    """A text of any characters, also of those that a database cannot store.

    PostgreSQL refuses NUL, and UTF-8 cannot encode surrogates. Each such character is stored as
    U+241B (`␛`) and four hexadecimal digits, such as `␛0000`; U+241B itself is stored twice.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = AnyString
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what a database cannot store."""
        del dialect
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return _NOT_STORABLE.sub(_escaped, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it was before it was escaped."""
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


class Text(_Escaped):
    """A text of any length."""

    impl = AnyText
    cache_ok = True


class String(_Escaped):
    """A text that is compared and sorted byte by byte, whatever the collation of the database."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return a type without a length on PostgreSQL; SQLite only reports the length."""
        if dialect.name == "postgresql":
            return AnyText(collation="C")
        return super().load_dialect_impl(dialect)


def _escaped(found: re.Match[str]) -> str:
    sign = found.group()
    return _MARK * 2 if sign == _MARK else f"{_MARK}{ord(sign):04x}"


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1)
    return _MARK if code == _MARK else chr(int(code, 16))
