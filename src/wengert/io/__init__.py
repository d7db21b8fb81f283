"""Tables in, numbers for a network and back, and models as directories."""

from wengert.io.model_directory import SavedModel as SavedModel
from wengert.io.model_directory import load_model as load_model
from wengert.io.model_directory import save_model as save_model
