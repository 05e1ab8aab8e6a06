"""How properties are tried here: machines may be slow."""

from hypothesis import settings

settings.register_profile("patient", deadline=None, max_examples=60)
settings.load_profile("patient")
