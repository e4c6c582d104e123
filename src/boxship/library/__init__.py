"""What Python programs use: an engine in process or at a socket, and handles that read like sentences.

Everything here is made of `boxship.services`, whatever is behind them.
"""
