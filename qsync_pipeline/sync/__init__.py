"""What each stage does with clients, core and ledger. Knows no Dagster; the assets are thin around this."""
