"""The add-on's windows: they show what they are given and report keys.

They decide nothing and know nothing of Trakt.
"""
