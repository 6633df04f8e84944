"""The embedded AWS: general services from ministack and a real SageMaker beside them, on one local port.

This package imports no other Headway package: it knows AWS, not Headway.
"""
