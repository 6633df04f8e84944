"""How an AWS SDK signs a call, for callers that are faster, or ruder, than an SDK is."""

SIGNED = {
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, "
    f"SignedHeaders=host, Signature={'0' * 64}",
}
"""The headers of a signature; the sandbox reads them, and checks them only where it enforces IAM."""
