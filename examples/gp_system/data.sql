-- A few people who do not exist, with numbers that are for tests only.

INSERT INTO praktijk VALUES (1, 'Huisartsen Het Voorbeeld', '90009901', 'Z3', '053-5550001', 'Marksveen', '2026-01-05 08:00:00');
INSERT INTO medewerker VALUES (1, 1, '990009901', 'Ilse', 'ter Braak', '01.015', 'huisarts', '2026-01-05 08:00:00');
INSERT INTO medewerker VALUES (2, 1, '990009902', 'Joost', 'Hemmer', '01.015', 'huisarts', '2026-01-05 08:00:00');

INSERT INTO patient VALUES (1, 1, '999900006', 'P-0001', 'Geesje', 'Wolterink', 'V', '1941-03-02', NULL, 'Eskerweg 12', '7591 SA', 'Marksveen', '053-5550191', 'J', NULL, '2026-03-01 10:00:00');
-- She was registered twice, and the rows were merged later: both hold BSN and date of birth. What stands under a row without them is never shown.
INSERT INTO patient VALUES (2, 1, '999900006', 'P-0002', 'G.', 'Wolterink', 'V', '1941-03-02', NULL, 'Eskerweg 12', '7591 SA', 'Marksveen', NULL, 'N', 1, '2019-03-01 10:00:00');
INSERT INTO contactpersoon VALUES (1, 1, 'Harm', 'Wolterink', 'SONC', 'zoon', 'J', '06-55500192', '2026-03-01 10:00:00');

INSERT INTO episode VALUES (1, 1, 'K86', '38341003', 'hypertensie', '2009-05', NULL, 'A', 1, '2009-05-12 09:10:00');
INSERT INTO episode VALUES (2, 2, 'R74', '54150009', 'bovensteluchtweginfectie', '2018-11-02', '2018-11-20', 'I', 1, '2018-11-20 11:00:00');
INSERT INTO contact VALUES (1, 1, 'C', 'consult', '2026-10-05 09:10:00', '2026-10-05 09:20:00', 1, '2026-10-05 09:20:00');
INSERT INTO journaalregel VALUES (1, 1, 1, 'S', 'Voelt zich goed, soms wat duizelig bij opstaan.');
INSERT INTO journaalregel VALUES (2, 1, 1, 'O', 'RR 148/82, pols 72 regulair.');
INSERT INTO journaalregel VALUES (3, 1, 1, 'E', 'Hypertensie, redelijk ingesteld.');
INSERT INTO journaalregel VALUES (4, 1, 1, 'P', 'Medicatie ongewijzigd, controle over drie maanden.');

INSERT INTO bepaling VALUES (1, 'V', 'bloeddruk', NULL, '85354-9', NULL, 'BloodPressure');
INSERT INTO bepaling VALUES (2, 'V', 'systolische bloeddruk', '1744', '8480-6', NULL, NULL);
INSERT INTO bepaling VALUES (3, 'V', 'diastolische bloeddruk', '1740', '8462-4', NULL, NULL);
INSERT INTO bepaling VALUES (4, 'L', 'glucose nuchter', '3208', '14771-0', NULL, NULL);
INSERT INTO bepaling VALUES (5, 'S', 'tabaksgebruik', NULL, NULL, '365980008', 'TobaccoUse');
INSERT INTO meting VALUES (1, 1, 1, NULL, '2026-10-05', '09:15:00', NULL, NULL, NULL, NULL, NULL, 1, '2026-10-05 09:20:00');
INSERT INTO meting VALUES (2, 1, 2, 1, '2026-10-05', '09:15:00', '148', 'mmHg', 'mm[Hg]', NULL, NULL, 1, '2026-10-05 09:20:00');
INSERT INTO meting VALUES (3, 1, 3, 1, '2026-10-05', '09:15:00', '82', 'mmHg', 'mm[Hg]', NULL, NULL, 1, '2026-10-05 09:20:00');
INSERT INTO meting VALUES (4, 1, 4, NULL, '2026-09-28', NULL, '6.10', 'mmol/L', 'mmol/L', NULL, NULL, NULL, '2026-09-28 17:00:00');
INSERT INTO meting VALUES (5, 1, 5, NULL, '2026-10-05', '09:16:00', NULL, NULL, NULL, '8392000', 'rookt niet', 1, '2026-10-05 09:20:00');

INSERT INTO artikel VALUES (1, '99001303', 'C07AB02', 'Metoprolol tablet mga 50mg', '2026-01-05 08:00:00');
INSERT INTO medicatie VALUES (1, 1, 1, 'MBH-0001', 'MA-0001', '1 maal per dag 1 stuk', '1', 1, '2009-05-12', NULL, 1, '2026-04-02 09:00:00');
INSERT INTO allergie VALUES (1, 1, '764146007', 'penicilline', 'M', 'H', 'A', '2011', '39579001', 'anafylaxie', 'E', 1, '2011-06-01 10:00:00');

INSERT INTO wens VALUES (1, 1, 'B', '89666000', 'cardiopulmonale resuscitatie', 'N', NULL, '2026-10-05', '2026-10-05 09:20:00');
INSERT INTO wens VALUES (2, 1, 'B', '305351004', 'opname op intensive care', 'N', NULL, '2026-10-05', '2026-10-05 09:20:00');
INSERT INTO wens VALUES (3, 1, 'B', '32485007', 'opname in ziekenhuis', 'M', 'Ja, mits Harm vooraf wordt gebeld.', '2026-10-05', '2026-10-05 09:20:00');
INSERT INTO wens VALUES (4, 1, 'W', 'NR', 'Niet reanimeren verklaring', NULL, NULL, '2026-10-05', '2026-10-05 09:20:00');

INSERT INTO vaccinatie VALUES (1, 1, 'J07BB02', 'Influenzavaccin', '2026-10-20', '2026-10-20 14:00:00');
INSERT INTO verwijzing VALUES (1, 1, '183444007', 'verwijzing voor verdere zorg', '2026-10-05', 1, '2026-10-05 09:20:00');
INSERT INTO zorgteam VALUES (1, 1, 'Zorgteam Het Voorbeeld', '2026-01-05', 1, 2, '2026-01-05 08:00:00');
