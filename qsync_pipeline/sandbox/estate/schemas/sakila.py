"""Sakila in its PostgreSQL dress (pagila): a shop that lends films, in lower case."""

PAGILA = """
actor | actor_id first_name last_name last_update:t
address | address_id address address2 district city_id postal_code phone last_update:t
category | category_id name last_update:t
city | city_id city country_id last_update:t
country | country_id country last_update:t
customer | customer_id store_id first_name last_name email address_id activebool:b create_date last_update:t
    active:i
film | film_id title description release_year language_id original_language_id rental_duration:i rental_rate
    length replacement_cost rating:s last_update:t special_features:x fulltext:x
film_actor | actor_id film_id last_update:t
film_category | film_id category_id last_update:t
inventory | inventory_id film_id store_id last_update:t
language | language_id name last_update:t
payment | payment_id customer_id staff_id rental_id amount payment_date:t
rental | rental_id rental_date:t inventory_id customer_id return_date:t staff_id last_update:t
staff | staff_id first_name last_name address_id email store_id active:b username password last_update:t
    picture:x
store | store_id manager_staff_id address_id last_update:t
view actor_info | actor_id first_name last_name film_info
view customer_list | id name address zip_code phone city country notes sid:i
view film_list | fid:i title description category price length rating:s actors
view sales_by_film_category | category total_sales:n
view sales_by_store | store manager total_sales:n
mview rental_by_category | category total_sales:n
"""

STAGING = """
actor | actor_id first_name last_name last_update:t
category | category_id name last_update:t
customer | customer_id store_id first_name last_name email address_id activebool:b create_date last_update:t
    active:i
film | film_id title description release_year language_id rental_duration:i rental_rate length
    replacement_cost rating:s last_update:t
payment | payment_id customer_id staff_id rental_id amount payment_date:t
rental | rental_id rental_date:t inventory_id customer_id return_date:t staff_id last_update:t
load_audit | run_id table_name rows_in:i rows_rejected:i started_at finished_at
"""
