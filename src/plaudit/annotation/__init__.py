"""Where people compare responses: the store of what they said, who is given what, links, quality and exchange."""
