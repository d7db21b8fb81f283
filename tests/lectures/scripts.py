"""The scripts of `examples/lectures` as modules."""

import importlib.util
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "lectures"
NUMBERS = ("000", "001", "002", "003", "004")


def load(number):
    """Import the script of a lecture."""
    spec = importlib.util.spec_from_file_location(f"lecture_{number}", FOLDER / f"lecture_{number}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
