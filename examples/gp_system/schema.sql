-- A GP information system, as small as it can be and still look like one. The same statements run on PostgreSQL and SQLite.
-- Moments are Dutch wall-clock time without a zone, as such systems keep them; what was measured is kept as it was typed.

CREATE TABLE praktijk (
    praktijk_id integer PRIMARY KEY, naam varchar(80) NOT NULL, ura char(8) NOT NULL, soort varchar(4) NOT NULL,
    telefoon varchar(20), plaats varchar(40), gewijzigd timestamp NOT NULL
);

CREATE TABLE medewerker (
    medewerker_id integer PRIMARY KEY, praktijk_id integer NOT NULL REFERENCES praktijk, uzi char(9),
    voornaam varchar(40) NOT NULL, achternaam varchar(80) NOT NULL, rolcode varchar(6) NOT NULL, rol varchar(40) NOT NULL,
    gewijzigd timestamp NOT NULL
);

CREATE TABLE patient (
    patient_id integer PRIMARY KEY, praktijk_id integer NOT NULL REFERENCES praktijk, bsn char(9), patientnummer varchar(12) NOT NULL,
    voornaam varchar(40) NOT NULL, achternaam varchar(80) NOT NULL, geslacht char(1) NOT NULL, geboortedatum date, overleden_op timestamp,
    straat varchar(80), postcode varchar(7), plaats varchar(40), telefoon varchar(20),
    ingeschreven char(1) NOT NULL DEFAULT 'J', vervangen_door integer REFERENCES patient, gewijzigd timestamp NOT NULL
);
CREATE INDEX patient_bsn ON patient (bsn);

CREATE TABLE contactpersoon (
    contactpersoon_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient,
    voornaam varchar(40) NOT NULL, achternaam varchar(80) NOT NULL, relatie varchar(8), relatie_naam varchar(40),
    vertegenwoordiger char(1) NOT NULL DEFAULT 'N', telefoon varchar(20), gewijzigd timestamp NOT NULL
);
CREATE INDEX contactpersoon_patient ON contactpersoon (patient_id);

CREATE TABLE episode (
    episode_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, icpc varchar(6) NOT NULL, snomed varchar(18),
    omschrijving varchar(120) NOT NULL, begonnen_op varchar(10) NOT NULL, geeindigd_op varchar(10), status char(1) NOT NULL,
    medewerker_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX episode_patient ON episode (patient_id);

CREATE TABLE contact (
    contact_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, soort char(1) NOT NULL, omschrijving varchar(80) NOT NULL,
    begin_op timestamp NOT NULL, einde_op timestamp, medewerker_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX contact_patient ON contact (patient_id);

-- S(ubjectief), O(bjectief), E(valuatie), P(lan).
CREATE TABLE journaalregel (
    journaalregel_id integer PRIMARY KEY, contact_id integer NOT NULL REFERENCES contact, episode_id integer REFERENCES episode,
    soep char(1) NOT NULL, tekst text NOT NULL
);
CREATE INDEX journaalregel_contact ON journaalregel (contact_id);

-- What can be measured. rubriek: V(itale functie), L(aboratorium), S(ociale anamnese).
CREATE TABLE bepaling (
    bepaling_id integer PRIMARY KEY, rubriek char(1) NOT NULL, omschrijving varchar(80) NOT NULL,
    nhg varchar(6), loinc varchar(12), snomed varchar(18), profiel varchar(40)
);

-- A blood pressure is one row with two parts: rows whose hoofdmeting_id it is.
CREATE TABLE meting (
    meting_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, bepaling_id integer NOT NULL REFERENCES bepaling,
    hoofdmeting_id integer REFERENCES meting, datum date NOT NULL, tijd time, waarde varchar(20), eenheid varchar(20), eenheid_ucum varchar(20),
    antwoord_snomed varchar(18), antwoord varchar(80), medewerker_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX meting_patient ON meting (patient_id);
CREATE INDEX meting_hoofdmeting ON meting (hoofdmeting_id);

CREATE TABLE artikel (
    artikel_id integer PRIMARY KEY, prk varchar(8) NOT NULL, atc varchar(7) NOT NULL, naam varchar(120) NOT NULL, gewijzigd timestamp NOT NULL
);

CREATE TABLE medicatie (
    medicatie_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, artikel_id integer NOT NULL REFERENCES artikel,
    mbh_nummer varchar(40), afspraak_nummer varchar(40), voorschrift varchar(200) NOT NULL, per_keer varchar(10), keren_per_dag integer,
    begonnen_op date NOT NULL, gestopt_op date, medewerker_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX medicatie_patient ON medicatie (patient_id);

CREATE TABLE allergie (
    allergie_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, snomed varchar(18), stof varchar(80) NOT NULL,
    soort char(1) NOT NULL, ernst char(1), status char(1) NOT NULL, vastgesteld_op varchar(10), reactie_snomed varchar(18), reactie varchar(80),
    reactie_ernst char(1), medewerker_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX allergie_patient ON allergie (patient_id);

-- Planning ahead. soort: B(ehandelgrens) or W(ilsverklaring). antwoord: J(a), N(ee), M (ja, mits), with its conditions in toelichting.
CREATE TABLE wens (
    wens_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, soort char(1) NOT NULL, code varchar(18) NOT NULL,
    omschrijving varchar(80) NOT NULL, antwoord char(1), toelichting text, besproken_op date NOT NULL, gewijzigd timestamp NOT NULL
);
CREATE INDEX wens_patient ON wens (patient_id);

CREATE TABLE vaccinatie (
    vaccinatie_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, atc varchar(7) NOT NULL, naam varchar(80) NOT NULL,
    gegeven_op date NOT NULL, gewijzigd timestamp NOT NULL
);
CREATE INDEX vaccinatie_patient ON vaccinatie (patient_id);

CREATE TABLE verwijzing (
    verwijzing_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, snomed varchar(18), omschrijving varchar(120) NOT NULL,
    verwezen_op date NOT NULL, medewerker_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX verwijzing_patient ON verwijzing (patient_id);

CREATE TABLE zorgteam (
    zorgteam_id integer PRIMARY KEY, patient_id integer NOT NULL REFERENCES patient, naam varchar(80) NOT NULL, begonnen_op date NOT NULL,
    huisarts_id integer REFERENCES medewerker, poh_id integer REFERENCES medewerker, gewijzigd timestamp NOT NULL
);
CREATE INDEX zorgteam_patient ON zorgteam (patient_id);
