"""Two processes that save to the same directory at once, while a third reads: always one whole model."""

import subprocess
import sys

import numpy as np
from tests.cli.conftest import flowers

from wengert.io.model_directory import SavedModel, load_model
from wengert.io.table_models import load_table_model

# Saves a model of its own again and again; prints how often it was told that it could not.
WRITER = """
import sys
import numpy as np
from wengert.errors import ModelFileError
from wengert.io.model_directory import SavedModel, save_model
mark, refused = int(sys.argv[2]), []
for round in range(30):
    model = SavedModel({}, {"w": np.full(2000, mark, np.float32)}, {"mark": mark}, {})
    try:
        save_model(sys.argv[1], model)
    except ModelFileError as error:
        refused.append(str(error))
print(len(refused), *refused[:1])
"""


def test_two_trainings_at_once(tmp_path):
    flowers(60).write_csv(tmp_path / "flowers.csv")
    runs = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "wengert", "train", "flowers.csv", "--target", "kind", "--quiet"),
                *("--preset", "plain", "--epochs", "2", "--seed", seed, "--out", "model"),
            ],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    for run in runs:
        assert run.communicate()[1] == ""
        assert run.returncode == 0
    assert load_table_model(tmp_path / "model").training["settings"]["seed"] in (1, 2)


def test_two_writers_and_a_reader(tmp_path):
    path = tmp_path / "model"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(mark)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for mark in (1, 2)
    ]
    seen, reads = set(), 0
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            model = load_model(path)
            assert isinstance(model, SavedModel)
            assert np.all(model.parameters["w"] == model.preprocessing["mark"])
            seen.add(model.preprocessing["mark"])
            reads += 1
    for writer in writers:
        out, err = writer.communicate()
        assert (writer.returncode, err) == (0, "")
        assert out.strip() == "0", out
    assert reads > 10
    load_model(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
