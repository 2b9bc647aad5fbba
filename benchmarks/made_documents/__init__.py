"""Documents made from known values: invoices, receipts, bank statements, business cards and forms, drawn as PDF."""
