"""What `headway gate` is made of: reading, planning, judging, writing."""
