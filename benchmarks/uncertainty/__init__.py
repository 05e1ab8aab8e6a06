"""Does uncertainty earn its name: is a model right more often where it is surer, and less sure of other text?"""
