"""The reference system: will a flight from New York arrive 15 or more minutes late?"""
