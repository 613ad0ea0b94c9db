import { type Answer, type Call, param } from '../http/call.ts';
import { Refusal } from '../http/refusal.ts';
import { microseconds } from '../identifiers.ts';
import type { CloudState, Keypair } from '../state.ts';

/** Key pairs belong to users, not to projects. */
export function listKeypairs(state: CloudState, call: Call): Answer {
  const keypairs = state.keypairs
    .filter(({ userId }) => userId === call.project.userId)
    .map((keypair) => ({ keypair: view(keypair, call.microversion) }));
  return { status: 200, json: { keypairs } };
}

export function showKeypair(state: CloudState, call: Call): Answer {
  const name = param(call, 'keypair');
  const keypair = state.keypairs.find(
    (each) => each.name === name && each.userId === call.project.userId,
  );
  if (keypair === undefined) {
    const message = `Keypair ${name} not found for user ${call.project.userId}`;
    throw new Refusal(404, message);
  }
  const more = {
    user_id: keypair.userId,
    id: state.keypairs.indexOf(keypair) + 1,
    created_at: microseconds(keypair.createdAt),
    updated_at: null,
    deleted_at: null,
    deleted: false,
  };
  return { status: 200, json: { keypair: { ...view(keypair, call.microversion), ...more } } };
}

const view = ({ name, publicKey, fingerprint }: Keypair, microversion: number) => ({
  name,
  public_key: publicKey,
  fingerprint,
  ...(microversion >= 2 ? { type: 'ssh' } : {}),
});
