"""Run the server: on this computer's own address alone."""

import contextlib
import signal
import socket
import threading

HOST = "127.0.0.1"


class Running:
    """A server that listens, and everything that it holds open.

    Parameters
    ----------
    answers : Answers
        What is said to the page.

    pictures : Pictures
        The images of the source.

    tokens : dict of str to str
        Who may come in, and the token that does it.

    port : int, default=0
        Where to listen; 0 takes any free one.
    """

    def __init__(self, answers, pictures, tokens, port=0):
        import uvicorn

        from skal.label._server._app import application
        from skal.label._server._keys import Keys

        self.keys = Keys(tokens)
        self._socket = listening(port)
        self.port = self._socket.getsockname()[1]
        self.app = application(answers, pictures, self.keys, self.port)
        config = uvicorn.Config(
            self.app,
            log_level="warning",
            access_log=False,  # start links hold tokens
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)

    def link(self, annotator):
        """Return the address that lets an annotator in."""
        return f"http://{HOST}:{self.port}/?token={self.keys.tokens[annotator]}"

    def run(self):
        """Serve until a signal ends it."""
        # uvicorn raises the signal again when it is done: let that not kill us.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self._server.run(sockets=[self._socket])
        finally:
            self.close()

    def __enter__(self):
        """Serve in a thread, for a notebook or a test."""
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._server.should_exit = True
        self._thread.join(10)
        self.close()

    def close(self):
        self._socket.close()
        self.app.app.state.views.close()


def listening(port):
    """Return a socket that listens on a port; on any free one for 0."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port that a server has just left may be taken again.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Or each answer waits 40 ms: its head, its body, and TCP's patience between.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind((HOST, port))
        made.listen(128)  # who comes before the server is ready waits
    except OSError:
        made.close()
        raise
    return made
