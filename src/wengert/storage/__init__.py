"""What is written to disk, and how: atomically, with checksums, and read back without trust.

The bottom layer: it knows bytes, arrays and directories, and nothing of programs or networks.
"""

from wengert.storage.atomic import new_directory as new_directory
from wengert.storage.atomic import present_directory as present_directory
from wengert.storage.atomic import write_and_flush as write_and_flush
from wengert.storage.atomic import write_file as write_file
from wengert.storage.strict_json import dump_json as dump_json
from wengert.storage.strict_json import parse_json as parse_json
from wengert.storage.tensors import decode_tensors as decode_tensors
from wengert.storage.tensors import encode_tensors as encode_tensors
from wengert.storage.tensors import load_tensors as load_tensors
from wengert.storage.tensors import read_file as read_file
from wengert.storage.tensors import save_tensors as save_tensors
