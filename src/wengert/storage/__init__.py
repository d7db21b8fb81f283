"""What is written to disk, and how: atomically, with checksums, and read back without trust.

The bottom layer: it knows bytes, arrays and directories, and nothing of programs or networks.
"""

from wengert.storage.atomic import (
    new_directory as new_directory,
    present_directory as present_directory,
    refuse_foreign as refuse_foreign,
    refuse_unwritable as refuse_unwritable,
    why_not_writable as why_not_writable,
    write_and_flush as write_and_flush,
    write_file as write_file,
)
from wengert.storage.claim import claimed as claimed
from wengert.storage.reading import read_file as read_file, read_part as read_part
from wengert.storage.strict_json import dump_json as dump_json, parse_json as parse_json
from wengert.storage.tensors import (
    decode_tensors as decode_tensors,
    encode_tensors as encode_tensors,
    load_tensors as load_tensors,
    save_tensors as save_tensors,
)
