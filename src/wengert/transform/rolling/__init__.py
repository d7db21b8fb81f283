"""Loops that were written out become scans again."""

from wengert.transform.rolling.rolled import is_rolling as is_rolling, rolled as rolled, rolling as rolling
