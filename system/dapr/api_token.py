"""The token that daprd requires of its callers."""

import os
import secrets
from pathlib import Path

FILE_NAME = "dapr-api-token"


def write_token(data: Path, own: str | None) -> str:
    """Return the user's own token or a random one, and write it to a file for the user's tools.

    Raises `OSError` if the file cannot be written.
    """
    token = own or secrets.token_urlsafe(32)
    new = data / f"{FILE_NAME}.new"
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w") as file:
        file.write(f"{token}\n")
    new.replace(data / FILE_NAME)
    return token
