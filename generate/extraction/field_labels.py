"""The words that documents name their fields with, in English, German, French and Spanish.

Labels are compared in the form that `plain_label` gives them. Of each field the certain labels stand before the bar,
those that other fields have too, or that stand for a field only where no certain one does, after it.
"""

import re
from collections.abc import Mapping
from functools import cache

from pagelens.generate.extraction.field_values import without_accents

_NUMBER_WORD = re.compile(r"(?<!\w)(?:n\s?[.]?\s?[º°]|n[.]\s?o|no[.]|nos?(?!\w)|nr[.]?(?!\w)|num[.]|#)")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}(?:[a-z]\b)?")
_PERCENT = re.compile(r"\d+(?:[.,]\d+)?\s?%|%\s?\d+(?:[.,]\d+)?|\([^)]*%[^)]*\)")
_NO_LETTERS = re.compile(r"[^a-z0-9/]+")

FIELD_LABELS: Mapping[str, str] = {
    "number": "invoice no, invoice number, invoice id, inv no, inv number, tax invoice no, bill no, bill number, "
    "rechnungsnr, rechnungs no, rechnung no, rechnungsnummer, rechnungs nummer, belegnummer, beleg no, belegnr, "
    "facture no, numero de facture, no facture, no de facture, ref facture, reference facture, numero facture, "
    "factura no, numero de factura, no factura, no de factura, num factura, numero factura, document no, "
    "document number, faktura no, fakturanummer | number, no, numero, nummer, reference, ref, invoice, rechnung, "
    "facture, factura",
    "date": "invoice date, date of issue, issue date, date issued, issued on, issued, bill date, rechnungsdatum, "
    "ausstellungsdatum, belegdatum, ausgestellt am, rechnung vom, date de facture, date de facturation, date facture, "
    "date d emission, emise le, emis le, etablie le, fecha de factura, fecha factura, fecha de emision, emitida el, "
    "fecha de expedicion, fecha emision | date, dated, datum, fecha, vom, le, du",
    "due_date": "due date, payment due, payment due date, due by, due on, pay by, due, payable by, fallig am, "
    "fallig bis, zahlbar bis, falligkeit, falligkeitsdatum, zahlungsziel, zu zahlen bis, zahlung bis, echeance, "
    "date d echeance, echeance le, a payer avant le, payable avant le, date limite de paiement, "
    "date limite, vencimiento, fecha de vencimiento, fecha vencimiento, pagar antes del, vence el, vence, "
    "fecha limite de pago, fecha limite, fecha de pago |",
    "order_number": "order no, order number, po number, po no, po, purchase order, purchase order no, your order, "
    "your order no, customer order no, customer po, bestellnr, bestell no, bestellnummer, ihre bestellung, "
    "auftragsnummer, auftrags no, auftrags nr, auftragsnr, no de commande, no commande, commande no, "
    "numero de commande, bon de commande, votre commande, ref commande, commande, pedido no, numero de pedido, "
    "no pedido, no de pedido, su pedido, orden de compra, pedido |",
    "customer_number": "customer no, customer number, customer id, client no, client number, client id, account no, "
    "account number, account id, kundennr, kunden no, kundennummer, kd no, debitorennummer, debitoren no, "
    "debitor no, no client, no de client, code client, numero client, numero de client, ref client, "
    "reference client, no cliente, no de cliente, numero de cliente, numero cliente, codigo cliente, "
    "codigo de cliente, cliente no, cod cliente, num cliente |",
    "buyer": "bill to, billed to, invoice to, invoiced to, sold to, rechnung an, rechnungsempfanger, "
    "rechnungsadresse, facture a, facturer a, adresse de facturation, facturar a, facturado a, datos del cliente, "
    "bill to name | to, customer, client, buyer, an, kunde, empfanger, auftraggeber, kaufer, a, destinataire, "
    "acheteur, cliente, destinatario, comprador",
    "seller": "seller, supplier, vendor, issued by, verkaufer, lieferant, rechnungssteller, rechnungsaussteller, "
    "anbieter, vendeur, fournisseur, emetteur, emis par, vendedor, proveedor, emisor, emitida por | from, von, de",
    "subtotal": "subtotal, sub total, net total, net amount, total excl vat, total net, total before tax, "
    "total excl tax, amount before tax, zwischensumme, nettobetrag, summe netto, gesamt netto, "
    "netto, warenwert netto, nettosumme, netto summe, summe positionen, sous total, sous total ht, total ht, "
    "montant ht, total hors taxes, net ht, total net ht, montant total ht, base imponible, total neto, importe neto, "
    "total sin iva, suma | net",
    "tax": "vat, vat amount, total vat, sales tax, tax, tax amount, total tax, gst, mwst, ust, umsatzsteuer, "
    "mehrwertsteuer, zzgl mwst, zzgl ust, steuerbetrag, steuer, enthaltene mwst, inkl mwst, mwst betrag, davon mwst, "
    "tva, montant tva, total tva, dont tva, taxe, taxes, iva, cuota iva, importe iva, total iva, impuestos, cuota |",
    "total": "total due, amount due, total incl vat, total amount, total amount due, balance due, grand total, "
    "total to pay, total payable, invoice total, total including vat, gesamtbetrag, rechnungsbetrag, summe brutto, "
    "endbetrag, zu zahlen, zu zahlender betrag, bruttobetrag, gesamtsumme, gesamt brutto, endsumme, rechnungssumme, "
    "zahlbetrag, total ttc, net a payer, montant ttc, total a payer, montant total ttc, montant a payer, "
    "total factura, total a pagar, importe total, total con iva, total general, importe a pagar | total, summe, "
    "gesamt, montant total, total eur, total usd, total gbp, total chf, montant, importe, a pagar, betrag",
    "bank": "bank |",
    "account_holder": "account holder, account name, account owner, kontoinhaber, kontoinhaberin, inhaber, titulaire, "
    "titulaire du compte, nom du titulaire, titular, titular de la cuenta, nombre del titular | name, holder, "
    "customer, kunde, client, cliente, nom, nombre",
    "period": "period, statement period, for the period, period covered, statement dates, zeitraum, auszugszeitraum, "
    "buchungszeitraum, abrechnungszeitraum, periode, periode du releve, periode couverte, releve du, periodo, "
    "periodo del extracto, fechas |",
    "opening_balance": "opening balance, balance brought forward, previous balance, starting balance, "
    "balance at start, balance forward, beginning balance, anfangssaldo, alter saldo, alter kontostand, "
    "anfangsbestand, saldo alt, kontostand zu beginn, solde initial, ancien solde, solde precedent, "
    "solde de depart, solde d ouverture, solde debut de periode, solde de debut, saldo inicial, saldo anterior, "
    "saldo de apertura, saldo al inicio |",
    "closing_balance": "closing balance, new balance, balance carried forward, ending balance, balance at end, "
    "final balance, endsaldo, neuer saldo, neuer kontostand, endbestand, saldo neu, kontostand am ende, solde final, "
    "nouveau solde, solde de cloture, solde en fin de periode, solde de fin, solde au, saldo final, nuevo saldo, "
    "saldo actual, saldo de cierre, saldo al final |",
    "cash": "cash, cash tendered, bar, barzahlung, bargeld, especes, paiement especes, efectivo, pago en efectivo |",
    "card": "card, visa, mastercard, maestro, amex, paid by card, card payment, credit card, debit card, contactless, "
    "karte, ec karte, kartenzahlung, girocard, kreditkarte, kontaktlos, ec cash, carte, cb, carte bancaire, "
    "paiement cb, carte de credit, sans contact, tarjeta, pago con tarjeta, tarjeta de credito, tarjeta debito, "
    "tarjeta de debito, sin contacto |",
    "time": "time, uhrzeit, zeit, heure, hora |",
    "iban": "iban |",
    "currency": "currency, wahrung, devise, moneda, divisa |",
    "page": "page, seite, pagina, pag |",
    "carried": "carried forward, brought forward, ubertrag, report, a reporter, suma y sigue, suma anterior |",
    "title": "invoice, tax invoice, sales invoice, rechnung, faktura, facture, facture de vente, factura, "
    "factura de venta, receipt, sales receipt, kassenbon, quittung, beleg, ticket, ticket de caisse, recu, recibo, "
    "factura simplificada, account statement, statement of account, bank statement, statement, kontoauszug, "
    "releve de compte, extracto de cuenta, credit note, gutschrift, avoir |",
}

