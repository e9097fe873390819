"""The version of nnfw, for `nnfw.__version__`, the package metadata and saved files."""

__version__ = "0.2.0"
