"""Every resource type of the provider stand-in, as a table of cases that one program declares."""
