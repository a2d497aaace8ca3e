"""Chinook, a seller of music, in lower case as on Databricks."""

CHINOOK = """
album | album_id title artist_id
artist | artist_id name
customer | customer_id first_name last_name company address city state country postal_code phone fax email
    support_rep_id
employee | employee_id last_name first_name title reports_to:i birth_date hire_date address city state
    country postal_code phone fax email
genre | genre_id name
invoice | invoice_id customer_id invoice_date billing_address billing_city billing_state billing_country
    billing_postal_code total
invoice_line | invoice_line_id invoice_id track_id unit_price quantity
media_type | media_type_id name
playlist | playlist_id name
playlist_track | playlist_id track_id
track | track_id name album_id media_type_id genre_id composer milliseconds:i bytes:i unit_price
"""
