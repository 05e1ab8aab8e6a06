"""What can go wrong with an asset, each with a message that says what would be right."""


class AssetError(Exception):
    """A base model or data file could not be had; the message says why and what to do."""


class UnknownAsset(AssetError, ValueError):
    """A name that is no built-in, no folder here and no hub id; the message lists the built-ins."""


class WrongHash(AssetError):
    """A downloaded file is not the pinned one; it has been removed and nothing was unpacked."""


class Unreachable(AssetError, OSError):
    """An index or hub could not be reached, and the file is not in the cache."""
