"""Tables in, numbers for a network and back, and models as directories."""

from wengert.io.columns import Column as Column
from wengert.io.columns import infer_columns as infer_columns
from wengert.io.model_directory import SavedModel as SavedModel
from wengert.io.model_directory import load_model as load_model
from wengert.io.model_directory import save_model as save_model
from wengert.io.preprocess import TablePreprocessor as TablePreprocessor
from wengert.io.preprocess import Target as Target
from wengert.io.tables import read_table as read_table
from wengert.io.task import Task as Task
from wengert.io.task import infer_task as infer_task
