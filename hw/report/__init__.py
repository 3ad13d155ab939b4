"""The report: one page over all questions, made from results folders; nothing is run for it.

``collect`` reads results into the views of ``model``; ``page`` and ``markdown`` write them out,
``book`` binds the figures of a homework into one PDF. A results folder may hold anything: what
is read is checked, and every string of it is escaped.
"""
