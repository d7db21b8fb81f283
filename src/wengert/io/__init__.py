"""Tables in, numbers for a network and back, and models as directories."""

from wengert.io.columns import Column as Column, infer_columns as infer_columns
from wengert.io.model_directory import (
    SavedModel as SavedModel,
    load_model as load_model,
    save_model as save_model,
)
from wengert.io.preprocess import TablePreprocessor as TablePreprocessor, Target as Target
from wengert.io.tables import read_table as read_table
from wengert.io.task import Task as Task, infer_task as infer_task
