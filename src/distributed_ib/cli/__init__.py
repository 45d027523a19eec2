"""The command `dib`."""
