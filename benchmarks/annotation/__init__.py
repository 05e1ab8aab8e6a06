"""How the annotation app holds up under many annotators at once."""
