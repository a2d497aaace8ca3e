"""The Qualytics client: its models, its calls, and the inventory of a datastore assembled from them."""
