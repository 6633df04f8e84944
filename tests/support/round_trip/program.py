"""The program itself: importing it declares the stack."""

from types import SimpleNamespace

import pulumi
import pulumi_aws as aws

from support.round_trip.cases import CASES

configuration = pulumi.Config()
phase = configuration.require("phase")
made = SimpleNamespace()
for case in CASES:
    setattr(made, case.name, case.declare(phase, made))

document = aws.iam.get_policy_document(
    statements=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::x/*"], "sid": "Read"}]
)
pulumi.export("document", document.json)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("region", aws.get_region().region)
pulumi.export("partition", aws.get_partition().partition)
pulumi.export("result", made.called.result)
