"""The ``skal`` command."""

from skal.cli._app import app, main

__all__ = ["app", "main"]
