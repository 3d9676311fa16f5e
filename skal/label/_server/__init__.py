"""The server of `skal label`: who may ask, what is answered, and the pictures."""

from skal.label._server._app import application
from skal.label._server._media import Pictures
from skal.label._server._run import Running

__all__ = ["Pictures", "Running", "application"]
