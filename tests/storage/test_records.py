"""What a schema lets through is what it says, comes back as it was, and is never anything but a mismatch."""

import dataclasses
import json
from typing import Annotated, Any

import pytest
from hypothesis import given, strategies as st
from tests.storage.mutations import mutants

from wengert.errors import ModelFileError
from wengert.storage import parse_json
from wengert.storage.records import Count, Mismatch, OneOf, Positive, from_plain, to_plain


@dataclasses.dataclass(frozen=True)
class Numbers:
    scale: Positive
    kind: Annotated[str, OneOf(("a", "b"))]


@dataclasses.dataclass(frozen=True)
class Words:
    words: tuple[str, ...]
    open: bool = False


@dataclasses.dataclass(frozen=True)
class Document:
    name: str
    count: Count
    mean: float | None
    classes: tuple[str | int | float | bool, ...]
    columns: tuple[Numbers | Words, ...]
    identity: dict[str, str]
    rest: dict[str, Any]


integers = st.integers(-(2**63), 2**64 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
columns = st.builds(Numbers, numbers.filter(lambda x: x > 0), st.sampled_from("ab")) | st.builds(
    Words, st.lists(text).map(tuple), st.booleans()
)
documents = st.builds(
    Document,
    text,
    st.integers(0, 2**63 - 1),
    st.none() | numbers,
    st.lists(text | integers | numbers | st.booleans()).map(tuple),
    st.lists(columns, max_size=3).map(tuple),
    st.dictionaries(text, text, max_size=3),
    st.dictionaries(text, st.none() | integers, max_size=3),
)
EXAMPLE = Document("n", 3, 0.5, ("a", 1, True), (Numbers(1.0, "a"), Words(("w",))), {"a": "b"}, {})


@given(documents)
def test_a_record_comes_back_as_it_was(document):
    plain = json.loads(json.dumps(to_plain(document)))
    again = from_plain(Document, plain)
    assert again == document
    assert [type(known) for known in again.classes] == [type(known) for known in document.classes]


def test_anything_else_is_a_mismatch_that_names_the_place():
    refused = longest = 0
    for what, mutant in mutants(to_plain(EXAMPLE)):
        try:
            # What is let through is a record of this kind, so it can be written and read again.
            record = from_plain(Document, mutant)
            assert from_plain(Document, to_plain(record)) == record, what
        except Mismatch as error:
            refused += 1
            longest = max(longest, len(str(error)))
    assert refused > 100
    assert longest < 200


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("count",), -1, "count must be at least 0, and is -1"),
        (("count",), True, "count must be a whole number, and is True"),
        (("count",), 2**64, "count must be a whole number of 64 bits"),
        (("mean",), 10**400, "mean must be a finite number"),
        (("mean",), [], "mean must be a number or null, and is a list"),
        (("columns", 0, "scale"), 0, r"columns\[0\].scale must be above 0, and is 0"),
        (("columns", 0, "kind"), "c", r"columns\[0\].kind must be one of a, b, and is 'c'"),
        (("columns", 1), {"x": 1}, r"columns\[1\] must be an object of known fields"),
        (("identity", "a"), 1, "identity.a must be text, and is 1"),
        (("another",), 1, "it has 'another', which is not known"),
    ],
)
def test_messages(path, value, said):
    plain = to_plain(EXAMPLE)
    holder = plain
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(Mismatch, match=f"^{said}"):
        from_plain(Document, plain)


def test_a_field_with_a_default_may_be_missing_and_no_other():
    assert from_plain(Words, {"words": []}) == Words(())
    with pytest.raises(Mismatch, match=r"columns.0. lacks 'words'"):
        from_plain(Words, {"open": True}, "columns[0]")


@pytest.mark.parametrize("data", [b'"\\ud800"', b'{"a\\uDFFF": 1}', b'[["\\udc00\\ud800"]]'])
def test_half_a_character_is_no_text(data):
    with pytest.raises(ModelFileError, match="half of a surrogate pair"):
        parse_json(data, "f")
    assert parse_json(b'"\\ud83d\\ude00"', "f") == "\U0001f600"
