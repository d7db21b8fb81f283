"""Tables to features to scores: what the command and the estimators share."""

from wengert.tabular.columns import Column as Column, infer_columns as infer_columns
from wengert.tabular.preprocess import TablePreprocessor as TablePreprocessor, Target as Target
from wengert.tabular.reading.text_format import TextFormat as TextFormat
from wengert.tabular.table_model import TableModel as TableModel
from wengert.tabular.task import Task as Task, infer_task as infer_task
