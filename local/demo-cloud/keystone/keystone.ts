import { createHash } from 'node:crypto';

import * as z from 'zod';

import { authenticate, liveToken } from '../authentication.ts';
import type { Answer, Call, Route } from '../http/call.ts';
import { header, readJson } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import type { Service } from '../http/service.ts';
import { microseconds, newToken } from '../identifiers.ts';
import type { CloudState, Project, Token } from '../state.ts';
import { catalogOf } from './catalog.ts';

const unauthenticated = 'The request you have made requires authentication.';

/** Keystone v3, as far as an application credential needs it. */
export function keystone(state: CloudState): Service {
  const open = true;
  const routes: Route[] = [
    { method: 'GET', pattern: '/', open, handle: () => versions(state) },
    { method: 'GET', pattern: '/v3', open, handle: () => version(state) },
    { method: 'POST', pattern: '/v3/auth/tokens', open, handle: (call) => issue(state, call) },
    { method: 'GET', pattern: '/v3/auth/tokens', handle: (call) => show(state, call) },
    { method: 'HEAD', pattern: '/v3/auth/tokens', handle: (call) => show(state, call) },
    { method: 'DELETE', pattern: '/v3/auth/tokens', handle: (call) => revoke(state, call) },
    { method: 'GET', pattern: '/v3/auth/catalog', handle: (call) => catalog(state, call) },
  ];
  return {
    type: 'identity',
    routes,
    authenticate: (call) => authenticate(state, call),
    refuse: (refusal) => refuse(state, refusal),
    finish: (answer) => ({ ...answer, headers: { Vary: 'X-Auth-Token', ...answer.headers } }),
  };
}

function refuse(state: CloudState, refusal: Refusal): Answer {
  const { status, message, type } = refusal;
  const headers =
    status === 401
      ? { 'WWW-Authenticate': `Keystone uri="${state.endpoints.identity}/v3"` }
      : refusal.headers;
  const identity = type === 'scoped' ? { identity: {} } : {};
  const json = { error: { code: status, ...identity, message, title: titles[status] ?? 'Error' } };
  return { status, headers: { Vary: 'X-Auth-Token', ...headers }, json };
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const versionOf = (state: CloudState) => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: `${state.endpoints.identity}/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
});

const versions = (state: CloudState): Answer => ({
  status: 300,
  json: { versions: { values: [versionOf(state)] } },
});

const version = (state: CloudState): Answer => ({
  status: 200,
  json: { version: versionOf(state) },
});

const authSchema = z.object({
  auth: z.object({
    identity: z.object({
      methods: z.array(z.string()),
      application_credential: z.object({ id: z.string(), secret: z.string() }).optional(),
    }),
    scope: z.unknown().optional(),
  }),
});

async function issue(state: CloudState, call: Call): Promise<Answer> {
  const parsed = authSchema.safeParse(await readJson(call));
  if (!parsed.success) throw new Refusal(400, z.prettifyError(parsed.error));
  const { identity, scope } = parsed.data.auth;
  const given = identity.application_credential;
  if (given === undefined || !identity.methods.includes('application_credential')) {
    throw new Refusal(401, unauthenticated);
  }
  const project = [...state.projects.values()].find(({ credential }) => credential.id === given.id);
  if (project === undefined) {
    throw new Refusal(404, `Could not find Application Credential: ${given.id}.`);
  }
  const now = state.clock.now();
  const credentialEnds = project.credentialExpiresAt ?? Number.POSITIVE_INFINITY;
  if (project.credential.secret !== given.secret || credentialEnds <= now) {
    throw new Refusal(401, unauthenticated);
  }
  if (scope !== undefined) {
    const message =
      'Error authenticating with application credential: Application credentials cannot request a scope.';
    throw new Refusal(401, message, { type: 'scoped' });
  }
  const value = newToken();
  const token: Token = {
    project,
    auditId: createHash('md5').update(value).digest('base64url'),
    issuedAt: now,
    expiresAt: Math.min(now + state.settings.tokenLifetimeMs, credentialEnds),
  };
  state.tokens.set(value, token);
  return {
    status: 201,
    reason: 'CREATED',
    headers: { 'X-Subject-Token': value },
    json: { token: tokenView(state, token) },
  };
}

function show(state: CloudState, call: Call): Answer {
  const value = header(call, 'x-subject-token') ?? '';
  const token = subject(state, value);
  const headers = { 'X-Subject-Token': value };
  return { status: 200, headers, json: { token: tokenView(state, token) } };
}

function revoke(state: CloudState, call: Call): Answer {
  const value = header(call, 'x-subject-token') ?? '';
  subject(state, value);
  state.tokens.delete(value);
  return { status: 204, reason: 'NO CONTENT' };
}

function subject(state: CloudState, value: string): Token {
  const token = liveToken(state, value);
  if (token === undefined) throw new Refusal(404, 'Could not find token.');
  return token;
}

function catalog(state: CloudState, call: Call): Answer {
  const links = { self: `${state.endpoints.identity}/v3/auth/catalog` };
  return { status: 200, json: { catalog: catalogOf(state, call.project.id), links } };
}

function tokenView(state: CloudState, token: Token) {
  const { project } = token;
  const domain = { id: 'default', name: 'Default' };
  return {
    methods: ['application_credential'],
    user: { domain, id: project.userId, name: project.userName, password_expires_at: null },
    audit_ids: [token.auditId],
    expires_at: `${microseconds(token.expiresAt)}Z`,
    issued_at: `${microseconds(token.issuedAt)}Z`,
    project: { domain, id: project.id, name: project.name },
    is_domain: false,
    roles: rolesOf(project),
    catalog: catalogOf(state, project.id),
    application_credential: { id: project.credential.id, name: 'demo', restricted: true },
  };
}

const rolesOf = (project: Project) =>
  [...(project.admin ? ['admin'] : []), 'reader', 'member'].map((name) => ({
    id: createHash('md5').update(`${project.id}${name}`).digest('hex'),
    name,
  }));
