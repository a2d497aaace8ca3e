"""TPC-DS, the decision-support benchmark: a retailer with stores, a catalogue and a web site."""

TPCDS = """
call_center cc_ | call_center_sk call_center_id:s rec_start_date rec_end_date closed_date_sk open_date_sk
    name class employees:i sq_ft:i hours:s manager mkt_id mkt_class mkt_desc market_manager division:i
    division_name company:i company_name street_number:s street_name street_type suite_number:s city county
    state zip country gmt_offset:n tax_percentage:n
catalog_page cp_ | catalog_page_sk catalog_page_id:s start_date_sk end_date_sk department catalog_number
    catalog_page_number description type
catalog_returns cr_ | returned_date_sk returned_time_sk item_sk refunded_customer_sk refunded_cdemo_sk
    refunded_hdemo_sk refunded_addr_sk returning_customer_sk returning_cdemo_sk returning_hdemo_sk
    returning_addr_sk call_center_sk catalog_page_sk ship_mode_sk warehouse_sk reason_sk order_number
    return_quantity return_amount return_tax return_amt_inc_tax fee return_ship_cost refunded_cash:n
    reversed_charge store_credit:n net_loss
catalog_sales cs_ | sold_date_sk sold_time_sk ship_date_sk bill_customer_sk bill_cdemo_sk bill_hdemo_sk
    bill_addr_sk ship_customer_sk ship_cdemo_sk ship_hdemo_sk ship_addr_sk call_center_sk catalog_page_sk
    ship_mode_sk warehouse_sk item_sk promo_sk order_number quantity wholesale_cost list_price sales_price
    ext_discount_amt ext_sales_price ext_wholesale_cost ext_list_price ext_tax coupon_amt ext_ship_cost
    net_paid net_paid_inc_tax net_paid_inc_ship:n net_paid_inc_ship_tax net_profit
customer c_ | customer_sk customer_id:s current_cdemo_sk current_hdemo_sk current_addr_sk
    first_shipto_date_sk first_sales_date_sk salutation first_name last_name preferred_cust_flag:s
    birth_day:i birth_month birth_year birth_country login email_address last_review_date_sk
customer_address ca_ | address_sk address_id:s street_number:s street_name street_type suite_number:s city
    county state zip country gmt_offset:n location_type
customer_demographics cd_ | demo_sk gender marital_status education_status purchase_estimate:i
    credit_rating:s dep_count dep_employed_count dep_college_count
date_dim d_ | date_sk date_id:s date month_seq:i week_seq:i quarter_seq:i year dow:i moy:i dom:i qoy:i
    fy_year fy_quarter_seq:i fy_week_seq:i day_name quarter_name holiday:s weekend:s following_holiday:s
    first_dom:i last_dom:i same_day_ly:i same_day_lq:i current_day:s current_week:s current_month:s
    current_quarter:s current_year:s
household_demographics hd_ | demo_sk income_band_sk buy_potential dep_count vehicle_count
income_band ib_ | income_band_sk lower_bound:i upper_bound:i
inventory inv_ | date_sk item_sk warehouse_sk quantity_on_hand:i
item i_ | item_sk item_id:s rec_start_date rec_end_date item_desc current_price wholesale_cost brand_id
    brand class_id class category_id category manufact_id manufact size formulation color units:s container
    manager_id product_name
promotion p_ | promo_sk promo_id:s start_date_sk end_date_sk item_sk cost response_target:i promo_name
    channel_dmail channel_email:s channel_catalog channel_tv channel_radio channel_press channel_event
    channel_demo channel_details purpose discount_active
reason r_ | reason_sk reason_id:s reason_desc
ship_mode sm_ | ship_mode_sk ship_mode_id:s type code carrier contract
store s_ | store_sk store_id:s rec_start_date rec_end_date closed_date_sk store_name number_employees:i
    floor_space:i hours:s manager market_id geography_class market_desc market_manager division_id
    division_name company_id company_name street_number:s street_name street_type suite_number:s city county
    state zip country gmt_offset:n tax_precentage:n
store_returns sr_ | returned_date_sk return_time_sk item_sk customer_sk cdemo_sk hdemo_sk addr_sk store_sk
    reason_sk ticket_number return_quantity return_amt return_tax return_amt_inc_tax fee return_ship_cost
    refunded_cash:n reversed_charge store_credit:n net_loss
store_sales ss_ | sold_date_sk sold_time_sk item_sk customer_sk cdemo_sk hdemo_sk addr_sk store_sk promo_sk
    ticket_number quantity wholesale_cost list_price sales_price ext_discount_amt ext_sales_price
    ext_wholesale_cost ext_list_price ext_tax coupon_amt net_paid net_paid_inc_tax net_profit
time_dim t_ | time_sk time_id:s time:i hour minute second:i am_pm shift sub_shift meal_time:s
warehouse w_ | warehouse_sk warehouse_id:s warehouse_name warehouse_sq_ft:i street_number:s street_name
    street_type suite_number:s city county state zip country gmt_offset:n
web_page wp_ | web_page_sk web_page_id:s rec_start_date rec_end_date creation_date_sk access_date_sk
    autogen_flag:s customer_sk url type char_count link_count image_count max_ad_count
web_returns wr_ | returned_date_sk returned_time_sk item_sk refunded_customer_sk refunded_cdemo_sk
    refunded_hdemo_sk refunded_addr_sk returning_customer_sk returning_cdemo_sk returning_hdemo_sk
    returning_addr_sk web_page_sk reason_sk order_number return_quantity return_amt return_tax
    return_amt_inc_tax fee return_ship_cost refunded_cash:n reversed_charge account_credit:n net_loss
web_sales ws_ | sold_date_sk sold_time_sk ship_date_sk item_sk bill_customer_sk bill_cdemo_sk bill_hdemo_sk
    bill_addr_sk ship_customer_sk ship_cdemo_sk ship_hdemo_sk ship_addr_sk web_page_sk web_site_sk
    ship_mode_sk warehouse_sk promo_sk order_number quantity wholesale_cost list_price sales_price
    ext_discount_amt ext_sales_price ext_wholesale_cost ext_list_price ext_tax coupon_amt ext_ship_cost
    net_paid net_paid_inc_tax net_paid_inc_ship:n net_paid_inc_ship_tax net_profit
web_site web_ | site_sk site_id:s rec_start_date rec_end_date name open_date_sk close_date_sk class manager
    mkt_id mkt_class mkt_desc market_manager company_id company_name street_number:s street_name street_type
    suite_number:s city county state zip country gmt_offset:n tax_percentage:n
"""
