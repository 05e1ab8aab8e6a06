"""The doctor: what is wrong with preferences before anybody trains on them, what to do about it, and doing it.

``examined.py`` is what every check looks at, ``checks/`` the open set of them, ``examination.py`` runs all and puts
what they found in order, ``repairs.py`` mends what can be mended, ``section.py`` shows it as a page. Nothing here
imports torch: a tokenizer or a model comes in as an argument.
"""
