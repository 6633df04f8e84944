"""Who may do what: roles taken on by services, and calls held against policies.

Policies are evaluated by ministack's own evaluator; what it does not do is done here: services take on roles
under the role's trust policy, with the conditions that keep one service from being used by another account.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from headway_sandbox.ministack_seam.parameters import Answer
from headway_sandbox.ministack_seam.request_keys import tell_namespaces
from headway_sandbox.permissions import Need
from headway_sandbox.wire.request import HttpRequest

Headers = Iterable[tuple[bytes, bytes]]

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


class AccessDeniedError(Exception):
    """A caller may not do what it asks for.

    Args:
        code: The error's name.
        message: Who may not do what on which resource, and why, in AWS's words.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Access:
    """Roles and permissions of one ministack.

    Args:
        account: Account of every ARN.
        region: Region of every ARN.
        enforced: Whether calls are held against policies, and roles against their trust policies.
    """

    def __init__(self, account: str, region: str, *, enforced: bool) -> None:
        # ministack reads its settings when it is imported.
        from ministack.core import iam_actions, iam_evaluator  # noqa: PLC0415
        from ministack.services import iam, sts  # noqa: PLC0415

        self._actions = iam_actions
        self._evaluator = iam_evaluator
        if enforced:
            _replace_variables(iam_evaluator)
            _take_loopback_as_secure(iam_evaluator)
            _name_resources(iam_actions)
            tell_namespaces(iam_actions)
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

    def require_trust(self, role_arn: str, principal: str, source_arn: str) -> None:
        """Refuses a role that a service cannot take on; without enforcement, every role will do.

        Raises:
            AccessDeniedError: If the role does not exist or does not trust the service.
        """
        role = self._iam._roles.get_scoped(self._account, None, role_arn.rpartition("/")[2])  # noqa: SLF001
        if self.enforced and (role is None or not self._trusts(role, role_arn, principal, source_arn)):
            message = f"{principal} is not authorized to perform: {_TRUSTED_ACTION} on resource: {role_arn}"
            raise AccessDeniedError("AccessDeniedException", message, 403)

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

    def authorise(
        self, request: HttpRequest, needs: Sequence[Need], raw_headers: Headers | None = None
    ) -> None:
        """Refuses a request whose caller lacks a permission.

        Args:
            request: The request with its body.
            needs: What it needs.
            raw_headers: Headers as they came, for a request that ministack has not seen; its signature is
                checked with them.

        Raises:
            AccessDeniedError: If the caller is unknown or lacks a permission.
        """
        if not self.enforced:
            return
        if raw_headers is not None:
            query = parse_qs(request.query, keep_blank_values=True)
            self._evaluator.pin_signed_request(request.method, request.path, query, list(raw_headers))
            self._evaluator.pin_signed_body(request.body)
        key = "" if request.access_key_id is None else request.access_key_id
        for need in needs:
            service = need.action.partition(":")[0]
            denied = self._evaluator.enforce(
                key, need.action, service, self._region, need.resource, dict(need.context)
            )
            if isinstance(denied, self._evaluator.AuthError):
                raise AccessDeniedError(denied.code, denied.message, 403)
            if denied is not None:
                raise self._denial(need, denied)

    def authorise_role(self, role_arn: str, session_name: str, needs: Sequence[Need]) -> None:
        """Refuses what a service does in the name of a role that lacks a permission.

        Args:
            role_arn: The role.
            session_name: Whose session it is.
            needs: What is needed.

        Raises:
            AccessDeniedError: If the role lacks a permission.
        """
        if not self.enforced:
            return
        evaluator = self._evaluator
        name = role_arn.rpartition("/")[2]
        policies = evaluator._gather_role_policies(name, self._account)  # noqa: SLF001
        limits = evaluator._permissions_boundary(self._iam._roles, name, self._account)  # noqa: SLF001
        for need in needs:
            context = evaluator.EvalContext(
                principal_arn=f"arn:aws:sts::{self._account}:assumed-role/{name}/{session_name[:64]}",
                principal_type="AssumedRole",
                principal_account=self._account,
                action=need.action,
                resource_arn=need.resource,
                region=self._region,
                service_context={key.lower(): value for key, value in need.context.items()},
            )
            found = evaluator.evaluate(context, policies, *limits)
            service = need.action.partition(":")[0]
            resource_policy = evaluator._resource_policy(service, need.resource)  # noqa: SLF001
            if resource_policy is not None:
                required = service in evaluator._POLICY_REQUIRED  # noqa: SLF001
                found = evaluator.combine_resource_policy(
                    found, context, *resource_policy, required=required, limits=limits
                )
            if found.decision != "Allow":
                found.principal_arn = context.principal_arn
                raise self._denial(need, found)

    def allows_service(self, principal: str, need: Need) -> bool:
        """Whether a resource's own policy lets a service act on it; without enforcement, it does.

        Args:
            principal: The service, for example ``events.amazonaws.com``.
            need: The action, the resource and the circumstances.
        """
        if not self.enforced:
            return True
        context = self._evaluator.EvalContext(
            principal_arn=f"service:{principal}",
            principal_type="Service",
            principal_account=self._account,
            action=need.action,
            resource_arn=need.resource,
            region=self._region,
            service_context={
                "aws:sourceaccount": self._account,
                **{key.lower(): value for key, value in need.context.items()},
            },
        )
        found = self._evaluator._resource_policy(need.action.partition(":")[0], need.resource)  # noqa: SLF001
        if found is None:
            return False
        decision = self._evaluator.evaluate_resource_policy(found[0], context, service=principal).decision
        return bool(decision == "Allow")

    def _denial(self, need: Need, denied: Any) -> AccessDeniedError:  # noqa: ANN401
        explicit = denied.decision == "Deny"
        if denied.resource_policy_arn:
            message = (
                f"User: {denied.principal_arn} is not authorized to perform: {need.action} on resource: "
                f"{need.resource} with an explicit deny in a resource-based policy"
            )
        else:
            message = self._actions.identity_denial_message(
                need.action, denied.principal_arn, need.resource, explicit
            )
        return AccessDeniedError("AccessDeniedException", message, 400)


