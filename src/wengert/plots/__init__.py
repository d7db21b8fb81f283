"""Plots of networks and of what they learn, drawn with matplotlib (extra ``[plot]``).

Each function returns the matplotlib axes, or the figure where it draws several; none uses pyplot or changes
matplotlib's settings. ``plots.decision_boundary(net, X, y).figure.savefig("boundary.png")`` writes a picture.
"""

from __future__ import annotations

from wengert.plots.activations import activations as activations
from wengert.plots.boundary import decision_boundary as decision_boundary
from wengert.plots.curves import loss_curves as loss_curves
from wengert.plots.directions import Plane as Plane
from wengert.plots.hidden_units import hidden_units as hidden_units
from wengert.plots.surface import loss_surface as loss_surface, loss_surfaces as loss_surfaces
from wengert.plots.trajectory import Trajectory as Trajectory
from wengert.plots.weights import first_layer_weights as first_layer_weights
