"""The trigram index of ids and texts: FTS5 on SQLite, `pg_trgm` on PostgreSQL.

`run_texts` has one row a run: the instance id, and in `body` the other texts that can be searched,
each cut to `INDEXED_LENGTH` characters. A search reads no other table for texts.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    insert,
    literal,
    literal_column,
    or_,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from operations.errors import LedgerUnavailable
from operations.ledger.db.column_types import Text
from operations.ledger.tables import run_texts
from operations.records import Filter

INDEXED_LENGTH = 16_384  # characters of each text
MIN_SEARCH_LENGTH = 3  # characters that the index can search for
TEXTS = ("input", "output", "custom_status", "error_type", "error_message")
"""The columns of `run_details` that are searched, besides the instance id."""

_INSERT = insert(run_texts)
_UPDATE = (
    update(run_texts)
    .where(run_texts.c.run_id == bindparam("of"))
    .values(body=bindparam("new_body"))
)
_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"


def create_extension(connection: Connection) -> None:
    """Create PostgreSQL's extension `pg_trgm`; raise `LedgerUnavailable` without the right to."""
    if connection.dialect.name != "postgresql":
        return
    try:
        connection.execute(text(_EXTENSION))
    except DBAPIError as error:
        raise LedgerUnavailable(
            "its database lacks the extension pg_trgm, and this user may not create it. "
            f"As a superuser, run in this database: {_EXTENSION};"
        ) from error


def body_of(details: Mapping[str, Any]) -> str:
    """Return the body of a row of `run_details`: its texts, each cut at `INDEXED_LENGTH`."""
    return "\n".join(details[name][:INDEXED_LENGTH] for name in TEXTS if details[name])


def insert_texts(connection: Connection, rows: Mapping[int, tuple[str, str]]) -> None:
    """Index new runs; `rows` has the instance id and the body by `run_id`."""
    if rows:
        names = ("run_id", "instance_id", "body")
        values = [dict(zip(names, (run_id, *row), strict=True)) for run_id, row in rows.items()]
        connection.execute(_INSERT, values)


def update_texts(connection: Connection, bodies: Mapping[int, str]) -> None:
    """Index runs whose body has changed; `bodies` has the body by `run_id`."""
    if bodies:
        rows = [{"of": run_id, "new_body": body} for run_id, body in bodies.items()]
        connection.execute(_UPDATE, rows)


def is_indexed(sought: str) -> bool:
    """True if a text is long enough for the index."""
    return len(sought) >= MIN_SEARCH_LENGTH


def matches(wanted: Filter, dialect: str) -> ColumnElement[bool]:
    """Return the condition on `run_texts` for the texts of a filter that are long enough."""
    in_id = [wanted.id_part] if is_indexed(wanted.id_part) else []
    in_texts = _forms(wanted.text) if is_indexed(wanted.text) else []
    make = _match if dialect == "sqlite" else _ilike
    return make(in_id, in_texts)


def _forms(sought: str) -> Collection[str]:
    """Return a text as it is, and as JSON escapes it."""
    forms = (sought, json.dumps(sought)[1:-1], json.dumps(sought, ensure_ascii=False)[1:-1])
    return list(dict.fromkeys(forms))


def _match(in_id: Collection[str], in_texts: Collection[str]) -> ColumnElement[bool]:
    parts = [f"instance_id : {_phrase(part)}" for part in in_id]
    if in_texts:
        parts.append(f"({' OR '.join(map(_phrase, in_texts))})")
    table: ColumnElement[Any] = literal_column(run_texts.name)
    return table.op("MATCH", is_comparison=True)(literal(" AND ".join(parts), Text))


def _phrase(sought: str) -> str:
    return '"' + sought.replace('"', '""') + '"'


def _ilike(in_id: Collection[str], in_texts: Collection[str]) -> ColumnElement[bool]:
    columns = (run_texts.c.instance_id, run_texts.c.body)
    either = [column.ilike(_pattern(form)) for form in in_texts for column in columns]
    return and_(
        *(run_texts.c.instance_id.ilike(_pattern(part)) for part in in_id),
        *([or_(*either)] if either else []),
    )


def _pattern(sought: str) -> str:
    """Return a pattern; its escape character is the default, else the index is not used."""
    for special in "\\%_":
        sought = sought.replace(special, f"\\{special}")
    return f"%{sought}%"
