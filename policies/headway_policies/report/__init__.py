"""The forms of a verdict: for people, for programs, for proof."""
