"""Northwind, a trader in food: mixed case, and names with blanks."""

NORTHWIND = """
Categories | CategoryID CategoryName Description Picture:x
Customers | CustomerID:s CompanyName ContactName ContactTitle Address City Region PostalCode Country Phone
    Fax
CustomerDemographics | CustomerTypeID:s CustomerDesc
Employees | EmployeeID LastName FirstName Title TitleOfCourtesy BirthDate HireDate Address City Region
    PostalCode Country HomePhone Extension Photo:x Notes ReportsTo:i PhotoPath
EmployeeTerritories | EmployeeID TerritoryID:s
Order~Details | OrderID ProductID UnitPrice Quantity Discount
Orders | OrderID CustomerID:s EmployeeID OrderDate RequiredDate ShippedDate ShipVia:i Freight ShipName
    ShipAddress ShipCity ShipRegion ShipPostalCode ShipCountry
Products | ProductID ProductName SupplierID CategoryID QuantityPerUnit:s UnitPrice UnitsInStock:i
    UnitsOnOrder:i ReorderLevel Discontinued:b
Region | RegionID RegionDescription
Shippers | ShipperID CompanyName Phone
Suppliers | SupplierID CompanyName ContactName ContactTitle Address City Region PostalCode Country Phone Fax
    HomePage
Territories | TerritoryID:s TerritoryDescription RegionID
view Alphabetical~list~of~products | ProductID ProductName SupplierID CategoryID UnitPrice CategoryName
view Order~Subtotals | OrderID Subtotal:n
view Products~by~Category | CategoryName ProductName QuantityPerUnit:s UnitsInStock:i Discontinued:b
view Sales~by~Category | CategoryID CategoryName ProductName ProductSales:n
"""
