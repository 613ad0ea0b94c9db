import type { Lab } from './lab.ts';

/** An application credential of the lab's user, beside the one that the tests use. */
export interface Credential {
  readonly id: string;
  /** For `labAs`, or for a run of the command. */
  readonly variables: Readonly<Record<string, string>>;
}

interface User {
  token: string;
  url: string;
}

/** Made by the user's password: an application credential may not make others. */
export async function createCredential(
  lab: Lab,
  name: string,
  { lifeSeconds }: { lifeSeconds?: number } = {},
): Promise<Credential> {
  const { token, url } = await logIn(lab);
  const expires =
    lifeSeconds === undefined
      ? {}
      : { expires_at: new Date(Date.now() + lifeSeconds * 1000).toISOString().slice(0, 19) };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'X-Auth-Token': token, 'Content-Type': 'application/json' },
    body: JSON.stringify({ application_credential: { name, ...expires } }),
    signal: AbortSignal.timeout(60_000),
  });
  if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
  const { application_credential: made } = (await response.json()) as {
    application_credential: { id: string; secret: string };
  };
  const variables = {
    OS_APPLICATION_CREDENTIAL_ID: made.id,
    OS_APPLICATION_CREDENTIAL_SECRET: made.secret,
  };
  return { id: made.id, variables };
}

/** Can be repeated. */
export async function deleteCredential(lab: Lab, { id }: Credential): Promise<void> {
  const { token, url } = await logIn(lab);
  const response = await fetch(`${url}/${id}`, {
    method: 'DELETE',
    headers: { 'X-Auth-Token': token },
    signal: AbortSignal.timeout(60_000),
  });
  if (!response.ok && response.status !== 404) throw new Error(`DELETE ${url}: ${response.status}`);
}

async function logIn({ env }: Lab): Promise<User> {
  const domain = { id: 'default' };
  const user = { name: 'backup', password: env['LAB_USER_PASSWORD'], domain };
  const response = await fetch(`${env['OS_AUTH_URL']}/auth/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'backup-lab', domain } },
      },
    }),
    signal: AbortSignal.timeout(60_000),
  });
  const token = response.headers.get('X-Subject-Token');
  if (token === null) throw new Error(`Keystone answers ${response.status}`);
  const body = (await response.json()) as { token: { user: { id: string } } };
  const url = `${env['OS_AUTH_URL']}/users/${body.token.user.id}/application_credentials`;
  return { token, url };
}
