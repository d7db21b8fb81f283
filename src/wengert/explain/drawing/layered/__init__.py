"""Layered drawing of directed graphs (Sugiyama): ranks, order within ranks, coordinates, edges as curves."""
