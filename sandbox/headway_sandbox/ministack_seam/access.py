"""Who may do what: roles taken on by services, and calls held against policies.

Policies are evaluated by ministack's own evaluator; what it does not do is done here: services take on roles
under the role's trust policy, with the conditions that keep one service from being used by another account.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

_TRUSTED_ACTION = "sts:AssumeRole"


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role.

    Attributes:
        access_key_id: The key's name.
        secret_access_key: The key.
        session_token: The token that must come with it.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str


class RoleRefusedError(Exception):
    """A service cannot take on a role: there is none, or its trust policy does not allow it."""


class Access:
    """Roles and permissions of one ministack.

    Args:
        account: Account of every ARN.
        region: Region of every ARN.
        enforced: Whether calls are held against policies, and roles against their trust policies.
    """

    def __init__(self, account: str, region: str, *, enforced: bool) -> None:
        # ministack reads its settings when it is imported.
        from ministack.core import iam_evaluator  # noqa: PLC0415
        from ministack.services import iam, sts  # noqa: PLC0415

        self._evaluator = iam_evaluator
        self._iam = iam
        self._sts = sts
        self._account = account
        self._region = region
        self.enforced = enforced

    def assume(
        self,
        role_arn: str,
        *,
        principal: str,
        session_name: str,
        source_arn: str,
        lifetime_s: float | None = None,
    ) -> Credentials:
        """Credentials of a role that a service takes on.

        Without enforcement the role is taken as it is, existing or not, whatever its trust policy says.

        Args:
            role_arn: The role.
            principal: The service, for example ``sagemaker.amazonaws.com``.
            session_name: Name of the session; shortened to the 64 characters that AWS allows.
            source_arn: The resource in whose name the service acts.
            lifetime_s: Seconds that the credentials are valid; None for as long as the sandbox knows them.

        Raises:
            RoleRefusedError: If the role does not exist or does not trust the service.
        """
        name = role_arn.rpartition("/")[2]
        role = self._iam._roles.get_scoped(self._account, None, name)  # noqa: SLF001
        if self.enforced and (role is None or not self._trusts(role, role_arn, principal, source_arn)):
            raise RoleRefusedError(role_arn)
        credentials = Credentials(
            access_key_id=f"ASIA{secrets.token_hex(8).upper()}",
            secret_access_key=secrets.token_hex(20),
            session_token=secrets.token_hex(64),
        )
        session_name = session_name[:64]
        session: dict[str, Any] = {
            "Arn": f"arn:aws:sts::{self._account}:assumed-role/{name}/{session_name}",
            "UserId": f"{'AROA' if role is None else role.get('RoleId', 'AROA')}:{session_name}",
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "AccountId": self._account,
            "PrincipalType": "AssumedRole",
            "SourcePrincipalArn": principal,
        }
        if lifetime_s is not None:
            session["Expiration"] = time.time() + lifetime_s
        self._sts.register_session(credentials.access_key_id, session)
        return credentials

    def _trusts(self, role: dict[str, Any], role_arn: str, principal: str, source_arn: str) -> bool:
        context = self._evaluator.EvalContext(
            # No role or user: only statements that name the service, or everybody, apply.
            principal_arn=f"service:{principal}",
            principal_type="Service",
            principal_account=self._account,
            action=_TRUSTED_ACTION,
            resource_arn=role_arn,
            region=self._region,
            service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": self._account},
        )
        document = role.get("AssumeRolePolicyDocument")
        found = self._evaluator.evaluate_resource_policy(document, context, service=principal)
        return bool(found.decision == "Allow")
