"""Stories: what a system does by itself, told while it happens on the sandbox. Nothing in them is canned."""
