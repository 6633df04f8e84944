"""When data that has arrived starts a training."""

from pydantic import Field

from headway_components._declaration import Declaration


class ArrivalPlan(Declaration):
    """When batches that land start a training, which learns from a new dataset that passes its gate alone."""

    settle_s: int = Field(default=600, ge=1, le=43_200)
    """Time without a new file after which what has landed is whole, in seconds; ten minutes when left out."""
    cool_down_h: int = Field(default=24, ge=0, le=24 * 31)
    """Time after any training in which data starts none yet, in hours; a day when left out."""
    maximum_retrainings: int = Field(default=8, ge=0, le=1_000)
    """Trainings that data may start in thirty days, 0 for none; 8 when left out."""

    def rehearsed(self) -> "ArrivalPlan":
        """The plan where nobody waits: what lands is whole at once, and a training follows a training."""
        return self.model_copy(update={"settle_s": 2, "cool_down_h": 0})
