"""The verbs of `headway`, one file each; they only read options and print."""
