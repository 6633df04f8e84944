"""Every AI system of this project, deployed to the environment that the stack's configuration describes."""

from headway_components import deploy, user_errors

with user_errors():
    from flight_delay.system import FLIGHT_DELAY

    deploy(FLIGHT_DELAY)
