"""A business's own marts: finance and sales on Snowflake (spelled in upper case there), a customer lake on
Databricks."""

FINANCE = """
dim_account | account_key account_code account_name parent_account_key statement_type normal_side is_active
    @scd
dim_cost_center | cost_center_key cost_center_code cost_center_name owner_email region @scd
dim_legal_entity | entity_key entity_code legal_name country_code functional_currency tax_number:s @scd
dim_currency | currency_key currency_code currency_name minor_units:i is_active
dim_fiscal_period | period_key fiscal_year fiscal_quarter fiscal_month period_start_date period_end_date
    is_closed closed_at closed_by
dim_vendor | vendor_key vendor_id vendor_name tax_number:s iban payment_terms @address @scd
dim_bank_account | bank_account_key iban bic bank_name currency_code opened_date closed_date is_active
fct_gl_entries | entry_id journal_id line_number posting_date document_date account_key cost_center_key
    entity_key period_key debit_amount credit_amount local_amount group_amount currency_code fx_rate
    description source_document:s posted_by is_reversal @audit @load
fct_gl_balances | account_key entity_key cost_center_key fiscal_year opening_balance amount_m{01..12}:n
    debit_m{01..12}:n credit_m{01..12}:n closing_balance currency_code @load
fct_ap_invoices | invoice_id vendor_key invoice_number:s invoice_date due_date received_at @money status
    approver_email approved_at payment_id cost_center_key is_disputed @audit
fct_ap_payments | payment_id vendor_key bank_account_key payment_date value_date amount currency_code method
    status batch_reference:s @audit
fct_ar_invoices | invoice_id customer_key invoice_number:s invoice_date due_date @money status dunning_level
    last_dunned_at collected_amount open_amount @audit
fct_ar_receipts | receipt_id customer_key bank_account_key receipt_date amount currency_code reference:s
    is_matched matched_invoice_id @audit
fct_ar_aging | snapshot_date customer_key entity_key current_amount due_1_30_amount due_31_60_amount
    due_61_90_amount due_over_90_amount total_amount credit_limit currency_code @load
fct_budget | budget_version account_key cost_center_key fiscal_year budget_m{01..12}:n prior_m{01..12}:n
    currency_code approved_by approved_at @load
fct_forecast | forecast_version account_key cost_center_key fiscal_year forecast_m{01..12}:n low_m{01..12}:n
    high_m{01..12}:n confidence_pct method @load
fct_fx_rates | rate_date from_currency to_currency closing_rate average_rate source_system
fct_cash_position | position_date bank_account_key opening_balance inflow_amount outflow_amount
    closing_balance currency_code @load
fct_fixed_assets | asset_id asset_class description entity_key acquired_date in_service_date
    acquisition_cost accumulated_depreciation:n net_book_value useful_life_months:i depreciation_m{01..12}:n
    disposed_date @audit
fct_expense_claims | claim_id employee_id expense_date category merchant amount currency_code vat_amount
    card_number:s receipt_url status approved_by approved_at is_reimbursed @audit
fct_intercompany | transaction_id from_entity_key to_entity_key posting_date amount currency_code is_matched
    variance @audit
fct_tax_returns | return_id entity_key tax_type period_key taxable_amount tax_amount filed_at status
    reference:s @audit
rpt_profit_and_loss | line_code line_name entity_key fiscal_year actual_m{01..12}:n budget_m{01..12}:n
    prior_m{01..12}:n forecast_m{01..12}:n variance_pct @load
rpt_balance_sheet | line_code line_name entity_key fiscal_year balance_m{01..12}:n currency_code @load
view v_open_payables | vendor_name invoice_number:s due_date open_amount days_overdue:i
view v_trial_balance | account_code account_name debit_total credit_total balance
mview mv_monthly_close | fiscal_year fiscal_month entity_code entries_count unbalanced_count closed_at
"""

SALES = """
dim_customer | customer_key customer_id:s @contact birth_date gender segment loyalty_tier is_active @address
    @scd @load
dim_product | product_key sku product_name brand category subcategory unit_cost list_price weight color size
    is_discontinued launched_date @scd @load
dim_store | store_key store_code store_name format manager_email opened_date floor_area:n @address @scd
dim_channel | channel_key channel_code channel_name is_digital
dim_campaign | campaign_key campaign_code campaign_name channel start_date end_date budget owner_email
    @audit
dim_sales_rep | rep_key employee_id @contact team territory hire_date quota_amount is_active @scd
fct_orders | order_key order_id:s customer_key store_key channel_key campaign_key order_date ordered_at
    status items_count @money shipping_amount payment_method card_last4:s coupon_code is_gift is_first_order
    cancelled_at cancel_reason @audit @load
fct_order_lines | order_line_key order_key line_number product_key quantity unit_price unit_cost @money
    promised_date shipped_date delivered_date return_reason @load
fct_returns | return_key order_line_key returned_at reason_code condition quantity refund_amount
    refund_method restocked_at @load
fct_shipments | shipment_key order_key carrier tracking_number:s shipped_at delivered_at promised_date
    weight shipping_cost @address @load
fct_store_traffic | store_key traffic_date visitors_h{08..21}:i conversions_count is_holiday @load
fct_inventory_daily | snapshot_date product_key store_key on_hand_qty on_order_qty reserved_qty
    reorder_point:i days_of_supply:i @load
fct_price_changes | product_key changed_at old_price new_price reason approved_by
fct_campaign_results | campaign_key result_date impressions:i clicks:i orders_count spend revenue ctr:n
    roas:n @load
fct_loyalty_events | event_id customer_key event_at event_type points balance_after:i order_key @load
fct_quotes | quote_id:s rep_key customer_key quoted_at valid_until:d @money probability_pct stage
    lost_reason @audit
agg_sales_daily | sales_date store_key channel_key orders_count units @money cost_amount margin @load
agg_sales_monthly | fiscal_year product_key store_key revenue_m{01..12}:n units_m{01..12}:i cost_m{01..12}:n
    margin_m{01..12}:n @load
agg_customer_value | customer_key first_order_date last_order_date orders_count lifetime_value
    average_order_value predicted_value churn_score recency_days frequency:n monetary_value
    spend_m{01..12}:n orders_m{01..12}:i @load
dynamic dt_order_status | order_id:s status status_since:t minutes_in_status:i
view v_top_products | product_name category units revenue rank
view v_store_ranking | store_name region revenue margin rank
"""

