"""What an integration raises, whichever method it used."""


class IntegrationError(RuntimeError):
    """The integration stopped before its end: the message says where and what to do."""
