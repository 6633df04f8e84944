"""The function around the measuring of skew: it plans what is compared, and publishes what was found."""
