"""Headway's rules: what must hold before a stack ships, and the policy pack that holds a stack to it."""
