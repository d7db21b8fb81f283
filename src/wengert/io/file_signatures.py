"""What a file is, by its first bytes, whatever its name says."""

from __future__ import annotations

import re

PARQUET = b"PAR1"
GZIP = b"\x1f\x8b"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (PARQUET, "a Parquet file: give it a name that ends in .parquet"),
    (GZIP, "compressed with gzip: give it a name that ends in .gz, such as .csv.gz"),
    (b"BZh", "compressed with bzip2: decompress it first"),
    (b"\xfd7zXZ\x00", "compressed with xz: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook: unpack it, or export the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: export the sheet as CSV"),
    (b"ARROW1", "an Arrow file: convert it to Parquet"),
    (b"ORC", "an ORC file: convert it to Parquet"),
    (b"Obj\x01", "an Avro file: convert it to Parquet"),
    (b"SQLite format 3\x00", "an SQLite database: export the table as CSV"),
    (b"\x89HDF\r\n", "an HDF5 file: export the table as CSV or Parquet"),
    (b"\x93NUMPY", "a NumPy array: write it as CSV with a header line"),
    (b"%PDF", "a PDF document: a table of numbers is needed"),
    (b"\x89PNG", "a PNG image: a table of numbers is needed"),
)
# The first byte of a pickle is its opcode PROTO, the second the number of the protocol.
_PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def recognised(head: bytes) -> str | None:
    """Say what the file is that begins with ``head``, and what to do; None if it may be text of ours."""
    if head.startswith(_PICKLES):
        return "a Python pickle, which wengert never opens: write the table as CSV or Parquet"
    for signature, meaning in _SIGNATURES:
        if head.startswith(signature):
            return meaning
    beginning = head.lstrip()[:15].lower()
    if beginning.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page or XML document: download the table itself"
    # A header may begin with a bracket too: [id] in exports of databases, {x}.
    if re.match(rb'\{\s*["}]|\[\s*([\[{"\]]|-?[\d.]+\s*,\s*-?[\d.])', head.lstrip()):
        return "JSON: convert it to CSV or Parquet"
    return None
