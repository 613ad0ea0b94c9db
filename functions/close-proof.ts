import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { removeRestored } from '../lib/restore/remove-restored.ts';
import { stateFunction } from '../lib/state-function.ts';
import { tryToNoteProof } from '../lib/verify/try-to-note-proof.ts';

/** Removes the server that has proven that the checkpoint boots, and everything else of the proof, and notes it in the record. */
export const closeProof = stateFunction({
  name: 'CloseProof',
  input: z.strictObject({
    plan: RestorePlan,
    imageId: z.string().nullable(),
    serverId: z.string(),
    identical: z.boolean().nullable(),
  }),
  async run(services, { plan, imageId, serverId, identical }, { signal }) {
    const { checkpoint, proof } = plan;
    await removeRestored(services, plan, signal);
    const how = `booted${proof?.console == null ? '' : ', its console looked at'}${identical === true ? ', every chunk read' : ''}`;
    const noted = await tryToNoteProof(await services.register(), checkpoint, how, signal);
    return {
      checkpoint,
      imageId,
      serverId,
      bytes: plan.image.guestSizeBytes,
      identical,
      booted: true,
      notRestored: plan.notRestored,
      warnings: noted ? [] : ['The proof could not be noted in the record of the checkpoint.'],
    };
  },
});

export const handler = handlerOf(closeProof);
