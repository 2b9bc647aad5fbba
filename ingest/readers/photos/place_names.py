"""Alternative names of well-known towns and countries: the English one where GeoNames has the local one, or reverse.

Accents need no entry, since the lexical index folds them (Malmo finds Malmö).
"""

# Country code, name in GeoNames, alternative names.
_TOWNS = """
AT Vienna: Wien
AT Salzburg: Salzbourg
BE Antwerpen: Antwerp, Anvers
BE Brugge: Bruges
BE Brussels: Bruxelles, Brussel, Brüssel
BE Gent: Ghent, Gand
BE Ieper: Ypres
BE Leuven: Louvain
CH Basel: Basle, Bâle
CH Bern: Berne
CH Genève: Geneva, Genf
CH Luzern: Lucerne
CH Zürich: Zurich, Zurigo
CN Beijing: Peking
CN Guangzhou: Canton
CU Havana: La Habana
CZ Brno: Brünn
CZ Pilsen: Plzeň
CZ Prague: Praha, Prag
DE Aachen: Aix-la-Chapelle
DE Braunschweig: Brunswick
DE Hannover: Hanover
DE Köln: Cologne
DE Munich: München, Monaco di Baviera
DE Nürnberg: Nuremberg
DE Regensburg: Ratisbon
DK Århus: Aarhus
DK Copenhagen: København, Kopenhagen
EG Aswān: Aswan
EG Cairo: Al Qahirah, Kairo
ES A Coruña: Corunna, La Coruña
ES Donostia / San Sebastián: San Sebastian
ES Palma: Palma de Mallorca, Majorca
ES Sevilla: Seville
ES Zaragoza: Saragossa
FI Helsinki: Helsingfors
FI Turku: Åbo
FR Lyon: Lyons
FR Marseille: Marseilles
FR Nice: Nizza
FR Strasbourg: Straßburg
GB London: Londres, Londra
GR Athens: Athina, Athen
GR Corfu: Kerkyra
GR Irákleion: Heraklion
GR Pátra: Patras
GR Thessaloníki: Salonica, Thessaloniki
HR Dubrovnik: Ragusa
IN Bengaluru: Bangalore
IN Chennai: Madras
IN Kolkata: Calcutta
IN Mumbai: Bombay
IN Varanasi: Benares
IT Florence: Firenze, Florenz
IT Genoa: Genova, Genua
IT Livorno: Leghorn
IT Milan: Milano, Mailand
IT Naples: Napoli, Neapel
IT Padova: Padua
IT Rome: Roma, Rom
IT Siracusa: Syracuse
IT Turin: Torino
IT Venice: Venezia, Venedig
MA Fes: Fez
MA Marrakesh: Marrakech
MA Tangier: Tanger
MM Yangon: Rangoon
NL The Hague: Den Haag, 's-Gravenhage
PL Gdańsk: Danzig
PL Kraków: Cracow, Krakau
PL Warsaw: Warszawa, Warschau
PL Wrocław: Breslau
PT Lisbon: Lisboa, Lissabon
PT Porto: Oporto
RO Bucharest: București, Bukarest
RS Belgrade: Beograd, Belgrad
RU Moscow: Moskva, Moskau
RU Saint Petersburg: St Petersburg, Leningrad
SE Göteborg: Gothenburg
TR Istanbul: Constantinople
TR İzmir: Smyrna
UA Kyiv: Kiev
UA Lviv: Lvov, Lemberg
UA Odesa: Odessa
US New York City: NYC
US Los Angeles: LA
US San Francisco: SF
VN Ho Chi Minh City: Saigon
"""
_COUNTRIES = """
AE United Arab Emirates: UAE, Emirates
AT Austria: Österreich
BE Belgium: België, Belgique
BR Brazil: Brasil
CH Switzerland: Schweiz, Suisse, Svizzera
CZ Czech Republic: Czechia
DE Germany: Deutschland
DK Denmark: Danmark
ES Spain: España
FI Finland: Suomi
FR France: Frankreich
GB United Kingdom: UK, Great Britain
GR Greece: Hellas
HU Hungary: Magyarország
IT Italy: Italia
MM Myanmar: Burma
NL Netherlands: Holland, Nederland
NO Norway: Norge
PL Poland: Polska
PT Portugal: Portogallo
SE Sweden: Sverige
TR Turkey: Türkiye
US United States: USA, America
"""


def _parse(table: str) -> dict[tuple[str, str], tuple[str, ...]]:
    names: dict[tuple[str, str], tuple[str, ...]] = {}
    for line in table.strip().splitlines():
        place, _, others = line.partition(": ")
        code, _, name = place.partition(" ")
        names[code, name] = tuple(others.split(", "))
    return names


_OTHER_NAMES = _parse(_TOWNS) | _parse(_COUNTRIES)


def other_names(name: str, country_code: str) -> tuple[str, ...]:
    """Return the alternative names of a town or country; `country_code` is ISO 3166-1 alpha-2. Mostly ()."""
    return _OTHER_NAMES.get((country_code, name), ())
