"""Keeps a dealer group's vehicle module and DMS in agreement, attribute by attribute."""

__version__ = "0.1.0"
