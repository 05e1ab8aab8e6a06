"""The processes that measure: each reads a request, does one thing once or in turns, and writes what it saw."""
