"""What becomes of freed memory.

The C library gives large blocks back to the system as soon as they are freed, and every block taken again is filled
with zeros page by page: in a training step or a scoring pass on a CPU that can cost a fifth of the time. Kept blocks
are used again as they are, as accelerators' allocators do it. The process then holds its peak until it ends.
"""

import ctypes
import os
from functools import cache

SWITCH = "PLAUDIT_KEEP_MEMORY"
"""Environment variable: ``0`` leaves the C library as it is."""
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Numbers of ``mallopt``'s options in glibc."""
_BLOCK, _TRIM = 1 << 30, (1 << 31) - 1


@cache
def keep_freed() -> bool:
    """Let this process keep freed memory for its next blocks; return whether the C library took the settings.

    The first call in a process counts. Other C libraries than glibc are left as they are.
    """
    if os.environ.get(SWITCH) == "0":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _BLOCK)) and bool(mallopt(_TRIM_THRESHOLD, _TRIM))
