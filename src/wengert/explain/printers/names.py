"""Names of values within plain words, which printers set as they set them in formulas."""

import re

_LETTER = "A-Za-zα-ωΑ-Ω"
NAME = re.compile(
    rf"((?<![{_LETTER}\d._])[{_LETTER}]₀?(?=\d|_|$|[^{_LETTER}])|\)(?=_))"
    rf"(\d*)(?:_([a-zξA-Z]+′*(?:[a-zξA-Z]′*)*(?:,[a-z]′*(?![\w′]))*))?(?![{_LETTER}\d_])"
)
"""A letter, or what is in parentheses; the number of its layer; its indices: W, z2, W₀1, w2_jk, (z)_i."""
