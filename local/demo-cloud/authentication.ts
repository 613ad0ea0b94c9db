import type { Call } from './http/call.ts';
import { Refusal } from './http/refusal.ts';
import type { CloudState, Project, Token } from './state.ts';

/** What keystonemiddleware does before a service sees a request. */
export function authenticate(state: CloudState, call: Pick<Call, 'incoming'>): Project {
  const token = liveToken(state, call.incoming.headers['x-auth-token']);
  if (token === undefined) {
    const headers = { 'Www-Authenticate': `Keystone uri="${state.endpoints.identity}"` };
    throw new Refusal(401, 'The request you have made requires authentication.', { headers });
  }
  return token.project;
}

/** The token, unless it is unknown, revoked or expired. */
export function liveToken(
  state: CloudState,
  value: string | string[] | undefined,
): Token | undefined {
  const token = typeof value === 'string' ? state.tokens.get(value) : undefined;
  return token !== undefined && token.expiresAt > state.clock.now() ? token : undefined;
}

/** The shape of keystonemiddleware's 401, which Nova, Neutron and Cinder pass on. */
export function unauthorized(refusal: Refusal) {
  return {
    status: 401,
    headers: { ...refusal.headers },
    json: { error: { code: 401, title: 'Unauthorized', message: refusal.message } },
  };
}
