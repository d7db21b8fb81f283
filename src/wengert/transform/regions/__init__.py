"""Loops and branches: primitives whose parameters are programs, one file each, with all their rules."""

from wengert.transform.regions import branch as branch, scan as scan, while_loop as while_loop
