"""wengert on real tables, beside other models for tables."""
