"""The program itself: importing it declares the stack."""

import pulumi
import pulumi_aws as aws

from support.everything.models import sagemaker
from support.everything.services import functions, machine, messages, observability
from support.everything.storage import buckets, keys_and_roles, records

key, role = keys_and_roles()
bucket = buckets(key)
topic, queue = messages(bucket)
group = observability(key, topic)
functions(role, queue)
machine(role, group)
records(key)
sagemaker(role, key, bucket)

document = aws.iam.get_policy_document(
    statements=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::x/*"], "sid": "Read"}]
)
pulumi.export("document", document.json)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("region", aws.get_region().region)
pulumi.export("partition", aws.get_partition().partition)
pulumi.export("bucket", bucket.bucket)
pulumi.export("key", key.key_id)
pulumi.export("role", role.name)
pulumi.export("queue", queue.url)
pulumi.export("topic", topic.arn)
