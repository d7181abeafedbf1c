-- What the mapping reads: a view where a table does not say it in one row. The reader needs SELECT on these and on the tables of
-- which mapping.toml reads directly; nothing of the system itself changes.

-- A moment as one text: only the day, where the time was not noted.
CREATE VIEW noaber_meting AS
SELECT m.meting_id, m.patient_id, m.waarde, m.eenheid, m.eenheid_ucum, m.antwoord_snomed, m.antwoord, m.medewerker_id, m.gewijzigd,
       CASE WHEN m.tijd IS NULL THEN CAST(m.datum AS text) ELSE CAST(m.datum AS text) || ' ' || CAST(m.tijd AS text) END AS gemeten_op,
       b.rubriek, b.profiel, b.nhg, b.loinc, b.snomed,
       -- The name stands with the first of the codes.
       CASE WHEN b.nhg IS NOT NULL THEN b.omschrijving END AS tekst,
       CASE WHEN b.nhg IS NULL AND b.loinc IS NOT NULL THEN b.omschrijving END AS loinc_naam,
       CASE WHEN b.nhg IS NULL AND b.loinc IS NULL THEN b.omschrijving END AS snomed_naam,
       s.waarde AS systolisch, sb.nhg AS systolisch_nhg, CASE WHEN sb.nhg IS NOT NULL THEN sb.omschrijving END AS systolisch_naam,
       d.waarde AS diastolisch, db.nhg AS diastolisch_nhg, CASE WHEN db.nhg IS NOT NULL THEN db.omschrijving END AS diastolisch_naam
FROM meting m
JOIN bepaling b ON b.bepaling_id = m.bepaling_id
LEFT JOIN (meting s JOIN bepaling sb ON sb.bepaling_id = s.bepaling_id AND sb.loinc = '8480-6') ON s.hoofdmeting_id = m.meting_id
LEFT JOIN (meting d JOIN bepaling db ON db.bepaling_id = d.bepaling_id AND db.loinc = '8462-4') ON d.hoofdmeting_id = m.meting_id
WHERE m.hoofdmeting_id IS NULL;

-- "Ja, mits" is no yes and no no: it has no answer and always a text. A wish without an answer is told as such, never left open.
CREATE VIEW noaber_wens AS
SELECT wens_id, patient_id, soort, code, omschrijving, besproken_op, gewijzigd, antwoord,
       CASE WHEN soort = 'B' THEN patient_id END AS besproken_met,
       CASE
           WHEN soort = 'B' AND antwoord = 'M' THEN COALESCE(NULLIF(toelichting, ''), 'Ja, mits. De voorwaarden zijn niet genoteerd.')
           WHEN soort = 'B' AND antwoord IS NULL THEN COALESCE(NULLIF(toelichting, ''), 'Besproken, zonder genoteerd besluit.')
           ELSE toelichting
       END AS toelichting
FROM wens;

CREATE VIEW noaber_journaal AS
SELECT j.journaalregel_id, c.patient_id, j.contact_id, j.soep, j.tekst, c.begin_op, c.medewerker_id
FROM journaalregel j JOIN contact c ON c.contact_id = j.contact_id;

CREATE VIEW noaber_medicatie AS
SELECT m.*, a.naam, CASE WHEN m.gestopt_op IS NULL THEN 'L' ELSE 'G' END AS status
FROM medicatie m JOIN artikel a ON a.artikel_id = m.artikel_id;
