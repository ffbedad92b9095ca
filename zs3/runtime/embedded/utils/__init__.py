"""Processes talking to each other, what they record, and what they say."""
