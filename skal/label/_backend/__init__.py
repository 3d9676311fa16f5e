"""An ML backend of Label Studio: answers from the stored ranking, and no more work."""

from skal.label._backend._answers import Backend
from skal.label._backend._app import BackendServer
from skal.label._backend._desk import serve_backend

__all__ = ["Backend", "BackendServer", "serve_backend"]
