import * as z from 'zod';
import { handlerOf } from '../lib/handler.ts';
import { summarise } from '../lib/protect/backup-summary.ts';
import { executionKey, readItems } from '../lib/protect/items.ts';
import { outcomesOf } from '../lib/protect/outcomes.ts';
import { stateFunction } from '../lib/state-function.ts';

/** Says of every server what became of it. A server without a result counts as failed. */
export const summariseBackup = stateFunction({
  name: 'SummariseBackup',
  input: z.strictObject({ execution: z.string(), itemsKey: z.string(), resultsKey: z.string() }),
  async run(services, { execution, itemsKey, resultsKey }, { signal }) {
    const { work } = services.places;
    const items = await readItems(work, itemsKey, signal);
    const outcomes = await outcomesOf(services, items, resultsKey, signal);
    const outcomesKey = `outcomes/${executionKey(execution)}.json`;
    await work.put(outcomesKey, Buffer.from(JSON.stringify(outcomes)), { signal });
    return summarise(outcomes, outcomesKey);
  },
});

export const handler = handlerOf(summariseBackup);
