import { historyDirectory } from '../../../local/engine/history-file.ts';

/** A process that opens a history, writes one event and stays. */
const history = await historyDirectory(process.argv[2] ?? '').open('machine', 'run-1');
await history.append({
  id: 7,
  previousEventId: 0,
  timestamp: '2026-01-01T00:00:00.000Z',
  type: 'ExecutionSucceeded',
  executionSucceededEventDetails: { output: '1' },
});
process.send?.('ready');
setInterval(() => {}, 1000);
