"""Places that are calculated: their arithmetic, and equalities between them."""
