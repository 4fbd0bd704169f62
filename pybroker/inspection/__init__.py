"""Files at rest, for people: what lies in them (`dump`), whether it is whole (`verify`), and what of it can be saved (`repair`)."""
