"""Generated estates: what a company has in its databases, and what each system knows of it."""
