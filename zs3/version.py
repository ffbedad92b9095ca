"""The version of the package, alone so that the installer can read it."""

__version__ = "0.1.0"
