import * as z from 'zod';
import type { Bank } from '../bank/bank.ts';
import { mapInOrder } from '../bank/register/in-order.ts';
import { readRecord } from '../bank/register/records.ts';
import type { Register } from '../bank/register/register.ts';
import { ServerProtectable } from '../protectable.ts';
import type { Services } from '../services.ts';
import type { ServerOutcome } from './backup-summary.ts';
import { type ChildResult, readMapResults } from './map-results.ts';
import { openSummary } from './summary.ts';

const ChildInput = z.object({ item: ServerProtectable });
const ChildOutput = z.object({ checkpoint: z.string(), warnings: z.array(z.string()) });
const LambdaCause = z.object({ errorMessage: z.string() });

/** Records read at once. */
const READS_AT_ONCE = 16;

/** What became of each item, in the items' order. */
export async function outcomesOf(
  services: Services,
  items: readonly ServerProtectable[],
  resultsKey: string,
  signal: AbortSignal,
): Promise<ServerOutcome[]> {
  const { work } = services.places;
  const results = new Map<string, ChildResult['outcome']>();
  const children = readMapResults(work, resultsKey, services.settings.workPrefix, signal);
  for await (const { input, outcome } of children) {
    results.set(ChildInput.parse(input).item.id, outcome);
  }
  const [bank, register] = await Promise.all([services.bank(), services.register()]);
  const outcomes: ServerOutcome[] = [];
  const inOrder = mapInOrder(
    items,
    READS_AT_ONCE,
    async (item) => await outcomeOf(bank, register, item, results.get(item.id)),
  );
  for await (const outcome of inOrder) outcomes.push(outcome);
  return outcomes;
}

async function outcomeOf(
  bank: Bank,
  register: Register,
  item: ServerProtectable,
  result: ChildResult['outcome'] | undefined,
): Promise<ServerOutcome> {
  if (result === undefined || 'error' in result) {
    const { error, cause } = result ?? { error: 'States.Runtime', cause: 'It left no result.' };
    return { ...nothingOf(item), error: { name: error, message: messageIn(cause) } };
  }
  const { checkpoint, warnings } = ChildOutput.parse(result.output);
  const head = await readRecord(register, checkpoint);
  if (head.kind !== 'live' || head.value.state === 'ABORTED' || head.value.state === 'OPEN') {
    const state = head.kind === 'live' ? head.value.state : head.kind;
    const message = `Its checkpoint ${checkpoint} is ${state}.`;
    return { ...nothingOf(item), checkpoint, error: { name: 'CheckpointFenced', message } };
  }
  const { server, summary } = head.value;
  const done = summary === undefined ? null : (await openSummary(bank, server, summary)).done;
  return {
    ...nothingOf(item),
    checkpoint,
    status: 'succeeded',
    diskBytes: done?.diskBytes ?? null,
    readBytes: done?.stats.readBytes ?? null,
    newBytes: done?.stats.newBytes ?? null,
    storedBytes: done?.stats.storedBytes ?? null,
    consistency: done?.consistency ?? null,
    imageKind: done?.imageKind ?? null,
    notCovered: done?.notCovered ?? null,
    warnings,
  };
}

function nothingOf({ id, name }: ServerProtectable): ServerOutcome {
  return {
    id,
    name,
    checkpoint: null,
    status: 'failed',
    diskBytes: null,
    readBytes: null,
    newBytes: null,
    storedBytes: null,
    consistency: null,
    imageKind: null,
    notCovered: null,
    warnings: [],
    error: null,
  };
}

/** Of a function's error the cause is a JSON document that holds the message; of any other it is the message. */
function messageIn(cause: string): string {
  try {
    return LambdaCause.parse(JSON.parse(cause)).errorMessage;
  } catch {
    return cause;
  }
}
