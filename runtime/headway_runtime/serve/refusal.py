"""A request that is refused, with everything that is wrong with it."""

from collections.abc import Sequence

PROBLEMS_LIMIT = 100
"""Problems that one answer lists; a body that breaks the contract more often is not read to its end."""


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of the server
    """The answer to a request that cannot be served.

    Attributes:
        status: HTTP status, from 400 to 499.
        error: What is wrong, in one sentence.
        problems: Each problem with row, field, value and what is allowed.
    """

    def __init__(self, status: int, error: str, problems: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.problems = tuple(problems)


class Problems:
    """Collects problems until there are too many to be read."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, problem: str) -> None:
        """Note one problem.

        Raises:
            Refusal: The limit is reached.
        """
        self.found.append(problem)
        if len(self.found) >= PROBLEMS_LIMIT:
            raise Refusal(
                400, f"the request breaks the contract; the first {PROBLEMS_LIMIT} problems", self.found
            )

    def refuse(self) -> None:
        """Refuse the request if anything was found.

        Raises:
            Refusal: There are problems.
        """
        if self.found:
            count = "1 problem" if len(self.found) == 1 else f"{len(self.found)} problems"
            raise Refusal(400, f"the request breaks the contract; {count}", self.found)