COLUMN_LABELS: Mapping[str, str] = {
    "description": "description, item, details, product, description of goods, service, particulars, items, article, "
    "bezeichnung, artikel, beschreibung, leistung, position/text, produkt, text, designation, libelle, prestation, "
    "produit, nature, descripcion, articulo, concepto, producto, detalle, servicio, buchungstext, verwendungszweck, "
    "vorgang, umsatz, transaction, narrative, operation, nature de l operation, detail, movimiento, operacion",
    "quantity": "qty, quantity, units, hours/qty, hours, pcs, menge, anzahl, stuck, anz, stk, qte, quantite, nombre, "
    "cant, cantidad, uds, unidades",
    "unit_price": "unit price, price, rate, price each, unit cost, price per unit, each, einzelpreis, preis, e preis, "
    "preis/einheit, stuckpreis, einzel, ep, prix unitaire, pu, prix unit, pu ht, tarif, prix unitaire ht, prix, "
    "precio unitario, precio, p unitario, precio/ud, precio unit, tarifa",
    "amount": "amount, total, line total, net amount, sum, price total, gesamt, betrag, gesamtpreis, summe, "
    "gesamtbetrag, g preis, gp, umsatz, montant, montant ht, total ht, total ligne, importe, importe neto, subtotal, "
    "total linea, betrag eur, montant eur, importe eur, amount eur, amount usd, amount gbp",
    "date": "date, posted, booking date, transaction date, datum, buchungstag, buchung, buchungsdatum, tag, valuta, "
    "date operation, date comptable, jour, fecha, fecha operacion, f operacion, dia",
    "debit": "debit, paid out, withdrawals, money out, debits, payments, soll, belastung, ausgaben, lastschrift, "
    "abgang, retraits, sorties, cargo, debe, cargos, retiros, debito, salidas",
    "credit": "credit, paid in, deposits, money in, credits, receipts, haben, gutschrift, einnahmen, zugang, "
    "versements, entrees, abono, haber, abonos, depositos, credito, entradas",
    "balance": "balance, saldo, solde, kontostand",
    "position": "pos, position, no, item no, line, art no, sku, code",
    "tax_rate": "vat, vat rate, tax, mwst, ust, tva, taux, iva, tax rate, steuer, rate vat",
    "unit": "unit, einheit, unite, unidad, ud, me",
}

