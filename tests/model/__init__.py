"""The model test: random but repeatable lives of a source, compared with the target at the end.

`plan` makes a list of `operations` from a seed, `actor` does them on a real source, `group` runs many at the same time.
"""
