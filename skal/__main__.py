"""``python -m skal`` is the ``skal`` command."""

from skal.cli import main

if __name__ == "__main__":
    main()
