"""Checks of a layer's contract, and of the gradients of a layer or a network, by finite differences."""

from nnfw.gradcheck.contract import check_layer
from nnfw.gradcheck.differences import CheckError, Report, check_network, numeric_gradient

__all__ = ["CheckError", "Report", "check_layer", "check_network", "numeric_gradient"]
