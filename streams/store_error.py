"""What a store answers when it cannot do what it was asked: by this callers know whether waiting can help."""


class StoreUnavailableError(Exception):
    """The store did not answer or cannot work now. The same call may succeed later: wait and try again."""


class StoreOverloadedError(StoreUnavailableError):
    """The store could not do so much at once: for want of memory or time, or because it was too large to send.

    Less of it may go through. Where little does not, the store is short of something: wait and try again.
    """


class StoreRejectedError(Exception):
    """The store refused what it was asked. Trying again gives the same answer: stop and have it looked at."""
