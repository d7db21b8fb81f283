"""The parts of an exported predictor that are alike for all models: reading values, functions to call."""

from __future__ import annotations

from collections.abc import Sequence

from wengert.io.formats.portable_model import PortableModel

NUMBERS = """
def _number_column(name, values):
    numbers = []
    for row, value in enumerate(values, start=1):
        try:
            numbers.append(quantity(value, *NUMBERS[name]))
        except (TypeError, ValueError):
            problem = f"{value!r} cannot be used as a {NUMBERS[name][0]} value"
            raise ValueError(f"column {name!r}, row {row}: {problem}") from None
        if np.isinf(numbers[-1]):
            raise ValueError(f"column {name!r}, row {row}: the value is infinite")
    return np.array(numbers, np.float64)
"""

WORDS = """
def _word_column(name, values):
    codes, other, missing = WORDS[name]
    return np.array([codes.get(category(value, missing) or "", other) for value in values], np.int64)
"""

TABLE = '''
def _columns(table, names):
    """Return the columns of a table, all of one length."""
    if not isinstance(table, dict) and not hasattr(table, "columns"):
        kind = type(table).__name__
        raise TypeError(f"a table is a data frame, or maps names of columns to lists of values; got a {kind}")
    known = list(table if isinstance(table, dict) else table.columns)
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(f"the table lacks the columns {missing}; it has {known[:20]}")
    columns = {name: table[name] for name in names}
    for name, values in columns.items():
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise TypeError(f"column {name!r} is a list of values, one a row; got {values!r}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns have different lengths: {lengths}")
    return columns
'''

_COLUMNS = '''
def _answer(table):
    """Return what the network makes of a table: a mapping from names of columns to lists of values."""
    table = _columns(table, [{names}])
{stacks}
    return answer({arguments})
'''

_FEATURES = '''
def _floats(values, what):
    try:
        return np.asarray(values, np.{dtype})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{{what}} does not hold numbers: {{error}}") from None


def _answer(X):
    """Return what the network makes of X: an array of shape (rows, {count}), or a table with FEATURES."""
    if {is_table}:
        table = _columns(X, FEATURES)
        X = np.stack([_floats(table[name], f"column {{name!r}}") for name in FEATURES], axis=1)
    X = _floats(X, "X")
    if X.ndim != 2 or X.shape[1] != {count}:
        raise ValueError(f"X has shape {{X.shape}}; expected (rows, {count})")
    return answer({arguments})
'''

_CLASSES = '''
def predict({table}):
    """Return the most probable class of each row."""
    return np.array(CLASSES)[_answer({table})[0]]


def predict_probabilities({table}):
    """Return the probability of each class in CLASSES: an array of shape (rows, classes)."""
    return _answer({table})[1]
'''

_LABELS = '''
def predict({table}):
    """Return for each row which of the CLASSES are there: 0 or 1, an array of shape (rows, classes)."""
    return _answer({table})[0]


def predict_probabilities({table}):
    """Return the probability of each class in CLASSES: an array of shape (rows, classes)."""
    return _answer({table})[1]
'''

_NUMBER = '''
def predict({table}):
    """Return {what}."""
    return _answer({table}){place}
'''

_MAIN = '''
def _read(path):
    """Return the columns of a text file as lists of texts."""
    with open(sys.stdin.fileno() if path == "-" else path, "rb") as file:
        data = file.read()
    if path.endswith(".gz") and data.startswith(b"\\x1f\\x8b"):
        data = gzip.decompress(data)
    names, rows = table_rows(*table_text(decoded(data, path, ENCODINGS), SEPARATOR), path)
    return {{name: list(column) for name, column in zip(names, zip(*rows))}}


if __name__ == "__main__":
    def end(message):
        """End with a message in which a terminal finds nothing to obey."""
        sys.exit("".join(one if one.isprintable() else ascii(one)[1:-1] for one in message))

    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit("usage: python THIS_FILE table.csv (or - for standard input)")
    try:
        table = _read(sys.argv[1])
    except OSError as error:
        end(f"error: {{sys.argv[1]}}: {{error.strerror or error}}")
    except (ValueError, EOFError) as error:
        end(f"error: {{error}}")
    try:
        predicted = predict(table)
    except ValueError as error:
        end(f"error: {{sys.argv[1]}}: {{error}}")
    try:
        writer = csv.writer(sys.stdout, lineterminator="\\n")
        writer.writerow({header})
        writer.writerows({rows})
        sys.stdout.flush()
    except BrokenPipeError:  # whoever was reading has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
'''


def functions(
    model: PortableModel, arrays: Sequence[str], rows: Sequence[str], dtype: str, *, single: bool
) -> list[str]:
    """Return the functions that a user of the predictor calls, and those that they need.

    Parameters
    ----------
    model : PortableModel
    arrays, rows : sequence of str
        The parameters of ``answer``: the arrays of the network, then what is made of a table.
    dtype : str
        Of ``X``, where the model has no columns.
    single : bool
        Whether a prediction of numbers is one a row, and not an array of shape (rows, outputs).
    """
    arguments = ", ".join([*arrays, *rows])
    parts = [TABLE]
    if model.columns:
        stacks, names = [], []
        for group, made, column in (
            ("NUMBERS", "numbers", "_number_column"),
            ("WORDS", "codes", "_word_column"),
        ):
            if made in rows:
                parts.append(NUMBERS if made == "numbers" else WORDS)
                names.append(f"*{group}")
                stacks.append(
                    f"    {made} = np.stack([{column}(name, table[name]) for name in {group}], axis=1)"
                )
        parts.append(_COLUMNS.format(names=", ".join(names), stacks="\n".join(stacks), arguments=arguments))
    else:
        # Features without names are known by their places, in a data frame as well.
        named = model.feature_names != PortableModel.of_network(model.network, model.inputs).feature_names
        is_table = "isinstance(X, dict)" + (' or hasattr(X, "columns")' if named else "")
        parts.append(
            _FEATURES.format(count=model.inputs, dtype=dtype, arguments=arguments, is_table=is_table)
        )
    table = "table" if model.columns else "X"
    if model.target.kind == "regression":
        what = "the predicted number of each row" if single else "the outputs, shape (rows, outputs)"
        parts.append(_NUMBER.format(table=table, what=what, place="[0][:, 0]" if single else "[0]"))
    else:
        parts.append((_LABELS if model.target.kind == "multilabel" else _CLASSES).format(table=table))
    return [part.strip("\n") for part in parts]


def main(model: PortableModel, *, single: bool) -> str:
    """Return what the predictor does when it is run as a program."""
    several = (not single and model.target.kind == "regression") or model.target.kind == "multilabel"
    header = f'[{model.target.name!r} + f"_{{place}}" for place in range(predicted.shape[1])]'
    if not several:
        header = repr([f"predicted_{model.target.name}"])
    rows = "predicted.tolist()" if several else "[[value] for value in predicted.tolist()]"
    return _MAIN.format(header=header, rows=rows).strip("\n")
