"""What can go wrong between an annotator and the store. Every message is written for the one who reads it."""


class StoreError(Exception):
    """Anything the store refuses."""


class StoreAway(StoreError):
    """The database cannot be reached or written now. Nothing was acknowledged; the same call may be made again."""


class NewerSchema(StoreError):
    """The database was written by a newer plaudit."""


class Unknown(StoreError):
    """No such annotator, task, assignment or version."""


class NotYours(StoreError):
    """The assignment is somebody else's."""


class LeaseOver(StoreError):
    """The assignment went back, and somebody else has taken its place."""


class BadAnswer(StoreError, ValueError):
    """An answer that the task does not take; the message names the field."""


class BadTask(StoreError, ValueError):
    """A task that cannot be put; the message names it and the field."""


class BadLink(StoreError):
    """A link that is forged, expired or revoked."""