_VARIABLE = re.compile(r"\$\{([^}$]+)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}


def _replace_variables(evaluator: Any) -> None:  # noqa: ANN401 - ministack is not typed
    """Makes policies know variables such as ``${aws:PrincipalTag/team}`` in resources and conditions."""
    first_match = evaluator._first_match  # noqa: SLF001

    @functools.wraps(first_match)
    def first_match_replaced(context: Any, statements: Sequence[Any], effect: str) -> Any:  # noqa: ANN401
        def text(value: str) -> str:
            def found(variable: re.Match[str]) -> str:
                name, _, default = variable[1].partition(",")
                if name in _LITERALS:
                    return _LITERALS[name]
                known = evaluator._resolve_condition_key(name.strip(), context)  # noqa: SLF001
                if isinstance(known, str):
                    return known
                # A variable without a value matches nothing.
                return default.strip(" '") if default else variable[0]

            return _VARIABLE.sub(found, value)

        def all_texts(value: Any) -> Any:  # noqa: ANN401
            if isinstance(value, str):
                return text(value) if "${" in value else value
            if isinstance(value, list):
                return [all_texts(item) for item in value]
            if isinstance(value, dict):
                return {key: all_texts(item) for key, item in value.items()}
            return value

        replaced = [
            dataclasses.replace(
                statement,
                resources=all_texts(statement.resources),
                not_resources=all_texts(statement.not_resources),
                conditions=all_texts(statement.conditions),
            )
            for statement in statements
        ]
        return first_match(context, replaced, effect)

    evaluator._first_match = first_match_replaced  # noqa: SLF001


def _take_loopback_as_secure(evaluator: Any) -> None:  # noqa: ANN401 - ministack is not typed
    """Lets policies see calls as encrypted: they come over the loopback here, where AWS's clients use TLS."""
    resolve = evaluator._resolve_condition_key  # noqa: SLF001

    @functools.wraps(resolve)
    def resolve_securely(key: str, context: Any) -> Any:  # noqa: ANN401
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    evaluator._resolve_condition_key = resolve_securely  # noqa: SLF001


def _name_resources(actions: Any) -> None:  # noqa: ANN401
    """Lets every denial name the resource, as AWS's do; ministack leaves it out for most services."""
    respond = actions.access_denied_response

    @functools.wraps(respond)
    def respond_with_resource(
        service: str, action: str, principal_arn: str, request_id: str, **details: object
    ) -> Answer:
        arn, explicit = str(details.get("resource_arn", "*")), bool(details.get("explicit_deny"))
        decided_elsewhere = explicit and details.get("resource_policy_arn")
        if not (details.get("message") or details.get("error_code") or decided_elsewhere):
            resource = f'"{arn}"' if service == "s3" else arn
            message = actions.identity_denial_message(action, principal_arn, resource, explicit)
            details = {**details, "message": message}
        answer: Answer = respond(service, action, principal_arn, request_id, **details)
        return answer

    actions.access_denied_response = respond_with_resource