LAKE = """
events_web | event_id:s session_id:s user_id:s event_name event_at page_url referrer_url utm_source
    utm_medium utm_campaign device_type browser os country_code ip_address is_bot properties:x ingest_date
events_app | event_id:s installation_id:s user_id:s event_name event_at app_version:s platform os_version:s
    screen_name network_type battery_pct latitude longitude properties:x ingest_date
sessions | session_id:s user_id:s started_at ended_at duration_seconds pages_count landing_url exit_url
    is_bounce is_converted revenue @load
identity_graph | person_id:s identifier_type identifier_value:s first_seen_at last_seen_at confidence_score
    @load
customer_features | customer_id:s snapshot_date orders_w{01..52}:i spend_w{01..52}:n sessions_w{01..52}:i
    returns_12m:i tickets_12m:i tenure_days churn_label:b @load
product_features | product_id:s snapshot_date views_d{01..60}:i carts_d{01..60}:i price_index:n
    stockout_days review_score reviews_count @load
store_features | store_id:s snapshot_date traffic_w{01..26}:i revenue_w{01..26}:n staff_hours
    weather_index:n @load
churn_scores | customer_id:s scored_at model_version:s churn_score decile:i top_reason @load
recommendations | customer_id:s scored_at slot_{01..10}:s model_version:s @load
demand_forecast | product_id:s store_id:s forecast_date qty_d{01..28}:n lower_bound:n upper_bound:n
    model_version:s
support_tickets | ticket_id customer_email opened_at first_reply_at closed_at priority category channel
    satisfaction_score agent_id reopened_count subject body language @load
support_messages | message_id ticket_id author_email sent_at direction body attachments_count
nps_responses | response_id:s customer_id:s responded_at score:i comment channel
consent_log | consent_id:s email purpose granted_at withdrawn_at source_system ip_address legal_basis
iot_readings | device_id:s read_at sensor_{01..48}:n battery_pct firmware_version:s is_valid ingest_date
devices | device_id:s model serial_number:s installed_at store_id:s ip_address owner_email is_online @scd
clickstream_hourly | hour_start:t page_url views_count visitors_count median_ms:i p95_ms:i error_rate
experiments | experiment_id:s name hypothesis owner_email started_at ended_at status
experiment_exposures | experiment_id:s user_id:s variant exposed_at
view v_marketing_funnel | week_start:d visitors:i carts:i checkouts:i orders:i conversion_rate
"""

SHOP = """
products | id sku title description price compare_at_price stock_quantity weight is_published created_at
    updated_at
product_variants | id product_id sku option1 option2 price stock_quantity barcode
categories | id parent_id name slug position:i
product_categories | product_id category_id
customers | id email password_hash first_name last_name phone locale accepts_marketing:b created_at
    last_login_at
addresses | id customer_id recipient street city postal_code country_code is_default
carts | id customer_id token opened_at abandoned_at total_amount currency_code
cart_items | id cart_id variant_id quantity unit_price
orders | id customer_id number:s placed_at status subtotal_amount shipping_amount tax_amount total_amount
    currency_code note ip_address
order_items | id order_id variant_id title quantity unit_price discount_amount total_amount
payments | id order_id provider card_brand card_last4:s amount status failure_reason paid_at
refunds | id payment_id amount reason refunded_by refunded_at
coupons | id code discount_pct usage_limit:i used_count starts_at ends_at
reviews | id product_id customer_id rating title body is_approved created_at
view bestsellers | product_id title sold_units revenue
"""

LANDING = """
orders/2024/orders_*.parquet | order_id:s customer_email placed_at total_amount currency_code items_count
customers/customers.csv | id:s first_name last_name email phone birth_date country_code
returns/returns_*.json | return_id:s order_id:s reason amount returned_at
suppliers/price_list.csv | sku supplier_id price currency_code valid_from:d valid_to:d
weather/daily.parquet | station_id:s date min_temp:n max_temp:n rainfall:n
"""

ENRICHMENT = """
_failed_checks | id quality_check_id anomaly_uuid:s quality_check_message suggested_value:s created_at
_source_records | anomaly_uuid:s source_container_id record:x
_quality_checks | id rule_type description status coverage:n last_asserted:t
_profiles | id container_id records_count fields_count created_at
_remediation_orders | anomaly_uuid:s order_id status corrected_at
"""
