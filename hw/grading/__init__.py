"""`hw grade`: a hand-in beside the reference, where the two part, and which known mistake it is.

`hand_in` says what a hand-in offers, and `process` holds one in a process of its own; `references`
are the right programs, `mistakes` the known changes of their lines; `engine` puts a hand-in through
the `checks` and returns the `findings`.
"""
