import type { Lab } from './lab.ts';

interface Token {
  value: string;
  endpoints: Readonly<Record<string, string>>;
}

const tokens = new WeakMap<Lab, Promise<Token>>();

/** Calls of the lab's APIs that snapbank itself has no use for. `path` follows the service's endpoint in the catalogue. */
export async function rest<Answer>(
  lab: Lab,
  service: 'compute' | 'volumev3' | 'network',
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Answer> {
  const { value, endpoints } = await tokenOf(lab);
  const response = await fetch(`${endpoints[service]}${path}`, {
    method,
    headers: {
      'X-Auth-Token': value,
      'Content-Type': 'application/json',
      ...(service === 'compute' ? { 'OpenStack-API-Version': 'compute 2.93' } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${service}${path}: ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

/** Where the lab's Nova is, without a version. */
export async function novaOf(lab: Lab): Promise<string> {
  return new URL((await tokenOf(lab)).endpoints['compute'] ?? '').origin;
}

function tokenOf(lab: Lab): Promise<Token> {
  const token = tokens.get(lab) ?? logIn(lab);
  tokens.set(lab, token);
  return token;
}

async function logIn({ env }: Lab): Promise<Token> {
  const response = await fetch(`${env['OS_AUTH_URL']}/auth/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: {
            id: env['OS_APPLICATION_CREDENTIAL_ID'],
            secret: env['OS_APPLICATION_CREDENTIAL_SECRET'],
          },
        },
      },
    }),
    signal: AbortSignal.timeout(60_000),
  });
  const value = response.headers.get('X-Subject-Token');
  if (value === null) throw new Error(`Keystone answers ${response.status}`);
  const { token } = (await response.json()) as {
    token: { catalog: { type: string; endpoints: { interface: string; url: string }[] }[] };
  };
  const endpoints = token.catalog.map(({ type, endpoints }) => {
    const url = endpoints.find((endpoint) => endpoint.interface === 'public')?.url ?? '';
    return [type, url] as const;
  });
  return { value, endpoints: Object.fromEntries(endpoints) };
}
