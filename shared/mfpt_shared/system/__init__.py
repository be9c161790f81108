"""The one place that knows on which system it runs: what Linux, macOS and Windows do differently, behind one interface.

Nobody else asks for the system's name (a lint rule says so): whoever needs a lock, a child that dies with its parent or
a file that stays after a power cut calls a function of this package, which does what this system needs.
"""
