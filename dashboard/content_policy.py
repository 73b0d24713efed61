"""The Content-Security-Policy of the pages: as strict as Streamlit allows."""

import base64
import hashlib
import re
from pathlib import Path

import streamlit

_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def content_policy() -> str:
    """Return the policy of all pages.

    Streamlit imports the scripts of components from `blob:` addresses, sets styles in elements, and
    has one inline script, which is allowed by its hash.
    """
    hashes = " ".join(f"'{_hash(script)}'" for script in _INLINE_SCRIPT.findall(_INDEX.read_text()))
    return (
        "default-src 'self'; "
        f"script-src 'self' blob: {hashes}; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; "
        "font-src 'self' data:; "
        "connect-src 'self'; "
        "worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
