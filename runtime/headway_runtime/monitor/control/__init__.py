"""The function around a monitoring job: what it is given, and what follows from what it found.

The job itself has no network: it holds the traffic of users and libraries that other people wrote.
"""