PREPOSITIONS = frozenset(("a", "an", "to", "from", "de", "von"))
"""Labels that stand alone or before a colon: a name may begin with them."""
SHORT_LABELS = frozenset(("le", "du", "vom", "no"))

LEGAL_FORMS = re.compile(
    r"(?<!\w)(?:Ltd|Limited|Inc|LLC|LLP|plc|PLC|Corp|Co|GmbH|AG|KG|OHG|UG|e\.?K|eG|mbH|GbR|SARL|SAS|SASU|SA|EURL|SCEA|"
    r"SCOP|S\.A|S\.L|S\.L\.U|SL|SLU|S\.A\.S|BV|B\.V|NV|AB|Oy|ApS|S\.r\.l|SpA)\.?$"
)


@cache
def field_labels(name: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the certain labels of a field, and its uncertain ones."""
    certain, _, uncertain = FIELD_LABELS[name].partition("|")
    return _parted(certain), _parted(uncertain)


@cache
def column_labels(name: str) -> frozenset[str]:
    """Return the headers of a column."""
    return _parted(COLUMN_LABELS[name])


@cache
def all_labels() -> frozenset[str]:
    """Return the labels of all fields, without those that names begin with ("Le Petit Jardin")."""
    labels = frozenset().union(*(labels for name in FIELD_LABELS for labels in field_labels(name)))
    return labels - PREPOSITIONS - SHORT_LABELS


def _parted(labels: str) -> frozenset[str]:
    return frozenset(label.strip() for label in labels.split(",") if label.strip())


@cache
def plain_label(text: str) -> str:
    """Return a label in lower case, without accents, points and rates: "N.º factura:" is "no factura"."""
    plain = _NUMBER_WORD.sub(" no ", _PERCENT.sub(" ", without_accents(text.replace("º", "°"))))
    plain = _DOTTED.sub(lambda match: match[0].replace(".", ""), plain)
    return " ".join(_NO_LETTERS.sub(" ", plain).split())
