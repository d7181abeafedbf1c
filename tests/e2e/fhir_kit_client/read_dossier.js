// Reads a dossier with fhir-kit-client and prints what it ended with, as JSON.
// What to ask comes on standard input: {"base", "identifier", "following": [ids of observations]}.
import { readFileSync } from 'node:fs';
import { Client } from 'fhir-kit-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const bodies = [];
const ask = globalThis.fetch;
globalThis.fetch = async (request) => {
  const response = await ask(request);
  bodies.push(await response.clone().text());
  return response;
};

const client = new Client({ baseUrl: asked.base });
const of = (bundle, mode) => (bundle.entry ?? []).filter((entry) => entry.search?.mode === mode).map((entry) => entry.resource);

const found = await client.search({
  resourceType: 'Patient',
  searchParams: { identifier: asked.identifier },
  options: { postSearch: true },
});
const patients = of(found, 'match');
const id = patients[0].id;
const everything = await client.operation({ name: '$everything', resourceType: 'Patient', id, method: 'GET' });

const paged = [];
let pages = 0;
let page = await client.search({ resourceType: 'Observation', searchParams: { patient: id, _count: 2 } });
while (page) {
  pages += 1;
  paged.push(...of(page, 'match'));
  page = await client.nextPage({ bundle: page });
}

const resolved = {};
const inBundle = {};
for (const record of paged.filter((record) => asked.following.includes(record.id))) {
  resolved[record.id] = {};
  inBundle[record.id] = {};
  for (const name of ['subject', 'encounter']) {
    if (record[name]) {
      const { reference } = record[name];
      resolved[record.id][name] = await client.resolve({ reference });
      inBundle[record.id][name] = await client.resolve({ reference, context: everything });
    }
  }
}

const whole = {
  patients,
  everything: [...of(everything, 'match'), ...of(everything, 'include')],
  outcomes: of(everything, 'outcome'),
  paged,
  pages,
  resolved,
  bodies,
};
process.stdout.write(JSON.stringify({ ...whole, inBundle }));
