"""AdventureWorks: a maker of bicycles. The schemas Sales, Person and HumanResources, in mixed case."""

SALES = """
CountryRegionCurrency | CountryRegionCode CurrencyCode ModifiedDate
CreditCard | CreditCardID CardType CardNumber:s ExpMonth ExpYear ModifiedDate
Currency | CurrencyCode Name ModifiedDate
CurrencyRate | CurrencyRateID CurrencyRateDate FromCurrencyCode ToCurrencyCode AverageRate EndOfDayRate
    ModifiedDate
Customer | CustomerID PersonID StoreID TerritoryID AccountNumber:s rowguid ModifiedDate
PersonCreditCard | BusinessEntityID CreditCardID ModifiedDate
SalesOrderDetail | SalesOrderID SalesOrderDetailID CarrierTrackingNumber:s OrderQty ProductID SpecialOfferID
    UnitPrice UnitPriceDiscount LineTotal rowguid ModifiedDate
SalesOrderHeader | SalesOrderID RevisionNumber OrderDate DueDate ShipDate Status:i OnlineOrderFlag
    SalesOrderNumber:s PurchaseOrderNumber:s AccountNumber:s CustomerID SalesPersonID TerritoryID
    BillToAddressID ShipToAddressID ShipMethodID CreditCardID CreditCardApprovalCode CurrencyRateID SubTotal
    TaxAmt Freight TotalDue:n Comment rowguid ModifiedDate
SalesOrderHeaderSalesReason | SalesOrderID SalesReasonID ModifiedDate
SalesPerson | BusinessEntityID TerritoryID SalesQuota:n Bonus:n CommissionPct SalesYTD:n SalesLastYear:n
    rowguid ModifiedDate
SalesPersonQuotaHistory | BusinessEntityID QuotaDate SalesQuota:n rowguid ModifiedDate
SalesReason | SalesReasonID Name ReasonType ModifiedDate
SalesTaxRate | SalesTaxRateID StateProvinceID TaxType:i TaxRate Name rowguid ModifiedDate
SalesTerritory | TerritoryID Name CountryRegionCode Group SalesYTD:n SalesLastYear:n CostYTD:n
    CostLastYear:n rowguid ModifiedDate
SalesTerritoryHistory | BusinessEntityID TerritoryID StartDate EndDate rowguid ModifiedDate
ShoppingCartItem | ShoppingCartItemID ShoppingCartID:s Quantity ProductID DateCreated:t ModifiedDate
SpecialOffer | SpecialOfferID Description DiscountPct Type Category StartDate EndDate MinQty MaxQty rowguid
    ModifiedDate
SpecialOfferProduct | SpecialOfferID ProductID rowguid ModifiedDate
Store | BusinessEntityID Name SalesPersonID Demographics:x rowguid ModifiedDate
view vIndividualCustomer | BusinessEntityID Title FirstName MiddleName LastName Suffix PhoneNumber:s
    PhoneNumberType EmailAddress EmailPromotion:i AddressType AddressLine1 AddressLine2 City
    StateProvinceName PostalCode CountryRegionName Demographics:x
view vSalesPerson | BusinessEntityID Title FirstName MiddleName LastName Suffix JobTitle PhoneNumber:s
    EmailAddress AddressLine1 City StateProvinceName PostalCode CountryRegionName TerritoryName
    TerritoryGroup SalesQuota:n SalesYTD:n SalesLastYear:n
view vSalesPersonSalesByFiscalYears | SalesPersonID FullName JobTitle SalesTerritory 2012:n 2013:n 2014:n
view vStoreWithAddresses | BusinessEntityID Name AddressType AddressLine1 AddressLine2 City
    StateProvinceName PostalCode CountryRegionName
view vStoreWithContacts | BusinessEntityID Name ContactType Title FirstName LastName PhoneNumber:s
    EmailAddress
view vStoreWithDemographics | BusinessEntityID Name AnnualSales:n AnnualRevenue BankName BusinessType
    YearOpened:i Specialty SquareFeet:i Brands Internet NumberEmployees:i
"""

PERSON = """
Address | AddressID AddressLine1 AddressLine2 City StateProvinceID PostalCode SpatialLocation:x rowguid
    ModifiedDate
BusinessEntity | BusinessEntityID rowguid ModifiedDate
EmailAddress | BusinessEntityID EmailAddressID EmailAddress rowguid ModifiedDate
Person | BusinessEntityID PersonType NameStyle:b Title FirstName MiddleName LastName Suffix EmailPromotion:i
    AdditionalContactInfo:x Demographics:x rowguid ModifiedDate
PersonPhone | BusinessEntityID PhoneNumber:s PhoneNumberTypeID ModifiedDate
StateProvince | StateProvinceID StateProvinceCode CountryRegionCode IsOnlyStateProvinceFlag Name TerritoryID
    rowguid ModifiedDate
"""

HUMAN_RESOURCES = """
department | department_id name group_name modified_date
employee | business_entity_id national_id_number:s login_id:s organization_level job_title birth_date
    marital_status gender hire_date salaried_flag vacation_hours sick_leave_hours is_current modified_date
employee_department_history | business_entity_id department_id shift_id start_date end_date modified_date
employee_pay_history | business_entity_id rate_change_date salary rate pay_frequency:i modified_date
job_candidate | job_candidate_id business_entity_id resume:x modified_date
shift | shift_id name start_time end_time modified_date
payroll_run | run_id period_start:d period_end:d employee_id gross_amount tax_amount net_amount iban paid_at
performance_review | review_id employee_id reviewer_id cycle rating comments submitted_at
"""
