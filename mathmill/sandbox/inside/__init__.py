"""What runs inside a sandbox, where nothing else of mathmill can be seen.

Standard library only, and little of that, since a sandbox imports it anew: no pathlib, dataclasses or socket.
"""
