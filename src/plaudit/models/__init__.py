"""Reward models: a backbone, a pooling, a head, and the attention that computes a shared prompt once.

Importing this package registers with transformers those architectures that are models of their own, so that
``AutoModel.from_pretrained`` loads what was saved of them, without remote code. ``import plaudit`` alone does not: it
stays free of torch.
"""

import importlib

from plaudit import members

for _kind in members.names("architectures"):
    importlib.import_module(f"{members.SETS['architectures']}.{_kind}")
