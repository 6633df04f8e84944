"""The model server behind /ping and /invocations."""
