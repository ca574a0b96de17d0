"""PixelWise: a trained digit classifier, integrated well."""

__version__ = "0.1.0"
