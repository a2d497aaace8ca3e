"""Random histories: whatever people, faults and kills did, one sync sets it right and a second is quiet."""
