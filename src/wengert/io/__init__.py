"""Tables in; models as directories and as files for other programs."""

from wengert.io.formats.export import FORMATS as FORMATS, export_model as export_model
from wengert.io.formats.file_format import Format as Format
from wengert.io.formats.onnx_export import to_onnx as to_onnx
from wengert.io.formats.onnx_import import (
    from_onnx as from_onnx,
    model_from_onnx as model_from_onnx,
)
from wengert.io.formats.portable_model import PortableModel as PortableModel
from wengert.io.formats.python_predictor import to_python as to_python
from wengert.io.formats.safetensors_file import (
    from_safetensors as from_safetensors,
    to_safetensors as to_safetensors,
)
from wengert.io.formats.torch_import import from_torch as from_torch
from wengert.io.model_directory import (
    SavedModel as SavedModel,
    load_model as load_model,
    save_model as save_model,
)
from wengert.io.table_models import load_table_model as load_table_model, save_table_model as save_table_model
from wengert.io.tables import read_table as read_table
