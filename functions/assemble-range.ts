import * as z from 'zod';
import { renewPin } from '../lib/bank/register/reader-pin.ts';
import { handlerOf } from '../lib/handler.ts';
import { RangeUnfinished } from '../lib/protect/errors.ts';
import { Assembly, partsOf, PartRange } from '../lib/restore/assembly.ts';
import { openRestoredFile } from '../lib/restore/image-file.ts';
import { RestorePlan } from '../lib/restore/plan.ts';
import { stateFunction } from '../lib/state-function.ts';

/** A part is 64 MiB or a little more; one takes seconds, in bad times a minute. */
const TIME_FOR_A_PART_MILLISECONDS = 90_000;

/** Writes a run of parts of the image file. A repeated part replaces itself. */
export const assembleRange = stateFunction({
  name: 'AssembleRange',
  input: z.strictObject({ plan: RestorePlan, assembly: Assembly, range: PartRange }),
  async run(services, { plan, assembly, range }, { signal, remainingMilliseconds }) {
    const register = await services.register();
    const file = await openRestoredFile(services, plan, signal);
    for (const part of partsOf(assembly, range)) {
      if (remainingMilliseconds() < TIME_FOR_A_PART_MILLISECONDS) {
        throw new RangeUnfinished(`Part ${String(part.number)} of ${assembly.key} is left.`);
      }
      await renewPin(register, plan, { signal });
      const body = await file.bytes(part.offset, part.sizeBytes);
      await services.places.work.putPart(assembly, part, body, { signal });
      services.progress({
        subject: plan.restoreId,
        phase: 'restore',
        advancedBytes: part.sizeBytes,
        totalBytes: file.sizeBytes,
      });
    }
    return { parts: range.count };
  },
});

export const handler = handlerOf(assembleRange);
