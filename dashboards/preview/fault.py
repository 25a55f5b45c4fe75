"""What can be wrong with a request or with a dashboard, said to the person who looks at it."""


class PreviewError(Exception):
    """The preview cannot show this; the message says why. Asking again gives the same answer."""


class UnknownError(PreviewError):
    """There is no such dashboard, panel or value."""
