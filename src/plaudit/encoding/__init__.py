"""Encoding: one renderer, one tokenisation, one truncation, packed into prompt trees without padding."""
