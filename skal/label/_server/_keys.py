"""What a person needs to get in: a token once, then a cookie and a key."""

import hmac
import secrets


class Keys:
    """What each annotator needs to get in: new at each start, kept in memory alone.

    A *token* stands in the start link, and is exchanged for a *cookie*, which the
    browser sends with pictures and page, and a *key*, which the page itself sends. The
    key is not in the cookie because cookies are shared between the ports of a host:
    another server on this computer may see them, but not the key.

    Parameters
    ----------
    tokens : dict of str to str
        The token of each annotator, by name.
    """

    def __init__(self, tokens):
        self.tokens = dict(tokens)
        self._seed = secrets.token_bytes(32)

    def cookie(self, name):
        return self._derived("cookie", name)

    def key(self, name):
        return self._derived("key", name)

    def of_token(self, token):
        """Return whose token it is, or None."""
        return self._whose(token, self.tokens.get)

    def of_cookie(self, cookie):
        return self._whose(cookie, self.cookie)

    def _derived(self, what, name):
        message = f"{what}:{name}".encode()
        return hmac.new(self._seed, message, "sha256").hexdigest()

    def _whose(self, given, secret_of):
        """Compare with every secret, in time that does not tell how near it was."""
        found = None
        for name in self.tokens:
            if hmac.compare_digest(given.encode(), secret_of(name).encode()):
                found = name
        return found
