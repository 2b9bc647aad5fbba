"""What made documents say: labels in four languages, one wording for each layout, and names to draw from.

The labels of layouts A to C are those that the rules of `pagelens.generate.extraction` were developed on; D to F are
worded otherwise and were looked at only to measure.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

Language = Literal["en", "de", "fr", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "de", "fr", "es")
LAYOUTS = "ABCDEF"

Labels = Mapping[str, Sequence[str]]
"""Field -> its label in layouts A to F, parted by "|"; with fewer they are used again from the first on."""


def _table(rows: str) -> dict[str, list[str]]:
    pairs = (line.split(":", 1) for line in rows.strip().splitlines())
    return {name.strip(): [label.strip() for label in labels.split("|")] for name, labels in pairs}


LABELS: Mapping[Language, Labels] = {
    "en": _table("""
        invoice: Invoice | INVOICE | Tax Invoice | Invoice | Sales Invoice | INVOICE
        number: Invoice No. | Invoice number | Invoice # | Invoice ID | Inv. No. | Number
        date: Date | Invoice date | Date of issue | Issue date | Issued on | Dated
        due: Due date | Payment due | Due by | Pay by | Due on | Payment due date
        order: Order no. | PO number | Purchase order | Your order | PO # | Customer order no.
        customer: Customer no. | Account number | Client ID | Customer ID | Account no. | Customer number
        to: Bill to | Billed to | Invoice to | Sold to | Customer | Client
        from: From | Seller | From | Supplier | Vendor | Issued by
        description: Description | Item | Details | Product | Description of goods | Service
        quantity: Qty | Quantity | Units | Qty. | Hours/Qty | Quantity
        price: Unit price | Price | Rate | Price each | Unit cost | Price per unit
        amount: Amount | Total | Line total | Net amount | Amount | Sum
        subtotal: Subtotal | Net total | Sub-total | Total excl. VAT | Net amount | Total before tax
        tax: VAT | Sales tax | Tax | VAT amount | Total VAT | Tax amount
        total: Total | Total due | Amount due | Total incl. VAT | Balance due | Grand total
        iban: IBAN
        page: Page
        carry: Carried forward | Brought forward
        moved: Amount
        thanks: Thank you for your business. Please quote the number above when you pay.
        cash: Cash | CASH | Cash tendered
        card: Card | VISA | Paid by card | Credit card | Contactless | Debit card
        receipt: Receipt | SALES RECEIPT | Receipt
        time: Time
        statement: Account statement | Statement of account | Bank statement
        holder: Account holder | Account name | Customer | Account owner | Name | Holder
        period: Period | Statement period | For the period | Period covered | Statement dates | Period
        opening: Opening balance | Balance brought forward | Previous balance | Starting balance | Balance at start \
            | Balance forward
        closing: Closing balance | New balance | Balance carried forward | Ending balance | End balance | Final balance
        debit: Debit | Paid out | Withdrawals | Money out | Debits | Payments
        credit: Credit | Paid in | Deposits | Money in | Credits | Receipts
        balance: Balance
        booked: Date | Date | Posted | Booking date | Date | Transaction date
        details: Description | Details | Transaction | Particulars | Narrative | Description
        currency: Currency
    """),
    "de": _table("""
        invoice: Rechnung | RECHNUNG | Rechnung | Rechnung | Faktura | RECHNUNG
        number: Rechnungsnr. | Rechnungsnummer | Rechnung Nr. | Rechnungs-Nr. | Belegnummer | Nummer
        date: Datum | Rechnungsdatum | Ausstellungsdatum | Belegdatum | Ausgestellt am | Rechnung vom
        due: Fällig am | Zahlbar bis | Fälligkeit | Fälligkeitsdatum | Zahlungsziel | Zu zahlen bis
        order: Bestellnr. | Bestellnummer | Auftragsnummer | Ihre Bestellung | Auftrags-Nr. | Bestell-Nr.
        customer: Kundennr. | Kundennummer | Kunden-Nr. | Debitorennummer | Kd.-Nr. | Kundennummer
        to: Rechnung an | Rechnungsempfänger | An | Empfänger | Kunde | Auftraggeber
        from: Von | Verkäufer | Von | Lieferant | Rechnungssteller | Anbieter
        description: Bezeichnung | Artikel | Beschreibung | Leistung | Position/Text | Produkt
        quantity: Menge | Anzahl | Menge | Stück | Menge | Anz.
        price: Einzelpreis | Preis | E-Preis | Preis/Einheit | Stückpreis | Einzel
        amount: Gesamt | Betrag | Gesamtpreis | Summe | Gesamtbetrag | G-Preis
        subtotal: Zwischensumme | Nettobetrag | Summe netto | Gesamt netto | Netto | Warenwert netto
        tax: MwSt. | USt. | Umsatzsteuer | Mehrwertsteuer | zzgl. MwSt. | Steuerbetrag
        total: Gesamtbetrag | Rechnungsbetrag | Summe brutto | Endbetrag | Zu zahlen | Bruttobetrag
        iban: IBAN
        page: Seite
        carry: Übertrag
        moved: Betrag | Umsatz | Betrag EUR
        thanks: Vielen Dank für Ihren Auftrag. Bitte geben Sie bei der Zahlung die Nummer oben an.
        cash: Bar | BAR | Barzahlung
        card: Karte | EC-Karte | Kartenzahlung | girocard | Kreditkarte | Kontaktlos
        receipt: Kassenbon | QUITTUNG | Beleg
        time: Uhrzeit
        statement: Kontoauszug
        holder: Kontoinhaber | Inhaber | Kontoinhaber | Name | Kunde | Kontoinhaberin
        period: Zeitraum | Auszugszeitraum | Zeitraum | Buchungszeitraum | Abrechnungszeitraum | Zeitraum
        opening: Anfangssaldo | Alter Saldo | Alter Kontostand | Anfangsbestand | Saldo alt | Kontostand zu Beginn
        closing: Endsaldo | Neuer Saldo | Neuer Kontostand | Endbestand | Saldo neu | Kontostand am Ende
        debit: Soll | Belastung | Ausgaben | Lastschrift | Soll | Abgang
        credit: Haben | Gutschrift | Einnahmen | Gutschrift | Haben | Zugang
        balance: Saldo
        booked: Datum | Buchungstag | Buchung | Buchungsdatum | Datum | Tag
        details: Buchungstext | Verwendungszweck | Text | Vorgang | Umsatz | Beschreibung
        currency: Währung
    """),
    "fr": _table("""
        invoice: Facture | FACTURE | Facture | Facture | Facture de vente | FACTURE
        number: Facture n° | Numéro de facture | N° facture | Facture N° | Réf. facture | Numéro
        date: Date | Date de facture | Date d'émission | Date de facturation | Émise le | Établie le
        due: Échéance | Date d'échéance | À payer avant le | Payable avant le | Date limite de paiement | Échéance le
        order: N° de commande | Commande n° | Bon de commande | Votre commande | Réf. commande | Numéro de commande
        customer: N° client | Code client | Client n° | Numéro client | Réf. client | N° de client
        to: Facturé à | Adresse de facturation | Facturer à | Destinataire | Client | Acheteur
        from: De | Vendeur | De | Fournisseur | Émetteur | Émis par
        description: Désignation | Article | Description | Libellé | Prestation | Produit
        quantity: Qté | Quantité | Nombre | Qté. | Quantité | Qté
        price: Prix unitaire | P.U. | Prix unit. | P.U. HT | Tarif | Prix unitaire HT
        amount: Montant | Total | Montant HT | Total HT | Montant | Total ligne
        subtotal: Sous-total | Total HT | Montant HT | Total hors taxes | Net HT | Total H.T.
        tax: TVA | T.V.A. | TVA | Montant TVA | Total TVA | Taxe
        total: Total TTC | Net à payer | Montant TTC | Total à payer | Montant total TTC | Total T.T.C.
        iban: IBAN
        page: Page
        carry: Report
        moved: Montant
        thanks: Merci de votre confiance. Merci de rappeler le numéro ci-dessus lors de votre paiement.
        cash: Espèces | ESPÈCES | Paiement espèces
        card: Carte | CB | Carte bancaire | Paiement CB | Carte de crédit | Sans contact
        receipt: Ticket | TICKET DE CAISSE | Reçu
        time: Heure
        statement: Relevé de compte
        holder: Titulaire | Titulaire du compte | Titulaire | Nom du titulaire | Client | Titulaire
        period: Période | Période du relevé | Période | Période couverte | Relevé du | Période
        opening: Solde initial | Ancien solde | Solde précédent | Solde de départ | Solde d'ouverture | Solde de début
        closing: Solde final | Nouveau solde | Nouveau solde | Solde de clôture | Solde en fin de période | Solde de fin
        debit: Débit | Débits | Débit | Retraits | Débit | Sorties
        credit: Crédit | Crédits | Crédit | Versements | Crédit | Entrées
        balance: Solde
        booked: Date | Date | Date opération | Date | Date comptable | Jour
        details: Libellé | Opération | Nature de l'opération | Détail | Libellé | Description
        currency: Devise
    """),
    "es": _table("""
        invoice: Factura | FACTURA | Factura | Factura | Factura de venta | FACTURA
        number: Factura n.º | Número de factura | N.º factura | Factura Nº | Núm. factura | Número
        date: Fecha | Fecha de factura | Fecha de emisión | Fecha factura | Emitida el | Fecha de expedición
        due: Vencimiento | Fecha de vencimiento | Pagar antes del | Vence el | Fecha límite de pago | Fecha de pago
        order: Pedido n.º | Número de pedido | N.º pedido | Su pedido | Orden de compra | Pedido
        customer: N.º cliente | Número de cliente | Código cliente | Cliente n.º | Cód. cliente | Núm. cliente
        to: Facturar a | Cliente | Facturado a | Destinatario | Datos del cliente | Comprador
        from: De | Vendedor | De | Proveedor | Emisor | Emitida por
        description: Descripción | Artículo | Concepto | Producto | Detalle | Servicio
        quantity: Cant. | Cantidad | Uds. | Unidades | Cantidad | Cant.
        price: Precio unitario | Precio | P. unitario | Precio/ud. | Precio unit. | Tarifa
        amount: Importe | Total | Importe | Importe neto | Subtotal | Total línea
        subtotal: Subtotal | Base imponible | Total neto | Base imponible | Importe neto | Total sin IVA
        tax: IVA | I.V.A. | Cuota IVA | Importe IVA | Total IVA | Impuestos
        total: Total | Total factura | Total a pagar | Importe total | Total con IVA | TOTAL EUR
        iban: IBAN
        page: Página
        carry: Suma y sigue
        moved: Importe
        thanks: Gracias por su confianza. Indique el número de arriba al hacer el pago.
        cash: Efectivo | EFECTIVO | Pago en efectivo
        card: Tarjeta | TARJETA | Pago con tarjeta | Tarjeta de crédito | Tarjeta débito | Sin contacto
        receipt: Recibo | TICKET | Factura simplificada
        time: Hora
        statement: Extracto de cuenta
        holder: Titular | Titular de la cuenta | Titular | Nombre | Cliente | Titular
        period: Periodo | Período del extracto | Periodo | Fechas | Período | Periodo
        opening: Saldo inicial | Saldo anterior | Saldo anterior | Saldo de apertura | Saldo al inicio | Saldo inicial
        closing: Saldo final | Nuevo saldo | Saldo actual | Saldo de cierre | Saldo al final | Saldo final
        debit: Cargo | Debe | Cargos | Retiros | Débito | Salidas
        credit: Abono | Haber | Abonos | Depósitos | Crédito | Entradas
        balance: Saldo
        booked: Fecha | Fecha | Fecha operación | Fecha | F. operación | Día
        details: Concepto | Descripción | Movimiento | Detalle | Concepto | Operación
        currency: Moneda
    """),
}

COMPANIES: Mapping[Language, Sequence[str]] = {
    "en": "Harrow & Finch Ltd|Blue Heron Studio|Northgate Supplies Inc.|Tidewater Logistics LLC|Copperfield Tools Ltd|"
    "Maple Street Bakery|Orchard Analytics plc|Redwood Hardware Co.".split("|"),
    "de": "Lindner Werkzeuge GmbH|Bäckerei Sommerfeld|Nordlicht Energie AG|Kranz & Söhne OHG|"
    "Möbelhaus Weber GmbH & Co. KG|Druckerei Falk|Alpenblick Reisen GmbH|Steinhauer IT e.K.".split("|"),
    "fr": "Dubois Matériaux SARL|Atelier Lumière|Société Générale du Bois SA|Boulangerie Mercier|"
    "Transports Girard SAS|Le Petit Jardin EURL|Imprimerie Roussel|Vignobles Lacombe SCEA".split("|"),
    "es": "Construcciones Ibarra S.L.|Panadería Robledo|Electrónica Sur S.A.|Talleres Medina S.L.U.|Viajes Marejada|"
    "Muebles Castilla S.L.|Librería Cervantes|Aceites del Valle S.A.".split("|"),
}
PEOPLE: Mapping[Language, Sequence[str]] = {
    "en": "Margaret Holloway|James Whitaker|Priya Nair|Oliver Stanton".split("|"),
    "de": "Annika Vogel|Matthias Brandt|Jürgen Schäfer|Katrin Hoffmann".split("|"),
    "fr": "Camille Fournier|Étienne Moreau|Hélène Garnier|Luc Bertrand".split("|"),
    "es": "Lucía Fernández|Javier Ortega|Begoña Núñez|Andrés Molina".split("|"),
}
STREETS: Mapping[Language, Sequence[str]] = {
    "en": "14 Mill Lane|220 Harbor Road|7 Station Street|1180 Oak Avenue".split("|"),
    "de": "Hauptstraße 12|Gartenweg 3|Bahnhofstraße 45|Am Markt 8".split("|"),
    "fr": "12 rue des Lilas|3 avenue Foch|27 bd Voltaire|8 place du Marché".split("|"),
    "es": "Calle Mayor 15|Avda. del Mar 42|Plaza Nueva 6|Calle Olmo 9".split("|"),
}
CITIES: Mapping[Language, Sequence[str]] = {
    "en": "Bristol BS1 4QA|Portland, OR 97205|Leeds LS2 7EW|Boston, MA 02110".split("|"),
    "de": "80331 München|50667 Köln|04109 Leipzig|20095 Hamburg".split("|"),
    "fr": "69002 Lyon|33000 Bordeaux|44000 Nantes|31000 Toulouse".split("|"),
    "es": "28013 Madrid|41001 Sevilla|46002 Valencia|48009 Bilbao".split("|"),
}
PRODUCTS: Mapping[Language, Sequence[str]] = {
    "en": "Oak shelf 80 cm|Consulting, senior|Steel bolts M8 (box of 100)|Annual licence|Delivery|Desk lamp|"
    "Paint, white 5 l|Training day|USB-C cable 2 m|Cleaning service|Printer paper A4|Site survey".split("|"),
    "de": "Eichenregal 80 cm|Beratung Senior|Stahlschrauben M8 (100 Stück)|Jahreslizenz|Lieferung|Schreibtischlampe|"
    "Wandfarbe weiß 5 l|Schulungstag|USB-C-Kabel 2 m|Reinigung|Druckerpapier A4|Aufmaß vor Ort".split("|"),
    "fr": "Étagère chêne 80 cm|Conseil senior|Boulons acier M8 (boîte de 100)|Licence annuelle|Livraison|"
    "Lampe de bureau|Peinture blanche 5 l|Journée de formation|Câble USB-C 2 m|Nettoyage|Papier A4|"
    "Relevé sur site".split("|"),
    "es": "Estante roble 80 cm|Consultoría senior|Tornillos M8 (caja de 100)|Licencia anual|Envío|Lámpara de mesa|"
    "Pintura blanca 5 l|Jornada de formación|Cable USB-C 2 m|Limpieza|Papel A4|Medición en obra".split("|"),
}
GOODS: Mapping[Language, Sequence[str]] = {  # on receipts
    "en": "Milk 1 l|Brown bread|Apples|Coffee beans|Cheddar|Tea bags|Eggs x12|Orange juice|Butter|Rice 1 kg".split("|"),
    "de": "Milch 1 l|Roggenbrot|Äpfel|Kaffeebohnen|Gouda|Teebeutel|Eier 10er|Orangensaft|Butter|Reis 1 kg".split("|"),
    "fr": "Lait 1 l|Pain complet|Pommes|Café en grains|Comté|Thé|Œufs x12|Jus d'orange|Beurre|Riz 1 kg".split("|"),
    "es": "Leche 1 l|Pan integral|Manzanas|Café en grano|Queso|Té|Huevos x12|Zumo de naranja|Mantequilla|"
    "Arroz 1 kg".split("|"),
}
PAYMENTS: Mapping[Language, Sequence[str]] = {  # on bank statements
    "en": "Salary|Rent|Supermarket|Card payment Bookshop|Electricity|Transfer to savings|Refund|Insurance|Cash machine|"
    "Gym membership".split("|"),
    "de": "Gehalt|Miete|Supermarkt|Kartenzahlung Buchladen|Stromabschlag|Umbuchung Sparkonto|Erstattung|Versicherung|"
    "Geldautomat|Fitnessstudio".split("|"),
    "fr": "Salaire|Loyer|Supermarché|Paiement carte librairie|Électricité|Virement épargne|Remboursement|Assurance|"
    "Retrait DAB|Salle de sport".split("|"),
    "es": "Nómina|Alquiler|Supermercado|Pago tarjeta librería|Electricidad|Traspaso ahorro|Devolución|Seguro|"
    "Cajero|Gimnasio".split("|"),
}
BANKS: Mapping[Language, Sequence[str]] = {
    "en": "Severn Valley Bank|First Harbour Bank|Midland Trust Bank".split("|"),
    "de": "Sparkasse Neckartal|Volksbank Heide eG|Hanseatische Kreditbank AG".split("|"),
    "fr": "Banque du Rhône|Crédit Atlantique|Caisse Méridionale".split("|"),
    "es": "Banco del Ebro|Caja Levante|Banco Cantábrico S.A.".split("|"),
}
JOBS: Mapping[Language, Sequence[str]] = {
    "en": "Sales Manager|Software Engineer|Chief Executive Officer|Architect".split("|"),
    "de": "Vertriebsleiterin|Softwareentwickler|Geschäftsführer|Architektin".split("|"),
    "fr": "Directrice commerciale|Ingénieur logiciel|Directeur général|Architecte".split("|"),
    "es": "Directora comercial|Ingeniero de software|Director general|Arquitecta".split("|"),
}


def label(language: Language, name: str, layout: str) -> str:
    """Return a field's label in a layout."""
    wordings = LABELS[language][name]
    return wordings[LAYOUTS.index(layout) % len(wordings)]
