"""Processes that work together: who they are, how they find each other, what they say, and what ends them."""

from wengert.cluster.jax_processes import join_jax as join_jax
from wengert.cluster.joining import join as join
from wengert.cluster.workers import Workers as Workers
