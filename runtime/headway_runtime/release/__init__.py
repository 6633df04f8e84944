"""The release machine: functions that move an endpoint from what serves to what is approved.

They run as one function on AWS Lambda. Only the standard library and boto3 are used, and of this package only
`headway_runtime.canonical`.
"""
