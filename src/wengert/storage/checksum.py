"""A file that carries the SHA-256 of all its own bytes.

The writer puts sixty-four zeros where the digest will stand, hashes the whole file in that state, and then
writes the digest over the zeros. The reader puts the zeros back and hashes again. So every byte of the file
is covered, padding and white space included, and the digest itself as well. It guards against damage, not
against forgery.
"""

from __future__ import annotations

import hashlib
import hmac

PLACEHOLDER = "0" * 64
_ZEROS = PLACEHOLDER.encode("ascii")
_HEXADECIMAL = frozenset("0123456789abcdef")


def seal(data: bytes) -> bytes:
    """Return ``data`` with its one run of sixty-four zeros (`PLACEHOLDER`) replaced by its SHA-256.

    Only the first run counts: the writer places it before anything that users can fill with zeros.
    """
    start = data.index(_ZEROS)
    digest = hashlib.sha256(data).hexdigest().encode("ascii")
    return data[:start] + digest + data[start + len(digest) :]


def carries_seal(data: bytes, digest: object) -> bool:
    """Whether ``digest``, which was read from ``data``, is the seal of ``data``."""
    if not isinstance(digest, str) or len(digest) != len(PLACEHOLDER) or not _HEXADECIMAL.issuperset(digest):
        return False
    encoded = digest.encode("ascii")
    start = data.find(encoded)
    if start < 0:
        return False
    hasher = hashlib.sha256(memoryview(data)[:start])
    hasher.update(_ZEROS)
    hasher.update(memoryview(data)[start + len(encoded) :])
    return hmac.compare_digest(hasher.hexdigest(), digest)
