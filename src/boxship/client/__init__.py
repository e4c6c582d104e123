"""A thin blocking client of the Docker Engine API, made for short-lived programs.

It starts in milliseconds: no asyncio, no dataclasses, no `re`; values are JSON as it came.
"""
