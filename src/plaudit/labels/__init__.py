"""What people's judgements are worth and which to ask for next; plain arrays, no model and no torch."""
