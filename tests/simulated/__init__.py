"""Workers, broker and store in one process, under one scheduler: no sockets, no sleeps, every run by its seed again.

The agents and the handover are the real ones. Whatever they wait for is a gate that the scheduler opens when it likes:
a fetch, a look-up, each half of a write, a message. In between it kills, holds and starts workers, deals the group
anew, lets the store fail before or after it kept something, and lets writes of dead workers arrive late.
"""
