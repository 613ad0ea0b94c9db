/** More than 1,769 MiB is more than one processor: these hash, compress and encrypt what they move. */
const WORKER_MIB = 2048;
const WORKERS = new Set([
  'UploadRange',
  'UploadStream',
  'AssembleRange',
  'UploadImage',
  'CheckRange',
  'VerifyRange',
  'CompactGroup',
]);
/** Holds lists of all objects of the bank. */
const COLLECTOR_MIB = 3008;
const OTHER_MIB = 512;

export function memoryMiBOf(name: string): number {
  if (name === 'PlanCollection') return COLLECTOR_MIB;
  return WORKERS.has(name) ? WORKER_MIB : OTHER_MIB;
}

/** Lambda's own limit. */
const MAX_SECONDS = 900;
/** A function is over before its state stops waiting for it. */
const MARGIN_SECONDS = 30;

export function functionSeconds(stateSeconds: number): number {
  return Math.min(MAX_SECONDS, stateSeconds - MARGIN_SECONDS);
}
