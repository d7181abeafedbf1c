// Finds a place with fhir-kit-client, asks two providers, takes up the offer of one, and prints what it was told, as JSON.
// On standard input: {"base", "need": Parameters, "request": ServiceRequest, "replyBy"}.
import { readFileSync } from 'node:fs';
import { Client } from 'fhir-kit-client';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const client = new Client({ baseUrl: asked.base });
const resources = (bundle) => (bundle.entry ?? []).map((entry) => entry.resource);
const extension = (resource, name) => {
  const found = (resource.extension ?? []).find((one) => one.url === `urn:noaber:place:${name}`) ?? {};
  return Object.entries(found).find(([member]) => member.startsWith('value'))?.[1];
};

const found = await client.operation({ name: '$find-places', method: 'POST', input: asked.need });
const free = resources(found).filter((one) => extension(one, 'group') === 'free' && extension(one, 'takes-requests'));

const input = (code, value) => ({ type: { coding: [{ system: 'urn:noaber:place-input', code }] }, valueString: value });
const task = (place) => ({
  resource: {
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    focus: { reference: 'urn:uuid:request' },
    owner: { identifier: place.providedBy.identifier },
    restriction: { period: { end: asked.replyBy } },
    input: [input('service', place.identifier[0].value), input('opening', extension(place, 'opening'))],
  },
  request: { method: 'POST', url: 'Task' },
});
const request = { fullUrl: 'urn:uuid:request', resource: asked.request, request: { method: 'POST', url: 'ServiceRequest' } };
const answer = await client.transaction({
  body: { resourceType: 'Bundle', type: 'transaction', entry: [request, ...free.map(task)] },
});
const [order] = resources(answer);

const tasks = async () => resources(await client.search({ resourceType: 'Task', searchParams: { focus: `ServiceRequest/${order.id}` } }));
const until = async (holds) => {
  for (;;) {
    const now = await tasks();
    if (holds(now)) return now;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

const offered = await until((all) => all.every((one) => one.status === 'accepted'));
const taken = await client.operation({ name: '$choose', resourceType: 'Task', id: offered[0].id, method: 'POST' });
await until((all) => all.every((one) => ['completed', 'cancelled'].includes(one.status)));
const completed = await client.read({ resourceType: 'Task', id: taken.id });
const placed = await client.read({ resourceType: 'ServiceRequest', id: order.id });
process.stdout.write(JSON.stringify({ found, offered, taken, completed, placed, statement: await client.capabilityStatement() }));
