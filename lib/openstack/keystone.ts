import type { HttpAnswer } from '../http/http-types.ts';
import type { Http } from '../http/http.ts';
import { redactText, redactUrl } from '../http/redact.ts';
import type { CatalogueService } from './catalogue.ts';
import type { CloudConfig, Credentials } from './cloud-config.ts';
import { AuthenticationFailed, UnexpectedAnswer } from './errors.ts';
import { Fields } from './fields.ts';
import { errorOf, parseJson, refusalOf } from './refusal.ts';

/** Of a token whose times are missing or senseless; a 401 renews it earlier. */
const UNKNOWN_LIFE_MS = 10 * 60_000;

export interface Token {
  readonly value: string;
  /** How long it is valid from the moment it was given, by Keystone's own two times, so that clocks need not agree. */
  /** By Keystone's clock; null where it does not say. */
  readonly issuedAtMs: number | null;
  readonly lifeMs: number;
  readonly projectId: string;
  readonly projectName: string;
  readonly userId: string;
  readonly catalogue: readonly CatalogueService[];
}

/** Gets a token and the catalogue from Keystone v3. Safe to repeat. */
export async function authenticate(
  http: Http,
  config: CloudConfig,
  signal: AbortSignal | undefined,
): Promise<Token> {
  const url = `${config.authUrl}/auth/tokens`;
  const answer = await http.fetch({
    method: 'POST',
    url,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ auth: authRequest(config.credentials) }),
    signal,
  });
  if (answer.status !== 201) {
    const refusal = refusalOf('Keystone', `authenticate at ${redactUrl(config.authUrl)}`, answer);
    if (isOfAnother(answer)) throw notKeystone(config, refusal.text);
    throw authenticationError(config, answer.status, refusal.text) ?? errorOf(refusal);
  }
  const value = answer.headers['x-subject-token'];
  const body = parseJson(answer.text);
  if (value === undefined || body === undefined) {
    throw new UnexpectedAnswer(
      `What answers at ${redactUrl(url)} is not Keystone: check OS_AUTH_URL (auth_url in clouds.yaml).`,
    );
  }
  return tokenOf(value, new Fields(body, 'The answer of Keystone').child('token'), config);
}

/** A scope must not be asked for with an application credential, which has its own. */
function authRequest(credentials: Credentials): object {
  if (credentials.method === 'application_credential') {
    const { method, ...application_credential } = credentials;
    return { identity: { methods: [method], application_credential } };
  }
  const { user, password, project } = credentials;
  return {
    identity: { methods: ['password'], password: { user: { ...user, password } } },
    scope: { project },
  };
}

/** Keystone says in its own shape why it refuses; a web server, a proxy or another service in its place does not. */
function isOfAnother({ status, text }: HttpAnswer): boolean {
  const isRefusal = status >= 400 && status < 500 && status !== 413 && status !== 429;
  if (!isRefusal && status !== 501) return false;
  const body = parseJson(text);
  const isInItsShape = typeof body === 'object' && body !== null && 'error' in body;
  return !isInItsShape || (status === 404 && !NOT_FOUND.test(text));
}

const NOT_FOUND = /could not find|not find/i;

function notKeystone({ authUrl }: CloudConfig, text: string): UnexpectedAnswer {
  return new UnexpectedAnswer(
    `${redactUrl(authUrl)} is not a Keystone v3: check OS_AUTH_URL (auth_url in clouds.yaml). It says: ${redactText(text)}`,
  );
}

function authenticationError(
  { credentials, authUrl, name }: CloudConfig,
  status: number,
  text: string,
): AuthenticationFailed | undefined {
  const at = `Keystone at ${redactUrl(authUrl)} (cloud "${name}")`;
  const said = `It says: ${redactText(text)}`;
  if (status === 404) {
    return new AuthenticationFailed(
      `${at} knows no such ${called(credentials)}: it was deleted, has expired, or belongs to another cloud. ${said}`,
    );
  }
  if (status === 401) {
    return new AuthenticationFailed(
      credentials.method === 'password'
        ? `${at} does not accept user name, password or project. ${said}`
        : `${at} rejects the secret of the ${called(credentials)}; or the credential has expired. ${said}`,
    );
  }
  if (status === 400 || status === 403) {
    return new AuthenticationFailed(`${at} refuses to authenticate (${String(status)}). ${said}`);
  }
  return undefined;
}

function called(credentials: Credentials): string {
  if (credentials.method === 'password') return 'user or project';
  return 'id' in credentials
    ? `application credential ${credentials.id}`
    : `application credential "${credentials.name}"`;
}

function tokenOf(value: string, token: Fields, config: CloudConfig): Token {
  const project = token.optionalChild('project');
  if (project === null) {
    throw new AuthenticationFailed(
      `The token of cloud "${config.name}" is for no project: name one with OS_PROJECT_ID or OS_PROJECT_NAME.`,
    );
  }
  const issued = Date.parse(token.time('issued_at') ?? '');
  const expires = Date.parse(token.time('expires_at') ?? '');
  return {
    value,
    issuedAtMs: Number.isNaN(issued) ? null : issued,
    lifeMs: expires > issued ? expires - issued : UNKNOWN_LIFE_MS,
    projectId: project.required('id'),
    projectName: project.text('name') ?? '',
    userId: token.child('user').required('id'),
    catalogue: token.children('catalog').map((service) => ({
      type: service.text('type') ?? '',
      endpoints: service.children('endpoints').map((endpoint) => ({
        interface: endpoint.text('interface') ?? '',
        region: endpoint.text('region_id') ?? endpoint.text('region') ?? '',
        url: endpoint.text('url') ?? '',
      })),
    })),
  };
}
