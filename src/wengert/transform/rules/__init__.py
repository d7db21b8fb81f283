"""Rewriting rules, by the primitive at the root of the pattern."""

# The order in which they are tried: stable forms are recognised before arithmetic changes the formula.
from wengert.transform.rules import stability as stability  # isort: skip
from wengert.transform.rules import folding as folding  # isort: skip
from wengert.transform.rules import movement as movement  # isort: skip
from wengert.transform.rules import algebra as algebra  # isort: skip
from wengert.transform.rules import scaling as scaling  # isort: skip
from wengert.transform.rules import reductions as reductions  # isort: skip
from wengert.transform.rules.table import EXACT as EXACT, OF_COMPLEX as OF_COMPLEX, RULES as RULES
